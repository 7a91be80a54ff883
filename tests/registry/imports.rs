//! Models that arrive from another system: kept once, under names that are free, and tied to what they were trained from.

use std::sync::Arc;

use futures_util::future::join_all;
use modelport::domain::lineage::{Depth, Direction, EdgeKind};
use modelport::domain::{Draft, ErrorKind, Properties};
use modelport::registry::imports::{ModelImport, Training};
use modelport::registry::target::Target;
use modelport::registry::upload::PutFile;

use super::{Scene, file};
use crate::support::{Backend, on_both};

on_both! {
    a_model_that_arrives_many_times_is_kept_once,
    models_of_one_group_and_revision_share_them,
    a_name_that_is_taken_gets_the_id,
    an_arrival_without_bytes_leaves_nothing,
    a_training_is_recorded_once,
}

fn draft(name: &str, id: &str) -> Draft {
    Draft { external_id: Some(id.parse().unwrap()), ..Draft::named(name.parse().unwrap()) }
}

fn import(group: &str, revision: &str, id: &str) -> PutFile {
    let import =
        ModelImport { model: draft("net", group), version: draft("1", revision), artifact: draft("net FP16", id) };
    PutFile { target: Target::Import(Arc::new(import)), ..file("unused", "1", "model.zip") }
}

async fn a_model_that_arrives_many_times_is_kept_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let puts = join_all((0..16).map(|_| scene.put(import("g", "r", "m"), "bytes"))).await;
    assert_eq!(puts.iter().filter(|put| put.is_ok()).count(), 1);
    for error in puts.into_iter().filter_map(Result::err) {
        assert_eq!((error.kind(), error.field()), (ErrorKind::AlreadyExists, Some("externalId")), "{error}");
    }
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.count("nodes"), 3);
    let here =
        scene.registry.imports.find_imported(&scene.context, vec!["m".to_owned(), "other".to_owned()]).await.unwrap();
    assert_eq!(here.len(), 1);
    assert_eq!((here["m"].model.as_deref(), here["m"].version.as_deref()), (Some("net"), Some("1")));
}

async fn models_of_one_group_and_revision_share_them(backend: Backend) {
    let scene = Scene::new(backend).await;
    let puts = (0..16).map(|number| scene.put(import("g", "r", &format!("m{number}")), "bytes")).collect::<Vec<_>>();
    for put in join_all(puts).await {
        put.unwrap();
    }
    assert_eq!((scene.count("nodes"), scene.count("files"), scene.count("blobs")), (18, 16, 1));
}

async fn a_name_that_is_taken_gets_the_id(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("net").await;
    scene.put(import("g", "r", "m"), "bytes").await.unwrap();
    scene.put(import("g", "r2", "m2"), "bytes").await.unwrap();
    let here =
        scene.registry.imports.find_imported(&scene.context, vec!["m".to_owned(), "m2".to_owned()]).await.unwrap();
    assert_eq!(here["m"].model.as_deref(), Some("net (g)"));
    assert_eq!((here["m2"].model.as_deref(), here["m2"].version.as_deref()), (Some("net (g)"), Some("1 (r2)")));
}

async fn an_arrival_without_bytes_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut put = import("g", "r", "m");
    put.length = Some(100);
    scene.put(put, "bytes").await.unwrap_err();
    scene.holds(0, 0, 0).await;
    assert_eq!((scene.count("nodes"), scene.count("changes")), (0, 0));
}

async fn a_training_is_recorded_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(import("g", "r1", "old"), "bytes").await.unwrap();
    scene.put(import("g", "r2", "new"), "bytes").await.unwrap();
    let here =
        scene.registry.imports.find_imported(&scene.context, vec!["old".to_owned(), "new".to_owned()]).await.unwrap();
    let (old, new) = (here["old"].artifact.id, here["new"].artifact.id);
    let training =
        Training { id: "r2".to_owned(), properties: Properties::new(), inputs: vec![old], outputs: vec![new] };
    let recorded =
        join_all((0..8).map(|_| scene.registry.imports.record_training(&scene.context, training.clone()))).await;
    recorded.into_iter().for_each(|recorded| recorded.unwrap());
    assert_eq!(scene.count("events"), 2);
    let lineage = scene.registry.graph.lineage(&scene.context, new, Direction::Upstream, Depth::DEFAULT).await.unwrap();
    assert!(lineage.edges.iter().any(|edge| edge.from == old && edge.kind == EdgeKind::Input), "{lineage:?}");
    // The versions know of it, and not only their artifacts.
    let [old, new] = ["old", "new"].map(|id| here[id].artifact.home_id.unwrap());
    let up = scene.registry.graph.lineage(&scene.context, new, Direction::Upstream, Depth::DEFAULT).await.unwrap();
    assert!(up.nodes.iter().any(|node| node.id == old), "{up:?}");
    let down = scene.registry.graph.lineage(&scene.context, old, Direction::Downstream, Depth::DEFAULT).await.unwrap();
    assert!(down.nodes.iter().any(|node| node.id == new), "{down:?}");
    let up = scene.registry.graph.lineage(&scene.context, old, Direction::Upstream, Depth::DEFAULT).await.unwrap();
    assert!(up.nodes.iter().all(|node| node.id != new), "{up:?}");
}
