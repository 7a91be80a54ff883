//! The id that the object store and the database have in common, over folders and buckets.

use modelport::blobs::{Blobs, BlobsConfig, Location};
use modelport::domain::ErrorKind;
use modelport::domain::access::Access;
use modelport::registry::{Registry, RegistryOptions};
use modelport::store::Store;
use tempfile::TempDir;

use super::{Scene, actor, body, file};
use crate::blobs::stores::s3_location;
use crate::support::{Backend, Database, on_both};

on_both! {
    a_folder_of_its_own_is_not_the_databases,
    a_bucket_of_its_own_is_not_the_databases,
    a_database_takes_the_store_that_it_is_first_used_with,
    known_bytes_that_are_lost_are_repaired,
    a_read_that_finds_nothing_marks_the_blob,
}

async fn over(store: &Store, location: &Location) -> Registry {
    let blobs = Blobs::open(&BlobsConfig { location: location.clone(), create_bucket: true }).await.unwrap();
    let options = RegistryOptions { public_url: "http://registry".to_owned(), ..RegistryOptions::default() };
    Registry::new(store.clone(), blobs, options)
}

async fn hold_apart(backend: Backend, locations: [Location; 2]) {
    let database = Database::new(backend);
    let store = database.open();
    let [own, other] = &locations;
    let first = over(&store, own).await;
    first.upkeep.identify_store().await.unwrap();
    for same in [&first, &over(&store, own).await] {
        same.upkeep.identify_store().await.unwrap();
        assert!(same.upkeep.health().await.object_store.is_ok());
        same.files
            .put_file(&same.context(actor(), Access::unrestricted()), file("m", "1", "a"), body("a"))
            .await
            .unwrap();
    }
    let replica = over(&store, other).await;
    let refused = replica.upkeep.identify_store().await.unwrap_err();
    assert!(refused.message().contains("store-id"), "{refused}");
    assert_eq!(replica.upkeep.health().await.object_store.unwrap_err().kind(), ErrorKind::Unavailable);
    let refused = replica
        .files
        .put_file(&replica.context(actor(), Access::unrestricted()), file("m", "1", "b"), body("b"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let stored = first
        .files
        .get_served_file(
            &first.context(actor(), Access::unrestricted()),
            &file("m", "1", "a").target,
            &"a".parse().unwrap(),
            false,
        )
        .await
        .unwrap();
    assert_eq!(
        replica
            .files
            .open_file(&replica.context(actor(), Access::unrestricted()), &stored, None)
            .await
            .err()
            .unwrap()
            .kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        first.upkeep.damaged(&first.context(actor(), Access::unrestricted()), 0, 10).await.unwrap(),
        [],
        "what another store lacks is not lost"
    );
    // A store that is not in use yet is taken by the database that comes first.
    let blobs = Blobs::open(&BlobsConfig { location: other.clone(), create_bucket: false }).await.unwrap();
    let id = blobs.set_id("elsewhere").await.unwrap();
    assert_eq!(blobs.set_id("again").await.unwrap(), id, "an id stays");
    assert!(replica.upkeep.identify_store().await.unwrap_err().message().contains("`elsewhere`"));
}

async fn a_folder_of_its_own_is_not_the_databases(backend: Backend) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    hold_apart(backend, folders.each_ref().map(|folder: &TempDir| Location::Local(folder.path().to_owned()))).await;
}

async fn a_bucket_of_its_own_is_not_the_databases(backend: Backend) {
    let Some(location) = s3_location() else { return };
    let below = || {
        let mut location = location.clone();
        location.prefix = format!("test-{}", uuid::Uuid::new_v4());
        Location::S3(location)
    };
    hold_apart(backend, [below(), below()]).await;
}

async fn a_database_takes_the_store_that_it_is_first_used_with(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Local(folder.path().to_owned());
    // Several replicas start at once over an empty store.
    let database = Database::new(backend);
    let store = database.open();
    let replicas = [over(&store, &location).await, over(&store, &location).await, over(&store, &location).await];
    let [one, two, three] = &replicas;
    let all = tokio::join!(one.upkeep.identify_store(), two.upkeep.identify_store(), three.upkeep.identify_store());
    assert!(matches!(all, (Ok(()), Ok(()), Ok(()))), "{all:?}");
    // A database that was restored from before there were ids takes the store's.
    let restored = Database::new(backend);
    over(&restored.open(), &location).await.upkeep.identify_store().await.unwrap();
    let ids = [&database, &restored].map(|each| each.lines("SELECT store_id AS line FROM object_store"));
    assert_eq!(ids[0], ids[1]);
}

async fn known_bytes_that_are_lost_are_repaired(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "a"), "bytes").await.unwrap();
    for path in ["a", "b"] {
        let [key] = <[String; 1]>::try_from(scene.objects().await).unwrap();
        scene.blobs.delete(&key.parse().unwrap()).await.unwrap();
        let stored = scene.put(file("m", "1", path), "bytes").await.unwrap();
        assert_eq!(scene.read(&stored.file).await, b"bytes");
    }
    scene.holds(2, 1, 1).await;
}

async fn a_read_that_finds_nothing_marks_the_blob(backend: Backend) {
    let scene = Scene::new(backend).await;
    let stored = scene.put(file("m", "1", "a"), "bytes").await.unwrap().file;
    let key = stored.blob.key.parse().unwrap();
    let served = scene.served(&stored).await;
    for (bytes, damage) in [(None, "missing"), (Some("byte"), "damaged")] {
        scene.blobs.delete(&key).await.unwrap();
        if let Some(bytes) = bytes {
            scene.blobs.put(&key, modelport::blobs::BodySize::default(), body(bytes)).await.unwrap();
        }
        for range in [None, Some(3..5)] {
            let error = scene.registry.files.open_file(&scene.context, &served, range).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
        }
        assert_eq!(scene.database.lines("SELECT damage AS line FROM blobs"), [damage]);
    }
}
