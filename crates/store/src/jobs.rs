//! The job queue. Only the holder of a job's lease may write to it, and each statement's own condition ensures that.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Tx;
use super::connection::{AnyConnection, MultiBackend};
use super::schema::jobs;
use crate::error::DatabaseResult as _;
use modelport_domain::access::{Group, Permission, PrincipalId, TokenId, WorkspaceId};
use modelport_domain::job::{AskedBy, JobEnd};
use modelport_domain::{Actor, Error, Job, JobId, JobProgress, JobState, Millis, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    id: i64,
    kind: String,
    payload: String,
    created_at: i64,
    run_at: i64,
    attempts: i64,
    state: String,
    actor: String,
    progress_done: i64,
    progress_total: Option<i64>,
    progress_message: Option<String>,
    result: Option<String>,
    error: Option<String>,
    cancel_requested: bool,
    heartbeat_at: Option<i64>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    principal_id: Option<i64>,
    principal_groups: Option<String>,
    token_id: Option<i64>,
    workspace_id: i64,
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Until when a job is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process that works on it, and which of its workers.
    pub owner: String,
    /// The time of the claim or renewal.
    pub now: Millis,
    /// When anybody may take it over.
    pub until: Millis,
}

/// Enqueues a job, for now or for later.
pub fn insert(
    tx: &mut Tx<'_>,
    kind: &str,
    payload: &serde_json::Value,
    (actor, groups, token): (&Actor, &[Group], Option<TokenId>),
    now: Millis,
    run_at: Millis,
) -> Result<JobId> {
    let new = (
        jobs::kind.eq(kind),
        jobs::payload.eq(payload.to_string()),
        jobs::actor.eq(actor.name()),
        jobs::created_at.eq(now),
        jobs::run_at.eq(run_at),
        jobs::principal_id.eq(caller(tx)),
        jobs::principal_groups.eq(stored_groups(groups)?),
        jobs::token_id.eq(token.map(|token| token.0)),
        jobs::workspace_id.eq(tx.access().workspace().0),
    );
    Ok(JobId(diesel::insert_into(jobs::table).values(new).returning(jobs::id).get_result(tx.conn).db()?))
}

/// Groups as a row has them.
pub(crate) fn stored_groups(groups: &[Group]) -> Result<String> {
    let groups: Vec<[&str; 2]> = groups.iter().map(|group| [group.issuer.as_str(), group.name.as_str()]).collect();
    serde_json::to_string(&groups).map_err(|error| Error::internal("groups are no JSON").caused_by(error))
}

/// The oldest job of that kind that is due and free, or whose worker has sent no heartbeat for the time of its lease.
/// One conditional statement, so that no two workers get the same.
///
/// What is delivered to a webhook comes one after the other, and not while it is left alone, so that a receiver that is slow or gone keeps
/// one worker at most.
pub fn claim(tx: &mut Tx<'_>, kind: &str, lease: &Lease, max_attempts: i64) -> Result<Option<Job>> {
    let with = |lock: &str| {
        format!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $1, lease_until = $2,
                heartbeat_at = $3, started_at = COALESCE(started_at, $3)
             WHERE id = (
                SELECT id FROM jobs
                WHERE finished_at IS NULL AND run_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
                    AND kind = $4 AND attempts < $5 AND NOT cancel_requested
                    AND (webhook_id IS NULL OR NOT EXISTS (
                        SELECT 1 FROM jobs AS running WHERE running.webhook_id = jobs.webhook_id
                            AND running.lease_until > $3)
                        AND NOT EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = jobs.webhook_id AND retry_at > $3))
                ORDER BY run_at, id LIMIT 1{lock})
             RETURNING id"
        )
    };
    macro_rules! run {
        ($conn:ident, $lock:literal) => {
            diesel::sql_query(with($lock))
                .bind::<Text, _>(&lease.owner)
                .bind::<BigInt, _>(lease.until)
                .bind::<BigInt, _>(lease.now)
                .bind::<Text, _>(kind)
                .bind::<BigInt, _>(max_attempts)
                .get_result::<Claimed>($conn)
                .optional()
        };
    }
    let claimed = match tx.conn {
        // Concurrent claims skip to the next job instead of waiting for this one.
        AnyConnection::Postgres(conn) => run!(conn, " FOR UPDATE SKIP LOCKED"),
        AnyConnection::Sqlite(conn) => run!(conn, ""),
    }
    .db()?;
    claimed.map_or(Ok(None), |claimed| find(tx, JobId(claimed.id)))
}

