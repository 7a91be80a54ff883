//! Transactions: all or nothing, retried where that helps, and never in the way of the next.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use modelport::domain::{Draft, Error, ErrorKind, LogicalType, NodeId};
use modelport::store::{Tx, nodes};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    an_error_leaves_no_trace,
    an_error_in_sql_leaves_no_trace,
    a_conflict_is_retried,
    a_lasting_conflict_surfaces,
    other_errors_are_not_retried,
    a_panic_is_internal_and_holds_no_lock,
    many_panics_leave_the_pool_whole,
    a_read_cannot_write,
    a_read_sees_one_snapshot,
    a_write_waits_for_another_of_the_same_node,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;

pub fn insert(tx: &mut Tx<'_>, name: &str) -> modelport::domain::Result<NodeId> {
    let draft = Draft::named(name.parse()?).with("owner", Some("me"));
    Ok(nodes::insert(tx, MODEL, None, &draft, 1)?.id)
}

async fn an_error_leaves_no_trace(backend: Backend) {
    let scene = Scene::new(backend);
    let fail = |tx: &mut Tx<'_>| {
        insert(tx, "m")?;
        Err::<(), _>(Error::invalid("field", "no"))
    };
    let error = scene.store.write(fail).await.unwrap_err();
    assert_eq!((error.kind(), error.message(), error.field()), (ErrorKind::InvalidArgument, "no", Some("field")));
    assert_eq!((scene.count("nodes"), scene.count("properties")), (0, 0));
}

async fn an_error_in_sql_leaves_no_trace(backend: Backend) {
    let scene = Scene::new(backend);
    scene.model("taken").await;
    let fail = |tx: &mut Tx<'_>| {
        insert(tx, "m")?;
        insert(tx, "taken")
    };
    assert_eq!(scene.store.write(fail).await.unwrap_err().kind(), ErrorKind::NameTaken);
    assert_eq!((scene.count("nodes"), scene.count("properties")), (1, 0));
    scene.model("m").await;
}

async fn a_conflict_is_retried(backend: Backend) {
    let scene = Scene::new(backend);
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let work = move |tx: &mut Tx<'_>| {
        let id = insert(tx, "m")?;
        match counter.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Error::new(ErrorKind::Conflict, "somebody else")),
            _ => Ok(id),
        }
    };
    let id = scene.store.write(work).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(scene.count("nodes"), 1);
    assert!(scene.find(id).await.is_some());
}

async fn runs(scene: &Scene, kind: ErrorKind) -> u32 {
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let work = move |tx: &mut Tx<'_>| {
        counter.fetch_add(1, Ordering::SeqCst);
        insert(tx, "m")?;
        Err::<(), _>(Error::new(kind, "no"))
    };
    assert_eq!(scene.store.write(work).await.unwrap_err().kind(), kind);
    assert_eq!(scene.count("nodes"), 0);
    runs.load(Ordering::SeqCst)
}

async fn a_lasting_conflict_surfaces(backend: Backend) {
    let runs = runs(&Scene::new(backend), ErrorKind::Conflict).await;
    assert!((2..20).contains(&runs), "{runs}");
}

async fn other_errors_are_not_retried(backend: Backend) {
    let scene = Scene::new(backend);
    let kinds = [ErrorKind::NotFound, ErrorKind::AlreadyExists, ErrorKind::Internal, ErrorKind::Unavailable];
    for kind in kinds.into_iter().chain([ErrorKind::InvalidState]) {
        assert_eq!(runs(&scene, kind).await, 1, "{kind:?}");
    }
}

