//! One connection type over both databases, and how it is opened, checked and used.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{
    AnsiTransactionManager, Connection as _, InstrumentationEvent, SimpleConnection as _, TransactionManager,
};
use diesel::{ConnectionError, ConnectionResult, PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection};
use sqlite_watch::Watch;

use super::deadline::Running;
use super::error::is_contention;
use super::postgres::{self, Session, millis};
use modelport_domain::{Error, Result};

/// A connection to either database; queries that both understand run on it as they are.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Runs an expression that needs a concrete backend, such as a multi-row insert or ON CONFLICT, on whichever it is.
macro_rules! on_each {
    ($connection:expr, $conn:ident => $query:expr) => {
        match $connection {
            $crate::connection::AnyConnection::Postgres($conn) => $query,
            $crate::connection::AnyConnection::Sqlite($conn) => $query,
        }
    };
}
pub(super) use on_each;

/// Orders a boxed query by a key and then by id, and continues it after the key and id of `$after`, both by reference.
macro_rules! keyset {
    ($query:expr, $key:expr, $id:expr, $after:expr, $descending:expr) => {{
        let query = match ($after, $descending) {
            (None, _) => $query,
            (Some((value, id)), false) => $query.filter($key.ge(value)).filter($key.gt(value).or($id.gt(id))),
            (Some((value, id)), true) => $query.filter($key.le(value)).filter($key.lt(value).or($id.lt(id))),
        };
        if $descending { query.order(($key.desc(), $id.desc())) } else { query.order(($key.asc(), $id.asc())) }
    }};
}
pub(super) use keyset;

/// Narrows a query to the rows whose column is one of these ids, and does `$use` with it. One id is compared by itself:
/// PostgreSQL keeps that plan, and makes that for a short array again each time, as if a shorter one were worth another plan.
macro_rules! among {
    ($query:expr, $column:expr, $ids:expr, $narrowed:ident => $use:expr) => {
        match $ids {
            [one] => {
                let $narrowed = $query.filter($column.eq(*one));
                $use
            }
            many => {
                let $narrowed = $query.filter($column.eq_any(many.to_vec()));
                $use
            }
        }
    };
}
pub(super) use among;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A server, by its URL.
    Postgres(String),
    /// A file.
    Sqlite(PathBuf),
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err(Error::invalid("database.url", "`sqlite://` names no file"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(Error::invalid("database.url", "the database URL starts with neither `sqlite://` nor `postgres://`"))
    }
}

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    /// Read by one statement, which needs no transaction around it.
    ReadOnce,
    Write,
}

/// An open connection, and how to cancel its statements.
pub(super) struct Opened {
    pub(super) conn: AnyConnection,
    pub(super) running: Running,
}

/// Opens one connection; `session` matters to PostgreSQL alone.
pub(super) fn establish(location: &Location, purpose: Use, session: Session) -> ConnectionResult<Opened> {
    match location {
        Location::Postgres(url) => postgres::establish(url, session),
        Location::Sqlite(path) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::create_dir_all(folder).map_err(|error| {
                    ConnectionError::BadConnection(format!("cannot create folder `{}`: {error}", folder.display()))
                })?;
            }
            let watch = Watch::default();
            let (conn, watched) = sqlite_watch::watch(&watch, || SqliteConnection::establish(&path.to_string_lossy()));
            let mut conn = conn?;
            if !watched {
                return Err(ConnectionError::BadConnection("the connection cannot be watched".to_owned()));
            }
            let query_only = purpose == Use::Read;
            conn.batch_execute(&format!(
                "PRAGMA busy_timeout = 5000;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA temp_store = MEMORY;
                 PRAGMA query_only = {query_only};"
            ))
            .and_then(|()| log_ahead(&mut conn))
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(Opened { conn: AnyConnection::Sqlite(conn), running: Running::Sqlite(watch) })
        }
    }
}

