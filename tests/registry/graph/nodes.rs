//! Nodes of any type: made, replaced, changed where a mask says so, and never half.

use modelport::domain::ErrorKind;
use modelport::domain::access::Access;
use modelport::domain::graph::{ListOptions, Scope};
use modelport::domain::{Order, OrderBy};

use super::*;
use crate::support::{Backend, on_both};

on_both! {
    a_node_is_made_and_read_back,
    a_node_is_replaced_whole,
    a_mask_changes_what_it_names,
    what_is_put_back_unchanged_stays,
    what_cannot_be_put_leaves_nothing,
    whoever_changed_it_first_wins,
    one_request_may_name_a_node_twice,
    external_ids_and_uris_find_nodes,
    pages_give_every_node_once,
    every_put_is_recorded,
}

async fn a_node_is_made_and_read_back(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let write = NodeWrite {
        external_id: Some(String::new()),
        uri: Some("s3://b/o".into()),
        state: Some(2),
        properties: properties(&[("i", Value::Int(i64::MAX)), ("s", "a\\b'\"ü".into())]),
        custom: properties(&[
            ("i", Value::Double(1e-9)),
            ("n", Value::Double(f64::INFINITY)),
            ("b", Value::Bool(true)),
        ]),
        ..new(of, "a")
    };
    let id = scene.put_node(ARTIFACT, write.clone()).await.unwrap();
    let page = scene.registry.graph.nodes_by_ids(&scene.context, ARTIFACT, vec![id.0, id.0, 1, id.0]).await.unwrap();
    let [node] = page.nodes.as_slice() else { panic!("{page:?}") };
    assert_eq!((node.name.as_deref(), node.uri.as_deref(), node.state), (Some("a"), Some("s3://b/o"), Some(2)));
    assert_eq!((&node.properties, &node.custom), (&write.properties, &write.custom));
    assert_eq!((node.external_id.as_deref(), node.created_at), (None, node.updated_at));
    assert_eq!(page.types[&of].name, "t");
    assert!(scene.registry.graph.nodes_by_ids(&scene.context, EXECUTION, vec![id.0]).await.unwrap().nodes.is_empty());
    let found = scene.registry.graph.node_by_type_and_name(&scene.context, ARTIFACT, "t", "", "a").await.unwrap();
    assert_eq!(found.unwrap().0, *node);
    assert_eq!(scene.registry.graph.node_by_type_and_name(&scene.context, ARTIFACT, "t", "", "b").await.unwrap(), None);
}

async fn a_node_is_replaced_whole(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(CONTEXT, "t").await;
    let full = NodeWrite {
        external_id: Some("e".into()),
        properties: properties(&[("i", Value::Int(1))]),
        custom: properties(&[("i", Value::Int(2)), ("x", Value::Int(3))]),
        ..new(of, "a")
    };
    let id = scene.put_node(CONTEXT, full).await.unwrap();
    let before = scene.node(CONTEXT, id).await;
    let custom = properties(&[("x", "now text".into())]);
    let renamed = NodeWrite { id: Some(id.0), name: Some("b".into()), custom: custom.clone(), ..NodeWrite::default() };
    scene.put_node(CONTEXT, renamed).await.unwrap();
    let now = scene.node(CONTEXT, id).await;
    assert_eq!((now.name.as_deref(), now.external_id.as_deref()), (Some("b"), None));
    assert_eq!((now.properties.len(), now.custom), (0, custom));
    assert!(now.updated_at > before.updated_at && now.created_at == before.created_at && now.revision == 2);
}

async fn a_mask_changes_what_it_names(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let full = NodeWrite {
        uri: Some("u".into()),
        state: Some(2),
        properties: properties(&[("i", Value::Int(1)), ("s", "x".into())]),
        ..new(of, "a")
    };
    let id = scene.put_node(ARTIFACT, full).await.unwrap();
    let patch = NodeWrite {
        id: Some(id.0),
        uri: Some("ignored".into()),
        properties: properties(&[("i", Value::Int(5)), ("unknown", Value::Int(5))]),
        ..NodeWrite::default()
    };
    scene.put_masked(ARTIFACT, patch, &["properties.i", "properties.s", "state", "nonsense"]).await.unwrap();
    let now = scene.node(ARTIFACT, id).await;
    assert_eq!((now.uri.as_deref(), now.state), (Some("u"), None));
    assert_eq!(now.properties, properties(&[("i", Value::Int(5))]));
}

