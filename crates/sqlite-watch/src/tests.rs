//! With Diesel, whose connections are the ones that are watched.

use std::thread;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};

use super::*;

/// It counts up for minutes, and then succeeds: no test has to look at the clock to see that it was interrupted.
const LONG: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000000000) SELECT max(x) FROM n";

fn open(path: &str) -> (SqliteConnection, Watch) {
    let own = Watch::default();
    let (conn, installed) = watch(&own, || SqliteConnection::establish(path).unwrap());
    assert!(installed);
    (conn, own)
}

fn run(conn: &mut SqliteConnection, sql: &str) -> Result<(), String> {
    diesel::sql_query(sql).execute(conn).map(drop).map_err(|error| error.to_string())
}

fn strong(watch: &Watch) -> usize {
    Arc::strong_count(&watch.0)
}

#[test]
fn a_statement_ends_at_its_deadline() {
    let (mut conn, own) = open(":memory:");
    let start = Instant::now();
    own.begin(start + Duration::from_millis(100));
    assert_eq!(run(&mut conn, LONG), Err("interrupted".to_owned()));
    assert!(start.elapsed() >= Duration::from_millis(100));
    // Later ones do not begin to run long either, until the time is another.
    assert_eq!(run(&mut conn, LONG), Err("interrupted".to_owned()));
    own.begin(Instant::now() + Duration::from_secs(60));
    run(&mut conn, "SELECT 1").unwrap();
    own.begin(Instant::now());
    own.end();
    run(&mut conn, &LONG.replace("10000000000", "100000")).unwrap();
}

#[test]
fn a_statement_ends_when_it_is_stopped_from_another_thread() {
    let (mut conn, own) = open(":memory:");
    own.begin(Instant::now() + Duration::from_secs(600));
    let stopper = own.clone();
    let stopping = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        stopper.stop();
    });
    assert_eq!(run(&mut conn, LONG), Err("interrupted".to_owned()));
    stopping.join().unwrap();
    own.end();
    run(&mut conn, "SELECT 1").unwrap();
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Integer>)]
    found: Option<i32>,
}

fn like(conn: &mut SqliteConnection, condition: &str) -> Result<Option<i32>, String> {
    let query = diesel::sql_query(format!("SELECT {condition} AS found"));
    query.get_result::<Found>(conn).map(|row| row.found).map_err(|error| error.to_string())
}

#[test]
fn like_compares_case_and_takes_what_sqlite_takes() {
    let (mut conn, _own) = open(":memory:");
    for (condition, found) in [
        ("'Abc' LIKE 'A_c'", Some(1)),
        ("'abc' LIKE 'A_c'", Some(0)),
        ("'abc' NOT LIKE 'A_c'", Some(1)),
        ("'10%' LIKE '10\\%' ESCAPE '\\'", Some(1)),
        ("'10%' LIKE '10\\%'", Some(0)),
        ("'éa' LIKE 'xé%' ESCAPE 'x'", Some(1)),
        ("'a' LIKE '%é' ESCAPE 'é'", Some(0)),
        ("12 LIKE '1%'", Some(1)),
        ("x'6162' LIKE 'a_'", Some(1)),
        ("x'ff' LIKE '_'", Some(1)),
        ("NULL LIKE '%'", None),
        ("'a' LIKE NULL", None),
        ("'a' LIKE 'a' ESCAPE NULL", None),
    ] {
        assert_eq!(like(&mut conn, condition), Ok(found), "{condition}");
    }
    let refused = like(&mut conn, "'a' LIKE 'a' ESCAPE 'ab'").unwrap_err();
    assert_eq!(refused, "ESCAPE expression must be a single character");
}

#[test]
fn a_single_like_ends_at_the_deadline() {
    let (mut conn, own) = open(":memory:");
    let texts = |pattern: &str, text: &str| {
        format!(
            "replace(hex(zeroblob({text})), '0', 'a') LIKE '%' || replace(hex(zeroblob(120)), '0', 'a') || '{pattern}'"
        )
    };
    // It would take SQLite's own LIKE minutes; how much is compared is counted in `pattern`.
    assert_eq!(like(&mut conn, &texts("b%", "2000000")), Ok(Some(0)));
    // Where the interruption is lost it has an answer: no, as above.
    own.begin(Instant::now() + Duration::from_millis(100));
    assert_eq!(like(&mut conn, &texts("_b%", "2000000")), Err("interrupted".to_owned()));
    own.begin(Instant::now());
    assert_eq!(like(&mut conn, &texts("b%", "40000")), Err("interrupted".to_owned()));
    own.end();
    assert_eq!(like(&mut conn, &texts("b%", "40000")), Ok(Some(0)));
}

#[test]
fn an_interrupted_write_leaves_nothing() {
    let (mut conn, own) = open(":memory:");
    conn.batch_execute("CREATE TABLE t (x INTEGER)").unwrap();
    own.begin(Instant::now() + Duration::from_millis(50));
    let filling = format!("INSERT INTO t {}", LONG.replace("max(x)", "x"));
    assert_eq!(run(&mut conn, &filling), Err("interrupted".to_owned()));
    own.end();
    run(&mut conn, "INSERT INTO t SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM t)").unwrap();
    conn.batch_execute("CREATE UNIQUE INDEX one ON t ((1))").unwrap();
}

#[test]
fn connections_have_watches_of_their_own() {
    let (mut slow, stopped) = open(":memory:");
    let (mut quick, _other) = open(":memory:");
    let mut unwatched = SqliteConnection::establish(":memory:").unwrap();
    stopped.begin(Instant::now());
    assert!(run(&mut slow, LONG).is_err());
    for conn in [&mut quick, &mut unwatched] {
        run(conn, &LONG.replace("10000000000", "100000")).unwrap();
    }
}

#[test]
fn a_connection_that_is_closed_lets_go_of_its_watch() {
    let (conn, own) = open(":memory:");
    assert!(strong(&own) > 1);
    drop(conn);
    assert_eq!(strong(&own), 1);
    // Nobody is there any more.
    own.stop();
    let (mut conn, own) = open(":memory:");
    drop(own);
    run(&mut conn, "SELECT 1").unwrap();
}

#[test]
fn nothing_is_watched_that_was_not_opened() {
    let own = Watch::default();
    let ((), installed) = watch(&own, || ());
    assert!(!installed);
    let (opened, installed) = watch(&own, || SqliteConnection::establish("/nowhere/at/all.db").is_ok());
    assert!(!opened && strong(&own) == 1, "{installed}");
    let panicked = std::panic::catch_unwind(|| watch::<u8>(&own, || panic!("on purpose")));
    assert!(panicked.is_err());
    drop(SqliteConnection::establish(":memory:").unwrap());
    assert_eq!(strong(&own), 1);
}

#[test]
fn a_watch_may_be_used_while_its_connection_closes() {
    let (conn, own) = open(":memory:");
    let used = own.clone();
    let using = thread::spawn(move || {
        for _ in 0..100_000 {
            used.begin(Instant::now());
            used.stop();
        }
    });
    drop(conn);
    using.join().unwrap();
    assert_eq!(strong(&own), 1);
}