/// Switches a new database to write-ahead logging, which is persistent.
///
/// Retries here, because SQLite does not wait for another connection that is doing the same.
fn log_ahead(conn: &mut SqliteConnection) -> QueryResult<()> {
    let mut pause = Duration::from_millis(1);
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            Err(error) if is_contention(&error) && pause < Duration::from_secs(2) => thread::sleep(pause),
            turned => return turned,
        }
        pause *= 2;
    }
}

/// Begins a transaction: reads see one snapshot, SQLite's writes take the lock at once.
///
/// `limit` is the statement time-out, where PostgreSQL has to be told in each transaction.
pub(super) fn begin(connection: &mut AnyConnection, purpose: Use, limit: Option<Duration>) -> QueryResult<()> {
    match (connection, purpose) {
        (_, Use::ReadOnce) => Ok(()),
        (AnyConnection::Postgres(conn), _) => {
            // Explicit, because a server may have another default, under which a wait for a lock ends in stale reads.
            let begin = match purpose {
                Use::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
                Use::Read | Use::ReadOnce => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            };
            let limited = limit.map(|limit| format!("{begin}; SET LOCAL statement_timeout = {}", millis(limit)));
            AnsiTransactionManager::begin_transaction_sql(conn, limited.as_deref().unwrap_or(begin))
        }
        (AnyConnection::Sqlite(conn), Use::Read) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
        (AnyConnection::Sqlite(conn), Use::Write) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
    }
}

/// Commits what [`begin`] began.
pub(super) fn commit(connection: &mut AnyConnection, purpose: Use) -> QueryResult<()> {
    if purpose == Use::ReadOnce {
        return Ok(());
    }
    on_each!(connection, conn => AnsiTransactionManager::commit_transaction(conn))
}

/// Rolls back what [`begin`] began.
pub(super) fn roll_back(connection: &mut AnyConnection, purpose: Use) -> QueryResult<()> {
    if purpose == Use::ReadOnce {
        return Ok(());
    }
    on_each!(connection, conn => AnsiTransactionManager::rollback_transaction(conn))
}

/// A pooled connection, with the time of its last use and whether it is unusable.
pub(super) struct Pooled {
    pub(super) inner: AnyConnection,
    pub(super) running: Running,
    pub(super) used: Instant,
    pub(super) broken: bool,
}

/// Opens and checks the pool's connections.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) location: Location,
    pub(super) purpose: Use,
    pub(super) session: Session,
}

/// A connection that was used this recently is not checked: that would cost a round trip per request, and a connection that broke
/// meanwhile fails at BEGIN, where a retry is safe.
const CHECK_IF_IDLE_FOR: Duration = Duration::from_secs(1);

/// The log's name for statements; they are there at `trace`.
const STATEMENTS: &str = "modelport::store::sql";

/// Logs a statement with its parameters, so that its plan can be looked up.
fn log_statement(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        log::trace!(target: STATEMENTS, "{query}");
    }
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let opened = establish(&self.location, self.purpose, self.session);
        let Opened { conn: mut inner, running } = opened.map_err(diesel::r2d2::Error::ConnectionError)?;
        if log::log_enabled!(target: STATEMENTS, log::Level::Trace) {
            inner.set_instrumentation(log_statement);
        }
        Ok(Pooled { inner, running, used: Instant::now(), broken: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.used.elapsed() < CHECK_IF_IDLE_FOR {
            return Ok(());
        }
        diesel::sql_query("SELECT 1").execute(&mut pooled.inner).map(drop).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        // After a panic the transaction is still open: closing the connection rolls it back and releases its locks.
        pooled.broken || std::thread::panicking()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_file_or_a_server() {
        assert_eq!("sqlite:///a/b.db".parse::<Location>().unwrap(), Location::Sqlite("/a/b.db".into()));
        assert_eq!("sqlite://./b.db".parse::<Location>().unwrap(), Location::Sqlite("./b.db".into()));
        assert!(matches!("postgres://u:p@h/d".parse::<Location>().unwrap(), Location::Postgres(_)));
        for bad in ["", "sqlite://", "mysql://h/d", "/a/b.db"] {
            assert_eq!(bad.parse::<Location>().unwrap_err().field(), Some("database.url"));
        }
    }
}
