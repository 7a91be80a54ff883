//! Leases on tasks of upkeep: each task runs in one process at a time, whichever replica that is.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::domain::{Error, Millis, Result};
use crate::heartbeats::with_heartbeats_every;
use crate::services::Upkeep;
use crate::store::Tx;
use crate::store::upkeep::{self, Pass};

/// How long a task's lease lasts without a heartbeat.
const LEASE: Duration = Duration::from_secs(15);
/// How often a holder sends one.
const RENEWAL: Duration = Duration::from_secs(4);

/// A task that runs in one process at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Collect,
    Verify,
    RemoveAudit,
    RemoveSessions,
}

impl Task {
    /// The name of its row.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Verify => "verify",
            Self::RemoveAudit => "audit",
            Self::RemoveSessions => "sessions",
        }
    }
}

/// The lease on a task, held by this process.
#[derive(Clone)]
pub(super) struct TaskLease {
    core: Arc<Core>,
    task: Task,
    token: String,
}

impl Upkeep {
    /// Acquires the task, unless another process holds it or its last pass ended less than `pause` ago.
    pub(super) async fn acquire_task(&self, task: Task, pause: Duration) -> Result<Option<TaskLease>> {
        let lease = TaskLease { core: Arc::clone(&self.core), task, token: uuid::Uuid::new_v4().simple().to_string() };
        let (token, now) = (lease.token.clone(), self.core.now());
        let ended_before = now.saturating_sub(millis(pause));
        let taken = self
            .core
            .store
            .write(move |tx| upkeep::acquire(tx, task.name(), &token, (now, until(now)), ended_before))
            .await?;
        Ok(taken.then_some(lease))
    }
}

impl TaskLease {
    /// Runs `work` and renews the lease meanwhile. Errors: InvalidState when another process has taken the task over.
    pub(super) async fn with_heartbeats<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (core, task, token) = (Arc::clone(&self.core), self.task, self.token.clone());
            // A short outage of the database is no reason to stop; the next write checks the lease again.
            async move {
                let until = until(core.now());
                match core.store.write(move |tx| upkeep::renew(tx, task.name(), &token, until)).await {
                    Ok(false) => Err(taken_over()),
                    Ok(true) | Err(_) => Ok(()),
                }
            }
        };
        with_heartbeats_every(RENEWAL, beat, work).await
    }

    /// The progress of a pass that was interrupted.
    pub(super) async fn pass(&self) -> Result<Pass> {
        let task = self.task;
        self.core.store.read(move |tx| upkeep::pass(tx, task.name())).await
    }

    /// Records that the pass is complete, and releases the lease.
    pub(super) async fn end(self) -> Result<()> {
        let (task, token, now) = (self.task, self.token, self.core.now());
        self.core.store.write(move |tx| upkeep::end(tx, task.name(), &token, now)).await.map(drop)
    }

    /// Releases the lease before the pass is complete. If that fails, it expires.
    pub(super) async fn release(self) {
        let (task, token) = (self.task, self.token);
        if let Err(error) = self.core.store.write(move |tx| upkeep::renew(tx, task.name(), &token, 0)).await {
            log::warn!(task = task.name(), error:%; "the lease on a task of upkeep was not released");
        }
    }

    /// Records the progress of the pass inside the transaction of its work. InvalidState when another process holds the task.
    pub(super) fn advance(&self) -> impl Fn(&mut Tx<'_>, Pass) -> Result<()> + Send + use<> {
        let (task, token) = (self.task, self.token.clone());
        move |tx, pass| {
            if upkeep::advance(tx, task.name(), &token, pass)? { Ok(()) } else { Err(taken_over()) }
        }
    }
}

fn until(now: Millis) -> Millis {
    now.saturating_add(millis(LEASE))
}

fn millis(time: Duration) -> Millis {
    Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX)
}

fn taken_over() -> Error {
    Error::invalid_state("another process has taken the task over")
}