async fn what_is_put_back_unchanged_stays(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(EXECUTION, "t").await;
    let write = NodeWrite { properties: properties(&[("i", Value::Int(1))]), ..new(of, "e") };
    let id = scene.put_node(EXECUTION, write.clone()).await.unwrap();
    let before = scene.node(EXECUTION, id).await;
    let same = NodeWrite { id: Some(id.0), type_name: Some("t".into()), ..write.clone() };
    scene.put_node(EXECUTION, same).await.unwrap();
    assert_eq!(scene.node(EXECUTION, id).await, before);
    scene.put_node(EXECUTION, NodeWrite { id: Some(id.0), ..write }).await.unwrap();
    assert!(scene.node(EXECUTION, id).await.updated_at > before.updated_at);
}

async fn what_cannot_be_put_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (of, executions) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    scene.put_node(ARTIFACT, NodeWrite { external_id: Some("x".into()), ..new(of, "taken") }).await.unwrap();
    let nodes = scene.count("nodes");
    let wrong = |name: &str, value| NodeWrite { properties: properties(&[(name, value)]), ..new(of, "w") };
    for (write, kind) in [
        (NodeWrite { type_id: None, ..new(of, "a") }, ErrorKind::InvalidArgument),
        (new(99_999, "a"), ErrorKind::NotFound),
        (new(executions, "a"), ErrorKind::NotFound),
        (NodeWrite { id: Some(0), ..new(of, "a") }, ErrorKind::InvalidArgument),
        (NodeWrite { id: Some(99_999), ..new(of, "a") }, ErrorKind::InvalidArgument),
        (wrong("i", Value::Double(1.0)), ErrorKind::InvalidArgument),
        (wrong("unknown", Value::Int(1)), ErrorKind::InvalidArgument),
        (wrong("s", "nul\0".into()), ErrorKind::InvalidArgument),
        (new(of, "taken"), ErrorKind::NameTaken),
        (NodeWrite { external_id: Some("x".into()), ..new(of, "other") }, ErrorKind::AlreadyExists),
        (new(of, &"x".repeat(513)), ErrorKind::InvalidArgument),
    ] {
        let writes = vec![new(of, "good"), write.clone()];
        let error = scene.registry.graph.put_nodes(&scene.context, ARTIFACT, writes, None, false).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{write:?}: {error}");
        assert_eq!(scene.count("nodes"), nodes, "{write:?}");
    }
    let nameless = NodeWrite { type_id: Some(scene.type_of(CONTEXT, "c").await), ..NodeWrite::default() };
    assert_eq!(scene.put_node(CONTEXT, nameless).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

async fn whoever_changed_it_first_wins(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let id = scene.put_node(ARTIFACT, new(of, "a")).await.unwrap();
    let seen = scene.node(ARTIFACT, id).await.updated_at;
    let writers = (0..16).map(|at| {
        let registry = scene.registry.clone();
        let write = NodeWrite {
            id: Some(id.0),
            properties: properties(&[("i", Value::Int(at))]),
            seen_update_time: Some(seen),
            ..new(of, "a")
        };
        tokio::spawn(async move {
            registry
                .graph
                .put_nodes(&registry.context(actor(), Access::unrestricted()), ARTIFACT, vec![write], None, true)
                .await
        })
    });
    let mut won = 0;
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}"),
        }
    }
    assert_eq!(won, 1);
    assert!(scene.node(ARTIFACT, id).await.updated_at > seen);
}

async fn one_request_may_name_a_node_twice(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let id = scene.put_node(ARTIFACT, new(of, "a")).await.unwrap();
    let with = |at| NodeWrite { id: Some(id.0), properties: properties(&[("i", Value::Int(at))]), ..new(of, "a") };
    let ids =
        scene.registry.graph.put_nodes(&scene.context, ARTIFACT, vec![with(1), with(2)], None, false).await.unwrap();
    assert_eq!(ids, [id, id]);
    assert_eq!(scene.node(ARTIFACT, id).await.properties, properties(&[("i", Value::Int(2))]));
}

