//! The lineage query and its subgraph.

use super::{Base, NodeMessage, TypeMessage, event_message};
use crate::domain::filter::mlmd;
use crate::domain::graph::{Ending, EventDirection, LineageParts, LineageQuery, Subgraph, Type};
use crate::domain::{Error, NodeId, NodeKind, Result};
use crate::pb::{self, lineage_subgraph_query_options as sent};

/// The question. Errors: InvalidArgument without a start, and for a filter or direction that cannot be read.
pub(crate) fn parse_query(request: pb::GetLineageSubgraphRequest) -> Result<LineageQuery> {
    const START: &str = "starting_nodes";
    let options = request.lineage_subgraph_query_options.unwrap_or_default();
    let (start_kind, start) = match options.starting_nodes {
        Some(sent::StartingNodesOneOf::StartingArtifacts(nodes)) => (NodeKind::Artifact, nodes.filter_query),
        Some(sent::StartingNodesOneOf::StartingExecutions(nodes)) => (NodeKind::Execution, nodes.filter_query),
        None => return Err(Error::invalid(START, "starting artifacts or executions are missing")),
    };
    let start = mlmd::parse(start_kind, start.as_deref().unwrap_or_default())?;
    let direction = match options.direction.map(sent::Direction::try_from) {
        None | Some(Ok(sent::Direction::Unspecified | sent::Direction::Bidirectional)) => EventDirection::Both,
        Some(Ok(sent::Direction::Upstream)) => EventDirection::Upstream,
        Some(Ok(sent::Direction::Downstream)) => EventDirection::Downstream,
        Some(Err(unknown)) => {
            return Err(Error::invalid("direction", format!("`direction` has no value `{}`", unknown.0)));
        }
    };
    Ok(LineageQuery {
        start_kind,
        start: start.ok_or_else(|| Error::invalid(START, "the starting nodes have an empty `filter_query`"))?,
        max_hops: options.max_num_hops,
        direction,
        ending_artifacts: read_ending(NodeKind::Artifact, options.ending_artifacts)?,
        ending_executions: read_ending(NodeKind::Execution, options.ending_executions)?,
        parts: read_parts(&request.read_mask.unwrap_or_default().paths),
    })
}

fn read_ending(kind: NodeKind, sent: Option<sent::EndingNodes>) -> Result<Option<Ending>> {
    let sent = sent.unwrap_or_default();
    let Some(filter) = &sent.filter_query else { return Ok(None) };
    Ok(Some(Ending { filter: mlmd::parse(kind, filter)?, include: sent.include_ending_nodes() }))
}

/// No path is every list; a path that names none adds none.
fn read_parts(paths: &[String]) -> LineageParts {
    if paths.is_empty() {
        return LineageParts::ALL;
    }
    let has = |list: &str| paths.iter().any(|path| path == list);
    LineageParts {
        artifacts: has("artifacts"),
        executions: has("executions"),
        contexts: has("contexts"),
        events: has("events"),
        attributions: has("attributions"),
        associations: has("associations"),
        artifact_types: has("artifact_types"),
        execution_types: has("execution_types"),
        context_types: has("context_types"),
    }
}

/// The answer: of nodes only their ids.
pub(crate) fn subgraph_message(graph: Subgraph) -> Result<pb::LineageGraph> {
    let attribution = |(context, artifact): (NodeId, NodeId)| pb::Attribution {
        artifact_id: Some(artifact.0),
        context_id: Some(context.0),
        system_metadata: None,
    };
    let association = |(context, execution): (NodeId, NodeId)| pb::Association {
        execution_id: Some(execution.0),
        context_id: Some(context.0),
        system_metadata: None,
    };
    Ok(pb::LineageGraph {
        artifact_types: show_types(graph.artifact_types)?,
        execution_types: show_types(graph.execution_types)?,
        context_types: show_types(graph.context_types)?,
        artifacts: with_ids_only(&graph.artifacts),
        executions: with_ids_only(&graph.executions),
        contexts: with_ids_only(&graph.contexts),
        events: graph.events.into_iter().map(event_message).collect(),
        attributions: graph.attributions.into_iter().map(attribution).collect(),
        associations: graph.associations.into_iter().map(association).collect(),
        parent_contexts: Vec::new(),
    })
}

fn with_ids_only<T: NodeMessage>(ids: &[NodeId]) -> Vec<T> {
    ids.iter().map(|id| T::with_id(id.0)).collect()
}

fn show_types<T: TypeMessage>(types: Vec<Type>) -> Result<Vec<T>> {
    types.into_iter().map(|of| T::to_message(of, Base::Hidden)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    fn asked(starting_nodes: Option<sent::StartingNodesOneOf>, direction: i32) -> Result<LineageQuery> {
        let direction = Some(direction);
        let options = pb::LineageSubgraphQueryOptions { starting_nodes, direction, ..Default::default() };
        parse_query(pb::GetLineageSubgraphRequest {
            lineage_subgraph_query_options: Some(options),
            ..pb::GetLineageSubgraphRequest::default()
        })
    }

    fn from(filter: &str) -> Option<sent::StartingNodesOneOf> {
        let filter_query = Some(filter.to_owned());
        Some(sent::StartingNodesOneOf::StartingArtifacts(sent::StartingNodes { filter_query }))
    }

    #[test]
    fn a_graph_starts_somewhere_and_goes_a_known_way() {
        let query = asked(from("id = 1"), 3).unwrap();
        assert_eq!((query.direction, query.parts), (EventDirection::Both, LineageParts::ALL));
        assert_eq!(asked(from("id = 1"), 1).unwrap().direction, EventDirection::Upstream);
        for (start, direction) in [(None, 0), (from(""), 0), (from("id = 1"), 4)] {
            assert_eq!(asked(start, direction).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn a_mask_names_lists_and_nothing_below_them() {
        let mask = |paths: &[&str]| read_parts(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        let expected = LineageParts { artifacts: true, context_types: true, ..LineageParts::default() };
        assert_eq!(mask(&["artifacts", "context_types", "events.type", "parent_contexts"]), expected);
        assert_eq!(mask(&["nonsense"]), LineageParts::default());
        assert_eq!(mask(&[]), LineageParts::ALL);
    }
}
