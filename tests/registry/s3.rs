//! The registry over a bucket: put, read back, collect.

use modelport::blobs::{BlobsConfig, BodySize, Key, Location};
use modelport::registry::collected::Report;
use modelport::registry::link::Outcome;
use modelport::registry::removal::Removal;
use modelport::store::uploads as upload_rows;

use super::{HOUR, Scene, body, file};
use crate::blobs::stores;
use crate::support::{Backend, on_both};

on_both! {
    files_in_a_bucket_are_stored_read_and_collected,
    an_unfinished_upload_in_a_bucket_is_collected,
}

/// A registry below a prefix of its own, or `None` where there is no bucket.
pub async fn scene(backend: Backend) -> Option<Scene> {
    let mut location = stores::s3_location()?;
    location.prefix = format!("test-{}", uuid::Uuid::new_v4());
    let config = BlobsConfig { location: Location::S3(location), create_bucket: true };
    Some(Scene::over(backend, tempfile::tempdir().unwrap(), &config, None).await)
}

async fn files_in_a_bucket_are_stored_read_and_collected(backend: Backend) {
    let Some(scene) = scene(backend).await else { return };
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let copy = scene.put(file("m", "1", "copy"), "bytes").await.unwrap();
    assert_eq!((put.outcome, copy.outcome), (Outcome::Created, Outcome::Created));
    scene.holds(2, 1, 1).await;
    assert_eq!(scene.read(&copy.file).await, b"bytes");
    assert!(scene.put(file("m", "1", "f"), "other").await.is_err());
    scene.holds(2, 1, 1).await;
    let model = modelport::domain::LogicalType::RegisteredModel;
    scene.registry.entities.delete(&scene.context, model, put.version.unwrap().1, Removal::RECURSIVE).await.unwrap();
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap(), Report::default());
    scene.pass(2 * HOUR);
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().unreferenced_blobs, 1);
    scene.holds(0, 0, 0).await;
}

async fn an_unfinished_upload_in_a_bucket_is_collected(backend: Backend) {
    let Some(scene) = scene(backend).await else { return };
    let (key, orphan) = (Key::new_upload(), Key::new_upload());
    let (row, now) = (key.to_string(), scene.clock.load(std::sync::atomic::Ordering::SeqCst));
    scene.store.write(move |tx| upload_rows::insert(tx, &row, now)).await.unwrap();
    for key in [&key, &orphan] {
        scene.blobs.put(key, BodySize::default(), body("bytes")).await.unwrap();
    }
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap(), Report::default());
    scene.pass(2 * HOUR);
    let report = scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    assert_eq!(report, Report { abandoned_uploads: 1, orphan_objects: 1, orphan_bytes: 5, ..Report::default() });
    scene.holds(0, 0, 0).await;
}
