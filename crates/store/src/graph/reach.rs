//! The nodes that are reachable from some nodes along events, in one statement, for a database across a network.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};

use crate::Tx;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
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

/// The artifacts and executions that are reachable from these nodes, themselves included, or the nearest of them.
///
/// `None` where a hop at a time costs as little.
pub fn reach(
    tx: &mut Tx<'_>,
    kind: NodeKind,
    start: &[NodeId],
    followed: Followed<'_>,
) -> Result<Option<(Vec<NodeId>, Vec<NodeId>)>> {
    let AnyConnection::Postgres(conn) = tx.conn else { return Ok(None) };
    let start = start.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, i64)> = Reached { kind: kind.number(), start, followed }.load(conn).db()?;
    let (mut artifacts, mut executions) = (Vec::new(), Vec::new());
    for (kind, id) in rows {
        if kind == NodeKind::Artifact.number() { artifacts.push(NodeId(id)) } else { executions.push(NodeId(id)) }
    }
    Ok(Some((artifacts, executions)))
}

/// Each node once, the near ones first: PostgreSQL stops at the limit.
struct Reached<'a> {
    kind: i64,
    start: Vec<i64>,
    followed: Followed<'a>,
}

impl QueryFragment<Pg> for Reached<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH RECURSIVE reached (kind, id) AS (SELECT ");
        out.push_bind_param::<BigInt, _>(&self.kind)?;
        out.push_sql(", unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.start)?;
        out.push_sql(
            ") UNION SELECT 1 - reached.kind, far.id FROM reached CROSS JOIN LATERAL (
                SELECT execution_id AS id FROM events
                WHERE reached.kind = 1 AND artifact_id = reached.id AND type = ANY (",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.followed.from_artifacts)?;
        out.push_sql(
            ") UNION ALL SELECT artifact_id FROM events
                WHERE reached.kind = 0 AND execution_id = reached.id AND type = ANY (",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.followed.from_executions)?;
        out.push_sql(")) AS far) SELECT kind, id FROM reached LIMIT ");
        out.push_bind_param::<BigInt, _>(&MAX_NODES)
    }
}

impl QueryId for Reached<'_> {
    type QueryId = ();
    // The text is the key of the statement cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Reached<'_> {
    type SqlType = (BigInt, BigInt);
}

impl RunQueryDsl<PgConnection> for Reached<'_> {}
