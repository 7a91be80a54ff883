//! Chains of artifacts and executions, each made from the one before.

use std::collections::BTreeMap;

use modelport::domain::graph::{Event, EventType, Type};
use modelport::domain::{ArtifactState, Node, NodeId, NodeKind, Result, Value, ValueKind};
use modelport::store::graph::{events, types};

use crate::bar;
use crate::fill::Fill;

/// How many edges a chain has: every execution reads one artifact and writes the next.
const DEPTH: i64 = 10;
const ARTIFACTS: i64 = DEPTH / 2 + 1;
const EXECUTIONS: i64 = DEPTH / 2;

/// Where the chains are.
pub(crate) struct Chains {
    /// The first artifact of the first chain; chain after chain follows.
    pub(crate) first: i64,
    /// The last artifact of the first chain.
    pub(crate) last: i64,
    /// How many artifacts a chain has.
    pub(crate) artifacts: i64,
    pub(crate) data_type: i64,
    pub(crate) step_type: i64,
}

/// Makes so many chains.
pub(crate) async fn chains(fill: &mut Fill, count: i64) -> Result<Chains> {
    let data = [("split", ValueKind::String), ("rows", ValueKind::Int), ("share", ValueKind::Double)];
    let types =
        [kind_of_node(NodeKind::Artifact, "bench.Data", &data), kind_of_node(NodeKind::Execution, "bench.Step", &[])];
    let ids = fill.store.write(move |tx| types::insert(tx, &types.iter().collect::<Vec<_>>())).await?;
    let (data_type, step_type) = (ids.first().copied().unwrap_or_default(), ids.last().copied().unwrap_or_default());
    let artifacts: Vec<Node> = (0..count * ARTIFACTS)
        .map(|i| {
            let mut node = fill.node(data_type, None, format!("data {i}"));
            node.uri = Some(format!("s3://bucket/data/{i}"));
            node.state = Some(ArtifactState::Live as i64);
            node.properties.insert("split".to_owned(), Value::String(format!("split-{}", i % 10)));
            node.properties.insert("rows".to_owned(), Value::Int(i));
            node
        })
        .collect();
    let executions: Vec<Node> =
        (0..count * EXECUTIONS).map(|i| fill.node(step_type, None, format!("step {i}"))).collect();
    let bar = bar("chains", count);
    let first = fill.nodes(NodeKind::Artifact, artifacts, Vec::new()).await?.0;
    let step = fill.nodes(NodeKind::Execution, executions, Vec::new()).await?.0;
    let now = fill.now;
    let event = |chain: i64, at: i64, offset: i64, event_type: EventType| Event {
        artifact_id: NodeId(first + chain * ARTIFACTS + at + offset),
        execution_id: NodeId(step + chain * EXECUTIONS + at),
        event_type: event_type as i64,
        at: now,
        path: Vec::new(),
    };
    let all: Vec<Event> = (0..count)
        .flat_map(|chain| (0..EXECUTIONS).map(move |at| (chain, at)))
        .flat_map(|(chain, at)| [event(chain, at, 0, EventType::Input), event(chain, at, 1, EventType::Output)])
        .collect();
    fill.rows += all.len() as u64;
    fill.store.write(move |tx| events::insert(tx, &all)).await?;
    bar.finish();
    Ok(Chains { first, last: first + ARTIFACTS - 1, artifacts: ARTIFACTS, data_type, step_type })
}

fn kind_of_node(kind: NodeKind, name: &str, properties: &[(&str, ValueKind)]) -> Type {
    Type {
        id: 0,
        kind,
        name: name.to_owned(),
        version: String::new(),
        description: None,
        external_id: None,
        base_type: None,
        input_type: None,
        output_type: None,
        properties: properties.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect::<BTreeMap<_, _>>(),
    }
}
