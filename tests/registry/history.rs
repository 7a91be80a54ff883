//! The record of changes: of one node, and of everything, followed while many write.

use std::collections::BTreeMap;

use modelport::domain::access::Access;
use modelport::domain::{Actor, Change, ErrorKind, LogicalType, NodeId, PageSize, Patch, Value};
use modelport::registry::removal::Removal;

use super::{Scene, actor};
use crate::support::{Backend, on_both};

on_both! {
    a_node_keeps_its_history,
    values_in_the_record_keep_their_kind,
    who_follows_the_feed_misses_nothing,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;

async fn a_node_keeps_its_history(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let start = model.created_at;
    scene.pass(super::HOUR);
    let patch = Patch::default().with("owner", Change::Set("me".into()));
    scene
        .registry
        .entities
        .update(&scene.registry.context(Actor::anonymous("second"), Access::unrestricted()), MODEL, model.id, patch)
        .await
        .unwrap();
    scene.registry.entities.delete(&scene.registry.own_context(), MODEL, model.id, Removal::default()).await.unwrap();
    let history = scene.registry.history.node_history(&scene.context, model.id, 0, PageSize::new(10)).await.unwrap();
    let seen: Vec<_> = history
        .iter()
        .map(|change| {
            let owner = change.document["properties"]["owner"]["string"].as_str();
            (change.action.as_str(), change.revision, change.at - start, change.request_id.as_deref(), owner)
        })
        .collect();
    let expected = [
        ("create", 1, 0, Some("request"), None),
        ("update", 2, 3_600_000, Some("second"), Some("me")),
        ("delete", 3, 3_600_000, None, Some("me")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        history.iter().map(|change| change.actor.as_str()).collect::<Vec<_>>(),
        ["anonymous", "anonymous", "system"]
    );
    let rest =
        scene.registry.history.node_history(&scene.context, model.id, history[0].id, PageSize::new(1)).await.unwrap();
    assert_eq!(rest, history[1..2]);
    assert!(
        scene
            .registry
            .history
            .node_history(&scene.context, model.id, history[2].id, PageSize::new(1))
            .await
            .unwrap()
            .is_empty()
    );
    let unknown =
        scene.registry.history.node_history(&scene.context, NodeId(99), 0, PageSize::new(1)).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

async fn values_in_the_record_keep_their_kind(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut draft = modelport::domain::Draft::named("m".parse().unwrap());
    draft.custom = [
        ("int".to_owned(), Value::Int(i64::MAX)),
        ("double".to_owned(), Value::Double(f64::NAN)),
        ("bool".to_owned(), Value::Bool(true)),
        ("proto".to_owned(), Value::Proto { type_url: "t".into(), value: vec![255] }),
    ]
    .into();
    let model = scene.registry.entities.create(&scene.context, MODEL, None, draft).await.unwrap();
    let history = scene.registry.history.node_history(&scene.context, model.id, 0, PageSize::new(1)).await.unwrap();
    let expected = serde_json::json!({
        "int": {"int": i64::MAX},
        "double": {"double": "NaN"},
        "bool": {"bool": true},
        "proto": {"proto": {"typeUrl": "t", "value": "/w=="}},
    });
    assert_eq!(history[0].document["customProperties"], expected);
}

async fn who_follows_the_feed_misses_nothing(backend: Backend) {
    const WRITERS: usize = 16;
    const EACH: usize = 6;
    let scene = Scene::new(backend).await;
    let shared = scene.model("shared").await.id;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let registry = scene.registry.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    let patch = Patch::default().with("owner", Change::Set("me".into()));
                    registry
                        .entities
                        .update(&registry.context(actor(), Access::unrestricted()), MODEL, shared, patch)
                        .await
                        .unwrap();
                    let draft = modelport::domain::Draft::named(format!("m{writer}-{number}").parse().unwrap());
                    registry
                        .entities
                        .create(&registry.context(actor(), Access::unrestricted()), MODEL, None, draft)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let expected = 1 + WRITERS * EACH * 2;
    let mut seen = Vec::new();
    while seen.len() < expected {
        let after = seen.last().map_or(0, |change: &modelport::domain::ChangeRecord| change.position.unwrap());
        seen.extend(scene.registry.history.changes(&scene.context, after, PageSize::new(7)).await.unwrap().0);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let positions: Vec<_> = seen.iter().map(|change| change.position.unwrap()).collect();
    assert_eq!(positions, (1..=i64::try_from(expected).unwrap()).collect::<Vec<_>>());
    let mut revisions: BTreeMap<NodeId, Vec<i64>> = BTreeMap::new();
    for change in &seen {
        revisions.entry(change.node_id).or_default().push(change.revision);
    }
    assert_eq!(revisions.len(), 1 + WRITERS * EACH);
    for (node, found) in revisions {
        assert!(found.iter().copied().eq(1..=i64::try_from(found.len()).unwrap()), "`{node}`: {found:?}");
    }
    let end = seen.last().unwrap().position.unwrap();
    assert_eq!(scene.registry.history.changes(&scene.context, end, PageSize::new(7)).await.unwrap(), (Vec::new(), end));
    assert_eq!(scene.registry.history.changes(&scene.context, 0, PageSize::new(1000)).await.unwrap(), (seen, end));
}
