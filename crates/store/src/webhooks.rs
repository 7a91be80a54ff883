//! Webhooks, and their deliveries, which are jobs.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde_json::Value as Json;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::MultiBackend;
use super::jobs::{asked_by, caller, stored_groups};
use super::schema::{jobs, webhooks};
use crate::error::DatabaseResult as _;
use modelport_domain::access::{Group, WorkspaceId};
use modelport_domain::job::AskedBy;
use modelport_domain::webhook::{DELIVERY, Delivery, Webhook, WebhookEvent, WebhookId};
use modelport_domain::{Error, JobState, Millis, Result};

/// How many deliveries one statement enqueues.
const MAX_ENQUEUED: usize = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
struct WebhookRow {
    id: i64,
    workspace_id: i64,
    name: String,
    description: Option<String>,
    url: String,
    events: String,
    active: bool,
    secret: Option<String>,
    principal_id: Option<i64>,
    principal_groups: Option<String>,
    position: i64,
    failures: i64,
    created_at: i64,
    updated_at: i64,
}

/// A webhook, with what only the server knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWebhook {
    /// What is shown of it.
    pub webhook: Webhook,
    /// What signs deliveries, sealed.
    pub secret: Option<String>,
    /// Whose sight it has.
    pub sight: AskedBy,
    /// Up to where it read the feed.
    pub position: i64,
    /// How many deliveries failed since one arrived.
    pub failures: i64,
}

impl TryFrom<WebhookRow> for StoredWebhook {
    type Error = Error;

