//! Background jobs: enqueued, claimed, renewed, finished, cancelled and listed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::context::{Origin, RequestContext};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::{Access, WorkspaceId};
use crate::domain::job::{AskedBy, JobEnd};
use crate::domain::{Actor, Error, ErrorKind, Job, JobId, JobProgress, JobState, Millis, Result};
use crate::services::{Jobs, Registry};
use crate::store::jobs;

/// Why work on a job is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The job was cancelled.
    Cancelled,
    /// Another worker has it, because ours sent no heartbeat for too long.
    Lost,
    /// The server shuts down.
    ShuttingDown,
}

/// Tells that work is to stop; what can wait long watches it.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<Option<Stop>>);

impl Stopping {
    /// The sending and the receiving end.
    pub fn new() -> (watch::Sender<Option<Stop>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// One that never tells to stop; the caller cancels the work by dropping it.
    pub fn never() -> Self {
        Self::new().1
    }

    /// Why, if work is to stop.
    pub fn why(&self) -> Option<Stop> {
        *self.0.borrow()
    }

    /// What `work` returns, or Conflict as soon as it is to stop.
    pub async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut receiver = self.0.clone();
        let stopped = async {
            // The sender is gone, so that nothing can stop the work any more.
            if receiver.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Error::conflict("the work was stopped")),
            done = work => done,
        }
    }
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Whether a retry may succeed.
    pub is_retryable: bool,
    /// The partial result, if any.
    pub result: Option<serde_json::Value>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_retryable = error.kind().is_transient();
        Self { error, is_retryable, result: None }
    }
}

/// What an attempt returns.
pub type Attempt = Result<serde_json::Value, Failure>;

/// A job as its worker sees it.
#[derive(Clone)]
pub struct RunningJob {
    /// The job, as it was when it was claimed.
    pub job: Job,
    /// The registry.
    pub registry: Registry,
    /// The context of the work: of whoever asked for it.
    pub context: RequestContext,
    /// Whether the work has to stop.
    pub stopping: Stopping,
    progress: Arc<Mutex<JobProgress>>,
}

impl RunningJob {
    /// A job that was claimed, whose work has this context.
    pub fn new(registry: Registry, context: RequestContext, job: Job, stopping: Stopping) -> Self {
        let progress = Arc::new(Mutex::new(JobProgress::default()));
        Self { job, registry, context, stopping, progress }
    }

