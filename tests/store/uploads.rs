//! Uploads under way: whoever takes the row owns the object, and only one does.

use modelport::store::resumable::{self, Resumable};
use modelport::store::{Tx, uploads};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    an_upload_is_taken_once,
    one_of_many_takes_an_upload,
    a_condemned_upload_stays_until_it_is_removed,
    an_upload_that_is_seen_is_not_abandoned,
    a_taken_upload_is_not_seen,
    abandoned_uploads_are_listed_in_order,
    known_keys_are_those_under_way,
    nobody_resumes_an_upload_whose_object_is_gone,
}

impl Scene {
    async fn begin(&self, key: &'static str, now: i64) {
        self.store.write(move |tx| uploads::insert(tx, key, now)).await.unwrap();
    }

    async fn take(&self, key: &'static str) -> bool {
        self.store.write(move |tx| uploads::take_all(tx, &[key])).await.unwrap()
    }

    async fn condemn(&self, key: &'static str, before: i64) -> bool {
        self.store.write(move |tx| uploads::condemn(tx, key, before)).await.unwrap()
    }

    async fn abandoned(&self, before: i64, limit: i64) -> Vec<String> {
        self.store.read(move |tx| uploads::abandoned(tx, before, limit)).await.unwrap()
    }
}

async fn an_upload_is_taken_once(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 1).await;
    scene.begin("b", 1).await;
    assert!(!scene.take("c").await);
    assert!(scene.take("a").await);
    assert!(!scene.take("a").await);
    assert!(!scene.condemn("a", 100).await);
    assert!(scene.condemn("b", 100).await);
    assert!(!scene.take("b").await);
}

async fn one_of_many_takes_an_upload(backend: Backend) {
    let scene = Scene::new(backend);
    for _ in 0..4 {
        scene.begin("a", 1).await;
        let takes = (0..16).map(|number| {
            let take = move |tx: &mut Tx<'_>| match number % 2 {
                0 => uploads::take_all(tx, &["a"]).map(|taken| (taken, false)),
                _ => uploads::condemn(tx, "a", 100).map(|condemned| (false, condemned)),
            };
            scene.store.write(take)
        });
        let outcomes: Vec<_> =
            futures_util::future::join_all(takes).await.into_iter().map(modelport::domain::Result::unwrap).collect();
        let taken = outcomes.iter().filter(|(taken, _)| *taken).count();
        let condemned = outcomes.iter().any(|(_, condemned)| *condemned);
        assert!(taken == usize::from(!condemned), "{outcomes:?}");
        scene.store.write(|tx| uploads::remove(tx, "a")).await.unwrap();
        assert_eq!(scene.count("uploads"), 0);
    }
}

async fn a_condemned_upload_stays_until_it_is_removed(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 50).await;
    scene.store.write(|tx| uploads::remove(tx, "a")).await.unwrap();
    assert_eq!(scene.abandoned(10, 10).await, [""; 0]);
    assert!(scene.condemn("a", 51).await);
    assert!(!scene.take("a").await);
    assert_eq!(scene.abandoned(10, 10).await, ["a"]);
    // Whoever was interrupted may come again.
    assert!(scene.condemn("a", 10).await);
    scene.store.write(|tx| uploads::remove(tx, "a")).await.unwrap();
    assert!(!scene.condemn("a", 51).await);
    assert_eq!(scene.count("uploads"), 0);
}

async fn an_upload_that_is_seen_is_not_abandoned(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 10).await;
    assert!(!scene.condemn("a", 10).await);
    assert!(scene.store.write(|tx| uploads::record_heartbeat(tx, "a", 20)).await.unwrap());
    assert!(!scene.condemn("a", 20).await);
    assert!(scene.condemn("a", 21).await);
}

async fn a_taken_upload_is_not_seen(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 10).await;
    assert!(scene.take("a").await);
    scene.begin("b", 10).await;
    assert!(scene.condemn("b", 11).await);
    for key in ["a", "b"] {
        assert!(!scene.store.write(move |tx| uploads::record_heartbeat(tx, key, 20)).await.unwrap(), "{key}");
    }
}

async fn abandoned_uploads_are_listed_in_order(backend: Backend) {
    let scene = Scene::new(backend);
    for (key, now) in [("c", 5), ("a", 9), ("b", 10), ("d", 1)] {
        scene.begin(key, now).await;
    }
    assert_eq!(scene.abandoned(10, 10).await, ["c", "a", "d"]);
    assert_eq!(scene.abandoned(10, 2).await, ["c", "a"]);
}

async fn known_keys_are_those_under_way(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 1).await;
    scene.begin("b", 1).await;
    assert!(scene.take("a").await);
    let keys = ["a", "b", "c"].map(ToOwned::to_owned);
    assert_eq!(scene.store.read(move |tx| uploads::known_keys(tx, &keys)).await.unwrap(), ["b"]);
}

async fn nobody_resumes_an_upload_whose_object_is_gone(backend: Backend) {
    let scene = Scene::new(backend);
    for (key, finished_at) in [("unfinished", None), ("finished", Some(1))] {
        scene.begin(key, 1).await;
        let text = String::new;
        let row = Resumable {
            id: key.to_owned(),
            key: key.to_owned(),
            model: text(),
            version: text(),
            path: text(),
            media_type: None,
            sha256: None,
            creates: true,
            metadata: text(),
            length: 1,
            position: 0,
            digest: Vec::new(),
            sent: 0,
            parts: 0,
            multipart: None,
            unverified_from: None,
            lease: text(),
            lease_until: 0,
            created_at: 1,
            expires_at: 1000,
            finished_at,
            direct_part: None,
            concat: None,
            principal_id: None,
            workspace_id: 1,
        };
        scene.store.write(move |tx| resumable::insert(tx, &row)).await.unwrap();
        let remains = async || scene.store.read(move |tx| resumable::find(tx, key)).await.unwrap().is_some();
        scene.store.write(move |tx| uploads::remove(tx, key)).await.unwrap();
        assert!(remains().await, "its object is not condemned");
        assert!(scene.condemn(key, 100).await);
        assert!(remains().await);
        scene.store.write(move |tx| uploads::remove(tx, key)).await.unwrap();
        assert_eq!(remains().await, finished_at.is_some());
    }
}
