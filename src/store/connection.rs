//! One connection type over both databases, and how it is opened, checked and put to use.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{
    AnsiTransactionManager, Connection as _, InstrumentationEvent, SimpleConnection as _, TransactionManager,
};
use diesel::{ConnectionError, ConnectionResult, PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection};

use super::error::is_contention;
use crate::domain::{Error, Result};

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
            $crate::store::connection::AnyConnection::Postgres($conn) => $query,
            $crate::store::connection::AnyConnection::Sqlite($conn) => $query,
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
/// PostgreSQL keeps that plan, and makes that for a short array anew each time, as if a shorter one were worth another plan.
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
pub(super) enum Access {
    Read,
    /// Read by one statement, which needs no transaction around it.
    ReadOnce,
    Write,
}

/// Opens one connection.
pub(super) fn establish(location: &Location, access: Access) -> ConnectionResult<AnyConnection> {
    match location {
        Location::Postgres(url) => {
            // Left to itself, OpenSSL cleans up at exit, under the feet of a thread that is still connecting.
            openssl_sys::init();
            let mut conn = PgConnection::establish(&with_defaults(url))?;
            conn.batch_execute("SET client_min_messages = warning")
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(AnyConnection::Postgres(conn))
        }
        Location::Sqlite(path) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::create_dir_all(folder).map_err(|error| {
                    ConnectionError::BadConnection(format!("cannot create folder `{}`: {error}", folder.display()))
                })?;
            }
            let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
            let query_only = access == Access::Read;
            conn.batch_execute(&format!(
                "PRAGMA busy_timeout = 5000;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA case_sensitive_like = ON;
                 PRAGMA temp_store = MEMORY;
                 PRAGMA query_only = {query_only};"
            ))
            .and_then(|()| log_ahead(&mut conn))
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(AnyConnection::Sqlite(conn))
        }
    }
}

/// Turns a new database to write-ahead logging; one that is turned stays so.
///
/// SQLite does not wait for another connection that is just about to do the same, so that the waiting is done here.
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

/// Without these a server that vanished would hold a request until TCP gives up, a quarter of an hour later; and one that had
/// taken a statement before it vanished, two hours later, as nothing is sent to it any more that it could fail to take.
fn with_defaults(url: &str) -> String {
    let mut url = url.to_owned();
    for (key, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("application_name", "modelport"),
    ] {
        if !url.contains(key) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{key}={value}");
        }
    }
    url
}

/// Begins a transaction: reads see one snapshot, SQLite's writes take the lock at once.
pub(super) fn begin(connection: &mut AnyConnection, access: Access) -> QueryResult<()> {
    match (connection, access) {
        (_, Access::ReadOnce) => Ok(()),
        (AnyConnection::Postgres(conn), Access::Read) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        }
        // Said aloud, because a server may have another default, under which a wait for a lock ends in stale reads.
        (AnyConnection::Postgres(conn), Access::Write) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL READ COMMITTED")
        }
        (AnyConnection::Sqlite(conn), Access::Read) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
        (AnyConnection::Sqlite(conn), Access::Write) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
    }
}

/// Commits what [`begin`] began.
pub(super) fn commit(connection: &mut AnyConnection, access: Access) -> QueryResult<()> {
    if access == Access::ReadOnce {
        return Ok(());
    }
    on_each!(connection, conn => AnsiTransactionManager::commit_transaction(conn))
}

/// Rolls back what [`begin`] began.
pub(super) fn roll_back(connection: &mut AnyConnection, access: Access) -> QueryResult<()> {
    if access == Access::ReadOnce {
        return Ok(());
    }
    on_each!(connection, conn => AnsiTransactionManager::rollback_transaction(conn))
}

/// A pooled connection, with the time it was used last and whether it failed in a way that leaves it useless.
pub(super) struct Pooled {
    pub(super) inner: AnyConnection,
    pub(super) used: Instant,
    pub(super) broken: bool,
}

/// Opens and checks the pool's connections.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) location: Location,
    pub(super) access: Access,
}

/// A connection that was used this recently is not asked whether it still works: that costs a round trip a request, and
/// one that broke meanwhile fails at BEGIN, where starting over is safe.
const FRESH: Duration = Duration::from_secs(1);

/// The log's name for statements; they are there at `trace`.
const STATEMENTS: &str = "modelport::store::sql";

/// Logs a statement with what is bound, for whoever wants to see its plan.
fn log_statement(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        log::trace!(target: STATEMENTS, "{query}");
    }
}

impl diesel::r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let mut inner = establish(&self.location, self.access).map_err(diesel::r2d2::Error::ConnectionError)?;
        if let AnyConnection::Postgres(conn) = &mut inner {
            // A filter can be made to cost any time, and goes on when its caller has left. Migrations are not pooled.
            conn.batch_execute("SET statement_timeout = '60s'").map_err(diesel::r2d2::Error::QueryError)?;
        }
        if log::log_enabled!(target: STATEMENTS, log::Level::Trace) {
            inner.set_instrumentation(log_statement);
        }
        Ok(Pooled { inner, used: Instant::now(), broken: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.used.elapsed() < FRESH {
            return Ok(());
        }
        diesel::sql_query("SELECT 1").execute(&mut pooled.inner).map(drop).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        // What panicked has left its transaction open: closing the connection rolls it back and lets its locks go.
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

    #[test]
    fn what_the_url_says_wins_over_the_defaults() {
        let url = with_defaults("postgres://h/d?connect_timeout=1");
        assert!(url.contains("connect_timeout=1&tcp_user_timeout=10000"), "{url}");
        assert!(with_defaults("postgres://h/d").starts_with("postgres://h/d?connect_timeout=5&"));
    }
}
