//! The state of the server and of what it is built on, for those who administer it.

use std::time::{Duration, Instant};

use super::collected::Collected;
use super::context::RequestContext;
use super::health::ConnectionPool;
use crate::blobs::Blobs;
use crate::domain::access::Permission;
use crate::domain::{Inventory, Millis, Result};
use crate::services::Upkeep;
use crate::store::access::quotas;
use crate::store::replicas::{self, ReplicaRow};
use crate::store::{jobs, upkeep};
use crate::upkeep::Task;

/// How old what was counted may be before it is counted again, in milliseconds: counting reads whole indexes.
const COUNTED_LASTS: Millis = 600_000;

/// For how long a process counts that has not said again that it is there, in milliseconds.
const REPLICA_LASTS: Millis = 600_000;

/// The most processes that are shown.
const MAX_REPLICAS: i64 = 1000;

/// Whether something that the registry is built on can be used, and how quickly it answers.
#[derive(Debug)]
pub struct Probe {
    /// What it is: `sqlite`, `postgresql`, `local` or `s3`.
    pub kind: &'static str,
    /// Its answer.
    pub answer: Result<()>,
    /// How long that took.
    pub took: Duration,
}

/// A task of upkeep, which one process does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskState {
    /// Whether a process is at it.
    pub is_running: bool,
    /// When the pass began that is under way or was interrupted.
    pub began_at: Option<Millis>,
    /// When the last whole pass ended, whichever process it was.
    pub ended_at: Option<Millis>,
}

/// A process that serves the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its id, another one each time that it is started.
    pub id: String,
    /// The version of its build.
    pub version: String,
    /// When it started.
    pub started_at: Millis,
    /// When it said last that it is there.
    pub seen_at: Millis,
    /// Whether it is the one that answers.
    pub is_this: bool,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    /// The kind.
    pub kind: String,
    /// The name of the state.
    pub state: String,
    /// How many there are.
    pub jobs: u64,
}

/// The state of the server.
#[derive(Debug)]
pub struct SystemState {
    /// The database.
    pub database: Probe,
    /// The object store.
    pub object_store: Probe,
    /// Connections to the database.
    pub pools: Vec<ConnectionPool>,
    /// What the registry holds, and when that was counted.
    pub counted: (Millis, Inventory),
    /// The bytes of all files, each with its full size, however many have the same bytes.
    pub file_bytes: u64,
    /// What the collector of this process has done since it started.
    pub collected: Collected,
    /// The collector's turns.
    pub collector: TaskState,
    /// The verification of stored bytes.
    pub verification: TaskState,
    /// The queue.
    pub jobs: Vec<JobCount>,
    /// The processes that said lately that they serve the registry, those that started first before the others.
    pub replicas: Vec<Replica>,
}

impl Upkeep {
    /// The state of the server and of what it is built on.
    ///
    /// Errors: PermissionDenied without `manage` in the registry.
    pub async fn system(&self, context: &RequestContext) -> Result<SystemState> {
        let now = context.now();
        let (file_bytes, collector, verification, jobs, seen) = self
            .core
            .read(context, move |tx| {
                tx.context().access().demand_in_registry(Permission::Manage)?;
                let state = |task: upkeep::TaskRow| TaskState {
                    is_running: task.lease_until > now,
                    began_at: task.began_at,
                    ended_at: task.ended_at,
                };
                let collector = state(upkeep::task(tx, Task::Collect.name())?);
                let verification = state(upkeep::task(tx, Task::Verify.name())?);
                let seen = replicas::list(tx, now.saturating_sub(REPLICA_LASTS), MAX_REPLICAS)?;
                Ok((quotas::usage_of_all(tx)?.bytes, collector, verification, jobs::counts(tx)?, seen))
            })
            .await?;
        let fresh = self.inventory().filter(|(at, _)| (*at..at.saturating_add(COUNTED_LASTS)).contains(&now));
        let counted = match fresh {
            Some(counted) => counted,
            None => (now, self.take_inventory(context).await?),
        };
        let (store, blobs) = (&self.core.store, &self.core.blobs);
        let of_blobs = async {
            blobs.check().await?;
            self.core.check_store_id().await
        };
        let ((database, database_took), (object_store, store_took)) =
            tokio::join!(timed(store.check()), timed(of_blobs));
        let kind = match blobs {
            Blobs::Local(_) => "local",
            Blobs::S3(_) => "s3",
        };
        let (this, _) = &self.core.replica;
        let replica = |ReplicaRow { id, version, started_at, seen_at }| {
            let is_this = id == *this;
            Replica { id, version, started_at, seen_at, is_this }
        };
        Ok(SystemState {
            replicas: seen.into_iter().map(replica).collect(),
            database: Probe { kind: store.kind(), answer: database, took: database_took },
            object_store: Probe { kind, answer: object_store, took: store_took },
            pools: self.pools(),
            counted,
            file_bytes,
            collected: self.collected(),
            collector,
            verification,
            jobs: jobs
                .into_iter()
                .map(|(kind, state, jobs)| JobCount { kind, state, jobs: jobs.unsigned_abs() })
                .collect(),
        })
    }
}

impl Upkeep {
    /// Says that this process serves the registry, with the version of its build; to be said again and again.
    pub async fn beat(&self, context: &RequestContext, version: &str) -> Result<()> {
        let (id, started_at) = self.core.replica.clone();
        let replica = ReplicaRow { id, version: version.to_owned(), started_at, seen_at: context.now() };
        let forgotten = replica.seen_at.saturating_sub(REPLICA_LASTS);
        self.core.store.write(move |tx| replicas::beat(tx, &replica, forgotten)).await
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let done = work.await;
    (done, begun.elapsed())
}
