//! The runner of the job queue: claims jobs, works on several at once, renews their leases, retries them with a backoff, and hands
//! back unfinished ones when the server shuts down.

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_registry as registry};

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::job::JobEnd;
use crate::domain::{ErrorKind, Job, Result};
use crate::registry::jobs::{Attempt, RunningJob, Stop, Stopping, backoff};
use crate::registry::{Registry, RequestContext};

/// How long a runner waits before it looks for jobs that other replicas enqueued.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a worker sends a heartbeat and learns whether its job was cancelled; at most a third of the lease.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the runner cleans up and counts.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait for work to stop when the server shuts down.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause before a retry.
const MAX_BACKOFF: Duration = Duration::from_secs(3600);

type Work = Arc<dyn Fn(RunningJob) -> Pin<Box<dyn Future<Output = Attempt> + Send>> + Send + Sync>;

/// The options of a runner.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// How many jobs run at once; 0 leaves them to other replicas.
    pub workers: usize,
    /// How long a job's lease lasts without a heartbeat.
    pub lease: Duration,
    /// The most attempts at a job.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub backoff: Duration,
    /// How long finished jobs are kept.
    pub retention: Duration,
}

/// Works on the jobs of a registry.
pub struct Runner {
    registry: Registry,
    context: RequestContext,
    options: RunnerOptions,
    owner: String,
    kinds: BTreeMap<&'static str, Work>,
}

impl Runner {
    /// A runner that handles no kind of jobs yet.
    pub fn new(registry: Registry, options: RunnerOptions) -> Self {
        let owner = uuid::Uuid::new_v4().simple().to_string();
        let context = registry.own_context();
        Self { registry, context, options, owner, kinds: BTreeMap::new() }
    }

    /// The same runner, which runs `work` for jobs of that kind. The work must end soon when it is told to stop, and must be safe
    /// to retry from the start.
    #[must_use]
    pub fn with_handler<F>(mut self, kind: &'static str, work: impl Fn(RunningJob) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Attempt> + Send + 'static,
    {
        self.kinds.insert(kind, Arc::new(move |running| Box::pin(work(running))));
        self
    }

    /// Runs until `stop` turns true; then it claims nothing more and hands unfinished jobs back.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut workers = JoinSet::new();
        let (tell, stopping) = watch::channel(false);
        let mut maintained: Option<Instant> = None;
        // An outage of the database is logged once, not each second.
        let mut is_unavailable = false;
        let kinds: Vec<&str> = self.kinds.keys().copied().collect();
        while !*stop.borrow() {
            if maintained.is_none_or(|at| at.elapsed() >= MAINTENANCE_INTERVAL) {
                maintained = Some(Instant::now());
                let maintained = self
                    .registry
                    .jobs
                    .maintain_jobs(&self.context, &kinds, self.options.attempts.into(), self.options.retention)
                    .await;
                is_unavailable = logged(maintained, is_unavailable).is_none();
            }
            while workers.len() < self.options.workers {
                let claimed = logged(self.claim().await, is_unavailable);
                is_unavailable = claimed.is_none();
                let Some((job, work)) = claimed.flatten() else { break };
                workers.spawn(self.worker(job, work, stopping.clone()));
            }
            tokio::select! {
                () = wait_until_true(&mut stop) => break,
                Some(_) = workers.join_next(), if !workers.is_empty() => {}
                () = self.registry.jobs.wait_for_jobs(POLL_INTERVAL), if workers.len() < self.options.workers => {}
                () = tokio::time::sleep(MAINTENANCE_INTERVAL) => {}
            }
        }
        tell.send_replace(true);
        let ended = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            log::warn!("work on a job did not stop; another replica retries it when its lease ends");
        }
    }

    async fn claim(&self) -> Result<Option<(Job, Work)>> {
        let (lease, attempts) = (self.options.lease, self.options.attempts.into());
        for (kind, work) in &self.kinds {
            if let Some(job) = self.registry.jobs.claim_job(&self.context, kind, &self.owner, lease, attempts).await? {
                return Ok(Some((job, Arc::clone(work))));
            }
        }
        Ok(None)
    }

    fn worker(&self, job: Job, work: Work, leaving: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        let (registry, context) = (self.registry.clone(), self.context.clone());
        let (owner, options) = (self.owner.clone(), self.options.clone());
        async move {
            let (tell, stopping) = Stopping::new();
            let whose = match registry.jobs.context_of(&context, &job).await {
                Ok(whose) => whose,
                Err(error) => {
                    log::warn!(error:%; "a job is tried again when its lease has ended, as it is not known who may do it");
                    return;
                }
            };
            let running = RunningJob::new(registry.clone(), whose, job, stopping);
            log::info!(id = running.job.id.0, kind = running.job.kind.as_str(), attempt = running.job.attempts; "job started");
            let attempt = attempt(&running, &context, work, &owner, &options, leaving, &tell).await;
            let end = end(&running, attempt, &options);
            let Some(end) = end else { return };
            log::info!(id = running.job.id.0, kind = running.job.kind.as_str(); "job {}", word(&end));
            if let Err(error) = registry.jobs.finish_job(&context, &running, &owner, end).await {
                log::warn!(error:%; "the result of a job could not be stored");
            }
        }
    }
}

