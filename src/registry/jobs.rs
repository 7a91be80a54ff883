//! Background work: enqueued, claimed, kept alive, ended, called off and looked at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::Registry;
use crate::domain::job::JobEnd;
use crate::domain::{Actor, Error, ErrorKind, Job, JobId, Millis, Progress, Result};
use crate::store::{Tx, jobs};

/// What the parts of one process tell each other of the queue.
#[derive(Debug, Default)]
pub struct Queue {
    enqueued: Notify,
    figures: Mutex<Vec<(String, String, i64)>>,
}

/// Why work on a job is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The job was called off.
    Cancelled,
    /// Somebody else works on it, because we gave no sign of life for too long.
    Lost,
    /// The server shuts down.
    ShuttingDown,
}

/// Tells that work is to stop; what can wait long watches it.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<Option<Stop>>);

impl Stopping {
    /// The two ends: who says it, and who is told.
    pub fn new() -> (watch::Sender<Option<Stop>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// Nothing is ever to stop: whoever waits for the work gives up by dropping it.
    pub fn never() -> Self {
        Self::new().1
    }

    /// Why, if work is to stop.
    pub fn why(&self) -> Option<Stop> {
        *self.0.borrow()
    }

    /// What `work` gives, or Conflict as soon as it is to stop.
    pub async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut receiver = self.0.clone();
        let stopped = async {
            // Nobody is there to say it any more: then nobody will.
            if receiver.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Error::new(ErrorKind::Conflict, "the work was stopped")),
            done = work => done,
        }
    }
}

/// What came of an attempt that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Whether it may go better later.
    pub again: bool,
    /// What was done all the same.
    pub result: Option<serde_json::Value>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let again = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict);
        Self { error, again, result: None }
    }
}

/// What an attempt gives.
pub type Attempt = Result<serde_json::Value, Failure>;

/// A job in the hands of whoever works on it.
#[derive(Clone)]
pub struct Working {
    /// The job, as it was when it was claimed.
    pub job: Job,
    /// The registry.
    pub registry: Registry,
    /// Whether to go on.
    pub stopping: Stopping,
    progress: Arc<Mutex<Progress>>,
}

impl Working {
    /// A job that was claimed.
    pub fn new(registry: Registry, job: Job, stopping: Stopping) -> Self {
        let progress = Arc::new(Mutex::new(Progress::default()));
        Self { job, registry, stopping, progress }
    }

    /// On whose behalf: the record of changes names the job.
    pub fn actor(&self) -> Actor {
        Actor::anonymous(format!("job-{}", self.job.id))
    }

