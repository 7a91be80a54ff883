//! Migrations: each reverts, a database that is ahead is refused, and whoever comes second finds the work done.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use diesel::migration::MigrationSource;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use modelport::domain::ErrorKind;
use modelport::store::{
    Location, PreparedStatements, SchemaState, Store, StoreOptions, migrate, revert_all, schema_state,
};

use super::introspection::{self, Schema};
use crate::support::{Backend, Database, on_both};

on_both! {
    migrating_twice_changes_nothing,
    every_migration_reverts,
    all_of_them_revert_and_come_back,
    an_unmigrated_database_is_not_opened,
    a_newer_database_is_refused,
    many_may_migrate_an_empty_database_at_once,
    many_may_look_at_an_empty_database_at_once,
}

fn options(database: &Database) -> StoreOptions {
    StoreOptions {
        location: database.location.clone(),
        pool_size: 2,
        acquire_timeout: Duration::from_secs(20),
        answer_timeout: Duration::from_secs(60),
        prepared_statements: PreparedStatements::default(),
    }
}

/// How many migrations there are.
fn count() -> usize {
    std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres")).unwrap().count()
}

/// The tables, and the rows that the migrations put there.
fn dump(backend: Backend, database: &Database) -> (Schema, Vec<String>) {
    let schema = introspection::of(backend, database);
    let has = |table: &str| schema.columns.iter().any(|column| column.starts_with(table));
    let mut rows = Vec::new();
    if has("types.") {
        rows.extend(database.lines("SELECT id || ' ' || name AS line FROM types ORDER BY id"));
        rows.extend(
            database.lines("SELECT type_id || ' ' || name AS line FROM type_properties ORDER BY type_id, name"),
        );
    }
    (schema, rows)
}

async fn migrating_twice_changes_nothing(backend: Backend) {
    let database = Database::empty(backend);
    let applied = migrate(&database.location).unwrap();
    assert_eq!(applied.len(), count(), "{applied:?}");
    assert!(applied.iter().zip(1..).all(|(name, number)| name.starts_with(&format!("{number:04}"))), "{applied:?}");
    let before = dump(backend, &database);
    assert!(migrate(&database.location).unwrap().is_empty());
    assert_eq!(dump(backend, &database), before);
    assert_eq!(schema_state(&database.location).unwrap(), SchemaState::Current);
}

async fn every_migration_reverts(backend: Backend) {
    let database = Database::empty(backend);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    match &database.location {
        Location::Postgres(url) => {
            let migrations = FileBasedMigrations::from_path(format!("{folder}/postgres")).unwrap();
            step_by_step(PgConnection::establish(url).unwrap(), migrations, || dump(backend, &database));
        }
        Location::Sqlite(path) => {
            let migrations = FileBasedMigrations::from_path(format!("{folder}/sqlite")).unwrap();
            let conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            step_by_step(conn, migrations, || dump(backend, &database));
        }
    }
}

fn step_by_step<C>(mut conn: C, migrations: FileBasedMigrations, dump: impl Fn() -> (Schema, Vec<String>))
where
    C: MigrationHarness<C::Backend> + Connection,
    C::Backend: diesel::backend::Backend,
    FileBasedMigrations: MigrationSource<C::Backend>,
{
    let mut steps = 0;
    while conn.has_pending_migration(migrations.clone()).unwrap() {
        let before = dump();
        let name = conn.run_next_migration(migrations.clone()).unwrap().to_string();
        let after = dump();
        assert_ne!(after, before, "{name}");
        conn.revert_last_migration(migrations.clone()).unwrap();
        assert_eq!(dump(), before, "{name} reverted");
        conn.run_next_migration(migrations.clone()).unwrap();
        assert_eq!(dump(), after, "{name} again");
        steps += 1;
    }
    assert_eq!(steps, count());
}

async fn all_of_them_revert_and_come_back(backend: Backend) {
    let database = Database::new(backend);
    let before = dump(backend, &database);
    database.execute("INSERT INTO types (kind, name) VALUES (1, 'mine')");
    database.execute("DELETE FROM types WHERE name = 'mine'");
    revert_all(&database.location).unwrap();
    assert_eq!(dump(backend, &database), (Schema::default(), Vec::new()));
    assert_eq!(migrate(&database.location).unwrap().len(), count());
    assert_eq!(dump(backend, &database), before);
}

async fn an_unmigrated_database_is_not_opened(backend: Backend) {
    let database = Database::empty(backend);
    let SchemaState::Behind(missing) = schema_state(&database.location).unwrap() else { panic!("not behind") };
    assert_eq!(missing.len(), count());
    let error = Store::open(&options(&database)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(missing.iter().all(|name| error.message().contains(name)), "{error}");
    assert!(error.message().contains("modelport migrate"), "{error}");
    migrate(&database.location).unwrap();
    Store::open(&options(&database)).unwrap().check().await.unwrap();
}

async fn a_newer_database_is_refused(backend: Backend) {
    let database = Database::new(backend);
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    let before = dump(backend, &database);
    assert_eq!(schema_state(&database.location).unwrap(), SchemaState::Ahead(vec!["9999".to_owned()]));
    let errors = [migrate(&database.location).unwrap_err(), Store::open(&options(&database)).err().unwrap()];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert!(error.message().contains("newer") && error.message().contains("`9999`"), "{error}");
    }
    assert_eq!(dump(backend, &database), before);
}

/// Runs `work` on eight threads that start together.
fn at_once<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Arc::new(Barrier::new(8));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (start, work) = (Arc::clone(&start), &work);
                scope.spawn(move || {
                    start.wait();
                    work()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

async fn many_may_migrate_an_empty_database_at_once(backend: Backend) {
    for _ in 0..8 {
        let database = Database::empty(backend);
        let mut applied: Vec<_> = at_once(|| migrate(&database.location).unwrap().len());
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, 0, 0, 0, 0, 0, count()]);
        assert_eq!(schema_state(&database.location).unwrap(), SchemaState::Current);
    }
}

async fn many_may_look_at_an_empty_database_at_once(backend: Backend) {
    for _ in 0..4 {
        let database = Database::empty(backend);
        for state in at_once(|| schema_state(&database.location).unwrap()) {
            assert!(matches!(state, SchemaState::Behind(missing) if missing.len() == count()));
        }
    }
}
