//! The metadata graph in PostgreSQL or SQLite: the only place that knows SQL.
//!
//! [`Store::read`] and [`Store::write`] are the only way to a connection; one use case is one closure.

pub mod access;
pub mod aliases;
pub mod approvals;
pub mod audit;
pub mod blobs;
mod bulk;
mod cached;
pub mod changes;
mod connection;
mod deadline;
mod error;
pub mod facets;
pub mod files;
mod filter;
pub mod graph;
pub mod idempotency;
pub mod inspections;
pub mod inventory;
pub mod jobs;
pub mod joined;
pub mod lineage;
mod loaded_bytes;
pub mod members;
pub mod metrics;
mod migrations;
mod mlflow;
pub mod multipart;
pub mod nodes;
pub mod object_store;
pub mod policies;
mod pool;
mod postgres;
mod properties;
pub mod records;
pub mod removal_details;
pub mod replicas;
pub mod resumable;
pub mod saved_views;
/// The tables, as Diesel sees them: made from the migrations by `make schema`.
mod schema;
pub mod search;
pub mod serving;
pub mod summaries;
pub mod tracking;
pub mod upkeep;
pub mod uploads;
pub mod webhooks;
pub mod workspace_counts;

use crate::error::DatabaseResult as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use connection::{AnyConnection, Use};
use deadline::Deadline;
use filter::Repeated;
use loaded_bytes::LoadedBytes;
use modelport_domain::access::Access;
use modelport_domain::{Error, ErrorKind, Result};
use modelport_memory::Answer;
use pool::BoundedPool;
use postgres::Session;

pub use connection::Location;
pub use migrations::{SchemaState, migrate, revert_all, schema_state};
pub use mlflow::MlflowDatabase;
pub use postgres::PreparedStatements;

/// The options of a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where the database is.
    pub location: Location,
    /// The number of connections to PostgreSQL, or of SQLite's readers; SQLite has one writer besides. At most half of them run
    /// long reads.
    pub pool_size: u32,
    /// How long a request waits for a connection before it fails because the database is busy.
    pub acquire_timeout: Duration,
    /// How long it then waits for its transaction before it fails without knowing the outcome. The transaction's statements are
    /// cancelled then, too.
    pub answer_timeout: Duration,
    /// Whether PostgreSQL's sessions keep prepared statements.
    pub prepared_statements: PreparedStatements,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Arc<BoundedPool>,
    writers: Arc<BoundedPool>,
    /// Limits how many readers run long reads.
    long_reads: Arc<Semaphore>,
    /// For what must not queue behind requests: health checks, and cancelling statements.
    control: Arc<BoundedPool>,
}

/// A running transaction, which every query takes.
pub struct Tx<'a> {
    conn: &'a mut AnyConnection,
    deadline: &'a Deadline,
    repeated: &'a Repeated,
    loaded: LoadedBytes<'a>,
    access: Access,
}

impl Tx<'_> {
    /// Fails when the transaction's deadline has passed or its caller has gone away. Single statements are cancelled then; this
    /// check is for loops of many short ones.
    pub fn check_deadline(&self) -> Result<()> {
        self.deadline.check()
    }

    /// From now on the transaction sees and makes what they may: every function that reads or changes nodes heeds it. Before that
    /// it is the server's own, and sees everything.
    pub fn act_for(&mut self, access: &Access) {
        self.access = access.clone();
    }

    /// On whose behalf the transaction runs.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Connections beside those of the pools: one for health checks, one to cancel statements.
const CONTROL_CONNECTIONS: u32 = 2;

/// The state of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// Its name.
    pub name: &'static str,
    /// Open connections.
    pub open: u32,
    /// Open connections that are idle.
    pub idle: u32,
    /// The largest number of connections.
    pub max: u32,
}

