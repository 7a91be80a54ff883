//! What only a server can do to a transaction: choose it to end a deadlock, or lose its connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use modelport::domain::LogicalType;
use modelport::store::{Tx, nodes};

use super::Scene;
use super::transactions::{arrival, insert, stopped};
use crate::support::Backend;

const MODEL: LogicalType = LogicalType::RegisteredModel;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_retried() {
    let scene = Scene::new(Backend::Postgres);
    let (a, b) = (scene.model("a").await.id, scene.model("b").await.id);
    let both_hold_one = Arc::new(Barrier::new(2));
    let crossing = [(a, b), (b, a)].map(|(first, second)| {
        let both_hold_one = Arc::clone(&both_hold_one);
        let runs = AtomicU32::new(0);
        scene.store.write(move |tx| {
            nodes::increment_revision(tx, MODEL, first, None, 2)?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                both_hold_one.wait();
            }
            nodes::increment_revision(tx, MODEL, second, None, 2)?;
            Ok(runs.load(Ordering::SeqCst))
        })
    });
    let runs: Vec<_> = futures_util::future::join_all(crossing).await.into_iter().map(Result::unwrap).collect();
    assert!(runs.iter().sum::<u32>() > 2, "nobody was in the other's way: {runs:?}");
    for id in [a, b] {
        assert_eq!(scene.find(id).await.unwrap().revision, 3);
    }
}

fn lose_connections(scene: &Scene) {
    let lost = "SELECT CAST(pg_terminate_backend(pid, 10000) AS TEXT) AS line FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!scene.database.lines(lost).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_replaced() {
    let scene = Scene::new(Backend::Postgres);
    let id = scene.model("m").await.id;
    for round in 2..6 {
        lose_connections(&scene);
        let touched =
            scene.store.write(move |tx| nodes::increment_revision(tx, MODEL, id, None, 2)).await.unwrap().unwrap();
        assert_eq!(touched.revision, round);
        scene.store.check().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_in_the_middle_is_no_harm() {
    let scene = Scene::new(Backend::Postgres);
    let id = scene.model("m").await.id;
    let store = scene.store.clone();
    let (writing, has_touched, proceed) = stopped(|stop| {
        let runs = AtomicU32::new(0);
        let work = move |tx: &mut Tx<'_>| {
            nodes::increment_revision(tx, MODEL, id, None, 2)?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                stop();
            }
            insert(tx, "other")
        };
        tokio::spawn(async move { store.write(work).await })
    });
    arrival(has_touched).await;
    lose_connections(&scene);
    proceed.send(()).unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!((scene.find(id).await.unwrap().revision, scene.count("nodes")), (2, 2));
}