/// Ends abandoned jobs of these kinds: fails those that have used up their attempts, and cancels those that were cancelled after their worker
/// died. Returns how many.
pub fn end_abandoned(tx: &mut Tx<'_>, kinds: &[String], now: Millis, max_attempts: i64) -> Result<usize> {
    let free = (jobs::lease_owner.eq(None::<String>), jobs::lease_until.eq(None::<i64>));
    let abandoned = || {
        let held = jobs::lease_until.is_not_null().and(jobs::lease_until.assume_not_null().gt(now));
        let open = jobs::table.filter(jobs::finished_at.is_null().and(jobs::kind.eq_any(kinds)));
        open.filter(diesel::dsl::not(held))
    };
    let to_cancel = abandoned().filter(jobs::cancel_requested);
    let cancelled = diesel::update(to_cancel)
        .set((jobs::state.eq(JobState::Cancelled.name()), jobs::finished_at.eq(now), free.clone()))
        .execute(tx.conn)
        .db()?;
    let worn_out = abandoned().filter(jobs::attempts.ge(max_attempts));
    let failed = diesel::update(worn_out)
        .set((
            jobs::state.eq(JobState::Failed.name()),
            jobs::finished_at.eq(now),
            jobs::error.eq(format!("its worker disappeared {max_attempts} times")),
            free,
        ))
        .execute(tx.conn)
        .db()?;
    Ok(cancelled + failed)
}

/// A text without the NULs that PostgreSQL refuses: whatever another system said, the job has to end.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Renews the lease and stores the progress. Returns whether the job was cancelled; `None` when another worker has it.
pub fn renew(tx: &mut Tx<'_>, id: JobId, lease: &Lease, progress: &JobProgress) -> Result<Option<bool>> {
    let mine = jobs::table.find(id.0).filter(jobs::lease_owner.eq(&lease.owner));
    let alive = (
        jobs::lease_until.eq(lease.until),
        jobs::heartbeat_at.eq(lease.now),
        jobs::progress_done.eq(progress.done),
        jobs::progress_total.eq(progress.total),
        jobs::progress_message.eq(progress.message.as_deref().map(storable)),
    );
    let row = diesel::update(mine).set(alive).returning(jobs::cancel_requested).get_result(tx.conn);
    row.optional().db()
}

/// Finishes the job, or reschedules it. `false` when another worker has it.
pub fn finish(
    tx: &mut Tx<'_>,
    id: JobId,
    owner: &str,
    end: &JobEnd,
    progress: &JobProgress,
    now: Millis,
) -> Result<bool> {
    let mine = jobs::table.find(id.0).filter(jobs::lease_owner.eq(owner));
    let free = (
        jobs::lease_owner.eq(None::<String>),
        jobs::lease_until.eq(None::<i64>),
        jobs::progress_done.eq(progress.done),
        jobs::progress_total.eq(progress.total),
        jobs::progress_message.eq(progress.message.as_deref().map(storable)),
    );
    let ended = |state: JobState| (jobs::state.eq(state.name()), jobs::finished_at.eq(now));
    let changed = match end {
        JobEnd::Succeeded(result) => {
            let came_of_it = (jobs::result.eq(result.to_string()), jobs::error.eq(None::<String>));
            diesel::update(mine).set((free, ended(JobState::Succeeded), came_of_it)).execute(tx.conn)
        }
        JobEnd::Failed(error, result) => {
            let came_of_it =
                (jobs::result.eq(result.as_ref().map(ToString::to_string)), jobs::error.eq(storable(error)));
            diesel::update(mine).set((free, ended(JobState::Failed), came_of_it)).execute(tx.conn)
        }
        JobEnd::Cancelled => diesel::update(mine).set((free, ended(JobState::Cancelled))).execute(tx.conn),
        JobEnd::Later(at, error) => {
            let queued =
                (jobs::state.eq(JobState::Queued.name()), jobs::run_at.eq(at), jobs::error.eq(storable(error)));
            diesel::update(mine).set((free, queued)).execute(tx.conn)
        }
        JobEnd::HandBack => {
            let queued = (jobs::state.eq(JobState::Queued.name()), jobs::attempts.eq(jobs::attempts - 1));
            diesel::update(mine).set((free, queued)).execute(tx.conn)
        }
    };
    Ok(changed.db()? > 0)
}

/// Cancels a job: at once if it is not running; otherwise its worker learns of it. `false` when it has ended.
pub fn cancel(tx: &mut Tx<'_>, id: JobId, now: Millis) -> Result<bool> {
    let queued = jobs::table.find(id.0).filter(jobs::state.eq(JobState::Queued.name()));
    let ended =
        (jobs::state.eq(JobState::Cancelled.name()), jobs::finished_at.eq(now), jobs::cancel_requested.eq(true));
    if diesel::update(queued).set(ended).execute(tx.conn).db()? > 0 {
        return Ok(true);
    }
    let running = jobs::table.find(id.0).filter(jobs::state.eq(JobState::Running.name()));
    Ok(diesel::update(running).set(jobs::cancel_requested.eq(true)).execute(tx.conn).db()? > 0)
}

