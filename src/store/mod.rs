//! The metadata graph in PostgreSQL or SQLite: the only place that knows SQL.
//!
//! [`Store::read`] and [`Store::write`] are the only way to a connection; one use case is one closure.

pub mod aliases;
pub mod blobs;
mod bulk;
pub mod changes;
mod connection;
mod error;
pub mod files;
mod filter;
pub mod graph;
pub mod idempotency;
pub mod inspections;
pub mod jobs;
mod kept;
pub mod lineage;
pub mod members;
pub mod metrics;
mod migrations;
mod mlflow;
pub mod nodes;
pub mod policies;
mod properties;
pub mod records;
pub mod resumable;
mod schema;
pub mod upkeep;
pub mod uploads;
pub mod whole;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use diesel::r2d2::{HandleError, Pool, PooledConnection};
use tokio::sync::Semaphore;

use crate::domain::{Error, ErrorKind, Result};
use connection::{Access, AnyConnection, Manager};

pub use connection::Location;
pub use migrations::{SchemaState, migrate, revert_all, schema_state};
pub use mlflow::MlflowDatabase;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the database is.
    pub location: Location,
    /// How many connections PostgreSQL is given, or SQLite's readers; SQLite has one writer besides.
    pub pool_size: u32,
    /// How long a request waits for a connection before it is told that the database is busy.
    pub acquire_timeout: Duration,
    /// How long it then waits for its transaction before it is told that nobody knows what comes of it.
    pub answer_timeout: Duration,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Arc<Lane>,
    writers: Arc<Lane>,
}

/// A transaction under way: what every query takes.
pub struct Tx<'a> {
    conn: &'a mut AnyConnection,
}

/// How a pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// Which pool.
    pub name: &'static str,
    /// Connections that are open.
    pub open: u32,
    /// Open connections that nobody uses right now.
    pub idle: u32,
    /// The most there may be.
    pub max: u32,
}

impl Store {
    /// Opens the database and checks that its tables are those of this build.
    ///
    /// Blocks. Errors: Unavailable when it cannot be reached, FailedPrecondition when its tables are behind or ahead.
    pub fn open(options: &Options) -> Result<Self> {
        match schema_state(&options.location)? {
            SchemaState::Current => {}
            SchemaState::Ahead(unknown) => return Err(migrations::ahead(&unknown)),
            SchemaState::Behind(missing) => {
                return Err(Error::new(
                    ErrorKind::FailedPrecondition,
                    format!("the database misses the migrations `{}`: run `modelport migrate`", missing.join("`, `")),
                ));
            }
        }
        Ok(match options.location {
            Location::Postgres(_) => {
                let lane = Arc::new(Lane::open("postgres", options, Access::Write, options.pool_size));
                Self { readers: Arc::clone(&lane), writers: lane }
            }
            Location::Sqlite(_) => Self {
                readers: Arc::new(Lane::open("readers", options, Access::Read, options.pool_size)),
                writers: Arc::new(Lane::open("writer", options, Access::Write, 1)),
            },
        })
    }

