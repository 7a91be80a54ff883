//! What tests stand on: a database of their own on either backend, and a registry over it.

pub mod certificates;

use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};
use modelport::store::{self, Location, Store, StoreOptions};
use tempfile::TempDir;

/// Makes a test on each database of every sentence: an async function that takes the [`Backend`].
macro_rules! on_both {
    ($($sentence:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                super::$sentence($crate::support::Backend::Sqlite).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                super::$sentence($crate::support::Backend::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// The same of sentences about an app, which needs a runtime of actix's.
macro_rules! on_both_in_actix {
    ($($sentence:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[actix_web::test]
            async fn $sentence() {
                super::$sentence($crate::support::Backend::Sqlite).await;
            })*
        }
        mod on_postgres {
            $(#[actix_web::test]
            async fn $sentence() {
                super::$sentence($crate::support::Backend::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_both_in_actix;

/// The databases that every test of the store runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A migrated database that goes away with this value.
pub struct Database {
    pub location: Location,
    _folder: TempDir,
    postgres: Option<(String, String)>,
}

/// The server whose URL is in `MODELPORT_TEST_POSTGRES`; a missing server is an error, never a skipped test.
pub fn postgres_server() -> String {
    std::env::var("MODELPORT_TEST_POSTGRES").expect("MODELPORT_TEST_POSTGRES is not set: run `make test`")
}

impl Database {
    pub fn new(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let location = Location::Sqlite(folder.path().join("modelport.db"));
                store::migrate(&location).unwrap();
                Self { location, _folder: folder, postgres: None }
            }
            Backend::Postgres => Self::postgres(folder, Some(template())),
        }
    }

    /// A database without tables.
    pub fn empty(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let location = Location::Sqlite(folder.path().join("modelport.db"));
                Self { location, _folder: folder, postgres: None }
            }
            Backend::Postgres => Self::postgres(folder, None),
        }
    }

    fn postgres(folder: TempDir, template: Option<&str>) -> Self {
        let server = postgres_server();
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let from = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        on_server(&server, &format!("CREATE DATABASE {name}{from}"));
        let location = Location::Postgres(at(&server, &name));
        Self { location, _folder: folder, postgres: Some((server, name)) }
    }

    /// What a statement gives that selects one text column named `line`, over a connection of its own.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match &self.location {
            Location::Postgres(url) => sql_query(sql).load(&mut PgConnection::establish(url).unwrap()).unwrap(),
            Location::Sqlite(path) => sql_query(sql).load(&mut sqlite(path)).unwrap(),
        };
        rows.into_iter().map(|row| row.line).collect()
    }

    /// How the database would run a statement with parameters whose values it does not know.
    pub fn plan(&self, sql: &str) -> Vec<String> {
        match &self.location {
            Location::Postgres(url) => {
                let mut conn = PgConnection::establish(url).unwrap();
                let parameters = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
                let prepare =
                    format!("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; PREPARE q AS {sql}");
                conn.batch_execute(&prepare).unwrap();
                let explain = format!("EXPLAIN EXECUTE q({})", vec!["NULL"; parameters].join(", "));
                let rows: Vec<PostgresStep> = sql_query(explain).load(&mut conn).unwrap();
                rows.into_iter().map(|row| row.step).collect()
            }
            Location::Sqlite(path) => {
                let rows: Vec<SqliteStep> =
                    sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut sqlite(path)).unwrap();
                rows.into_iter().map(|row| row.detail).collect()
            }
        }
    }

    /// Runs statements over a connection of its own.
    pub fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap();
    }

    /// Runs statements that may fail over a connection of its own.
    pub fn try_execute(&self, sql: &str) -> diesel::QueryResult<()> {
        match &self.location {
            Location::Postgres(url) => PgConnection::establish(url).unwrap().batch_execute(sql),
            Location::Sqlite(path) => sqlite(path).batch_execute(sql),
        }
    }

    pub fn open(&self) -> Store {
        self.open_with(4)
    }

    pub fn open_with(&self, pool_size: u32) -> Store {
        Store::open(&StoreOptions {
            location: self.location.clone(),
            pool_size,
            acquire_timeout: std::time::Duration::from_secs(20),
            answer_timeout: std::time::Duration::from_secs(60),
            prepared_statements: store::PreparedStatements::default(),
        })
        .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.postgres {
            on_server(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct PostgresStep {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    step: String,
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn sqlite(path: &std::path::Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON").unwrap();
    conn
}

fn on_server(server: &str, sql: &str) {
    PgConnection::establish(server).unwrap().batch_execute(sql).unwrap();
}

/// The server's URL with another database.
fn at(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(name);
    url.into()
}

/// Migrated once for the whole run: copying it is quicker than migrating each test's database.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let server = postgres_server();
        let name = format!("template_{}", uuid::Uuid::new_v4().simple());
        on_server(&server, &format!("CREATE DATABASE {name}"));
        store::migrate(&Location::Postgres(at(&server, &name))).unwrap();
        name
    })
}
