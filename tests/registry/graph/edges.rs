//! Events, contexts and executions published with them.

use modelport::domain::graph::{EventEdge, Membership, Parenthood, Step, SubgraphWrite};
use modelport::domain::{ErrorKind, LogicalType, PageSize};

use super::*;
use crate::support::{Backend, on_both};

on_both! {
    events_are_kept_in_order_with_their_paths,
    memberships_may_be_said_again_and_parents_make_no_circle,
    an_execution_is_published_with_all_of_it,
    what_is_reused_is_not_made_again,
    what_is_used_as_it_is_has_to_be_a_context,
    a_context_that_is_new_twice_is_made_once,
    a_context_that_is_used_and_changed_is_recorded_as_it_is,
    an_execution_that_cannot_be_published_leaves_nothing,
    a_subgraph_is_put_whole,
    one_context_is_made_by_many_at_once,
}

async fn events_are_kept_in_order_with_their_paths(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let (artifact, execution) =
        (scene.put_node(ARTIFACT, new(a, "a")).await.unwrap(), scene.put_node(EXECUTION, new(e, "e")).await.unwrap());
    let both = |event_type| event(Some(artifact), Some(execution), event_type);
    let path = vec![Step::Key("k".into()), Step::Index(3), Step::Index(1)];
    let first = EventWrite { path: path.clone(), at: Some(5), ..both(OUTPUT) };
    scene.registry.graph.put_events(&scene.context, vec![first, both(INPUT)]).await.unwrap();
    let found = scene.registry.graph.events_of(&scene.context, ARTIFACT, vec![artifact.0]).await.unwrap();
    assert_eq!(found.iter().map(|event| event.event_type).collect::<Vec<_>>(), [OUTPUT, INPUT]);
    assert_eq!((&found[0].path, found[0].at), (&path, 5));
    assert_eq!(scene.registry.graph.events_of(&scene.context, EXECUTION, vec![execution.0]).await.unwrap(), found);
    for (refused, kind) in [
        (both(OUTPUT), ErrorKind::AlreadyExists),
        (both(0), ErrorKind::InvalidArgument),
        (both(8), ErrorKind::InvalidArgument),
        (event(None, Some(execution), INPUT), ErrorKind::InvalidArgument),
        (event(Some(artifact), Some(artifact), INPUT), ErrorKind::InvalidArgument),
        (event(Some(execution), Some(execution), INPUT), ErrorKind::InvalidArgument),
        (event(Some(NodeId(99_999)), Some(execution), INPUT), ErrorKind::InvalidArgument),
    ] {
        let error = scene.registry.graph.put_events(&scene.context, vec![both(1), refused.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{refused:?}");
    }
    assert_eq!(scene.count("events"), 2);
}

async fn memberships_may_be_said_again_and_parents_make_no_circle(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, c) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(CONTEXT, "c").await);
    let artifact = scene.put_node(ARTIFACT, new(a, "a")).await.unwrap();
    let mut contexts = Vec::new();
    for name in ["1", "2", "3"] {
        contexts.push(scene.put_node(CONTEXT, new(c, name)).await.unwrap());
    }
    let of = |context: NodeId, member: NodeId| Membership { context_id: Some(context.0), member_id: Some(member.0) };
    for _ in 0..2 {
        let attributions = vec![of(contexts[0], artifact), of(contexts[1], artifact)];
        scene.registry.graph.put_memberships(&scene.context, attributions, Vec::new()).await.unwrap();
    }
    assert_eq!(scene.registry.graph.contexts_of(&scene.context, ARTIFACT, artifact.0).await.unwrap().nodes.len(), 2);
    let none = scene.registry.graph.contexts_of(&scene.context, EXECUTION, artifact.0).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    for refused in [vec![of(artifact, artifact)], vec![of(contexts[0], contexts[1])]] {
        let error = scene.registry.graph.put_memberships(&scene.context, refused, Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let below = |child: usize, parent: usize| Parenthood {
        child_id: Some(contexts[child].0),
        parent_id: Some(contexts[parent].0),
    };
    scene.registry.graph.put_parent_contexts(&scene.context, vec![below(0, 1), below(1, 2)]).await.unwrap();
    for (refused, kind) in [
        (below(0, 1), ErrorKind::AlreadyExists),
        (below(0, 0), ErrorKind::InvalidArgument),
        (below(1, 0), ErrorKind::InvalidArgument),
        (below(2, 0), ErrorKind::InvalidArgument),
        (Parenthood { child_id: Some(artifact.0), parent_id: Some(contexts[0].0) }, ErrorKind::InvalidArgument),
    ] {
        let error = scene.registry.graph.put_parent_contexts(&scene.context, vec![refused]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{refused:?}: {error}");
    }
    let all: Vec<i64> = contexts.iter().map(|id| id.0).collect();
    let parents = scene.registry.graph.parents_of(&scene.context, all.clone()).await.unwrap().items;
    assert_eq!(
        parents.iter().map(|(id, of)| (*id, of[0].id)).collect::<Vec<_>>(),
        [(all[0], contexts[1]), (all[1], contexts[2])]
    );
    let children = scene.registry.graph.children_of(&scene.context, all.clone()).await.unwrap().items;
    assert_eq!(children.keys().copied().collect::<Vec<_>>(), all[1..]);
}

async fn an_execution_is_published_with_all_of_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let input = scene.put_node(ARTIFACT, new(a, "in")).await.unwrap();
    let publish = Publish {
        execution: new(e, "run"),
        pairs: vec![
            (None, Some(event(Some(input), None, INPUT))),
            (Some(new(a, "out")), Some(event(None, None, OUTPUT))),
            (Some(new(a, "beside")), None),
            (None, None),
        ],
        contexts: vec![new(c, "x"), new(c, "y")],
        options: PublishOptions::default(),
    };
    let put = scene.registry.graph.put_execution(&scene.context, publish).await.unwrap();
    assert_eq!((put.artifact_ids[0], put.artifact_ids[3], put.context_ids.len()), (input.0, -1, 2));
    let events = scene.registry.graph.events_of(&scene.context, EXECUTION, vec![put.execution_id.0]).await.unwrap();
    assert_eq!(
        events.iter().map(|event| (event.artifact_id.0, event.event_type)).collect::<Vec<_>>(),
        [(put.artifact_ids[0], INPUT), (put.artifact_ids[1], OUTPUT)]
    );
    for id in &put.artifact_ids[..3] {
        assert_eq!(scene.registry.graph.contexts_of(&scene.context, ARTIFACT, *id).await.unwrap().nodes.len(), 2);
    }
    assert_eq!(
        scene.registry.graph.contexts_of(&scene.context, EXECUTION, put.execution_id.0).await.unwrap().nodes.len(),
        2
    );
}

async fn what_is_reused_is_not_made_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let context = NodeWrite { properties: properties(&[("i", Value::Int(1))]), ..new(c, "x") };
    let context = scene.put_node(CONTEXT, context).await.unwrap();
    let external = |at| NodeWrite {
        external_id: Some("ext".into()),
        properties: properties(&[("i", Value::Int(at))]),
        name: None,
        ..new(a, "")
    };
    let publish = Publish {
        execution: new(e, "run"),
        pairs: vec![(Some(external(1)), Some(event(None, None, OUTPUT))), (Some(external(2)), None)],
        contexts: vec![new(c, "x")],
        options: PublishOptions {
            reuse_context_if_already_exist: true,
            reuse_artifact_if_already_exist_by_external_id: true,
            ..PublishOptions::default()
        },
    };
    let put = scene.registry.graph.put_execution(&scene.context, publish.clone()).await.unwrap();
    assert_eq!(put.artifact_ids[0], put.artifact_ids[1]);
    assert_eq!(put.context_ids, [context]);
    assert_eq!(scene.node(CONTEXT, context).await.properties.len(), 1);
    let artifact = scene.node(ARTIFACT, NodeId(put.artifact_ids[0])).await;
    assert_eq!(artifact.properties, properties(&[("i", Value::Int(2))]));
    let again = Publish { execution: new(e, "run 2"), ..publish.clone() };
    assert_eq!(scene.registry.graph.put_execution(&scene.context, again).await.unwrap().artifact_ids, put.artifact_ids);
    let strict = Publish { options: PublishOptions::default(), execution: new(e, "run 3"), ..publish };
    let error = scene.registry.graph.put_execution(&scene.context, strict).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let forced = Publish {
        execution: new(e, "run 4"),
        contexts: vec![NodeWrite { id: Some(context.0), ..NodeWrite::default() }],
        options: PublishOptions { force_reuse_context: true, ..PublishOptions::default() },
        ..Publish::default()
    };
    assert_eq!(
        scene.registry.graph.put_execution(&scene.context, forced.clone()).await.unwrap().context_ids,
        [context]
    );
    let missing = Publish { contexts: vec![NodeWrite { id: Some(99_999), ..NodeWrite::default() }], ..forced };
    let missing = Publish { execution: new(e, "run 5"), ..missing };
    assert_eq!(
        scene.registry.graph.put_execution(&scene.context, missing).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

const REUSE: PublishOptions = PublishOptions {
    reuse_context_if_already_exist: true,
    reuse_artifact_if_already_exist_by_external_id: false,
    force_update_time: false,
    force_reuse_context: false,
};

async fn what_is_used_as_it_is_has_to_be_a_context(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    scene.put_node(ARTIFACT, new(a, "x")).await.unwrap();
    let model = LogicalType::ModelArtifact.id();
    scene.put_node(ARTIFACT, new(model, "x")).await.unwrap();
    scene.put_node(CONTEXT, new(c, "x")).await.unwrap();
    let nodes = scene.count("nodes");
    for type_id in [a, model] {
        let contexts = vec![new(type_id, "x")];
        let publish =
            Publish { execution: new(e, "run"), contexts: contexts.clone(), options: REUSE, ..Publish::default() };
        let error = scene.registry.graph.put_execution(&scene.context, publish).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("type_id")), "{error}");
        let write = SubgraphWrite { contexts, reuse_context_if_already_exist: true, ..SubgraphWrite::default() };
        let error = scene.registry.graph.put_lineage_subgraph(&scene.context, write).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let strange = NodeWrite { properties: properties(&[("strange", Value::Int(1))]), ..new(c, "x") };
    let contexts = vec![strange.clone()];
    let write = SubgraphWrite { contexts, reuse_context_if_already_exist: true, ..SubgraphWrite::default() };
    let error = scene.registry.graph.put_lineage_subgraph(&scene.context, write).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("properties.strange")));
    assert_eq!(scene.count("nodes"), nodes);
    // An execution takes what is there without a look at what comes with it.
    let publish = Publish { execution: new(e, "run"), contexts: vec![strange], options: REUSE, ..Publish::default() };
    scene.registry.graph.put_execution(&scene.context, publish).await.unwrap();
}

