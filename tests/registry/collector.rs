//! The collector: takes what nothing needs once it is old enough, and never what somebody is working on.

use modelport::blobs::{BodySize, Key};
use modelport::domain::ErrorKind;
use modelport::domain::access::Access;
use modelport::registry::collected::Report;
use modelport::store::uploads as upload_rows;

use super::uploads::stopped;
use super::{HOUR, Scene, actor, body, file};
use crate::support::{Backend, on_both};

on_both! {
    an_interrupted_upload_is_collected_after_the_grace_period,
    an_object_without_rows_is_collected_after_the_grace_period,
    what_an_interrupted_removal_left_is_collected,
    an_upload_under_way_keeps_its_object,
    an_upload_that_stood_still_too_long_is_refused,
    a_dry_run_changes_nothing,
    what_is_in_use_stays,
    many_may_collect_at_once,
    replicas_take_turns,
    bytes_that_come_back_while_they_are_collected_are_kept,
}

impl Scene {
    /// What a crash leaves behind between the object and the transaction that links it.
    async fn interrupted(&self) -> Key {
        let (key, now) = (Key::new_upload(), self.clock.load(std::sync::atomic::Ordering::SeqCst));
        let row = key.to_string();
        self.store.write(move |tx| upload_rows::insert(tx, &row, now)).await.unwrap();
        self.object(&key).await;
        key
    }

    async fn object(&self, key: &Key) {
        self.blobs.put(key, BodySize::default(), body("orphan")).await.unwrap();
    }

    async fn collect(&self) -> Report {
        self.registry.upkeep.collect(&self.context, HOUR, false).await.unwrap()
    }
}

async fn an_interrupted_upload_is_collected_after_the_grace_period(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.interrupted().await;
    scene.pass(HOUR);
    assert_eq!(scene.collect().await, Report::default());
    assert_eq!((scene.objects().await.len(), scene.count("uploads")), (1, 1));
    scene.pass(HOUR);
    assert_eq!(scene.collect().await, Report { abandoned_uploads: 1, ..Report::default() });
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.collect().await, Report::default());
}

async fn an_object_without_rows_is_collected_after_the_grace_period(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.object(&Key::new_upload()).await;
    assert_eq!(scene.collect().await, Report::default());
    scene.pass(2 * HOUR);
    assert_eq!(scene.collect().await, Report { orphan_objects: 1, orphan_bytes: 6, ..Report::default() });
    scene.holds(0, 0, 0).await;
}

async fn what_an_interrupted_removal_left_is_collected(backend: Backend) {
    let scene = Scene::new(backend).await;
    let row = scene.interrupted().await.to_string();
    assert!(scene.store.write(move |tx| upload_rows::condemn(tx, &row, i64::MAX)).await.unwrap());
    assert_eq!(scene.collect().await, Report { abandoned_uploads: 1, ..Report::default() });
    scene.holds(0, 0, 0).await;
}

async fn an_upload_under_way_keeps_its_object(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (body, has_arrived, proceed) = stopped("bytes");
    let registry = scene.registry.clone();
    let upload = tokio::spawn(async move {
        registry.files.put_file(&registry.context(actor(), Access::unrestricted()), file("m", "1", "f"), body).await
    });
    has_arrived.await.unwrap();
    scene.pass(HOUR);
    assert_eq!(scene.collect().await, Report::default());
    // The object is old by now, and the upload was seen just now.
    scene.pass(HOUR);
    let now = scene.clock.load(std::sync::atomic::Ordering::SeqCst);
    scene.database.execute(&format!("UPDATE uploads SET seen_at = {now}"));
    assert_eq!(scene.collect().await, Report::default());
    proceed.send(()).unwrap();
    let put = upload.await.unwrap().unwrap();
    assert_eq!(scene.collect().await, Report::default());
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.read(&put.file).await, b"bytes");
}

