//! Outcomes of an upload: created, unchanged, replaced, or refused with nothing kept.

use modelport::domain::{ErrorKind, FilePath, LogicalType, NodeId, Selection};
use modelport::registry::link::Outcome;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::PutFile;

use super::{Scene, cut, digest, file};
use crate::support::{Backend, on_both};

on_both! {
    a_first_upload_makes_what_is_missing,
    the_same_bytes_again_are_unchanged,
    other_bytes_are_refused_with_both_digests,
    preconditions_decide_before_and_after_the_bytes,
    another_digest_than_announced_keeps_nothing,
    another_length_than_announced_keeps_nothing,
    a_file_over_the_limit_keeps_nothing,
    nothing_is_made_unless_asked_for,
    a_target_that_is_not_there_keeps_nothing,
    an_artifact_takes_files_too,
}

async fn a_first_upload_makes_what_is_missing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "a/model.json"), "{}").await.unwrap();
    assert_eq!((put.outcome, put.file.blob.size, put.file.blob.sha256), (Outcome::Created, 2, digest("{}")));
    assert_eq!(put.file.media_type, "application/json");
    let (version, model) = put.version.unwrap();
    let (found_model, found) = scene
        .registry
        .models
        .resolve_version(&scene.context, &"m".parse().unwrap(), &"1".parse().unwrap())
        .await
        .unwrap();
    assert_eq!((found.id, found_model.id), (version, model));
    assert_eq!((found.text("state"), found_model.text("state")), (Some("LIVE"), Some("LIVE")));
    let artifact =
        scene.registry.entities.get(&scene.context, LogicalType::ModelArtifact, put.file.node_id).await.unwrap();
    assert_eq!((artifact.home_id, artifact.state), (Some(version), Some(2)));
    let url = format!("http://registry/api/v1/artifacts/{}/files/a/model.json", artifact.id);
    assert_eq!(artifact.uri, Some(url));
    assert_eq!(scene.read(&put.file).await, b"{}");
    scene.holds(1, 1, 1).await;
    let second = scene.put(file("m", "1", "b"), "other").await.unwrap();
    assert_eq!((second.file.node_id, second.version), (put.file.node_id, put.version));
}

async fn the_same_bytes_again_are_unchanged(backend: Backend) {
    let scene = Scene::new(backend).await;
    let first = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let changes = scene.count("changes");
    for precondition in [Precondition::None, Precondition::Exists, Precondition::Is(vec![digest("bytes")])] {
        let put = PutFile { precondition, media_type: Some("x/y".into()), ..file("m", "1", "f") };
        let again = scene.put(put, "bytes").await.unwrap();
        assert_eq!((again.outcome, &again.file), (Outcome::Unchanged, &first.file));
    }
    assert_eq!(scene.count("changes"), changes);
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.read(&first.file).await, b"bytes");
}

async fn other_bytes_are_refused_with_both_digests(backend: Backend) {
    let scene = Scene::new(backend).await;
    let first = scene.put(file("m", "1", "f"), "one").await.unwrap();
    let error = scene.put(file("m", "1", "f"), "two").await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::AlreadyExists, Some("path")));
    for sha256 in [digest("one"), digest("two")] {
        assert!(error.message().contains(&sha256.to_string()), "{error}");
    }
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.read(&first.file).await, b"one");
}

