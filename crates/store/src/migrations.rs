//! Brings the database's tables up to this build, under a lock, and refuses a database that is ahead of it.

use std::collections::BTreeSet;

use diesel::dsl::{select, sql};
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::sql_types::{BigInt, Bool};
use diesel::{Connection as _, QueryResult, RunQueryDsl as _, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{AnyConnection, Location, Use, establish};
use super::postgres::Session;
use crate::error::{TransactionError, is_deadlock};
use modelport_domain::{Error, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Any number, the same in every build: the advisory lock under which one process migrates.
const LOCK: i64 = 0x6d6f_6465_6c70_6f72;

/// How often migrating is begun before it fails.
const MAX_ATTEMPTS: u32 = 10;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Which migrations a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration of this build is applied.
    Current,
    /// These migrations of this build are not applied yet.
    Behind(Vec<String>),
    /// The database has migrations that this build does not know.
    Ahead(Vec<String>),
}

/// Applies what is missing and returns its names. A database that is ahead is left alone and an error.
///
/// Servers of the previous release go on meanwhile: where PostgreSQL ends the migration because of a deadlock, it begins again.
pub fn migrate(location: &Location) -> Result<Vec<String>> {
    let mut attempt = 1;
    loop {
        match migrate_once(location) {
            Err(error) if attempt < MAX_ATTEMPTS && is_deadlock(&error) => {
                log::info!("the migration was ended by a deadlock with other users of the database, and begins again");
                attempt += 1;
            }
            migrated => return migrated,
        }
    }
}

fn migrate_once(location: &Location) -> Result<Vec<String>> {
    let migrated = match connect(location)? {
        AnyConnection::Postgres(mut conn) => {
            // The lock is the transaction's, because a pooler may stand between; it goes with it whatever happens.
            conn.transaction(|conn| {
                sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(LOCK).execute(conn)?;
                Ok(apply(conn, || POSTGRES)?)
            })
        }
        AnyConnection::Sqlite(mut conn) => conn.immediate_transaction(|conn| Ok(apply(conn, || SQLITE)?)),
    };
    migrated.map_err(|TransactionError(error)| error)
}

/// Which migrations the database has. Writes nothing, not even the table in which the migrations are counted.
pub fn schema_state(location: &Location) -> Result<SchemaState> {
    match connect(location)? {
        AnyConnection::Postgres(mut conn) => {
            let is_known = "to_regclass('__diesel_schema_migrations') IS NOT NULL";
            let is_known = select(sql::<Bool>(is_known)).get_result(&mut conn);
            state::<diesel::pg::Pg>(&mut conn, || POSTGRES, is_known)
        }
        AnyConnection::Sqlite(mut conn) => {
            let is_known = "EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')";
            let is_known = select(sql::<Bool>(is_known)).get_result(&mut conn);
            state::<diesel::sqlite::Sqlite>(&mut conn, || SQLITE, is_known)
        }
    }
}

/// Reverts every migration. The tests prove with it that each one reverts; no command offers it.
pub fn revert_all(location: &Location) -> Result<()> {
    let reverted = match connect(location)? {
        AnyConnection::Postgres(mut conn) => conn.revert_all_migrations(POSTGRES).map(drop),
        AnyConnection::Sqlite(mut conn) => conn.revert_all_migrations(SQLITE).map(drop),
    };
    reverted.map_err(|error| failed("cannot revert the migrations", error))
}

fn connect(location: &Location) -> Result<AnyConnection> {
    establish(location, Use::Write, Session::SHARED).map(|opened| opened.conn).map_err(|error| match location {
        Location::Postgres(_) => Error::unavailable("cannot connect to PostgreSQL").caused_by(error),
        Location::Sqlite(path) => {
            Error::unavailable(format!("cannot open the database file `{}`", path.display())).caused_by(error)
        }
    })
}

fn apply<C>(conn: &mut C, migrations: fn() -> EmbeddedMigrations) -> Result<Vec<String>>
where
    C: MigrationHarness<<C as diesel::Connection>::Backend> + diesel::Connection,
    <C as diesel::Connection>::Backend: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<<C as diesel::Connection>::Backend>,
{
    if let SchemaState::Ahead(unknown) = state(conn, migrations, Ok(true))? {
        return Err(ahead(&unknown));
    }
    let applied =
        conn.run_pending_migrations(migrations()).map_err(|error| failed("cannot migrate the database", error))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The error with which a database is refused that a newer build has migrated.
pub(super) fn ahead(unknown: &[String]) -> Error {
    Error::invalid_state(format!(
        "the database is newer than this build: it has the unknown migrations `{}`",
        unknown.join("`, `")
    ))
}

fn state<DB: diesel::backend::Backend>(
    conn: &mut impl MigrationHarness<DB>,
    migrations: fn() -> EmbeddedMigrations,
    is_known: QueryResult<bool>,
) -> Result<SchemaState>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let what = "cannot read which migrations are applied";
    let known: Vec<Box<dyn Migration<DB>>> = migrations().migrations().map_err(|error| failed(what, error))?;
    let applied: BTreeSet<_> = match is_known {
        Ok(true) => conn.applied_migrations().map_err(|error| failed(what, error))?.into_iter().collect(),
        Ok(false) => BTreeSet::new(),
        Err(error) => return Err(failed(what, error.into())),
    };
    let versions: BTreeSet<MigrationVersion<'static>> =
        known.iter().map(|migration| migration.name().version().as_owned()).collect();
    let unknown: Vec<_> = applied.difference(&versions).map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Ok(SchemaState::Ahead(unknown));
    }
    let missing: Vec<_> = known
        .iter()
        .filter(|migration| !applied.contains(&migration.name().version().as_owned()))
        .map(|migration| migration.name().to_string())
        .collect();
    Ok(if missing.is_empty() { SchemaState::Current } else { SchemaState::Behind(missing) })
}

fn failed(what: &str, error: AnyError) -> Error {
    Error::unavailable(what).caused_by(error)
}
