//! More callers than connections: they wait, and past the time limit they are told so.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::FutureExt as _;
use modelport::domain::{ErrorKind, Result};
use modelport::store::{PreparedStatements, Store, StoreOptions, Tx};
use tokio::task::JoinHandle;

use crate::support::{Backend, Database, on_both};

on_both! {
    callers_wait_for_a_connection,
    callers_past_the_time_limit_are_turned_away,
    a_caller_that_goes_away_leaves_its_place,
    pools_stay_within_their_size,
    readers_do_not_wait_for_a_writer,
    callers_time_out_when_the_database_hangs,
}

const SIZE: u32 = 2;

fn open(database: &Database, acquire_timeout: Duration) -> Store {
    open_with(database, acquire_timeout, Duration::from_secs(60))
}

fn open_with(database: &Database, acquire_timeout: Duration, answer_timeout: Duration) -> Store {
    let location = database.location.clone();
    let prepared_statements = PreparedStatements::default();
    Store::open(&StoreOptions { location, pool_size: SIZE, acquire_timeout, answer_timeout, prepared_statements })
        .unwrap()
}

/// Takes every connection there is for writes, until the returned sender is dropped.
async fn hold(backend: Backend, store: &Store) -> (mpsc::Sender<()>, Vec<JoinHandle<Result<()>>>) {
    let connections = if backend == Backend::Sqlite { 1 } else { SIZE };
    let (release, released) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    let (started, has_started) = mpsc::channel();
    let mut held = Vec::new();
    for _ in 0..connections {
        let (store, released, started) = (store.clone(), Arc::clone(&released), started.clone());
        let work = move |_: &mut Tx<'_>| {
            started.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            Ok(())
        };
        held.push(tokio::spawn(async move { store.write(work).await }));
    }
    // Work that never begins lets go of its end, and nobody waits for it.
    drop(started);
    let all_started = move || (0..connections).for_each(|_| has_started.recv().unwrap());
    tokio::task::spawn_blocking(all_started).await.unwrap();
    (release, held)
}

async fn all_end(held: Vec<JoinHandle<Result<()>>>) {
    for job in held {
        job.await.unwrap().unwrap();
    }
}

async fn callers_wait_for_a_connection(backend: Backend) {
    let database = Database::new(backend);
    let store = open(&database, Duration::from_secs(30));
    let (release, held) = hold(backend, &store).await;
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(store.write(|_| Ok(())))).collect();
    for caller in &mut waiting {
        assert!(caller.now_or_never().is_none());
    }
    drop(release);
    assert!(futures_util::future::join_all(waiting).await.iter().all(Result::is_ok));
    all_end(held).await;
}

async fn callers_past_the_time_limit_are_turned_away(backend: Backend) {
    let database = Database::new(backend);
    let store = open(&database, Duration::from_secs(1));
    let (release, held) = hold(backend, &store).await;
    let waiting = (0..5).map(|_| store.write(|_| Ok(())));
    for turned_away in futures_util::future::join_all(waiting).await {
        assert_eq!(turned_away.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    drop(release);
    all_end(held).await;
    store.write(|_| Ok(())).await.unwrap();
}

async fn a_caller_that_goes_away_leaves_its_place(backend: Backend) {
    let database = Database::new(backend);
    let store = open(&database, Duration::from_secs(30));
    let (release, held) = hold(backend, &store).await;
    for _ in 0..20 {
        let mut waiting = Box::pin(store.write(|_| Ok(())));
        assert!((&mut waiting).now_or_never().is_none());
    }
    let mut last = Box::pin(store.write(|_| Ok(7)));
    assert!((&mut last).now_or_never().is_none());
    drop(release);
    assert_eq!(last.await.unwrap(), 7);
    all_end(held).await;
}

async fn pools_stay_within_their_size(backend: Backend) {
    let database = Database::new(backend);
    let store = open(&database, Duration::from_secs(30));
    let (release, held) = hold(backend, &store).await;
    let pools = store.pools();
    let names: Vec<_> = pools.iter().map(|pool| pool.name).collect();
    let writer = pools.last().unwrap();
    match backend {
        Backend::Sqlite => assert_eq!((names, writer.max), (vec!["readers", "writer"], 1)),
        Backend::Postgres => assert_eq!((names, writer.max), (vec!["postgres"], SIZE)),
    }
    assert_eq!((writer.open, writer.idle), (writer.max, 0));
    drop(release);
    all_end(held).await;
    assert!(store.pools().iter().all(|pool| pool.open <= pool.max && pool.idle <= pool.open));
}

async fn readers_do_not_wait_for_a_writer(backend: Backend) {
    let database = Database::new(backend);
    let store = open(&database, Duration::from_secs(30));
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (started, has_started) = mpsc::channel();
    let writer = store.clone();
    let work = move |_: &mut Tx<'_>| {
        started.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        Ok(())
    };
    let held = tokio::spawn(async move { writer.write(work).await });
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    for _ in 0..5 {
        store.check().await.unwrap();
    }
    drop(release);
    held.await.unwrap().unwrap();
}

async fn callers_time_out_when_the_database_hangs(backend: Backend) {
    let database = Database::new(backend);
    // Long enough to open a connection on a busy machine: what has no time left when it gets one is not begun.
    let store = open_with(&database, Duration::from_secs(3), Duration::from_secs(3));
    let (release, held) = hold(backend, &store).await;
    for caller in held {
        let error = caller.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the database does not answer"));
    }
    // The connections are still taken.
    assert_eq!(store.write(|_| Ok(())).await.unwrap_err().message(), "the database is busy");
    drop(release);
    let mut attempts = 0;
    while store.write(|_| Ok(())).await.is_err() {
        attempts += 1;
        assert!(attempts < 100, "the connections come back");
    }
}
