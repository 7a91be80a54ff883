//! The nodes that are reachable from some nodes along events, with these events, in one statement, for a database across a
//! network.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::events::{EventRow, event};
use crate::Tx;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use modelport_domain::graph::Event;
use modelport_domain::{NodeId, NodeKind, Result};

/// With more nodes than this the caller has to query hop by hop.
const MAX_NODES: i64 = 10_000;

/// Which events are followed: from artifacts, and from executions.
#[derive(Debug, Clone, Copy)]
pub struct Followed<'a> {
    /// The types of those from artifacts to executions.
    pub from_artifacts: &'a [i64],
    /// The types of those from executions to artifacts.
    pub from_executions: &'a [i64],
}

/// A reachable node with one of the events that are followed from it, which comes with its id; without one where it has none.
#[derive(Debug, Clone, PartialEq)]
pub struct ReachableNode {
    /// Whether it is an artifact or an execution.
    pub kind: NodeKind,
    /// The node.
    pub id: NodeId,
    /// The event.
    pub event: Option<(i64, Event)>,
}

/// The artifacts and executions that are reachable from these nodes, themselves included, or the nearest of them: each as often as
/// it has events that are followed, and once where it has none.
///
/// `None` where a hop at a time costs as little, or where some nodes may be hidden.
pub fn reach(
    tx: &mut Tx<'_>,
    kind: NodeKind,
    start: &[NodeId],
    followed: Followed<'_>,
) -> Result<Option<Vec<ReachableNode>>> {
    if tx.visible("nodes").is_some() {
        return Ok(None);
    }
    let AnyConnection::Postgres(conn) = tx.conn else { return Ok(None) };
    let start = start.iter().map(|id| id.0).collect();
    let rows: Vec<Row> = Reached { kind: kind.number(), start, followed }.load(conn).db()?;
    rows.into_iter().map(reachable).collect::<Result<_>>().map(Some)
}

/// A node's kind and id, and the columns of an event.
type Row = (i64, i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<String>);

fn reachable((kind, node, id, artifact, execution, event_type, at, path): Row) -> Result<ReachableNode> {
    let event = match (id, artifact, execution, event_type, at) {
        (Some(id), Some(artifact_id), Some(execution_id), Some(event_type), Some(at)) => {
            Some(event(EventRow { id, artifact_id, execution_id, event_type, at, path })?)
        }
        _ => None,
    };
    let kind = if kind == NodeKind::Artifact.number() { NodeKind::Artifact } else { NodeKind::Execution };
    Ok(ReachableNode { kind, id: NodeId(node), event })
}

/// Each node once, the near ones first: PostgreSQL stops at the limit.
struct Reached<'a> {
    kind: i64,
    start: Vec<i64>,
    followed: Followed<'a>,
}

impl Reached<'_> {
    /// The events that are followed from the nodes that are called `near`, as two queries. Their types are in the text: as an array
    /// they would be bound, and PostgreSQL, which reckons with ten of them, would plan the statement anew each time.
    fn events(&self, near: &str, [of_artifacts, of_executions]: [&str; 2]) -> String {
        let list = |types: &[i64]| types.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let (from_artifacts, from_executions) =
            (list(self.followed.from_artifacts), list(self.followed.from_executions));
        format!(
            "SELECT {of_artifacts} FROM events AS e
             WHERE {near}.kind = 1 AND e.artifact_id = {near}.id AND e.type IN ({from_artifacts})
             UNION ALL SELECT {of_executions} FROM events AS e
             WHERE {near}.kind = 0 AND e.execution_id = {near}.id AND e.type IN ({from_executions})"
        )
    }
}

impl QueryFragment<Pg> for Reached<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH RECURSIVE reached (kind, id) AS (SELECT ");
        out.push_bind_param::<BigInt, _>(&self.kind)?;
        out.push_sql(", ");
        match self.start.as_slice() {
            [one] => out.push_bind_param::<BigInt, _>(one)?,
            _ => {
                out.push_sql("unnest(");
                out.push_bind_param::<Array<BigInt>, _>(&self.start)?;
                out.push_sql(")");
            }
        }
        out.push_sql(" UNION SELECT 1 - reached.kind, far.id FROM reached CROSS JOIN LATERAL (");
        out.push_sql(&self.events("reached", ["e.execution_id AS id", "e.artifact_id"]));
        out.push_sql(
            ") AS far) SELECT near.kind, near.id, followed.id, artifact_id, execution_id, type, at, path
             FROM (SELECT kind, id FROM reached LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&MAX_NODES)?;
        out.push_sql(") AS near LEFT JOIN LATERAL (");
        out.push_sql(&self.events("near", ["e.*", "e.*"]));
        out.push_sql(") AS followed ON TRUE");
        Ok(())
    }
}

impl QueryId for Reached<'_> {
    type QueryId = ();
    // The text is the key of the statement cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Reached<'_> {
    type SqlType = (
        BigInt,
        BigInt,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<Text>,
    );
}

impl RunQueryDsl<PgConnection> for Reached<'_> {}
