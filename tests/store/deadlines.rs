//! When a transaction ends that nobody waits for any more, or whose time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use modelport::domain::filter::kubeflow;
use modelport::domain::{Draft, ErrorKind, LogicalType, NodeId, Result, Selection};
use modelport::store::nodes;
use modelport::store::{PreparedStatements, Store, StoreOptions, Tx};

use super::Scene;
use crate::support::{Backend, Database, on_both};

on_both! {
    a_statement_ends_with_its_time,
    a_statement_ends_when_its_caller_leaves,
    work_of_many_short_statements_ends_too,
    a_write_continues_without_its_caller,
    however_busy_it_is_the_database_can_be_asked_whether_it_answers,
    long_reads_keep_no_others_waiting,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;
/// What ends at once may take this long on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// A store with one connection for reads, over a few values that take long to be compared.
async fn slow(backend: Backend, answer_timeout: Duration) -> Scene {
    let scene = Scene::new(backend);
    for number in 0..60 {
        let mut draft = Draft::named(format!("m{number}").parse().unwrap());
        draft.custom.insert("p".to_owned(), "a".repeat(30_000).as_str().into());
        scene.insert(MODEL, None, draft, 1).await.unwrap();
    }
    Scene { store: open(&scene.database, answer_timeout), ..scene }
}

fn open(database: &Database, answer_timeout: Duration) -> Store {
    Store::open(&options(database, answer_timeout)).unwrap()
}

fn options(database: &Database, answer_timeout: Duration) -> StoreOptions {
    StoreOptions {
        location: database.location.clone(),
        pool_size: 1,
        acquire_timeout: Duration::from_secs(60),
        answer_timeout,
        prepared_statements: PreparedStatements::default(),
    }
}

/// A list that takes half a minute.
fn list(tx: &mut Tx<'_>) -> Result<usize> {
    let part = "a".repeat(124);
    let pattern = format!("p LIKE '%{part}_{part}b%'");
    let filter = kubeflow::parse(&vec![pattern; 16].join(" OR "), &|_| None)?;
    let selection = Selection { filter: Some(filter), ..Selection::of(MODEL) };
    Ok(nodes::list(tx, &selection, None, 100)?.len())
}

async fn a_statement_ends_with_its_time(backend: Backend) {
    let scene = slow(backend, Duration::from_secs(1)).await;
    let start = Instant::now();
    let error = scene.store.read(list).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the database does not answer"));
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    // The only connection is free again, and as good as before.
    for _ in 0..3 {
        assert!(scene.find(NodeId(1)).await.is_some());
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

async fn a_statement_ends_when_its_caller_leaves(backend: Backend) {
    let scene = slow(backend, Duration::from_secs(600)).await;
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let read = scene.store.read(move |tx| {
        begins.store(true, Ordering::Relaxed);
        list(tx)
    });
    tokio::time::timeout(Duration::from_secs(2), read).await.unwrap_err();
    assert!(begun.load(Ordering::Relaxed));
    let start = Instant::now();
    for _ in 0..3 {
        assert!(scene.find(NodeId(1)).await.is_some());
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

async fn work_of_many_short_statements_ends_too(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    let store = open(&scene.database, Duration::from_millis(500));
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let endless = move |tx: &mut Tx<'_>| -> Result<()> {
        counted.fetch_add(1, Ordering::Relaxed);
        loop {
            nodes::find(tx, id)?;
        }
    };
    assert_eq!(store.read(endless).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let start = Instant::now();
    store.read(move |tx| nodes::find(tx, id)).await.unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(runs.load(Ordering::Relaxed), 1, "what has no time left is not retried");
}

async fn a_write_continues_without_its_caller(backend: Backend) {
    let scene = Scene::new(backend);
    let write = scene.store.write(|tx| {
        let draft = Draft::named("m".parse().unwrap());
        let made = nodes::insert(tx, MODEL, None, &draft, 1)?;
        std::thread::sleep(Duration::from_millis(600));
        nodes::increment_revision(tx, MODEL, made.id, None, 2)
    });
    tokio::time::timeout(Duration::from_millis(200), write).await.unwrap_err();
    let start = Instant::now();
    while scene.count("nodes") == 0 {
        assert!(start.elapsed() < SOON, "the write took place");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.find(NodeId(1)).await.unwrap().revision, 2);
}

async fn however_busy_it_is_the_database_can_be_asked_whether_it_answers(backend: Backend) {
    let scene = slow(backend, Duration::from_secs(2)).await;
    let mut reads: Vec<_> = (0..8).map(|_| Box::pin(scene.store.read(list))).collect();
    let asking = async {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            let asked = Instant::now();
            scene.store.check().await.unwrap();
            assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        }
    };
    tokio::select! {
        () = asking => {}
        _ = futures_util::future::join_all(&mut reads) => panic!("the reads were over before"),
    }
    drop(reads);
    let start = Instant::now();
    assert!(scene.find(NodeId(1)).await.is_some());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

async fn long_reads_keep_no_others_waiting(backend: Backend) {
    let scene = slow(backend, Duration::from_secs(60)).await;
    let of_scene = options(&scene.database, Duration::from_secs(600));
    let store = Store::open(&StoreOptions { pool_size: 4, acquire_timeout: SOON, ..of_scene }).unwrap();
    let mut begun: Vec<_> = (0..2).map(|_| Box::pin(store.read_long(list))).collect();
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // A third one gets no connection, though there are two more, which everybody else has.
        let third = store.read_long(list);
        let reading = async {
            for _ in 0..20 {
                let asked = Instant::now();
                store.read(|tx| nodes::find(tx, NodeId(1))).await.unwrap();
                assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let (third, ()) = tokio::join!(third, reading);
        let error = third.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the database is busy"));
    };
    tokio::select! {
        () = others => {}
        _ = futures_util::future::join_all(&mut begun) => panic!("the reads were over before"),
    }
    drop(begun);
    // What nobody waits for any more gives its turn back.
    let start = Instant::now();
    store.read_long(|tx| nodes::find(tx, NodeId(1))).await.unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}