    /// Says how far the job is. Stored with the next sign of life.
    pub fn report(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// How far the job is.
    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Registry {
    /// Enqueues a job, which some replica's runner works on soon.
    pub async fn enqueue(&self, actor: &Actor, kind: &str, payload: serde_json::Value) -> Result<Job> {
        let (actor, kind, now) = (actor.clone(), kind.to_owned(), self.now());
        let job = self.store.write(move |tx| enqueue(tx, &actor, &kind, &payload, now)).await?;
        self.queue.enqueued.notify_waiters();
        Ok(job)
    }

    /// Waits until a job was enqueued in this process, or for so long: other replicas enqueue too.
    pub async fn wait_for_jobs(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.queue.enqueued.notified()).await;
    }

    /// The oldest job of that kind that is due, now `owner`'s until the lease ends.
    pub async fn claim_job(&self, kind: &str, owner: &str, lease: Duration, attempts: i64) -> Result<Option<Job>> {
        let (kind, lease) = (kind.to_owned(), self.lease_for(owner, lease));
        self.store.write(move |tx| jobs::claim(tx, &kind, &lease, attempts)).await
    }

    /// Gives a sign of life, with how far the job is. Gives why to stop, where it is to stop.
    pub async fn keep_job(&self, working: &Working, owner: &str, lease: Duration) -> Result<Option<Stop>> {
        let (id, progress, lease) = (working.job.id, working.progress(), self.lease_for(owner, lease));
        Ok(match self.store.write(move |tx| jobs::renew(tx, id, &lease, &progress)).await? {
            Some(false) => None,
            Some(true) => Some(Stop::Cancelled),
            None => Some(Stop::Lost),
        })
    }

    /// Ends a job, or lets it go on later. `false` when it is somebody else's by now.
    pub async fn settle_job(&self, working: &Working, owner: &str, end: JobEnd) -> Result<bool> {
        let (id, progress, owner, now) = (working.job.id, working.progress(), owner.to_owned(), self.now());
        self.store.write(move |tx| jobs::settle(tx, id, &owner, &end, &progress, now)).await
    }

    /// When a job is to be tried again after so long.
    pub fn later(&self, pause: Duration) -> Millis {
        self.now().saturating_add(millis(pause))
    }

    /// Ends what nobody will claim any more, forgets what ended so long ago, and counts what there is, for the figures.
    pub async fn tend_jobs(&self, attempts: i64, kept: Duration) -> Result<()> {
        let now = self.now();
        let before = now.saturating_sub(millis(kept));
        let figures = self
            .store
            .write(move |tx| {
                jobs::bury(tx, now, attempts)?;
                jobs::forget(tx, before)?;
                jobs::counts(tx)
            })
            .await?;
        *self.queue.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
        Ok(())
    }

    /// How many jobs there were of each kind in each state when they were counted last.
    pub fn job_figures(&self) -> Vec<(String, String, i64)> {
        self.queue.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The job of that id and kind. Errors: NotFound.
    pub async fn get_job(&self, kind: &str, id: JobId) -> Result<Job> {
        let kind = kind.to_owned();
        self.store.read(move |tx| get(tx, &kind, id)).await
    }

    /// Up to `limit` jobs of a kind, the newest first, from before the one that is given.
    pub async fn list_jobs(&self, kind: &str, before: Option<JobId>, limit: u32) -> Result<Vec<Job>> {
        let kind = kind.to_owned();
        self.store.read(move |tx| jobs::list(tx, &kind, before, limit.into())).await
    }

    /// Calls a job off; one that is being worked on stops soon.
    ///
    /// Errors: NotFound; FailedPrecondition when it has ended.
    pub async fn cancel_job(&self, kind: &str, id: JobId) -> Result<Job> {
        let (kind, now) = (kind.to_owned(), self.now());
        self.store
            .write(move |tx| {
                let job = get(tx, &kind, id)?;
                if jobs::cancel(tx, id, now)? {
                    return get(tx, &kind, id);
                }
                let state = job.state.name();
                Err(Error::new(ErrorKind::FailedPrecondition, format!("job `{id}` has ended: it is `{state}`")))
            })
            .await
    }

    /// The job, once it has ended; whoever works on it may be another replica.
    pub async fn await_job(&self, kind: &str, id: JobId) -> Result<Job> {
        let mut pause = Duration::from_millis(50);
        loop {
            let job = self.get_job(kind, id).await?;
            if job.state.is_final() {
                return Ok(job);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    fn lease_for(&self, owner: &str, lease: Duration) -> jobs::Lease {
        let now = self.now();
        jobs::Lease { owner: owner.to_owned(), now, until: now.saturating_add(millis(lease)) }
    }
}

/// Enqueues a job in the caller's transaction: it is there when what it is about is.
pub(super) fn enqueue(
    tx: &mut Tx<'_>,
    actor: &Actor,
    kind: &str,
    payload: &serde_json::Value,
    now: Millis,
) -> Result<Job> {
    let id = jobs::insert(tx, kind, payload, actor, now, now)?;
    get(tx, kind, id)
}

fn get(tx: &mut Tx<'_>, kind: &str, id: JobId) -> Result<Job> {
    let found = jobs::find(tx, id)?.filter(|job| job.kind == kind);
    found.ok_or_else(|| Error::not_found(format!("job `{id}`")))
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
