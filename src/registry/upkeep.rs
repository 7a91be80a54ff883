//! The right to do a task of upkeep: one holder at a time, on whichever replica, and no longer than it is alive.

use std::time::Duration;

use super::{Registry, beating};
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::store::Tx;
use crate::store::upkeep::{self, Pass};

/// After how long without a sign of life a task is anybody's again.
const LEASE: Duration = Duration::from_secs(15);
/// How often a holder gives one.
const RENEWAL: Duration = Duration::from_secs(4);

/// A task that only one process does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Collect,
    Verify,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Verify => "verify",
        }
    }
}

/// A task that this process has.
#[derive(Clone)]
pub(super) struct Duty {
    registry: Registry,
    task: Task,
    token: String,
}

impl Registry {
    /// Takes the task on, unless somebody else has it, or its last pass ended less than `pause` ago.
    pub(super) async fn duty(&self, task: Task, pause: Duration) -> Result<Option<Duty>> {
        let duty = Duty { registry: self.clone(), task, token: uuid::Uuid::new_v4().simple().to_string() };
        let (token, now) = (duty.token.clone(), self.now());
        let ended_before = now.saturating_sub(millis(pause));
        let taken = self
            .store
            .write(move |tx| upkeep::acquire(tx, task.name(), &token, (now, until(now)), ended_before))
            .await?;
        Ok(taken.then_some(duty))
    }
}

impl Duty {
    /// Does `work`, however long it takes, and says meanwhile that this process is alive. FailedPrecondition when somebody
    /// else has taken the task over.
    pub(super) async fn keep<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (registry, task, token) = (self.registry.clone(), self.task, self.token.clone());
            // A database that is away for a moment is no reason to stop; the next write will ask it again.
            async move {
                let until = until(registry.now());
                match registry.store.write(move |tx| upkeep::renew(tx, task.name(), &token, until)).await {
                    Ok(false) => Err(taken_over()),
                    Ok(true) | Err(_) => Ok(()),
                }
            }
        };
        beating(RENEWAL, beat, work).await
    }

    /// How far the pass is that was cut off.
    pub(super) async fn pass(&self) -> Result<Pass> {
        let task = self.task;
        self.registry.store.read(move |tx| upkeep::pass(tx, task.name())).await
    }

    /// Says that the pass is whole.
    pub(super) async fn end(self) -> Result<()> {
        let (task, token, now) = (self.task, self.token, self.registry.now());
        self.registry.store.write(move |tx| upkeep::end(tx, task.name(), &token, now)).await.map(drop)
    }

    /// Gives the task back before its end. Where that fails it ends by itself.
    pub(super) async fn release(self) {
        let (task, token) = (self.task, self.token);
        if let Err(error) = self.registry.store.write(move |tx| upkeep::renew(tx, task.name(), &token, 0)).await {
            log::warn!(task = task.name(), error:%; "a task of upkeep was not given back");
        }
    }

    /// Records how far the pass is, inside the transaction of what was done. FailedPrecondition when somebody else has the task.
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
    Error::new(ErrorKind::FailedPrecondition, "another process has taken the task over")
}
