//! Nodes that are changed: counted, locked, and written no further than they differ.

use modelport::domain::{Draft, ErrorKind, LogicalType, Node, NodeId, Properties, Value};
use modelport::store::nodes;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    incrementing_a_revision_dates_the_change,
    a_change_is_later_than_the_one_before_whatever_the_clock_says,
    a_missing_node_has_no_revision_to_increment,
    only_the_expected_revision_is_incremented,
    changes_at_once_are_all_counted,
    one_of_many_wins_a_revision,
    everything_a_node_has_can_be_replaced,
    what_is_the_same_is_not_written,
    a_taken_external_id_is_refused,
    locking_is_harmless,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;

async fn increment_revision(scene: &Scene, id: NodeId, if_revision: Option<i64>, now: i64) -> Option<Node> {
    scene.store.write(move |tx| nodes::increment_revision(tx, MODEL, id, if_revision, now)).await.unwrap()
}

async fn incrementing_a_revision_dates_the_change(backend: Backend) {
    let scene = Scene::new(backend);
    let draft = Draft::named("m".parse().unwrap()).with("owner", Some("me"));
    let model = scene.insert(MODEL, None, draft, 10).await.unwrap();
    let changed = increment_revision(&scene, model.id, None, 20).await.unwrap();
    assert_eq!(changed, Node { revision: 2, updated_at: 20, ..model });
    assert_eq!(scene.find(changed.id).await.unwrap(), changed);
}

async fn a_change_is_later_than_the_one_before_whatever_the_clock_says(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.insert(MODEL, None, Draft::named("m".parse().unwrap()), 10).await.unwrap();
    for (now, dated) in [(10, 11), (11, 12), (5, 13), (20, 20)] {
        assert_eq!(increment_revision(&scene, model.id, None, now).await.unwrap().updated_at, dated);
    }
}

async fn a_missing_node_has_no_revision_to_increment(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = scene.named(LogicalType::Experiment, None, "e").await.unwrap();
    assert_eq!(increment_revision(&scene, experiment.id, None, 2).await, None);
    assert_eq!(increment_revision(&scene, NodeId(experiment.id.0 + 1), None, 2).await, None);
    assert_eq!(scene.find(experiment.id).await.unwrap(), experiment);
}

async fn only_the_expected_revision_is_incremented(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    for wrong in [0, 2, -1, i64::MAX] {
        assert_eq!(increment_revision(&scene, id, Some(wrong), 2).await, None, "{wrong}");
    }
    assert_eq!(increment_revision(&scene, id, Some(1), 2).await.unwrap().revision, 2);
    assert_eq!(increment_revision(&scene, id, Some(1), 3).await, None);
    assert_eq!(scene.find(id).await.unwrap().updated_at, 2);
}

async fn at_once(scene: &Scene, id: NodeId, if_revision: Option<i64>) -> Vec<i64> {
    let increments = (0..16).map(|_| increment_revision(scene, id, if_revision, 2));
    let mut revisions: Vec<_> =
        futures_util::future::join_all(increments).await.into_iter().flatten().map(|node| node.revision).collect();
    revisions.sort_unstable();
    revisions
}

async fn changes_at_once_are_all_counted(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    assert_eq!(at_once(&scene, id, None).await, (2..=17).collect::<Vec<_>>());
}

async fn one_of_many_wins_a_revision(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.model("m").await.id;
    for revision in 1..=5 {
        assert_eq!(at_once(&scene, id, Some(revision)).await, [revision + 1]);
    }
}

async fn replace(scene: &Scene, now: &Node) -> modelport::domain::Result<Node> {
    let (id, wanted) = (now.id, now.clone());
    let replaced = scene.store.write(move |tx| {
        let before = nodes::increment_revision(tx, MODEL, id, None, 5)?.unwrap();
        let now = Node { revision: before.revision, updated_at: before.updated_at, ..wanted.clone() };
        nodes::replace(tx, &before, &now)?;
        Ok(now)
    });
    replaced.await
}

fn properties(pairs: &[(&str, Value)]) -> Properties {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

async fn everything_a_node_has_can_be_replaced(backend: Backend) {
    let scene = Scene::new(backend);
    let bare = scene.model("m").await;
    let full = Node {
        external_id: Some("ext".into()),
        uri: Some("u".into()),
        state: Some(3),
        properties: properties(&[("owner", "me".into()), ("state", "LIVE".into())]),
        custom: properties(&[("owner", Value::Int(1)), ("b", Value::Double(f64::NAN))]),
        ..bare.clone()
    };
    let other = Node {
        external_id: Some("other".into()),
        uri: None,
        state: Some(0),
        properties: properties(&[("owner", "you".into()), ("readme", "r".into())]),
        custom: properties(&[("owner", "text".into()), ("state", Value::Bool(false))]),
        ..bare.clone()
    };
    for wanted in [&other, &bare, &other, &bare] {
        let replaced = replace(&scene, wanted).await.unwrap();
        assert_eq!(scene.find(bare.id).await.unwrap(), replaced);
    }
    replace(&scene, &full).await.unwrap();
    let found = scene.find(bare.id).await.unwrap();
    assert_eq!((&found.properties, found.revision), (&full.properties, 6));
    assert!(matches!(found.custom["b"], Value::Double(value) if value.is_nan()));
    assert_eq!(found.custom["owner"], Value::Int(1));
}

async fn what_is_the_same_is_not_written(backend: Backend) {
    let scene = Scene::new(backend);
    let draft = Draft {
        custom: properties(&[("a", Value::Int(1)), ("b", "x".into())]),
        ..Draft::named("m".parse().unwrap()).with("owner", Some("me"))
    };
    let model = scene.insert(MODEL, None, draft, 1).await.unwrap();
    let places = if backend == Backend::Sqlite { "rowid" } else { "ctid" };
    let places = format!("SELECT custom || name || CAST({places} AS TEXT) AS line FROM properties ORDER BY name");
    let before = scene.database.lines(&places);
    replace(&scene, &Node { uri: Some("u".into()), ..model }).await.unwrap();
    assert_eq!(scene.database.lines(&places), before);
}

async fn a_taken_external_id_is_refused(backend: Backend) {
    let scene = Scene::new(backend);
    let draft = Draft { external_id: Some("ext".parse().unwrap()), ..Draft::named("a".parse().unwrap()) };
    scene.insert(MODEL, None, draft, 1).await.unwrap();
    let model = scene.model("m").await;
    let custom = properties(&[("a", Value::Int(1))]);
    let error = replace(&scene, &Node { external_id: Some("ext".into()), custom, ..model.clone() }).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::AlreadyExists, Some("externalId")));
    assert_eq!(scene.find(model.id).await.unwrap(), model);
}

async fn locking_is_harmless(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let ids: Vec<_> = (0..3000).map(|offset| NodeId(model.id.0 + offset)).collect();
    scene.store.write(move |tx| nodes::lock(tx, &ids).and_then(|()| nodes::lock(tx, &[]))).await.unwrap();
    assert_eq!(scene.find(model.id).await.unwrap(), model);
}