async fn external_ids_and_uris_find_nodes(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let with = |name: &str, uri: &str| NodeWrite {
        external_id: Some(format!("x-{name}")),
        uri: Some(uri.to_owned()),
        ..new(of, name)
    };
    let writes = vec![with("a", "u"), with("b", "u"), with("c", "")];
    let ids = scene.registry.graph.put_nodes(&scene.context, ARTIFACT, writes, None, false).await.unwrap();
    let of_uri =
        |uri: &str| scene.registry.graph.artifacts_by_uris(&scene.context, vec![uri.to_owned(), "none".into()]);
    let id_of = |nodes: Vec<Node>| nodes.into_iter().map(|node| node.id).collect::<Vec<_>>();
    assert_eq!(id_of(of_uri("u").await.unwrap().nodes), ids[..2]);
    assert_eq!(id_of(of_uri("").await.unwrap().nodes), ids[2..]);
    let external = |ids: &[&str]| {
        scene.registry.graph.nodes_by_external_ids(
            &scene.context,
            ARTIFACT,
            ids.iter().map(|id| (*id).to_owned()).collect(),
        )
    };
    assert_eq!(id_of(external(&["x-b", "none"]).await.unwrap().nodes), ids[1..2]);
    assert_eq!(external(&["none"]).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(external(&["x-a", ""]).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(external(&[]).await.unwrap().nodes.is_empty());
}

async fn pages_give_every_node_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let writes: Vec<_> = (0..259).map(|at| new(of, &format!("a{at}"))).collect();
    let ids = scene.registry.graph.put_nodes(&scene.context, ARTIFACT, writes, None, false).await.unwrap();
    for by in [OrderBy::Id, OrderBy::CreateTime, OrderBy::UpdateTime] {
        for descending in [false, true] {
            let (mut seen, mut token) = (Vec::new(), None);
            loop {
                let options = ListOptions { size: 1000, order: Order { by, descending }, token, filter: None };
                let page = scene
                    .registry
                    .graph
                    .list_graph(&scene.context, Scope::Kind(ARTIFACT), Some(options))
                    .await
                    .unwrap();
                assert!(page.nodes.len() <= 100);
                seen.extend(page.nodes.into_iter().map(|node| node.id));
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
            if descending {
                seen.reverse();
            }
            assert_eq!(seen, ids, "{by:?}");
        }
    }
    let scope = || Scope::OfType { kind: ARTIFACT, name: "t".into(), version: String::new() };
    assert_eq!(scene.registry.graph.list_graph(&scene.context, scope(), None).await.unwrap().nodes.len(), 259);
    let options = |size, descending, token| {
        Some(ListOptions { size, order: Order { by: OrderBy::Id, descending }, token, filter: None })
    };
    let first = scene.registry.graph.list_graph(&scene.context, scope(), options(10, false, None)).await.unwrap();
    for refused in [options(0, false, None), options(10, true, first.next)] {
        let error = scene.registry.graph.list_graph(&scene.context, scope(), refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let unknown = Scope::OfType { kind: ARTIFACT, name: "none".into(), version: String::new() };
    assert!(
        scene
            .registry
            .graph
            .list_graph(&scene.context, unknown, options(-1, false, None))
            .await
            .unwrap()
            .nodes
            .is_empty()
    );
}

async fn every_put_is_recorded(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (artifacts, executions) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let contexts = scene.type_of(CONTEXT, "c").await;
    let put = scene.step((artifacts, executions), "s", None, vec![new(contexts, "run")]).await;
    let actions = |id| {
        let sql = format!("SELECT action AS line FROM changes WHERE node_id = {id} ORDER BY id");
        scene.database.lines(&sql)
    };
    assert_eq!(actions(put.artifact_ids[0]), ["create"]);
    assert_eq!(actions(put.execution_id.0), ["create", "event.put"]);
    assert_eq!(actions(put.context_ids[0].0), ["create", "attach"]);
}