async fn an_upload_that_stood_still_too_long_is_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (body, has_arrived, proceed) = stopped("bytes");
    let registry = scene.registry.clone();
    let upload = tokio::spawn(async move {
        registry.files.put_file(&registry.context(actor(), Access::unrestricted()), file("m", "1", "f"), body).await
    });
    has_arrived.await.unwrap();
    scene.pass(2 * HOUR);
    assert_eq!(scene.collect().await.abandoned_uploads, 1);
    proceed.send(()).unwrap();
    assert_eq!(upload.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    scene.pass(2 * HOUR);
    scene.collect().await;
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 0);
}

async fn a_dry_run_changes_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.interrupted().await;
    scene.object(&Key::new_upload()).await;
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let (target, path) = (file("m", "1", "f").target, "f".parse().unwrap());
    scene.registry.files.delete_file(&scene.context, &target, &path, Default::default()).await.unwrap();
    let dry = || scene.registry.upkeep.collect(&scene.context, HOUR, true);
    assert_eq!(dry().await.unwrap(), Report::default());
    scene.pass(2 * HOUR);
    let before = (scene.objects().await, scene.count("uploads"), scene.count("blobs"));
    let found = dry().await.unwrap();
    let expected = Report {
        expired_uploads: 0,
        abandoned_uploads: 1,
        unreferenced_blobs: 1,
        unreferenced_bytes: put.file.blob.size,
        orphan_objects: 1,
        orphan_bytes: 6,
    };
    assert_eq!((found, dry().await.unwrap()), (expected, expected));
    assert_eq!((scene.objects().await, scene.count("uploads"), scene.count("blobs")), before);
    assert_eq!(scene.collect().await, expected);
    scene.holds(0, 0, 0).await;
}

async fn what_is_in_use_stays(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    scene.put(file("m", "2", "copy"), "bytes").await.unwrap();
    scene.pass(1000 * HOUR);
    assert_eq!(
        scene.registry.upkeep.collect(&scene.context, std::time::Duration::ZERO, false).await.unwrap(),
        Report::default()
    );
    scene.holds(2, 1, 1).await;
    assert_eq!(scene.read(&put.file).await, b"bytes");
}

async fn many_may_collect_at_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let kept = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    for _ in 0..10 {
        scene.interrupted().await;
        scene.object(&Key::new_upload()).await;
    }
    scene.pass(2 * HOUR);
    let collectors = (0..4).map(|_| scene.collect());
    futures_util::future::join_all(collectors).await;
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.read(&kept.file).await, b"bytes");
}

async fn bytes_that_come_back_while_they_are_collected_are_kept(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let (target, path) = (file("m", "1", "f").target, "f".parse().unwrap());
    for _ in 0..16 {
        scene.registry.files.delete_file(&scene.context, &target, &path, Default::default()).await.unwrap();
        scene.pass(2 * HOUR);
        let puts = futures_util::future::join_all((0..4).map(|_| scene.put(file("m", "1", "f"), "bytes")));
        let (puts, _) = tokio::join!(puts, scene.collect());
        for put in puts {
            let found = put.unwrap().file;
            assert_eq!(scene.read(&found).await, b"bytes");
        }
        scene.holds(1, 1, 1).await;
    }
}

async fn replicas_take_turns(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.object(&Key::new_upload()).await;
    scene.pass(2 * HOUR);
    let turn = || scene.registry.upkeep.collect_in_turn(&scene.context, HOUR, HOUR);
    let turns = futures_util::future::join_all((0..8).map(|_| turn())).await;
    let reports: Vec<Report> = turns.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(reports, [Report { orphan_objects: 1, orphan_bytes: 6, ..Report::default() }]);
    assert_eq!(turn().await.unwrap(), None);
    scene.pass(HOUR);
    assert_eq!(turn().await.unwrap(), Some(Report::default()));
    let collected = scene.registry.upkeep.collected();
    assert_eq!((collected.passes, collected.failures, collected.removed.orphan_bytes), (2, 0, 6));
}