    /// Runs `work` in a read-only transaction over one snapshot.
    ///
    /// `work` may run more than once: it is retried, bounded, when the database lost a lock or a connection, or when it
    /// returns a Conflict.
    /// Errors: what `work` returns; Unavailable when no connection is to be had in time, or the database does not answer
    /// in time.
    pub async fn read<T: Send + 'static>(&self, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        self.readers.run(Access::Read, work).await
    }

    /// Runs `work`, which reads by one statement: that sees one snapshot by itself, and needs no round trips to begin and end
    /// a transaction.
    ///
    /// Retried and failing as [`Store::read`].
    pub async fn read_once<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(Access::ReadOnce, work).await
    }

    /// Runs `work` in a transaction that commits when it returns Ok and leaves no trace when it does not.
    ///
    /// Retried and failing as [`Store::read`]; a connection lost while committing is not retried, because nobody knows
    /// whether the commit took place. Nor does anybody know it of a transaction that was not answered in time.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writers.run(Access::Write, work).await
    }

    /// Really asks the database whether it answers.
    pub async fn check(&self) -> Result<()> {
        self.read(|tx| {
            use diesel::RunQueryDsl as _;
            diesel::sql_query("SELECT 1").execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// How the pools stand.
    pub fn pools(&self) -> Vec<PoolStatus> {
        let mut pools = vec![self.readers.status()];
        if !Arc::ptr_eq(&self.readers, &self.writers) {
            pools.push(self.writers.status());
        }
        pools
    }
}

/// A pool with the semaphore before it: whoever gets past it finds a connection without waiting.
struct Lane {
    name: &'static str,
    pool: Pool<Manager>,
    permits: Arc<Semaphore>,
    acquire_timeout: Duration,
    answer_timeout: Duration,
}

/// How often a transaction is begun anew before the caller is told to try later.
const ATTEMPTS: u32 = 6;

impl Lane {
    fn open(name: &'static str, options: &Options, access: Access, size: u32) -> Self {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .idle_timeout(Some(Duration::from_secs(300)))
            .connection_timeout(options.acquire_timeout)
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(Manager { location: options.location.clone(), access });
        let permits = Arc::new(Semaphore::new(size as usize));
        let Options { acquire_timeout, answer_timeout, .. } = *options;
        Self { name, pool, permits, acquire_timeout, answer_timeout }
    }

    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        access: Access,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = tokio::time::timeout(self.acquire_timeout, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Error::unavailable("the database is busy"))?
            .map_err(|_| Error::unavailable("the server is shutting down"))?;
        let lane = Arc::clone(self);
        let run = move || {
            // Held here and not by the caller, who may be gone before the work is.
            let _permit = permit;
            lane.run_blocking(access, work)
        };
        // A database that stands still keeps its connections, and no caller.
        match tokio::time::timeout(self.answer_timeout, tokio::task::spawn_blocking(run)).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(Error::internal("a transaction panicked").caused_by(error)),
            Err(late) => Err(Error::unavailable("the database does not answer").caused_by(late)),
        }
    }

    fn run_blocking<T>(&self, access: Access, work: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(access, &work) {
                Ok(value) => return Ok(value),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Retryably(error)) if attempt >= ATTEMPTS => return Err(error),
                Err(Failed::Retryably(error)) => error,
            };
            log::debug!(attempt, error = error.to_string().as_str(); "transaction begun anew");
            thread::sleep(Duration::from_millis(1 << attempt));
            attempt += 1;
        }
    }

    fn attempt<T>(&self, access: Access, work: &impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T, Failed> {
        let mut pooled = self.connection().map_err(Failed::Finally)?;
        pooled.used = Instant::now();
        if let Err(error) = connection::begin(&mut pooled.inner, access) {
            pooled.broken = true;
            return Err(Failed::Retryably(error.into()));
        }
        match work(&mut Tx { conn: &mut pooled.inner }) {
            Ok(value) => match connection::commit(&mut pooled.inner, access) {
                Ok(()) => Ok(value),
                Err(error) => {
                    let error = Error::from(error);
                    pooled.broken = connection::roll_back(&mut pooled.inner, access).is_err() || error::is_lost(&error);
                    if error::is_worth_retrying(&error) {
                        Err(Failed::Retryably(error))
                    } else {
                        Err(Failed::Finally(error))
                    }
                }
            },
            Err(error) => {
                pooled.broken = error::is_lost(&error) || connection::roll_back(&mut pooled.inner, access).is_err();
                if pooled.broken && error.kind() == ErrorKind::Internal {
                    return Err(Failed::Retryably(
                        Error::unavailable("the database cannot be used right now").caused_by(error),
                    ));
                }
                let again = error.kind() == ErrorKind::Conflict || error::is_worth_retrying(&error);
                if pooled.broken || again { Err(Failed::Retryably(error)) } else { Err(Failed::Finally(error)) }
            }
        }
    }

    fn connection(&self) -> Result<PooledConnection<Manager>> {
        self.pool.get().map_err(|error| Error::unavailable("the database cannot be reached").caused_by(error))
    }

    fn status(&self) -> PoolStatus {
        let state = self.pool.state();
        PoolStatus { name: self.name, open: state.connections, idle: state.idle_connections, max: self.pool.max_size() }
    }
}

enum Failed {
    Retryably(Error),
    Finally(Error),
}

#[derive(Debug)]
struct LogConnectionErrors;

impl HandleError<diesel::r2d2::Error> for LogConnectionErrors {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        log::warn!(error = error.to_string().trim(); "no connection to the database");
    }
}
