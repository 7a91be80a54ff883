//! The queue's runner: claims jobs, works on several at once, keeps their leases, tries again later, and hands back what is
//! not done when the server shuts down.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::job::JobEnd;
use crate::domain::{ErrorKind, Job, Result};
use crate::registry::Registry;
use crate::registry::jobs::{Attempt, Stop, Stopping, Working};

/// How long a runner waits before it looks for jobs that other replicas enqueued.
const POLL: Duration = Duration::from_secs(1);
/// How often a worker gives a sign of life, and learns that its job was called off; a third of a short lease instead.
const BEAT: Duration = Duration::from_secs(1);
/// How often the runner cleans up and counts.
const TENDING: Duration = Duration::from_secs(5);
/// How long work that is told to stop may take to do so.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// The longest pause before a job is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

type Work = Arc<dyn Fn(Working) -> Pin<Box<dyn Future<Output = Attempt> + Send>> + Send + Sync>;

/// How the runner works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many jobs are worked on at once; 0 leaves them to other replicas.
    pub workers: usize,
    /// How long a job stays somebody's who gives no sign of life.
    pub lease: Duration,
    /// How often a job is begun at most.
    pub attempts: u32,
    /// The pause before the second attempt; each one after that is twice as long.
    pub backoff: Duration,
    /// How long jobs that have ended can be looked at.
    pub kept: Duration,
}

/// Works on the jobs of a registry.
pub struct Runner {
    registry: Registry,
    options: Options,
    owner: String,
    kinds: BTreeMap<&'static str, Work>,
}

impl Runner {
    /// A runner that knows no kind of jobs yet.
    pub fn new(registry: Registry, options: Options) -> Self {
        let owner = uuid::Uuid::new_v4().simple().to_string();
        Self { registry, options, owner, kinds: BTreeMap::new() }
    }

    /// The same runner, which does `work` for jobs of that kind. It is to end soon after it is told to stop, and to be
    /// such that it can be done again from the start.
    #[must_use]
    pub fn doing<F>(mut self, kind: &'static str, work: impl Fn(Working) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Attempt> + Send + 'static,
    {
        self.kinds.insert(kind, Arc::new(move |working| Box::pin(work(working))));
        self
    }

    /// Works until `stop` turns true; then it claims nothing more, and hands back what is not done.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut working = JoinSet::new();
        let (tell, stopping) = watch::channel(false);
        let mut tended: Option<Instant> = None;
        // A database that is away is told of once, not each second.
        let mut is_away = false;
        while !*stop.borrow() {
            if tended.is_none_or(|at| at.elapsed() >= TENDING) {
                tended = Some(Instant::now());
                let tended = self.registry.tend_jobs(self.options.attempts.into(), self.options.kept).await;
                is_away = told(tended, is_away).is_none();
            }
            while working.len() < self.options.workers {
                let claimed = told(self.claim().await, is_away);
                is_away = claimed.is_none();
                let Some((job, work)) = claimed.flatten() else { break };
                working.spawn(self.worker(job, work, stopping.clone()));
            }
            tokio::select! {
                () = turned(&mut stop) => break,
                Some(_) = working.join_next(), if !working.is_empty() => {}
                () = self.registry.wait_for_jobs(POLL), if working.len() < self.options.workers => {}
                () = tokio::time::sleep(TENDING) => {}
            }
        }
        tell.send_replace(true);
        let ended = async { while working.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            log::warn!("work on a job did not stop; another replica begins anew when its lease ends");
        }
    }

    async fn claim(&self) -> Result<Option<(Job, Work)>> {
        let (lease, attempts) = (self.options.lease, self.options.attempts.into());
        for (kind, work) in &self.kinds {
            if let Some(job) = self.registry.claim_job(kind, &self.owner, lease, attempts).await? {
                return Ok(Some((job, Arc::clone(work))));
            }
        }
        Ok(None)
    }