async fn a_context_that_is_new_twice_is_made_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (e, c) = (scene.type_of(EXECUTION, "e").await, scene.type_of(CONTEXT, "c").await);
    let model = LogicalType::RegisteredModel.id();
    let first = NodeWrite { properties: properties(&[("i", Value::Int(1))]), ..new(c, "x") };
    let contexts = vec![first, new(model, "m"), new(c, "x"), new(c, "y"), new(model, "m")];
    let publish =
        Publish { execution: new(e, "run"), contexts: contexts.clone(), options: REUSE, ..Publish::default() };
    let put = scene.registry.graph.put_execution(&scene.context, publish.clone()).await.unwrap().context_ids;
    assert_eq!((put[0], put[1]), (put[2], put[4]));
    assert_eq!(scene.node(CONTEXT, put[0]).await.properties.len(), 1);
    assert_eq!(scene.node(CONTEXT, put[3]).await.name.as_deref(), Some("y"));
    let write = SubgraphWrite { contexts, reuse_context_if_already_exist: true, ..SubgraphWrite::default() };
    assert_eq!(scene.registry.graph.put_lineage_subgraph(&scene.context, write).await.unwrap().context_ids, put);
    let strict = Publish {
        execution: new(e, "run 2"),
        contexts: vec![new(c, "z"), new(c, "z")],
        options: PublishOptions::default(),
        ..publish
    };
    let error = scene.registry.graph.put_execution(&scene.context, strict).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
}