    /// Reports the progress of the job. Stored with the next heartbeat.
    pub fn report(&self, progress: JobProgress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// The progress of the job.
    pub fn progress(&self) -> JobProgress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Jobs {
    /// Enqueues a job, which some replica's runner works on soon.
    pub async fn enqueue(&self, context: &RequestContext, kind: &str, payload: serde_json::Value) -> Result<Job> {
        let kind = kind.to_owned();
        let job = self.core.write(context, move |tx| enqueue(tx, &kind, &payload)).await?;
        self.core.queue.jobs_enqueued();
        Ok(job)
    }

    /// Waits until a job was enqueued in this process, `at_most` for that time: other replicas enqueue too.
    pub async fn wait_for_jobs(&self, at_most: Duration) {
        self.core.queue.wait(at_most).await;
    }

    /// Claims the oldest due job of that kind for `owner`, until the lease ends.
    pub async fn claim_job(
        &self,
        context: &RequestContext,
        kind: &str,
        owner: &str,
        lease: Duration,
        attempts: i64,
    ) -> Result<Option<Job>> {
        let (kind, lease) = (kind.to_owned(), lease_for(context, owner, lease));
        self.core.write(context, move |tx| jobs::claim(tx, &kind, &lease, attempts)).await
    }

    /// The context of work on a job: of whoever asked for it, with what they may do now, which is nothing if they are disabled, logged out
    /// since, or gone, and no more than their token left, though that have ended by now.
    /// The record of changes names the job.
    pub async fn context_of(&self, context: &RequestContext, job: &Job) -> Result<RequestContext> {
        let actor = Actor::new(job.actor.clone(), format!("job-{}", job.id));
        self.context_of_asker(context, &job.asked_by, job.workspace, job.created_at, actor).await
    }

    /// The context of work for whoever asked for it then, in that workspace and under that name.
    pub(crate) async fn context_of_asker(
        &self,
        context: &RequestContext,
        asked_by: &AskedBy,
        place: WorkspaceId,
        since: Millis,
        actor: Actor,
    ) -> Result<RequestContext> {
        let accounts = self.core.accounts();
        let workspace = Some(place);
        let mut origin = Origin { door: Some("job"), ..Origin::default() };
        let access = match asked_by {
            AskedBy::Server => Access::unrestricted().in_workspace(place),
            AskedBy::Stranger => accounts.access_of(context, None, workspace).await?,
            AskedBy::Principal { id, groups, token } => {
                let asked = accounts.authenticate_again(context, *id, groups, *token, since).await;
                match asked {
                    Ok(who) => {
                        origin.groups.clone_from(groups);
                        accounts.access_of(context, Some(&who), workspace).await?
                    }
                    Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                        Access::new(None, Arc::default(), place)
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(context.of_another(actor, access, origin))
    }

    /// Renews the job's lease and stores its progress. Returns the reason if the worker has to stop.
    pub async fn renew_job_lease(
        &self,
        context: &RequestContext,
        running: &RunningJob,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Stop>> {
        let (id, progress, lease) = (running.job.id, running.progress(), lease_for(context, owner, lease));
        Ok(match self.core.write(context, move |tx| jobs::renew(tx, id, &lease, &progress)).await? {
            Some(false) => None,
            Some(true) => Some(Stop::Cancelled),
            None => Some(Stop::Lost),
        })
    }

    /// Finishes a job, or reschedules it. `false` when another worker holds it by now.
    pub async fn finish_job(
        &self,
        context: &RequestContext,
        running: &RunningJob,
        owner: &str,
        end: JobEnd,
    ) -> Result<bool> {
        let (id, progress, owner, now) = (running.job.id, running.progress(), owner.to_owned(), context.now());
        self.core.write(context, move |tx| jobs::finish(tx, id, &owner, &end, &progress, now)).await
    }

    /// The time after that pause, for a retry.
    pub fn later(&self, pause: Duration) -> Millis {
        self.core.now().saturating_add(millis(pause))
    }

    /// Ends abandoned jobs of these kinds that are cancelled or have no attempts left, deletes their old finished jobs, and counts all
    /// jobs for the metrics.
    pub async fn maintain_jobs(
        &self,
        context: &RequestContext,
        kinds: &[&str],
        attempts: i64,
        kept: Duration,
    ) -> Result<()> {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let now = context.now();
        let before = now.saturating_sub(millis(kept));
        let figures = self
            .core
            .write(context, move |tx| {
                jobs::end_abandoned(tx, &kinds, now, attempts)?;
                jobs::delete_finished(tx, &kinds, before)?;
                jobs::counts(tx)
            })
            .await?;
        self.core.queue.set_figures(figures);
        Ok(())
    }

    /// The number of jobs of each kind and state, as last counted.
    pub fn job_figures(&self) -> Vec<(String, String, i64)> {
        self.core.queue.figures()
    }

    /// The job of that id and kind. Errors: NotFound.
    pub async fn get_job(&self, context: &RequestContext, kind: &str, id: JobId) -> Result<Job> {
        let kind = kind.to_owned();
        self.core.read(context, move |tx| get(tx, &kind, id)).await
    }

    /// Up to `limit` jobs of a kind, the newest first, from before the one that is given.
    pub async fn list_jobs(
        &self,
        context: &RequestContext,
        kind: &str,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let kind = kind.to_owned();
        self.core.read(context, move |tx| jobs::list(tx, Some(&kind), None, before, limit.into())).await
    }

    /// The same of every kind, or of that one, and in every state, or in that one.
    pub async fn list_all_jobs(
        &self,
        context: &RequestContext,
        kind: Option<String>,
        state: Option<JobState>,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>> {
        self.core.read(context, move |tx| jobs::list(tx, kind.as_deref(), state, before, limit.into())).await
    }

    /// Cancels a job; one that is running stops soon.
    ///
    /// Errors: NotFound; InvalidState when it has ended.
    pub async fn cancel_job(&self, context: &RequestContext, kind: &str, id: JobId) -> Result<Job> {
        let (kind, now) = (kind.to_owned(), context.now());
        self.core
            .write(context, move |tx| {
                let job = get(tx, &kind, id)?;
                if jobs::cancel(tx, id, now)? {
                    return get(tx, &kind, id);
                }
                let state = job.state.name();
                Err(Error::invalid_state(format!("job `{id}` has ended: it is `{state}`")))
            })
            .await
    }

    /// Waits until the job has ended; another replica may run it.
    pub async fn await_job(&self, context: &RequestContext, kind: &str, id: JobId) -> Result<Job> {
        let mut pause = Duration::from_millis(50);
        loop {
            let job = self.get_job(context, kind, id).await?;
            if job.state.is_final() {
                return Ok(job);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

fn lease_for(context: &RequestContext, owner: &str, lease: Duration) -> jobs::Lease {
    let now = context.now();
    jobs::Lease { owner: owner.to_owned(), now, until: now.saturating_add(millis(lease)) }
}

/// Enqueues a job in the caller's transaction: it is there when what it is about is.
pub(super) fn enqueue(tx: &mut WriteTransaction<'_, '_>, kind: &str, payload: &serde_json::Value) -> Result<Job> {
    let now = tx.now();
    let context = tx.context();
    let id =
        jobs::insert(tx, kind, payload, (context.actor(), &context.origin().groups, context.origin().token), now, now)?;
    get(tx, kind, id)
}

fn get(tx: &mut ReadTransaction<'_, '_>, kind: &str, id: JobId) -> Result<Job> {
    let found = jobs::find(tx, id)?.filter(|job| job.kind == kind);
    found.ok_or_else(|| Error::not_found(format!("job `{id}`")))
}

/// The pause after the first failure, doubled with each one that followed, and `most` at most.
pub fn backoff(first: Duration, followed: i64, most: Duration) -> Duration {
    let doublings = u32::try_from(followed.clamp(0, 16)).unwrap_or_default();
    (first * 2_u32.pow(doublings)).min(most)
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
