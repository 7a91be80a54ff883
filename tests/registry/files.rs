//! Files read back, listed and removed.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use modelport::domain::access::Access;
use modelport::domain::{ErrorKind, LogicalType, NodeId, PageSize, Patch};
use modelport::registry::files::FileToken;
use modelport::registry::target::{Precondition, Target};

use super::{HOUR, Scene, actor, digest, file};
use crate::support::{Backend, on_both};

on_both! {
    a_range_of_a_file_is_read,
    files_of_a_version_come_in_pages,
    a_shared_artifact_shows_its_files_in_both_versions,
    a_removed_file_is_gone_and_its_bytes_are_collected,
    a_file_is_removed_only_as_it_was_seen,
    what_is_not_there_is_not_found,
}

async fn a_range_of_a_file_is_read(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "f"), "0123456789").await.unwrap();
    let served = scene.served(&put.file).await;
    let chunks = scene.registry.files.open_file(&scene.context, &served, Some(2..5)).await.unwrap();
    let read: Vec<Bytes> = chunks.try_collect().await.unwrap();
    assert_eq!(read.concat(), b"234");
}

async fn files_of_a_version_come_in_pages(backend: Backend) {
    let scene = Scene::new(backend).await;
    for path in ["b", "a/b", "a.b", "B", "ä"] {
        scene.put(file("m", "1", path), "bytes").await.unwrap();
    }
    let (model, version) = ("m".parse().unwrap(), "1".parse().unwrap());
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = scene
            .registry
            .models
            .list_version_files(&scene.context, &model, &version, PageSize::new(2), token)
            .await
            .unwrap();
        seen.extend(page.files.iter().map(|file| file.path.to_string()));
        let Some(next) = page.next else { break };
        token = Some(FileToken::decode(&next.encode()).unwrap());
    }
    assert_eq!(seen, ["B", "a.b", "a/b", "b", "ä"]);
    let page = scene
        .registry
        .models
        .list_version_files(&scene.context, &model, &version, PageSize::new(2), None)
        .await
        .unwrap();
    let artifact = page.files[0].node_id;
    let error = scene
        .registry
        .files
        .list_artifact_files(&scene.context, artifact, PageSize::new(2), page.next)
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("nextPageToken")));
    let page =
        scene.registry.files.list_artifact_files(&scene.context, artifact, PageSize::new(9), None).await.unwrap();
    assert_eq!((page.files.len(), page.next), (5, None));
}

async fn a_shared_artifact_shows_its_files_in_both_versions(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let model = scene.registry.models.get_model(&scene.context, &"m".parse().unwrap()).await.unwrap();
    let second = scene.version(&model, "2").await;
    let target = file("m", "2", "f").target;
    let path = "f".parse().unwrap();
    assert_eq!(
        scene.registry.files.get_file(&scene.context, &target, &path).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let context = (LogicalType::ModelVersion, second.id);
    let artifact = LogicalType::ModelArtifact;
    for _ in 0..2 {
        scene
            .registry
            .entities
            .attach(&scene.context, artifact, put.file.node_id, context, Patch::default())
            .await
            .unwrap();
    }
    assert_eq!(scene.registry.files.get_file(&scene.context, &target, &path).await.unwrap(), put.file);
    let summary = scene
        .registry
        .models
        .version_summary(&scene.context, &"m".parse().unwrap(), &"2".parse().unwrap())
        .await
        .unwrap();
    assert_eq!((summary.files.files, summary.artifacts.len()), (vec![put.file], 1));
    let history = scene.registry.history.node_history(&scene.context, second.id, 0, PageSize::new(10)).await.unwrap();
    assert_eq!(history.iter().filter(|change| change.action == "attach").count(), 1);
}

async fn a_removed_file_is_gone_and_its_bytes_are_collected(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    scene.put(file("m", "1", "copy"), "bytes").await.unwrap();
    for path in ["f", "copy"] {
        scene.pass(2 * HOUR);
        assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap(), Default::default());
        let (target, path) = (file("m", "1", path).target, path.parse().unwrap());
        scene.registry.files.delete_file(&scene.context, &target, &path, Precondition::None).await.unwrap();
        assert_eq!(
            scene.registry.files.get_file(&scene.context, &target, &path).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        let again = scene.registry.files.delete_file(&scene.context, &target, &path, Precondition::None).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
    }
    scene.holds(0, 1, 1).await;
    let report = scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    assert_eq!((report.unreferenced_blobs, report.unreferenced_bytes), (1, 5));
    scene.holds(0, 0, 0).await;
    let history =
        scene.registry.history.node_history(&scene.context, put.file.node_id, 0, PageSize::new(10)).await.unwrap();
    let actions: Vec<_> = history.iter().map(|change| change.action.as_str()).collect();
    assert_eq!(actions, ["create", "file.put", "file.put", "file.delete", "file.delete"]);
    assert_eq!(history[3].document["file"]["sha256"], digest("bytes").to_string());
}

async fn a_file_is_removed_only_as_it_was_seen(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let (target, path) = (file("m", "1", "f").target, "f".parse().unwrap());
    let remove = |bytes| {
        let precondition = Precondition::Is(vec![digest(bytes)]);
        let (registry, target, path) = (&scene.registry, &target, &path);
        async move {
            registry
                .files
                .delete_file(&registry.context(actor(), Access::unrestricted()), target, path, precondition)
                .await
        }
    };
    let changes = scene.count("changes");
    assert_eq!(remove("other").await.unwrap_err().kind(), ErrorKind::PreconditionFailed);
    assert_eq!(scene.count("changes"), changes);
    remove("bytes").await.unwrap();
    scene.holds(0, 1, 1).await;
}

async fn what_is_not_there_is_not_found(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let path = "f".parse().unwrap();
    let targets =
        [("n", "1"), ("m", "2"), ("m", "@best"), ("M", "1")].map(|(model, version)| file(model, version, "f"));
    for target in targets.into_iter().map(|put| put.target).chain([Target::Artifact(NodeId(99))]) {
        assert_eq!(
            scene.registry.files.get_file(&scene.context, &target, &path).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
    let other = "F".parse().unwrap();
    let missing = scene.registry.files.get_file(&scene.context, &file("m", "1", "f").target, &other).await.unwrap_err();
    assert!(missing.kind() == ErrorKind::NotFound && missing.message().contains("`F`"), "{missing}");
}