    fn try_from(row: WebhookRow) -> Result<Self> {
        let names: Vec<String> = serde_json::from_str(&row.events)
            .map_err(|error| Error::internal("the events of a webhook are not JSON").caused_by(error))?;
        Ok(Self {
            sight: asked_by(row.principal_id, row.principal_groups.as_deref(), None)?,
            webhook: Webhook {
                id: WebhookId(row.id),
                workspace: WorkspaceId(row.workspace_id),
                name: row.name,
                description: row.description,
                url: row.url,
                // What another release has a name for is not told by this one.
                events: names.iter().filter_map(|name| name.parse().ok()).collect(),
                is_active: row.active,
                has_secret: row.secret.is_some(),
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            secret: row.secret,
            position: row.position,
            failures: row.failures,
        })
    }
}

fn stored_events(events: &BTreeSet<WebhookEvent>) -> String {
    Json::from(events.iter().map(|event| event.name()).collect::<Vec<_>>()).to_string()
}

/// Makes a webhook in the workspace of the request, for whoever asks. It is told what follows the position.
pub fn insert(
    tx: &mut Tx<'_>,
    webhook: &Webhook,
    secret: Option<&str>,
    groups: &[Group],
    position: i64,
) -> Result<WebhookId> {
    let new = (
        webhooks::workspace_id.eq(tx.access().workspace().0),
        webhooks::name.eq(&webhook.name),
        webhooks::description.eq(webhook.description.as_deref()),
        webhooks::url.eq(&webhook.url),
        webhooks::events.eq(stored_events(&webhook.events)),
        webhooks::active.eq(webhook.is_active),
        webhooks::secret.eq(secret),
        webhooks::principal_id.eq(caller(tx)),
        webhooks::principal_groups.eq(stored_groups(groups)?),
        webhooks::position.eq(position),
        webhooks::created_at.eq(webhook.created_at),
        webhooks::updated_at.eq(webhook.updated_at),
    );
    let id = diesel::insert_into(webhooks::table).values(new).returning(webhooks::id).get_result(tx.conn).db()?;
    Ok(WebhookId(id))
}

/// Changes a webhook for whoever asks, whose sight it has from now on; it is no longer left alone because deliveries failed. With a position
/// it is told what follows that.
pub fn update(
    tx: &mut Tx<'_>,
    webhook: &Webhook,
    secret: Option<&str>,
    groups: &[Group],
    position: Option<i64>,
) -> Result<()> {
    let position = position.map(|position| webhooks::position.eq(position));
    let changes = (
        webhooks::name.eq(&webhook.name),
        webhooks::description.eq(webhook.description.as_deref()),
        webhooks::url.eq(&webhook.url),
        webhooks::events.eq(stored_events(&webhook.events)),
        webhooks::active.eq(webhook.is_active),
        webhooks::secret.eq(secret),
        webhooks::principal_id.eq(caller(tx)),
        webhooks::principal_groups.eq(stored_groups(groups)?),
        webhooks::updated_at.eq(webhook.updated_at),
        webhooks::failures.eq(0),
        webhooks::retry_at.eq(None::<i64>),
        position,
    );
    diesel::update(webhooks::table.find(webhook.id.0)).set(changes).execute(tx.conn).db().map(drop)
}

/// The webhook of that id, wherever it is.
pub fn find(tx: &mut Tx<'_>, id: WebhookId) -> Result<Option<StoredWebhook>> {
    let row = webhooks::table.find(id.0).select(WebhookRow::as_select()).first(tx.conn).optional().db()?;
    row.map(StoredWebhook::try_from).transpose()
}

/// The first `limit` webhooks of a workspace after that one, in the order of their ids.
pub fn list(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<StoredWebhook>> {
    let after = after.map_or(0, |id| id.0);
    let rows: Vec<WebhookRow> = webhooks::table
        .filter(webhooks::workspace_id.eq(workspace.0).and(webhooks::id.gt(after)))
        .order(webhooks::id)
        .limit(limit)
        .select(WebhookRow::as_select())
        .load(tx.conn)
        .db()?;
    rows.into_iter().map(StoredWebhook::try_from).collect()
}

/// How many webhooks a workspace has.
pub fn count(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<i64> {
    webhooks::table.filter(webhooks::workspace_id.eq(workspace.0)).count().get_result(tx.conn).db()
}

/// Removes a webhook. What is still to be delivered ends when it is due.
pub fn delete(tx: &mut Tx<'_>, id: WebhookId) -> Result<()> {
    diesel::delete(webhooks::table.find(id.0)).execute(tx.conn).db().map(drop)
}

/// The active webhooks that have not read the feed up to `last`; all active ones where there are changes without a position.
pub fn behind(tx: &mut Tx<'_>, last: Option<i64>) -> Result<Vec<StoredWebhook>> {
    let rows: Vec<WebhookRow> = webhooks::table
        .filter(webhooks::active.and(webhooks::position.lt(last.unwrap_or(i64::MAX))))
        .order(webhooks::id)
        .select(WebhookRow::as_select())
        .load(tx.conn)
        .db()?;
    rows.into_iter().map(StoredWebhook::try_from).collect()
}

/// Whether there is an active webhook.
pub fn any_active(tx: &mut Tx<'_>) -> Result<bool> {
    diesel::select(diesel::dsl::exists(webhooks::table.filter(webhooks::active))).get_result(tx.conn).db()
}

/// Moves a webhook on in the feed. `false` where it is elsewhere by now, or is not active: another replica was there first.
pub fn advance(tx: &mut Tx<'_>, id: WebhookId, from: i64, to: i64) -> Result<bool> {
    let there = webhooks::table.find(id.0).filter(webhooks::active.and(webhooks::position.eq(from)));
    Ok(diesel::update(there).set(webhooks::position.eq(to)).execute(tx.conn).db()? > 0)
}

/// Records that a delivery failed: the webhook is left alone until then.
pub fn set_failed(tx: &mut Tx<'_>, id: WebhookId, retry_at: Millis) -> Result<()> {
    let failed = (webhooks::failures.eq(webhooks::failures + 1), webhooks::retry_at.eq(retry_at));
    diesel::update(webhooks::table.find(id.0)).set(failed).execute(tx.conn).db().map(drop)
}

/// Records that a delivery arrived.
pub fn set_arrived(tx: &mut Tx<'_>, id: WebhookId) -> Result<()> {
    let failing = webhooks::table.find(id.0).filter(webhooks::failures.gt(0));
    let fine = (webhooks::failures.eq(0), webhooks::retry_at.eq(None::<i64>));
    diesel::update(failing).set(fine).execute(tx.conn).db().map(drop)
}

/// Whether that many deliveries wait for a webhook.
pub fn is_waiting(tx: &mut Tx<'_>, id: WebhookId, many: i64) -> Result<bool> {
    let waiting = jobs::table.filter(jobs::webhook_id.eq(id.0).and(jobs::finished_at.is_null()));
    let found: Vec<i64> = waiting.select(jobs::id).limit(many).load(tx.conn).db()?;
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX) >= many)
}

/// Enqueues deliveries to a webhook, with its sight.
pub fn enqueue(tx: &mut Tx<'_>, to: &StoredWebhook, actor: &str, payloads: &[Json], now: Millis) -> Result<()> {
    // Most pages of the feed have nothing for a webhook.
    if payloads.is_empty() {
        return Ok(());
    }
    let (principal, groups): (Option<i64>, Option<String>) = webhooks::table
        .find(to.webhook.id.0)
        .select((webhooks::principal_id, webhooks::principal_groups))
        .first(tx.conn)
        .db()?;
    for chunk in payloads.chunks(MAX_ENQUEUED) {
        let texts: Vec<String> = chunk.iter().map(Json::to_string).collect();
        let count = texts.len();
        let insert = Insert {
            table: "jobs",
            columns: vec![
                ("kind", Column::Text(vec![DELIVERY; count])),
                ("payload", Column::Text(texts.iter().map(String::as_str).collect())),
                ("actor", Column::Text(vec![actor; count])),
                ("created_at", Column::Int(vec![now; count])),
                ("run_at", Column::Int(vec![now; count])),
                ("principal_id", Column::MaybeInt(vec![principal; count])),
                ("principal_groups", Column::MaybeText(vec![groups.as_deref(); count])),
                ("workspace_id", Column::Int(vec![to.webhook.workspace.0; count])),
                ("webhook_id", Column::Int(vec![to.webhook.id.0; count])),
            ],
            end: "",
        };
        insert.run(tx.conn).db()?;
    }
    Ok(())
}

#[derive(Queryable)]
struct DeliveryRow {
    id: i64,
    payload: String,
    state: String,
    attempts: i64,
    result: Option<String>,
    error: Option<String>,
    created_at: i64,
    finished_at: Option<i64>,
}

/// Up to `limit` deliveries of a webhook with the ids of their jobs, the newest first, from before the one that is given.
pub fn deliveries(
    tx: &mut Tx<'_>,
    id: WebhookId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<(i64, Option<Delivery>)>> {
    let mut query = jobs::table
        .filter(jobs::webhook_id.eq(id.0))
        .order(jobs::id.desc())
        .limit(limit)
        .select((
            jobs::id,
            jobs::payload,
            jobs::state,
            jobs::attempts,
            jobs::result,
            jobs::error,
            jobs::created_at,
            jobs::finished_at,
        ))
        .into_boxed::<MultiBackend>();
    if let Some(before) = before {
        query = query.filter(jobs::id.lt(before));
    }
    let rows: Vec<DeliveryRow> = query.load(tx.conn).db()?;
    Ok(rows.into_iter().map(|row| (row.id, delivery(row))).collect())
}

fn delivery(row: DeliveryRow) -> Option<Delivery> {
    let payload: Json = serde_json::from_str(&row.payload).ok()?;
    let result: Json = row.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    // What its maker may not see is nobody's delivery.
    if result.get("withheld").is_some() {
        return None;
    }
    Some(Delivery {
        id: payload.get("delivery")?.as_str()?.to_owned(),
        event: payload.get("event")?.as_str()?.parse().ok()?,
        state: JobState::from_name(&row.state)?,
        attempts: row.attempts,
        status: result.get("status").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok()),
        error: row.error,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}