/// Runs the work, sends heartbeats meanwhile, and tells the work when to stop.
///
/// All three run concurrently: while one waits for a connection, another may hold it.
async fn attempt(
    running: &RunningJob,
    context: &RequestContext,
    work: Work,
    owner: &str,
    options: &RunnerOptions,
    mut leaving: watch::Receiver<bool>,
    tell: &watch::Sender<Option<Stop>>,
) -> Attempt {
    let stop = |why: Stop| {
        tell.send_if_modified(|reason| reason.is_none() && reason.replace(why).is_none());
    };
    let beating = async {
        let mut beat = tokio::time::interval(HEARTBEAT_INTERVAL.min(options.lease / 3));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            match running.registry.jobs.renew_job_lease(context, running, owner, options.lease).await {
                Ok(why) => why.into_iter().for_each(stop),
                // A short outage of the database does not end the work: the lease may outlast it.
                Err(error) => log::warn!(error:%; "the lease of a job was not renewed"),
            }
        }
    };
    let leaving = async {
        wait_until_true(&mut leaving).await;
        stop(Stop::ShuttingDown);
        std::future::pending::<Attempt>().await
    };
    tokio::select! {
        done = work(running.clone()) => done,
        never = beating => never,
        never = leaving => never,
    }
}

/// Waits until the value is true; for ever, if its sender is gone.
async fn wait_until_true(value: &mut watch::Receiver<bool>) {
    let gone = value.wait_for(|value| *value).await.is_err();
    if gone {
        std::future::pending::<()>().await;
    }
}

/// How the job ends; `None` when another worker has it.
fn end(running: &RunningJob, attempt: Attempt, options: &RunnerOptions) -> Option<JobEnd> {
    let failure = match attempt {
        Ok(result) => return Some(JobEnd::Succeeded(result)),
        Err(failure) => failure,
    };
    match running.stopping.why() {
        Some(Stop::Lost) => return None,
        Some(Stop::Cancelled) => return Some(JobEnd::Cancelled),
        Some(Stop::ShuttingDown) => return Some(JobEnd::HandBack),
        None => {}
    }
    if failure.error.kind() == ErrorKind::Internal {
        log::error!(id = running.job.id.0, kind = running.job.kind.as_str(); "internal error: {}", failure.error);
    }
    let message = match failure.error.kind() {
        ErrorKind::Internal => "internal error".to_owned(),
        _ => failure.error.message().to_owned(),
    };
    if failure.is_retryable && running.job.attempts < options.attempts.into() {
        let pause = backoff(options.backoff, running.job.attempts - 1, MAX_BACKOFF);
        return Some(JobEnd::Later(running.registry.jobs.later(pause), message));
    }
    Some(JobEnd::Failed(message, failure.result))
}

fn word(end: &JobEnd) -> String {
    match end {
        JobEnd::Succeeded(_) => "succeeded".to_owned(),
        JobEnd::Failed(error, _) => format!("failed: {error}"),
        JobEnd::Cancelled => "cancelled".to_owned(),
        JobEnd::Later(_, error) => format!("rescheduled: {error}"),
        JobEnd::HandBack => "handed back".to_owned(),
    }
}

/// The result, if any. A failure is logged, unless the one before was logged.
fn logged<T>(done: Result<T>, is_unavailable: bool) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            if !is_unavailable {
                log::warn!(error:%; "the queue cannot be used right now");
            }
            None
        }
    }
}
