//! Lineage by events, as ML Metadata walks it.

use modelport::domain::ErrorKind;
use modelport::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use modelport::domain::graph::{Ending, EventDirection, LineageParts, LineageQuery, Subgraph};

use super::*;
use crate::support::{Backend, on_both};

on_both! {
    a_chain_is_followed_either_way_as_far_as_asked,
    a_graph_ends_where_it_is_told,
    what_starts_nowhere_is_refused,
}

fn is(id: NodeId) -> Expr {
    Expr::Test(Field::Attribute(Attribute::Id), Condition::Compare(Comparison::Equal, Operand::Int(id.0)))
}

fn around(start: NodeId, direction: EventDirection, hops: i64) -> LineageQuery {
    LineageQuery {
        start_kind: ARTIFACT,
        start: is(start),
        max_hops: Some(hops),
        direction,
        ending_artifacts: None,
        ending_executions: None,
        parts: LineageParts::ALL,
    }
}

fn ids(of: &[NodeId]) -> Vec<i64> {
    of.iter().map(|id| id.0).collect()
}

struct Chain {
    artifacts: Vec<i64>,
    executions: Vec<i64>,
}

/// Artifacts 0 to 3, and between each two of them an execution.
async fn chain(scene: &Scene) -> Chain {
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let first = scene.put_node(ARTIFACT, new(a, "first")).await.unwrap();
    let mut chain = Chain { artifacts: vec![first.0], executions: Vec::new() };
    for at in 0..3 {
        let input = NodeId(*chain.artifacts.last().unwrap());
        let put = scene.step((a, e), &format!("{at}"), Some(input), vec![new(c, "run")]).await;
        chain.executions.push(put.execution_id.0);
        chain.artifacts.push(put.artifact_ids[1]);
    }
    chain
}

async fn a_chain_is_followed_either_way_as_far_as_asked(backend: Backend) {
    let scene = Scene::new(backend).await;
    let Chain { artifacts, executions } = chain(&scene).await;
    let middle = NodeId(artifacts[1]);
    let get = |direction, hops| scene.registry.graph.lineage_subgraph(&scene.context, around(middle, direction, hops));
    let shape = |graph: &Subgraph| (ids(&graph.artifacts), ids(&graph.executions), graph.events.len());
    for (direction, hops, expected) in [
        (EventDirection::Both, 0, (artifacts[1..2].to_vec(), vec![], 0)),
        (EventDirection::Upstream, 100, (artifacts[..2].to_vec(), executions[..1].to_vec(), 2)),
        (EventDirection::Downstream, 1, (artifacts[1..2].to_vec(), executions[1..2].to_vec(), 1)),
        (EventDirection::Downstream, 1000, (artifacts[1..].to_vec(), executions[1..].to_vec(), 4)),
        (EventDirection::Both, 2, (artifacts[..3].to_vec(), executions[..2].to_vec(), 4)),
        (EventDirection::Both, 100, (artifacts.clone(), executions.clone(), 6)),
    ] {
        let graph = get(direction, hops).await.unwrap();
        assert_eq!(shape(&graph), expected, "{direction:?} {hops}");
    }
    let whole = get(EventDirection::Both, 100).await.unwrap();
    assert_eq!((whole.contexts.len(), whole.attributions.len(), whole.associations.len()), (1, 4, 3));
    // Those of the system, and its own; the registry's own have no nodes.
    assert_eq!(whole.artifact_types.len(), 4 + 1);
    let events = LineageParts { events: true, ..LineageParts::default() };
    let query = LineageQuery { parts: events, ..around(middle, EventDirection::Both, 100) };
    let graph = scene.registry.graph.lineage_subgraph(&scene.context, query).await.unwrap();
    assert_eq!((graph.events.len(), graph.artifacts.len(), graph.contexts.len()), (6, 0, 0));
}

async fn a_graph_ends_where_it_is_told(backend: Backend) {
    let scene = Scene::new(backend).await;
    let Chain { artifacts, executions } = chain(&scene).await;
    let with = |start: i64, end: i64, include| LineageQuery {
        ending_artifacts: Some(Ending { filter: Some(is(NodeId(end))), include }),
        ..around(NodeId(start), EventDirection::Both, 100)
    };
    let get = async |query| {
        let graph = scene.registry.graph.lineage_subgraph(&scene.context, query).await.unwrap();
        (ids(&graph.artifacts), ids(&graph.executions), graph.events.len())
    };
    let (first, second) = (artifacts[0], artifacts[1]);
    assert_eq!(get(with(first, second, false)).await, (vec![first], executions[..1].to_vec(), 1));
    assert_eq!(get(with(first, second, true)).await, (vec![first, second], executions[..1].to_vec(), 2));
    assert_eq!(get(with(first, first, false)).await, (vec![], vec![], 0));
    assert_eq!(get(with(first, first, true)).await, (vec![first], vec![], 0));
    let executions_end = LineageQuery {
        ending_executions: Some(Ending { filter: Some(is(NodeId(executions[0]))), include: false }),
        ..around(NodeId(second), EventDirection::Upstream, 100)
    };
    assert_eq!(get(executions_end).await, (vec![second], vec![], 0));
}

async fn what_starts_nowhere_is_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let nothing = around(NodeId(99_999), EventDirection::Both, 1);
    let error = scene.registry.graph.lineage_subgraph(&scene.context, nothing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let negative = around(NodeId(1), EventDirection::Both, -1);
    let error = scene.registry.graph.lineage_subgraph(&scene.context, negative).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("max_num_hops")));
}
