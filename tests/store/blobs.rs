//! Blobs: one for each digest, which stays while a file needs it.

use std::collections::BTreeSet;
use std::sync::mpsc;

use modelport::domain::{Blob, NodeId, Result, Sha256};
use modelport::store::{Tx, blobs, files};

use super::{Scene, text_file};
use crate::support::{Backend, on_both};

on_both! {
    a_digest_has_one_blob,
    many_that_bring_one_digest_get_one_blob,
    only_old_blobs_without_files_are_unreferenced,
    deleting_unreferenced_blobs_returns_them,
    a_blob_that_is_being_linked_is_not_deleted,
    known_keys_are_those_that_hold_a_blob,
}

fn digest(byte: u8) -> Sha256 {
    Sha256::from_bytes([byte; 32])
}

impl Scene {
    async fn blob(&self, byte: u8, now: i64) -> Blob {
        let key = format!("key-{byte}");
        let insert = move |tx: &mut Tx<'_>| blobs::get_or_insert(tx, digest(byte), u64::from(byte), &key, now);
        self.store.write(insert).await.unwrap()
    }

    async fn holder(&self) -> NodeId {
        let model = self.model("m").await;
        let version = self.version(&model, "1").await;
        self.artifact(&version, "a").await.id
    }
}

fn link(tx: &mut Tx<'_>, node: NodeId, blob: &Blob) -> Result<()> {
    files::put_all(tx, &[text_file(node, blob.key.parse()?, blob.clone(), 1)])
}

async fn a_digest_has_one_blob(backend: Backend) {
    let scene = Scene::new(backend);
    let first = scene.blob(1, 10).await;
    assert_eq!((first.sha256, first.size, first.key.as_str()), (digest(1), 1, "key-1"));
    let again = scene.store.write(|tx| blobs::get_or_insert(tx, digest(1), 1, "other", 20)).await.unwrap();
    assert_eq!(again, first);
    let empty = scene.store.write(|tx| blobs::get_or_insert(tx, digest(2), 0, "empty", 20)).await.unwrap();
    let large = scene.store.write(|tx| blobs::get_or_insert(tx, digest(3), 1 << 62, "large", 20)).await.unwrap();
    assert_eq!((empty.size, large.size), (0, 1 << 62));
    assert_eq!(scene.count("blobs"), 3);
}

async fn many_that_bring_one_digest_get_one_blob(backend: Backend) {
    let scene = Scene::new(backend);
    let inserts = (0..32).map(|number| {
        let key = format!("key-{number}");
        scene.store.write(move |tx| blobs::get_or_insert(tx, digest(1), 5, &key, 1))
    });
    let blobs = futures_util::future::join_all(inserts).await.into_iter().map(Result::unwrap);
    let different: BTreeSet<_> = blobs.map(|blob| (blob.id, blob.key)).collect();
    assert_eq!(different.len(), 1);
    assert_eq!(scene.count("blobs"), 1);
}

async fn only_old_blobs_without_files_are_unreferenced(backend: Backend) {
    let scene = Scene::new(backend);
    let holder = scene.holder().await;
    let used = scene.blob(1, 10).await;
    scene.store.write(move |tx| link(tx, holder, &used)).await.unwrap();
    let (old, older) = (scene.blob(2, 11).await, scene.blob(3, 10).await);
    scene.blob(4, 12).await;
    let last = scene.store.read(blobs::last_id).await.unwrap();
    let unreferenced = |from, to| scene.store.read(move |tx| blobs::unreferenced(tx, 12, from..=to));
    assert_eq!(unreferenced(1, last).await.unwrap(), [old.clone(), older]);
    assert_eq!(unreferenced(old.id, old.id).await.unwrap(), std::slice::from_ref(&old));
    assert_eq!(unreferenced(1, old.id - 1).await.unwrap(), []);
    assert_eq!(scene.count("blobs"), 4);
}

async fn deleting_unreferenced_blobs_returns_them(backend: Backend) {
    let scene = Scene::new(backend);
    let holder = scene.holder().await;
    let used = scene.blob(1, 10).await;
    scene.store.write(move |tx| link(tx, holder, &used)).await.unwrap();
    for byte in 2..=6 {
        scene.blob(byte, 10).await;
    }
    let last = scene.store.read(blobs::last_id).await.unwrap();
    let delete = |from, to| scene.store.write(move |tx| blobs::delete_unreferenced(tx, 11, from..=to));
    let mut gone: Vec<_> = delete(1, last - 2).await.unwrap();
    assert_eq!(gone.len(), 3);
    gone.extend(delete(1, last).await.unwrap());
    let keys: BTreeSet<_> = gone.into_iter().map(|blob| blob.key).collect();
    assert_eq!(keys, (2..=6).map(|byte| format!("key-{byte}")).collect());
    assert!(delete(1, last).await.unwrap().is_empty());
    assert_eq!(scene.count("blobs"), 1);
}

async fn a_blob_that_is_being_linked_is_not_deleted(backend: Backend) {
    let scene = Scene::new(backend);
    let holder = scene.holder().await;
    scene.blob(1, 10).await;
    let (linked, is_linked) = mpsc::channel();
    let (proceed, may_continue) = mpsc::channel::<()>();
    let may_continue = std::sync::Mutex::new(may_continue);
    let store = scene.store.clone();
    let link_and_wait = move |tx: &mut Tx<'_>| {
        let blob = blobs::get_or_insert(tx, digest(1), 1, "other", 20)?;
        link(tx, holder, &blob)?;
        linked.send(()).unwrap();
        may_continue.lock().unwrap().recv().unwrap();
        Ok(())
    };
    let linking = tokio::spawn(async move { store.write(link_and_wait).await });
    tokio::task::spawn_blocking(move || is_linked.recv().unwrap()).await.unwrap();
    let store = scene.store.clone();
    let deleting =
        tokio::spawn(async move { store.write(|tx| blobs::delete_unreferenced(tx, 100, 1..=i64::MAX)).await });
    if backend == Backend::Postgres {
        // It either waits for the lock or has passed by it.
        let waiting = "SELECT 'x' AS line FROM pg_stat_activity WHERE datname = current_database()
                       AND wait_event_type = 'Lock'";
        while !deleting.is_finished() && scene.database.lines(waiting).is_empty() {}
    }
    proceed.send(()).unwrap();
    linking.await.unwrap().unwrap();
    assert_eq!(deleting.await.unwrap().unwrap(), []);
    assert_eq!((scene.count("blobs"), scene.count("files")), (1, 1));
}

async fn known_keys_are_those_that_hold_a_blob(backend: Backend) {
    let scene = Scene::new(backend);
    scene.blob(1, 10).await;
    scene.blob(2, 10).await;
    let mut keys: Vec<_> = (0..2500).map(|number| format!("unknown-{number}")).collect();
    keys[7] = "key-1".into();
    keys[2400] = "key-2".into();
    assert_eq!(scene.store.read(move |tx| blobs::known_keys(tx, &keys)).await.unwrap(), ["key-1", "key-2"]);
    assert!(scene.store.read(|tx| blobs::known_keys(tx, &[])).await.unwrap().is_empty());
}