/// The job of that id.
pub fn find(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Job>> {
    let mut query = jobs::table.filter(jobs::id.eq(id.0)).select(JobRow::as_select()).into_boxed::<MultiBackend>();
    query = match shown_of(tx) {
        Some(Some(of)) => query.filter(jobs::principal_id.eq(of)),
        Some(None) => query.filter(jobs::principal_id.is_null()),
        None => query,
    };
    query.first(tx.conn).optional().db()?.map(Job::try_from).transpose()
}

/// The newest job of a kind that is about just that.
pub fn newest(tx: &mut Tx<'_>, kind: &str, payload: &serde_json::Value) -> Result<Option<Job>> {
    let row = jobs::table
        .filter(jobs::kind.eq(kind).and(jobs::payload.eq(payload.to_string())))
        .order(jobs::id.desc())
        .select(JobRow::as_select())
        .first(tx.conn)
        .optional()
        .db()?;
    row.map(Job::try_from).transpose()
}

/// Up to `limit` jobs, of any kind or of that one, in any state or in that one, the newest first, from before the one that is given.
pub fn list(
    tx: &mut Tx<'_>,
    kind: Option<&str>,
    state: Option<JobState>,
    before: Option<JobId>,
    limit: i64,
) -> Result<Vec<Job>> {
    let mut query = jobs::table
        .filter(jobs::id.lt(before.map_or(i64::MAX, |id| id.0)))
        .order(jobs::id.desc())
        .limit(limit)
        .select(JobRow::as_select())
        .into_boxed::<MultiBackend>();
    if let Some(kind) = kind {
        query = query.filter(jobs::kind.eq(kind));
    }
    if let Some(state) = state {
        query = query.filter(jobs::state.eq(state.name()));
    }
    query = match shown_of(tx) {
        Some(Some(of)) => query.filter(jobs::principal_id.eq(of)),
        Some(None) => query.filter(jobs::principal_id.is_null()),
        None => query,
    };
    let rows: Vec<JobRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Job::try_from).collect()
}

/// Whose jobs a transaction sees: its caller's own; `None` where it sees everybody's, as whoever manages the registry does.
fn shown_of(tx: &Tx<'_>) -> Option<Option<i64>> {
    let access = tx.access();
    let sees_all = access.rights().in_registry().has(Permission::Manage);
    (!sees_all).then(|| caller(tx))
}

/// Who somebody unknown is.
const STRANGER: i64 = 0;

/// Who enqueues a job, as its row has it.
pub(crate) fn caller(tx: &Tx<'_>) -> Option<i64> {
    match tx.access().principal() {
        Some(principal) => Some(principal.0),
        None if tx.access().is_unrestricted() => None,
        None => Some(STRANGER),
    }
}

/// Calls whoever asked for jobs by another name.
pub fn rename_actor(tx: &mut Tx<'_>, principal: PrincipalId, name: &str) -> Result<()> {
    let theirs = jobs::table.filter(jobs::principal_id.eq(principal.0));
    diesel::update(theirs).set(jobs::actor.eq(name)).execute(tx.conn).db().map(drop)
}

/// How many jobs there are of each kind in each state.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, String, i64)>> {
    jobs::table
        .group_by((jobs::kind, jobs::state))
        .select((jobs::kind, jobs::state, diesel::dsl::count_star()))
        .order((jobs::kind, jobs::state))
        .load(tx.conn)
        .db()
}

/// Forgets the jobs of these kinds that ended before `before`.
pub fn delete_finished(tx: &mut Tx<'_>, kinds: &[String], before: Millis) -> Result<usize> {
    let old = jobs::table.filter(jobs::finished_at.lt(before).and(jobs::kind.eq_any(kinds)));
    diesel::delete(old).execute(tx.conn).db()
}

/// Whose rights a row says.
pub(crate) fn asked_by(principal: Option<i64>, stored: Option<&str>, token: Option<i64>) -> Result<AskedBy> {
    Ok(match principal {
        None => AskedBy::Server,
        Some(STRANGER) => AskedBy::Stranger,
        Some(id) => AskedBy::Principal { id: PrincipalId(id), groups: groups(stored)?, token: token.map(TokenId) },
    })
}

fn groups(stored: Option<&str>) -> Result<Vec<Group>> {
    let groups: Vec<[String; 2]> = serde_json::from_str(stored.unwrap_or("[]"))
        .map_err(|error| Error::internal("the groups of a job are not JSON").caused_by(error))?;
    Ok(groups.into_iter().map(|[issuer, name]| Group { issuer, name }).collect())
}

impl TryFrom<JobRow> for Job {
    type Error = Error;

    fn try_from(row: JobRow) -> Result<Self> {
        let json = |text: &str| {
            serde_json::from_str(text).map_err(|error| Error::internal("a job is not JSON").caused_by(error))
        };
        let state = JobState::from_name(&row.state)
            .ok_or_else(|| Error::internal(format!("job `{}` is in the unknown state `{}`", row.id, row.state)))?;
        Ok(Self {
            id: JobId(row.id),
            payload: json(&row.payload)?,
            result: row.result.as_deref().map(json).transpose()?,
            kind: row.kind,
            actor: row.actor,
            asked_by: asked_by(row.principal_id, row.principal_groups.as_deref(), row.token_id)?,
            workspace: WorkspaceId(row.workspace_id),
            state,
            attempts: row.attempts,
            progress: JobProgress { done: row.progress_done, total: row.progress_total, message: row.progress_message },
            error: row.error,
            cancel_requested: row.cancel_requested,
            created_at: row.created_at,
            run_at: row.run_at,
            started_at: row.started_at,
            heartbeat_at: row.heartbeat_at,
            finished_at: row.finished_at,
        })
    }
}