    fn worker(&self, job: Job, work: Work, leaving: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
        let (registry, owner, options) = (self.registry.clone(), self.owner.clone(), self.options.clone());
        async move {
            let (tell, stopping) = Stopping::new();
            let working = Working::new(registry.clone(), job, stopping);
            log::info!(id = working.job.id.0, kind = working.job.kind.as_str(), attempt = working.job.attempts; "job begun");
            let attempt = attempt(&working, work, &owner, &options, leaving, &tell).await;
            let end = end(&working, attempt, &options);
            let Some(end) = end else { return };
            log::info!(id = working.job.id.0, kind = working.job.kind.as_str(); "job {}", word(&end));
            if let Err(error) = registry.settle_job(&working, &owner, end).await {
                log::warn!(error:%; "what came of a job could not be stored");
            }
        }
    }
}

/// Does the work, gives signs of life meanwhile, and tells it when it is to stop.
///
/// All three go on at once: while one waits for the database, another one may be the one that holds it.
async fn attempt(
    working: &Working,
    work: Work,
    owner: &str,
    options: &Options,
    mut leaving: watch::Receiver<bool>,
    tell: &watch::Sender<Option<Stop>>,
) -> Attempt {
    let stop = |why: Stop| {
        tell.send_if_modified(|told| told.is_none() && told.replace(why).is_none());
    };
    let beating = async {
        let mut beat = tokio::time::interval(BEAT.min(options.lease / 3));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            match working.registry.keep_job(working, owner, options.lease).await {
                Ok(why) => why.into_iter().for_each(stop),
                // A database that is away for a moment does not end the work; the lease may last longer.
                Err(error) => log::warn!(error:%; "the lease of a job was not prolonged"),
            }
        }
    };
    let leaving = async {
        turned(&mut leaving).await;
        stop(Stop::ShuttingDown);
        std::future::pending::<Attempt>().await
    };
    tokio::select! {
        done = work(working.clone()) => done,
        never = beating => never,
        never = leaving => never,
    }
}

/// Waits until the value is true; for ever, when nobody is left to say so.
async fn turned(value: &mut watch::Receiver<bool>) {
    let gone = value.wait_for(|value| *value).await.is_err();
    if gone {
        std::future::pending::<()>().await;
    }
}

/// What becomes of the job; `None` when it is not ours any more.
fn end(working: &Working, attempt: Attempt, options: &Options) -> Option<JobEnd> {
    let failure = match attempt {
        Ok(result) => return Some(JobEnd::Succeeded(result)),
        Err(failure) => failure,
    };
    match working.stopping.why() {
        Some(Stop::Lost) => return None,
        Some(Stop::Cancelled) => return Some(JobEnd::Cancelled),
        Some(Stop::ShuttingDown) => return Some(JobEnd::HandBack),
        None => {}
    }
    if failure.error.kind() == ErrorKind::Internal {
        log::error!(id = working.job.id.0, kind = working.job.kind.as_str(); "internal error: {}", failure.error);
    }
    let message = match failure.error.kind() {
        ErrorKind::Internal => "internal error".to_owned(),
        _ => failure.error.message().to_owned(),
    };
    if failure.again && working.job.attempts < options.attempts.into() {
        let doublings = u32::try_from(working.job.attempts - 1).unwrap_or_default().min(16);
        let pause = (options.backoff * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
        return Some(JobEnd::Later(working.registry.later(pause), message));
    }
    Some(JobEnd::Failed(message, failure.result))
}

fn word(end: &JobEnd) -> String {
    match end {
        JobEnd::Succeeded(_) => "succeeded".to_owned(),
        JobEnd::Failed(error, _) => format!("failed: {error}"),
        JobEnd::Cancelled => "cancelled".to_owned(),
        JobEnd::Later(_, error) => format!("put off: {error}"),
        JobEnd::HandBack => "handed back".to_owned(),
    }
}

/// What came of it; a failure is logged, unless the one before was.
fn told<T>(done: Result<T>, is_away: bool) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            if !is_away {
                log::warn!(error:%; "the queue cannot be used right now");
            }
            None
        }
    }
}