async fn preconditions_decide_before_and_after_the_bytes(backend: Backend) {
    let scene = Scene::new(backend).await;
    let one = Precondition::Is(vec![digest("other"), digest("one")]);
    let refused = |precondition: Precondition, field| (precondition, Err(field));
    let done = |precondition: Precondition, outcome| (precondition, Ok(outcome));
    let steps = [
        (refused(Precondition::Exists, "If-Match"), "one"),
        (refused(one.clone(), "If-Match"), "one"),
        (done(Precondition::Absent, Outcome::Created), "one"),
        (refused(Precondition::Absent, "If-None-Match"), "one"),
        (done(one.clone(), Outcome::Replaced), "two"),
        (refused(one, "If-Match"), "three"),
        (done(Precondition::Exists, Outcome::Replaced), "four"),
    ];
    for ((precondition, expected), bytes) in steps {
        let step = format!("{precondition:?} with {bytes}");
        let put = scene.put(PutFile { precondition, ..file("m", "1", "f") }, bytes).await;
        match expected {
            Ok(outcome) => assert_eq!(put.unwrap().outcome, outcome, "{step}"),
            Err(field) => {
                let error = put.unwrap_err();
                assert_eq!((error.kind(), error.field()), (ErrorKind::PreconditionFailed, Some(field)), "{step}");
            }
        }
    }
    scene.holds(1, 3, 3).await;
    let path: FilePath = "f".parse().unwrap();
    let found = scene.registry.files.get_file(&scene.context, &file("m", "1", "f").target, &path).await.unwrap();
    assert_eq!(scene.read(&found).await, b"four");
}

async fn another_digest_than_announced_keeps_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = PutFile { sha256: Some(digest("announced")), ..file("m", "1", "f") };
    let error = scene.put(put, "sent").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 0);
    let put = PutFile { sha256: Some(digest("sent")), ..file("m", "1", "f") };
    scene.put(put, "sent").await.unwrap();
}

async fn another_length_than_announced_keeps_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    for length in [3, 5] {
        let put = PutFile { length: Some(length), ..file("m", "1", "f") };
        assert_eq!(scene.put(put, "sent").await.unwrap_err().kind(), ErrorKind::InvalidBody);
    }
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 0);
}

async fn a_file_over_the_limit_keeps_nothing(backend: Backend) {
    let scene = Scene::limited(backend, Some(4)).await;
    for length in [None, Some(5)] {
        let put = PutFile { length, ..file("m", "1", "f") };
        assert_eq!(scene.put(put, "12345").await.unwrap_err().kind(), ErrorKind::TooLarge);
    }
    scene.holds(0, 0, 0).await;
    scene.put(file("m", "1", "f"), "1234").await.unwrap();
}

async fn nothing_is_made_unless_asked_for(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = || PutFile { create: false, ..file("m", "1", "f") };
    assert_eq!(scene.put(put(), "bytes").await.unwrap_err().kind(), ErrorKind::NotFound);
    let model = scene.model("m").await;
    assert_eq!(scene.put(put(), "bytes").await.unwrap_err().kind(), ErrorKind::NotFound);
    let version = scene.version(&model, "1").await;
    assert_eq!(scene.put(put(), "bytes").await.unwrap_err().kind(), ErrorKind::NotFound);
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 2);
    scene.named(LogicalType::ModelArtifact, Some(version.id), "a").await.unwrap();
    assert_eq!(scene.put(put(), "bytes").await.unwrap().outcome, Outcome::Created);
}

async fn a_target_that_is_not_there_keeps_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let targets = [Target::Artifact(NodeId(99)), Target::Artifact(model.id)];
    for target in targets.into_iter().chain(["latest", "@best"].map(|version| file("m", version, "f").target)) {
        let put = PutFile { target, ..file("m", "1", "f") };
        assert_eq!(scene.put(put, "bytes").await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 1);
}

async fn an_artifact_takes_files_too(backend: Backend) {
    let scene = Scene::new(backend).await;
    let alone = scene.named(LogicalType::ModelArtifact, None, "alone").await.unwrap();
    let put = |path: &str| PutFile { target: Target::Artifact(alone.id), ..file("m", "1", path) };
    let result = scene.put(put("f"), "bytes").await.unwrap();
    assert_eq!((result.file.node_id, result.version), (alone.id, None));
    scene.put(put("g"), "more").await.unwrap();
    let page = scene
        .registry
        .entities
        .list(&scene.context, Selection::of(LogicalType::ModelArtifact), cut(None, None))
        .await
        .unwrap()
        .first;
    assert_eq!(page.items[0].uri, Some(format!("http://registry/api/v1/artifacts/{}/files", alone.id)));
}
