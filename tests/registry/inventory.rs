//! The inventory counts what is there: entities by type, files by what the policy does, bytes once, and what verification found.

use modelport::domain::LogicalType;
use modelport::registry::verify::Verification;

use super::{Scene, file};
use crate::support::{Backend, on_both};

on_both! {
    an_empty_registry_holds_nothing,
    what_is_stored_is_counted,
    what_verification_found_is_counted,
}

const PICKLE: &str = "cos\nsystem\n(S'true'\ntR.";

async fn an_empty_registry_holds_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    assert_eq!(scene.registry.upkeep.inventory(), None);
    let counted = scene.registry.upkeep.take_inventory(&scene.context).await.unwrap();
    assert_eq!(counted, modelport::domain::Inventory::default());
    assert_eq!(scene.registry.upkeep.inventory().unwrap().1, counted);
}

async fn what_is_stored_is_counted(backend: Backend) {
    let scene = Scene::new(backend).await;
    for (version, path, bytes) in [("1", "a", "aaaa"), ("1", "b", "bb"), ("2", "a", "aaaa"), ("2", "x.pkl", PICKLE)] {
        scene.put(file("m", version, path), bytes).await.unwrap();
    }
    let counted = scene.registry.upkeep.take_inventory(&scene.context).await.unwrap();
    let entities = [(LogicalType::RegisteredModel, 1), (LogicalType::ModelVersion, 2), (LogicalType::ModelArtifact, 2)];
    let mut found = counted.entities.clone();
    found.sort_by_key(|(logical, _)| logical.id());
    assert_eq!(found, entities);
    assert_eq!((counted.files, counted.blobs, counted.blob_bytes), (4, 3, 6 + PICKLE.len() as u64));
    let mut inspected = counted.inspected_files.clone();
    inspected.sort();
    assert_eq!(inspected, [("allow".to_owned(), 3), ("quarantine".to_owned(), 1)]);
    assert_eq!((counted.unverified_blobs, counted.last_verification), (3, None));
}

async fn what_verification_found_is_counted(backend: Backend) {
    let scene = Scene::new(backend).await;
    for (path, bytes) in [("a", "aaaa"), ("b", "bb")] {
        scene.put(file("m", "1", path), bytes).await.unwrap();
    }
    let key = scene.database.lines("SELECT key AS line FROM blobs WHERE size = 4")[0].parse().unwrap();
    scene.blobs.delete(&key).await.unwrap();
    scene
        .registry
        .upkeep
        .verify(&scene.context, Verification { bytes_per_second: None, restart: false }, |_| {})
        .await
        .unwrap();
    let now = scene.clock.load(std::sync::atomic::Ordering::SeqCst);
    let counted = scene.registry.upkeep.take_inventory(&scene.context).await.unwrap();
    assert_eq!(counted.damaged_blobs, [("missing".to_owned(), 1)]);
    assert_eq!((counted.unverified_blobs, counted.oldest_verification), (0, Some(now)));
    assert_eq!(counted.last_verification, Some(now));
}