async fn a_context_that_is_used_and_changed_is_recorded_as_it_is(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (e, c) = (scene.type_of(EXECUTION, "e").await, scene.type_of(CONTEXT, "c").await);
    let context = scene.put_node(CONTEXT, new(c, "x")).await.unwrap();
    let before = scene.registry.history.changes(&scene.context, 0, PageSize::new(100)).await.unwrap().0.len();
    let changed = NodeWrite { id: Some(context.0), properties: properties(&[("i", Value::Int(1))]), ..new(c, "x") };
    let contexts = vec![new(c, "x"), changed];
    let publish = Publish { execution: new(e, "run"), contexts, options: REUSE, ..Publish::default() };
    assert_eq!(
        scene.registry.graph.put_execution(&scene.context, publish).await.unwrap().context_ids,
        [context, context]
    );
    let (changes, _) = scene.registry.history.changes(&scene.context, 0, PageSize::new(100)).await.unwrap();
    let of_context = changes[before..].iter().filter(|change| change.node_id == context);
    let of_context: Vec<_> = of_context.map(|change| (change.action.as_str(), change.revision)).collect();
    assert_eq!(of_context, [("update", 2), ("attach", 2)]);
}

async fn an_execution_that_cannot_be_published_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    scene.put_node(CONTEXT, new(c, "taken")).await.unwrap();
    let nodes = scene.count("nodes");
    let publish = |pairs, contexts| Publish { execution: new(e, "run"), pairs, contexts, ..Publish::default() };
    let good = || (Some(new(a, "a")), Some(event(None, None, OUTPUT)));
    let nameless = NodeWrite { type_id: Some(c), ..NodeWrite::default() };
    for (refused, kind) in [
        (publish(vec![good(), (None, Some(event(None, None, INPUT)))], vec![]), ErrorKind::InvalidArgument),
        (
            publish(vec![good(), (None, Some(event(Some(NodeId(99_999)), None, INPUT)))], vec![]),
            ErrorKind::InvalidArgument,
        ),
        (
            publish(vec![good(), (Some(new(a, "b")), Some(event(None, Some(NodeId(1)), INPUT)))], vec![]),
            ErrorKind::InvalidArgument,
        ),
        (publish(vec![good()], vec![nameless]), ErrorKind::InvalidArgument),
        (publish(vec![good()], vec![new(c, "taken")]), ErrorKind::NameTaken),
        (publish(vec![good(), good()], vec![]), ErrorKind::NameTaken),
    ] {
        let error = scene.registry.graph.put_execution(&scene.context, refused.clone()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{refused:?}");
        assert_eq!((scene.count("nodes"), scene.count("events")), (nodes, 0));
    }
}

