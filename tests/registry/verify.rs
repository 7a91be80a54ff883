//! Verification: what is wrong is found, nothing else is, and an interrupted pass continues.

use std::time::Duration;

use modelport::blobs::{BodySize, Key};
use modelport::domain::{Damage, ErrorKind};
use modelport::registry::collected::Report;
use modelport::registry::verify::{Verification, Verified};

use super::{HOUR, Scene, body, digest, file};
use crate::support::{Backend, on_both};

on_both! {
    whole_blobs_are_whole,
    missing_and_damaged_blobs_are_found_and_repaired_by_an_upload,
    a_pass_that_was_cut_off_is_resumed,
    a_pass_can_be_restarted,
}

const ALL: Verification = Verification { bytes_per_second: None, restart: false };

impl Scene {
    async fn verify(&self) -> Verified {
        self.registry.upkeep.verify(&self.context, ALL, |_| {}).await.unwrap()
    }

    async fn filled(backend: Backend) -> Self {
        let scene = Self::new(backend).await;
        for (path, bytes) in [("a", "aaaa"), ("b", "bb"), ("c", "c"), ("d", "aaaa")] {
            scene.put(file("m", "1", path), bytes).await.unwrap();
        }
        scene
    }

    async fn key(&self, bytes: &str) -> Key {
        let sql = format!("SELECT key AS line FROM blobs WHERE sha256 = '{}'", digest(bytes));
        self.database.lines(&sql)[0].parse().unwrap()
    }

    async fn wrong(&self) -> Vec<(Damage, Vec<String>)> {
        let found = self.registry.upkeep.damaged(&self.context, 0, 10).await.unwrap();
        let paths = |files: Vec<_>| files.into_iter().map(|(_, path)| format!("{path}")).collect();
        found.into_iter().map(|wrong| (wrong.damage, paths(wrong.files))).collect()
    }
}

async fn whole_blobs_are_whole(backend: Backend) {
    let scene = Scene::filled(backend).await;
    let whole = Verified { blobs: 3, bytes: 7, all_blobs: 3, all_bytes: 7, ..Verified::default() };
    assert_eq!(scene.verify().await, whole);
    assert_eq!(scene.verify().await, whole);
    assert_eq!(scene.wrong().await, []);
}

async fn missing_and_damaged_blobs_are_found_and_repaired_by_an_upload(backend: Backend) {
    let scene = Scene::filled(backend).await;
    scene.blobs.delete(&scene.key("aaaa").await).await.unwrap();
    let damaged = scene.key("bb").await;
    scene.blobs.delete(&damaged).await.unwrap();
    scene.blobs.put(&damaged, BodySize::default(), body("xx")).await.unwrap();
    let found = scene.verify().await;
    assert_eq!((found.blobs, found.missing, found.damaged), (3, 1, 1));
    let wrong = [(Damage::Missing, vec!["a".to_owned(), "d".to_owned()]), (Damage::Damaged, vec!["b".to_owned()])];
    assert_eq!(scene.wrong().await, wrong);
    for (path, bytes) in [("other", "aaaa"), ("b", "bb")] {
        scene.put(file("m", "1", path), bytes).await.unwrap();
    }
    assert_eq!(scene.wrong().await, []);
    let found = scene.verify().await;
    assert_eq!((found.blobs, found.missing, found.damaged), (3, 0, 0));
    // The damaged object is nobody's any more.
    scene.pass(2 * HOUR);
    let report = scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    assert_eq!(report, Report { orphan_objects: 1, orphan_bytes: 2, ..Report::default() });
    scene.holds(5, 3, 3).await;
}

/// Verifies so slowly that the first blob is recorded before the second is read, and ends there as a process would that is
/// killed.
async fn cut_off(scene: &Scene) {
    let slow = Verification { bytes_per_second: Some(1), restart: false };
    let second = tokio::sync::Notify::new();
    let pass = scene.registry.upkeep.verify(&scene.context, slow, |now| {
        if now.bytes > 4 {
            second.notify_one();
        }
    });
    tokio::select! {
        ended = pass => panic!("the pass was not cut off: {ended:?}"),
        () = second.notified() => {}
    }
    let busy = scene.registry.upkeep.verify(&scene.context, ALL, |_| {}).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Locked);
    // Its lease ends by itself.
    scene.pass(Duration::from_secs(16));
}

async fn a_pass_that_was_cut_off_is_resumed(backend: Backend) {
    let scene = Scene::filled(backend).await;
    cut_off(&scene).await;
    let rest = scene.verify().await;
    assert_eq!((rest.resumed, rest.blobs, rest.bytes), (true, 2, 3));
    let next = scene.verify().await;
    assert_eq!((next.resumed, next.blobs), (false, 3));
}

async fn a_pass_can_be_restarted(backend: Backend) {
    let scene = Scene::filled(backend).await;
    cut_off(&scene).await;
    let all =
        scene.registry.upkeep.verify(&scene.context, Verification { restart: true, ..ALL }, |_| {}).await.unwrap();
    assert_eq!((all.resumed, all.blobs), (false, 3));
}
