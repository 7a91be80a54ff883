//! The graph around some nodes, over the wire.

use modelport::api::mlmd::pb::{self, lineage_subgraph_query_options as query};

use super::{Door, INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED, artifact};
use crate::support::{Backend, on_both};

/// A data set, a step that made a model of it, and another that deployed the model.
async fn chain(door: &Door) -> (Vec<i64>, Vec<i64>) {
    let (thing, step) = (door.artifact_type("Thing").await, door.execution_type("Step").await);
    let edge = |execution: i32, artifact: i32, kind: i32| pb::put_lineage_subgraph_request::EventEdge {
        execution_index: Some(execution),
        artifact_index: Some(artifact),
        event: Some(pb::Event { r#type: Some(kind), ..Default::default() }),
    };
    let execution = pb::Execution { type_id: Some(step), ..Default::default() };
    let request = pb::PutLineageSubgraphRequest {
        executions: vec![execution.clone(), execution],
        artifacts: ["data", "model", "service"].map(|name| artifact(thing, name)).to_vec(),
        event_edges: vec![edge(0, 0, 3), edge(0, 1, 4), edge(1, 1, 3), edge(1, 2, 4)],
        ..Default::default()
    };
    let put: pb::PutLineageSubgraphResponse = door.call("PutLineageSubgraph", request).await.unwrap();
    (put.artifact_ids, put.execution_ids)
}

fn around(filter: &str, options: pb::LineageSubgraphQueryOptions, mask: &[&str]) -> pb::GetLineageSubgraphRequest {
    let nodes = query::StartingNodes { filter_query: Some(filter.to_owned()) };
    pb::GetLineageSubgraphRequest {
        lineage_subgraph_query_options: Some(pb::LineageSubgraphQueryOptions {
            starting_nodes: Some(query::StartingNodesOneOf::StartingArtifacts(nodes)),
            ..options
        }),
        read_mask: Some(prost_types::FieldMask { paths: mask.iter().map(|path| (*path).to_owned()).collect() }),
        ..Default::default()
    }
}

async fn a_graph_has_the_ids_of_what_is_near(backend: Backend) {
    let door = Door::new(backend).await;
    let (artifacts, executions) = chain(&door).await;
    let upstream =
        pb::LineageSubgraphQueryOptions { direction: Some(query::Direction::Upstream.into()), ..Default::default() };
    let got: pb::GetLineageSubgraphResponse =
        door.call("GetLineageSubgraph", around("name = 'model'", upstream, &[])).await.unwrap();
    let graph = got.lineage_subgraph.unwrap();
    let mut found: Vec<_> = graph.artifacts.iter().map(pb::Artifact::id).collect();
    found.sort_unstable();
    assert_eq!(found, artifacts[..2]);
    assert!(graph.artifacts.iter().all(|each| each.name.is_none() && each.uri.is_none()));
    assert_eq!(graph.executions.iter().map(pb::Execution::id).collect::<Vec<_>>(), executions[..1]);
    assert_eq!(graph.events.len(), 2);
    assert!(graph.artifact_types.len() > 1 && graph.artifact_types.iter().all(|of| of.base_type.is_none()));
    let ending = query::EndingNodes { filter_query: Some("name = 'model'".to_owned()), include_ending_nodes: None };
    let ended = pb::LineageSubgraphQueryOptions { ending_artifacts: Some(ending), ..Default::default() };
    let got: pb::GetLineageSubgraphResponse =
        door.call("GetLineageSubgraph", around("name = 'data'", ended, &["artifacts"])).await.unwrap();
    let graph = got.lineage_subgraph.unwrap();
    assert_eq!(graph.artifacts.iter().map(pb::Artifact::id).collect::<Vec<_>>(), artifacts[..1]);
    assert!(graph.executions.is_empty() && graph.events.is_empty() && graph.artifact_types.is_empty());
}

async fn an_invalid_graph_has_a_status(backend: Backend) {
    let door = Door::new(backend).await;
    let plain = pb::LineageSubgraphQueryOptions::default;
    let backwards = pb::LineageSubgraphQueryOptions { max_num_hops: Some(-1), ..plain() };
    for (request, code) in [
        (pb::GetLineageSubgraphRequest::default(), INVALID_ARGUMENT),
        (around("", plain(), &[]), INVALID_ARGUMENT),
        (around("nonsense", plain(), &[]), INVALID_ARGUMENT),
        (around("id = 1", backwards, &[]), INVALID_ARGUMENT),
        (around("name = 'none'", plain(), &[]), NOT_FOUND),
    ] {
        assert_eq!(door.refusal("GetLineageSubgraph", request).await.code, code);
    }
    #[allow(deprecated)]
    let old = pb::GetLineageGraphRequest::default();
    assert_eq!(door.refusal("GetLineageGraph", old).await.code, UNIMPLEMENTED);
}

on_both!(a_graph_has_the_ids_of_what_is_near, an_invalid_graph_has_a_status);