impl Store {
    /// Opens the database and checks that its tables are those of this build.
    ///
    /// Blocks. Errors: Unavailable when it cannot be reached, InvalidState when its tables are behind or ahead.
    pub fn open(options: &StoreOptions) -> Result<Self> {
        match schema_state(&options.location)? {
            SchemaState::Current => {}
            SchemaState::Ahead(unknown) => return Err(migrations::ahead(&unknown)),
            SchemaState::Behind(missing) => {
                return Err(Error::invalid_state(format!(
                    "the migrations `{}` have not been applied to the database: run `modelport migrate`",
                    missing.join("`, `")
                )));
            }
        }
        let session = match &options.location {
            Location::Postgres(url) => Session::find_out(url, options.prepared_statements, options.answer_timeout)?,
            Location::Sqlite(_) => Session::SHARED,
        };
        let open = |name, purpose, size| BoundedPool::open(name, options, purpose, session, size);
        let control = Arc::new(open("control", Use::Read, CONTROL_CONNECTIONS));
        let long_reads = Arc::new(Semaphore::new((options.pool_size as usize / 2).max(1)));
        Ok(match options.location {
            Location::Postgres(_) => {
                let pool = Arc::new(open("postgres", Use::Write, options.pool_size).controlled_by(&control));
                Self { readers: Arc::clone(&pool), writers: pool, long_reads, control }
            }
            Location::Sqlite(_) => Self {
                readers: Arc::new(open("readers", Use::Read, options.pool_size)),
                writers: Arc::new(open("writer", Use::Write, 1)),
                long_reads,
                control,
            },
        })
    }

    /// Runs `work` in a read-only transaction over one snapshot.
    ///
    /// `work` may run more than once: it is retried, bounded, when the database lost a lock or a connection, or when it
    /// returns a Conflict.
    /// What it reads for the answer to a request counts towards the memory of answers.
    ///
    /// It is cancelled at its deadline, or when the caller drops the returned future.
    ///
    /// Errors: what `work` returns; Unavailable when no connection is free in time, or the database does not answer in time.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        self.run_read(Use::Read, None, work).await
    }

    /// Runs `work` as [`Store::read`] does, for reads whose cost the client decides, as by a filter. They use at most half of the
    /// connections, so that they do not block other reads.
    ///
    /// Retried and failing as [`Store::read`].
    pub async fn read_long<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        self.run_read(Use::Read, Some(&self.long_reads), work).await
    }

    /// Runs `work`, which reads by a single statement. That sees one snapshot anyway, and saves the round trips that begin and end
    /// a transaction.
    ///
    /// Retried and failing as [`Store::read`].
    pub async fn read_once<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        self.run_read(Use::ReadOnce, None, work).await
    }

    /// Runs a read. If there is no memory for its answer, waits for memory without a connection, and reads again.
    async fn run_read<T: Send + 'static>(
        &self,
        purpose: Use,
        turns: Option<&Arc<Semaphore>>,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let work = Arc::new(work);
        loop {
            let turn = match turns {
                Some(turns) => Some(self.readers.acquire(turns).await?),
                None => None,
            };
            let once = Arc::clone(&work);
            let read = self.readers.run(purpose, turn, move |tx| once(tx)).await;
            match Answer::current().filter(|_| is_unavailable(&read)) {
                Some(answer) if answer.make_room().await? => {}
                _ => return read,
            }
        }
    }

    /// Runs `work` in a transaction that commits if it returns Ok and is rolled back otherwise.
    ///
    /// Retried and failing as [`Store::read`]. A connection lost while committing is not retried, because the outcome of the commit
    /// is unknown. So is that of a transaction that timed out.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writers.run(Use::Write, None, work).await
    }

    /// Queries the database over a connection of its own: busy pools are no reason to take this server out of service.
    pub async fn check(&self) -> Result<()> {
        let ask = |tx: &mut Tx<'_>| {
            use diesel::RunQueryDsl as _;
            diesel::sql_query("SELECT 1").execute(tx.conn).db()?;
            Ok(())
        };
        self.control.run(Use::Read, None, ask).await
    }

    /// Which database it is.
    pub fn kind(&self) -> &'static str {
        if Arc::ptr_eq(&self.readers, &self.writers) { "postgresql" } else { "sqlite" }
    }

    /// The state of each pool.
    pub fn pools(&self) -> Vec<PoolStatus> {
        let mut pools = vec![self.readers.status()];
        if !Arc::ptr_eq(&self.readers, &self.writers) {
            pools.push(self.writers.status());
        }
        pools
    }
}

fn is_unavailable<T>(read: &Result<T>) -> bool {
    read.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable)
}
