//! Many that want the same at once: one wins where only one can, and nobody's work is lost.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use modelport::domain::access::Access;
use modelport::domain::{Change, ErrorKind, LogicalType, PageSize, Patch, Result, Selection, Value};
use modelport::registry::link::Outcome;
use modelport::registry::target::Precondition;

use super::{Scene, actor, cut, digest, file};
use crate::support::{Backend, on_both};

on_both! {
    one_of_many_creates_a_name,
    many_uploads_of_the_same_bytes_make_one_blob,
    many_uploads_to_one_path_store_it_once,
    changes_of_different_fields_lose_nothing,
    one_of_many_changes_a_revision,
    one_of_many_replaces_a_file,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;

fn kinds<T>(results: &[Result<T>]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for result in results {
        let kind = match result.as_ref().map_err(modelport::domain::Error::kind) {
            Ok(_) => "ok",
            Err(ErrorKind::AlreadyExists | ErrorKind::NameTaken) => "already exists",
            Err(ErrorKind::PreconditionFailed) => "precondition failed",
            Err(other) => panic!("{other:?}"),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

async fn one_of_many_creates_a_name(backend: Backend) {
    let scene = Scene::new(backend).await;
    let created = join_all((0..64).map(|_| scene.named(MODEL, None, "m"))).await;
    assert_eq!(kinds(&created), [("already exists", 63), ("ok", 1)].into());
    assert_eq!((scene.count("nodes"), scene.count("changes")), (1, 1));
}

async fn many_uploads_of_the_same_bytes_make_one_blob(backend: Backend) {
    let scene = Scene::new(backend).await;
    let puts = (0..64).map(|number| {
        let put = file("m", "1", &format!("f{number:02}"));
        scene.put(put, "the same bytes")
    });
    for put in join_all(puts).await {
        let put = put.unwrap();
        assert_eq!((put.outcome, put.file.blob.sha256), (Outcome::Created, digest("the same bytes")));
    }
    scene.holds(64, 1, 1).await;
    for logical in [MODEL, LogicalType::ModelVersion, LogicalType::ModelArtifact] {
        let page =
            scene.registry.entities.list(&scene.context, Selection::of(logical), cut(None, None)).await.unwrap().first;
        assert_eq!(page.items.len(), 1, "{}", logical.noun());
    }
    let (model, version) = ("m".parse().unwrap(), "1".parse().unwrap());
    let files = scene
        .registry
        .models
        .list_version_files(&scene.context, &model, &version, PageSize::new(100), None)
        .await
        .unwrap();
    assert_eq!(scene.read(&files.files[63]).await, b"the same bytes");
}

async fn many_uploads_to_one_path_store_it_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let puts = (0..32).map(|number| scene.put(file("m", "1", "f"), if number % 2 == 0 { "even" } else { "odd" }));
    let outcomes = join_all(puts).await;
    assert_eq!(kinds(&outcomes), [("already exists", 16), ("ok", 16)].into());
    let made = outcomes.iter().flatten().filter(|put| put.outcome == Outcome::Created).count();
    assert_eq!(made, 1);
    scene.holds(1, 1, 1).await;
}

async fn changes_of_different_fields_lose_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let fields: Vec<_> = MODEL.properties().iter().map(|(name, _)| *name).collect();
    let value = |field: &str, number: usize| match MODEL.declared(field) {
        Some(modelport::domain::ValueKind::Struct) => Value::Struct(serde_json::json!([number])),
        _ => Value::String(number.to_string()),
    };
    let patches = (0..32).map(|number| {
        let field = fields[number % fields.len()];
        let patch = Patch::default().with(field, Change::Set(value(field, number)));
        let registry = scene.registry.clone();
        async move {
            registry.entities.update(&registry.context(actor(), Access::unrestricted()), MODEL, model.id, patch).await
        }
    });
    let mut revisions: Vec<_> = join_all(patches).await.into_iter().map(|node| node.unwrap().revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=33).collect::<Vec<_>>());
    let found = scene.registry.entities.get(&scene.context, MODEL, model.id).await.unwrap();
    for (at, field) in fields.iter().enumerate() {
        let candidates: Vec<_> = (at..32).step_by(fields.len()).map(|number| value(field, number)).collect();
        assert!(candidates.contains(&found.properties[*field]), "{field}: {:?}", found.properties);
    }
    assert_eq!(scene.count("changes"), 33);
}

async fn one_of_many_changes_a_revision(backend: Backend) {
    let scene = Scene::new(backend).await;
    let id = scene.model("m").await.id;
    for revision in 1..=5 {
        let patches = (0..16).map(|number| {
            let patch = Patch { if_revision: Some(revision), ..Patch::default() };
            let patch = patch.with("owner", Change::Set(Value::String(number.to_string())));
            let registry = scene.registry.clone();
            async move {
                registry.entities.update(&registry.context(actor(), Access::unrestricted()), MODEL, id, patch).await
            }
        });
        let outcomes = join_all(patches).await;
        assert_eq!(kinds(&outcomes), [("precondition failed", 15), ("ok", 1)].into());
        let winner = outcomes.iter().flatten().next().unwrap();
        assert_eq!(winner.revision, revision + 1);
        assert_eq!(&scene.registry.entities.get(&scene.context, MODEL, id).await.unwrap(), winner);
        let refused = outcomes.iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
        assert_eq!(refused.field(), Some("If-Match"));
    }
}

async fn one_of_many_replaces_a_file(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "f"), "before").await.unwrap();
    let puts = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|bytes| {
        let mut put = file("m", "1", "f");
        put.precondition = Precondition::Is(vec![digest("before")]);
        scene.put(put, bytes)
    });
    let outcomes = join_all(puts).await;
    assert_eq!(kinds(&outcomes), [("precondition failed", 7), ("ok", 1)].into());
    scene.holds(1, 2, 2).await;
}
