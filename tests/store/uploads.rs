//! Uploads under way: whoever takes the row owns the object, and only one does.

use modelport::store::{Tx, uploads};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    an_upload_is_taken_once,
    one_of_many_takes_an_upload,
    an_upload_that_is_seen_is_not_abandoned,
    a_taken_upload_is_not_seen,
    abandoned_uploads_are_listed_in_order,
    known_keys_are_those_under_way,
}

impl Scene {
    async fn begin(&self, key: &'static str, now: i64) {
        self.store.write(move |tx| uploads::insert(tx, key, now)).await.unwrap();
    }

    async fn take(&self, key: &'static str) -> bool {
        self.store.write(move |tx| uploads::take(tx, key)).await.unwrap()
    }

    async fn take_abandoned(&self, key: &'static str, before: i64) -> bool {
        self.store.write(move |tx| uploads::take_abandoned(tx, key, before)).await.unwrap()
    }
}

async fn an_upload_is_taken_once(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 1).await;
    scene.begin("b", 1).await;
    assert!(!scene.take("c").await);
    assert!(scene.take("a").await);
    assert!(!scene.take("a").await);
    assert!(!scene.take_abandoned("a", 100).await);
    assert!(scene.take_abandoned("b", 100).await);
    assert!(!scene.take("b").await);
}

async fn one_of_many_takes_an_upload(backend: Backend) {
    let scene = Scene::new(backend);
    for _ in 0..4 {
        scene.begin("a", 1).await;
        let takes = (0..16).map(|number| {
            let take = move |tx: &mut Tx<'_>| match number % 2 {
                0 => uploads::take(tx, "a"),
                _ => uploads::take_abandoned(tx, "a", 100),
            };
            scene.store.write(take)
        });
        let taken = futures_util::future::join_all(takes).await;
        assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1);
    }
}

async fn an_upload_that_is_seen_is_not_abandoned(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 10).await;
    assert!(!scene.take_abandoned("a", 10).await);
    assert!(scene.store.write(|tx| uploads::seen(tx, "a", 20)).await.unwrap());
    assert!(!scene.take_abandoned("a", 20).await);
    assert!(scene.take_abandoned("a", 21).await);
}

async fn a_taken_upload_is_not_seen(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 10).await;
    assert!(scene.take("a").await);
    assert!(!scene.store.write(|tx| uploads::seen(tx, "a", 20)).await.unwrap());
}

async fn abandoned_uploads_are_listed_in_order(backend: Backend) {
    let scene = Scene::new(backend);
    for (key, now) in [("c", 5), ("a", 9), ("b", 10), ("d", 1)] {
        scene.begin(key, now).await;
    }
    let abandoned = |limit| scene.store.read(move |tx| uploads::abandoned(tx, 10, limit));
    assert_eq!(abandoned(10).await.unwrap(), ["c", "a", "d"]);
    assert_eq!(abandoned(2).await.unwrap(), ["c", "a"]);
}

async fn known_keys_are_those_under_way(backend: Backend) {
    let scene = Scene::new(backend);
    scene.begin("a", 1).await;
    scene.begin("b", 1).await;
    assert!(scene.take("a").await);
    let keys = ["a", "b", "c"].map(ToOwned::to_owned);
    assert_eq!(scene.store.read(move |tx| uploads::known_keys(tx, &keys)).await.unwrap(), ["b"]);
}