async fn a_subgraph_is_put_whole(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let edge = |execution, artifact, event_type| EventEdge {
        execution_index: Some(execution),
        artifact_index: Some(artifact),
        event: Some(event(None, None, event_type)),
    };
    let write = SubgraphWrite {
        executions: vec![new(e, "e0"), new(e, "e1")],
        artifacts: vec![new(a, "a0"), new(a, "a1")],
        contexts: vec![new(c, "c0"), new(c, "c1")],
        edges: vec![edge(0, 0, OUTPUT), edge(1, 0, INPUT), edge(1, 1, OUTPUT)],
        ..SubgraphWrite::default()
    };
    let put = scene.registry.graph.put_lineage_subgraph(&scene.context, write.clone()).await.unwrap();
    let events = scene
        .registry
        .graph
        .events_of(&scene.context, EXECUTION, put.execution_ids.iter().map(|id| id.0).collect())
        .await
        .unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[1].execution_id, put.execution_ids[1]);
    assert_eq!(scene.count("members"), 8);
    let error = scene.registry.graph.put_lineage_subgraph(&scene.context, write.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    let lone = EventEdge { event: Some(event(None, Some(put.execution_ids[0]), INPUT)), ..EventEdge::default() };
    let bare = SubgraphWrite { edges: vec![lone], ..SubgraphWrite::default() };
    let error = scene.registry.graph.put_lineage_subgraph(&scene.context, bare).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let empty = scene.registry.graph.put_lineage_subgraph(&scene.context, SubgraphWrite::default()).await.unwrap();
    assert!(empty.artifact_ids.is_empty());
}

async fn one_context_is_made_by_many_at_once(backend: Backend) {
    let scene = std::sync::Arc::new(Scene::new(backend).await);
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let writers = (0..16).map(|at| {
        let scene = std::sync::Arc::clone(&scene);
        tokio::spawn(
            async move { scene.step((a, e), &format!("s{at}"), None, vec![new(c, "run")]).await.context_ids[0] },
        )
    });
    let mut ids = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        ids.push(writer.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(scene.count("members"), 32);
}
