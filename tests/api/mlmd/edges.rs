//! Edges over the wire, alone and together with nodes.

use modelport::api::mlmd::pb::{self, event::path::step::Value as Step, put_lineage_subgraph_request::EventEdge};

use super::{ALREADY_EXISTS, Door, INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE, artifact};
use crate::support::{Backend, on_both};

const OUTPUT: i32 = 4;

fn event() -> pb::Event {
    pb::Event { r#type: Some(OUTPUT), ..Default::default() }
}

fn context(type_id: i64, name: &str) -> pb::Context {
    pb::Context { type_id: Some(type_id), name: Some(name.to_owned()), ..Default::default() }
}

async fn an_execution_is_put_with_all_of_its_own(backend: Backend) {
    let door = Door::new(backend).await;
    let (model, step, run) =
        (door.artifact_type("Model").await, door.execution_type("Step").await, door.context_type("Run").await);
    let steps =
        [Step::Key("model".to_owned()), Step::Index(0)].map(|value| pb::event::path::Step { value: Some(value) });
    let path = pb::event::Path { steps: steps.to_vec() };
    let pair = |artifact, event| pb::put_execution_request::ArtifactAndEvent { artifact, event };
    let request = pb::PutExecutionRequest {
        execution: Some(pb::Execution { type_id: Some(step), ..Default::default() }),
        artifact_event_pairs: vec![
            pair(Some(artifact(model, "m")), Some(pb::Event { path: Some(path.clone()), ..event() })),
            pair(None, None),
        ],
        contexts: vec![context(run, "r")],
        ..Default::default()
    };
    let put: pb::PutExecutionResponse = door.call("PutExecution", request).await.unwrap();
    let execution = put.execution_id();
    let [made, none] = put.artifact_ids[..] else { panic!("{put:?}") };
    assert_eq!(none, -1);
    let by_artifact = pb::GetEventsByArtifactIDsRequest { artifact_ids: vec![made], ..Default::default() };
    let got: pb::GetEventsByArtifactIDsResponse = door.call("GetEventsByArtifactIDs", by_artifact).await.unwrap();
    let [event] = &got.events[..] else { panic!("{got:?}") };
    assert_eq!((event.execution_id(), event.r#type, event.path.as_ref()), (execution, Some(OUTPUT), Some(&path)));
    assert!(event.milliseconds_since_epoch() > 1_600_000_000_000);
    let again = pb::PutEventsRequest { events: got.events.clone(), ..Default::default() };
    assert_eq!(door.refusal("PutEvents", again).await.code, ALREADY_EXISTS);
    let of_execution = pb::GetContextsByExecutionRequest { execution_id: Some(execution), ..Default::default() };
    let got: pb::GetContextsByExecutionResponse = door.call("GetContextsByExecution", of_execution).await.unwrap();
    assert_eq!(got.contexts[0].name(), "r");
    let members = pb::GetArtifactsByContextRequest { context_id: got.contexts[0].id, ..Default::default() };
    let got: pb::GetArtifactsByContextResponse = door.call("GetArtifactsByContext", members).await.unwrap();
    assert_eq!(got.artifacts.iter().map(pb::Artifact::id).collect::<Vec<_>>(), [made]);
    let nothing = pb::PutExecutionRequest::default();
    assert_eq!(door.refusal("PutExecution", nothing).await.code, INVALID_ARGUMENT);
    let unknown = pb::GetContextsByArtifactRequest { artifact_id: Some(9999), ..Default::default() };
    assert_eq!(door.refusal("GetContextsByArtifact", unknown).await.code, NOT_FOUND);
}

async fn a_subgraph_is_put_by_places(backend: Backend) {
    let door = Door::new(backend).await;
    let (model, step, run) =
        (door.artifact_type("Model").await, door.execution_type("Step").await, door.context_type("Run").await);
    let with = |edges: &[EventEdge]| pb::PutLineageSubgraphRequest {
        executions: vec![pb::Execution { type_id: Some(step), ..Default::default() }],
        artifacts: vec![artifact(model, "m")],
        contexts: vec![context(run, "r")],
        event_edges: edges.to_vec(),
        ..Default::default()
    };
    let edge = |execution: i32, artifact: i32| EventEdge {
        execution_index: Some(execution),
        artifact_index: Some(artifact),
        event: Some(event()),
    };
    let (eventless, sideless) =
        (EventEdge { event: None, ..edge(0, 0) }, EventEdge { artifact_index: None, ..edge(0, 0) });
    for (edges, code) in [
        (vec![edge(1, 0)], OUT_OF_RANGE),
        (vec![edge(0, -1)], OUT_OF_RANGE),
        (vec![edge(0, 0), edge(0, 1)], OUT_OF_RANGE),
        (vec![eventless.clone()], INVALID_ARGUMENT),
        (vec![sideless], INVALID_ARGUMENT),
        (vec![eventless, edge(5, 5)], INVALID_ARGUMENT),
    ] {
        assert_eq!(door.refusal("PutLineageSubgraph", with(&edges)).await.code, code, "{edges:?}");
    }
    let put: pb::PutLineageSubgraphResponse = door.call("PutLineageSubgraph", with(&[edge(0, 0)])).await.unwrap();
    let by_execution =
        pb::GetEventsByExecutionIDsRequest { execution_ids: put.execution_ids.clone(), ..Default::default() };
    let got: pb::GetEventsByExecutionIDsResponse = door.call("GetEventsByExecutionIDs", by_execution).await.unwrap();
    assert_eq!(got.events.iter().map(pb::Event::artifact_id).collect::<Vec<_>>(), put.artifact_ids);
    let members = pb::GetExecutionsByContextRequest { context_id: Some(put.context_ids[0]), ..Default::default() };
    let got: pb::GetExecutionsByContextResponse = door.call("GetExecutionsByContext", members).await.unwrap();
    assert_eq!(got.executions.iter().map(pb::Execution::id).collect::<Vec<_>>(), put.execution_ids);
}

async fn contexts_have_parents_and_children(backend: Backend) {
    let door = Door::new(backend).await;
    let run = door.context_type("Run").await;
    let contexts = ["p", "c", "d"].map(|name| context(run, name)).to_vec();
    let request = pb::PutContextsRequest { contexts, ..Default::default() };
    let ids = door.call::<pb::PutContextsResponse>("PutContexts", request).await.unwrap().context_ids;
    let under = |child: i64, parent: i64| pb::PutParentContextsRequest {
        parent_contexts: vec![pb::ParentContext {
            child_id: Some(child),
            parent_id: Some(parent),
            ..Default::default()
        }],
        ..Default::default()
    };
    for child in &ids[1..] {
        door.call::<pb::PutParentContextsResponse>("PutParentContexts", under(*child, ids[0])).await.unwrap();
    }
    assert_eq!(door.refusal("PutParentContexts", under(ids[0], ids[1])).await.code, INVALID_ARGUMENT);
    assert_eq!(door.refusal("PutParentContexts", under(ids[1], ids[0])).await.code, ALREADY_EXISTS);
    let names = |contexts: &[pb::Context]| contexts.iter().map(|each| each.name().to_owned()).collect::<Vec<_>>();
    let request = pb::GetChildrenContextsByContextRequest { context_id: Some(ids[0]), ..Default::default() };
    let got: pb::GetChildrenContextsByContextResponse =
        door.call("GetChildrenContextsByContext", request).await.unwrap();
    assert_eq!(names(&got.contexts), ["c", "d"]);
    let request = pb::GetParentContextsByContextsRequest { context_ids: ids.clone(), ..Default::default() };
    let got: pb::GetParentContextsByContextsResponse = door.call("GetParentContextsByContexts", request).await.unwrap();
    let parents: Vec<_> = got.contexts.iter().map(|(id, each)| (*id, names(&each.parent_contexts))).collect();
    assert_eq!(parents, [(ids[1], vec!["p".to_owned()]), (ids[2], vec!["p".to_owned()])]);
    let none = pb::GetChildrenContextsByContextsRequest::default();
    assert_eq!(door.refusal("GetChildrenContextsByContexts", none).await.code, INVALID_ARGUMENT);
}

on_both!(an_execution_is_put_with_all_of_its_own, a_subgraph_is_put_by_places, contexts_have_parents_and_children);