async fn a_panic_is_internal_and_holds_no_lock(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    let panic = move |tx: &mut Tx<'_>| -> modelport::domain::Result<()> {
        nodes::increment_revision(tx, MODEL, id, None, 2)?;
        insert(tx, "other")?;
        panic!("on purpose")
    };
    let error = scene.store.write(panic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!error.message().contains("on purpose"), "{error}");
    // Over another connection, which would never get a lock that the pool still holds.
    let limit = if backend == Backend::Postgres { "SET lock_timeout = '10s';" } else { "" };
    scene.database.execute(&format!("{limit} UPDATE nodes SET uri = 'u' WHERE id = {id}"));
    let model = scene.find(id).await.unwrap();
    assert_eq!((model.revision, model.uri.as_deref()), (1, Some("u")));
    assert_eq!(scene.count("nodes"), 1);
}

async fn many_panics_leave_the_pool_whole(backend: Backend) {
    let scene = Scene::new(backend);
    for _ in 0..10 {
        let panic = |_: &mut Tx<'_>| -> modelport::domain::Result<()> { panic!("on purpose") };
        assert_eq!(scene.store.write(panic).await.unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!(scene.store.read(panic).await.unwrap_err().kind(), ErrorKind::Internal);
    }
    let work = (0..20).map(|number| scene.store.write(move |tx| insert(tx, &format!("m{number}"))));
    assert!(futures_util::future::join_all(work).await.iter().all(Result::is_ok));
}

async fn a_read_cannot_write(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    assert_eq!(scene.store.read(|tx| insert(tx, "other")).await.unwrap_err().kind(), ErrorKind::Internal);
    assert!(scene.store.read(move |tx| nodes::increment_revision(tx, MODEL, id, None, 2)).await.is_err());
    assert!(scene.store.read(move |tx| nodes::delete(tx, id)).await.is_err());
    assert_eq!(scene.count("nodes"), 1);
    assert_eq!(scene.find(id).await.unwrap().revision, 1);
    scene.store.check().await.unwrap();
}

/// Runs `work` up to where it calls its argument, and on once the returned sender says so.
pub fn stopped<T: Send + 'static>(
    run: impl FnOnce(Box<dyn Fn() + Send + Sync>) -> T,
) -> (T, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (arrived, has_arrived) = mpsc::channel();
    let (proceed, may_continue) = mpsc::channel();
    let may_continue = Mutex::new(may_continue);
    let stop = move || {
        arrived.send(()).unwrap();
        may_continue.lock().unwrap().recv().unwrap();
    };
    (run(Box::new(stop)), has_arrived, proceed)
}

pub async fn arrival(has_arrived: mpsc::Receiver<()>) {
    tokio::task::spawn_blocking(move || has_arrived.recv().unwrap()).await.unwrap();
}

async fn a_read_sees_one_snapshot(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    let store = scene.store.clone();
    let (reading, has_read, proceed) = stopped(|stop| {
        let work = move |tx: &mut Tx<'_>| {
            let before = nodes::find(tx, id)?.unwrap().revision;
            stop();
            Ok((before, nodes::find(tx, id)?.unwrap().revision))
        };
        tokio::spawn(async move { store.read(work).await })
    });
    arrival(has_read).await;
    scene.store.write(move |tx| nodes::increment_revision(tx, MODEL, id, None, 2)).await.unwrap().unwrap();
    proceed.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (1, 1));
    assert_eq!(scene.find(id).await.unwrap().revision, 2);
}

async fn a_write_waits_for_another_of_the_same_node(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    let store = scene.store.clone();
    let (first, has_touched, proceed) = stopped(|stop| {
        let work = move |tx: &mut Tx<'_>| {
            let node = nodes::increment_revision(tx, MODEL, id, None, 2)?.unwrap();
            stop();
            Ok(node.revision)
        };
        tokio::spawn(async move { store.write(work).await })
    });
    arrival(has_touched).await;
    let store = scene.store.clone();
    let second =
        tokio::spawn(async move { store.write(move |tx| nodes::increment_revision(tx, MODEL, id, Some(1), 3)).await });
    assert_eq!(scene.find(id).await.unwrap().revision, 1);
    proceed.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 2);
    assert_eq!(second.await.unwrap().unwrap(), None);
}
