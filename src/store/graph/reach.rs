//! How far events lead from some nodes: the whole way in one statement, where the database is asked over a network.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::domain::{NodeId, NodeKind, Result};
use crate::store::Tx;
use crate::store::connection::AnyConnection;

/// Beyond so many nodes the way is left to whoever asks hop by hop.
const MAX_NODES: i64 = 10_000;

/// One row is one hop: the nodes that it reached, and all that were reached before it.
const HOPS: &str = "
    WITH RECURSIVE hops (hop, kind, reached, seen) AS (
        SELECT CAST(0 AS BIGINT), $1, $2, $2
        UNION ALL
        SELECT hops.hop + 1, 1 - hops.kind, next.reached, hops.seen || next.reached
        FROM hops
        CROSS JOIN LATERAL (
            SELECT array_agg(DISTINCT far.id) AS reached
            FROM (
                SELECT events.execution_id AS id FROM events
                WHERE hops.kind = 1 AND events.artifact_id = ANY (hops.reached) AND events.type = ANY ($3)
                UNION ALL
                SELECT events.artifact_id FROM events
                WHERE hops.kind = 0 AND events.execution_id = ANY (hops.reached) AND events.type = ANY ($4)
            ) AS far
            LEFT JOIN unnest(hops.seen) AS seen (id) ON seen.id = far.id
            WHERE seen.id IS NULL
        ) AS next
        WHERE hops.hop < $5 AND cardinality(hops.seen) < $6 AND next.reached IS NOT NULL
    )
    SELECT kind, reached FROM hops ORDER BY hop";

/// Which events are followed: from artifacts, and from executions.
#[derive(Debug, Clone, Copy)]
pub struct Followed<'a> {
    /// The types of those from artifacts to executions.
    pub from_artifacts: &'a [i64],
    /// The types of those from executions to artifacts.
    pub from_executions: &'a [i64],
}

#[derive(QueryableByName)]
struct HopRow {
    #[diesel(sql_type = BigInt)]
    kind: i64,
    #[diesel(sql_type = Array<BigInt>)]
    reached: Vec<i64>,
}

/// The artifacts and executions that events lead to from these nodes within so many hops, themselves included, or the
/// nearest of them.
///
/// `None` where a hop at a time costs as little.
pub fn reach(
    tx: &mut Tx<'_>,
    kind: NodeKind,
    start: &[NodeId],
    followed: Followed<'_>,
    hops: i64,
) -> Result<Option<(Vec<NodeId>, Vec<NodeId>)>> {
    let AnyConnection::Postgres(conn) = tx.conn else { return Ok(None) };
    let start: Vec<i64> = start.iter().map(|id| id.0).collect();
    let rows: Vec<HopRow> = diesel::sql_query(HOPS)
        .bind::<BigInt, _>(kind.number())
        .bind::<Array<BigInt>, _>(start)
        .bind::<Array<BigInt>, _>(followed.from_artifacts)
        .bind::<Array<BigInt>, _>(followed.from_executions)
        .bind::<BigInt, _>(hops)
        .bind::<BigInt, _>(MAX_NODES)
        .load(conn)?;
    let (mut artifacts, mut executions) = (Vec::new(), Vec::new());
    for row in rows {
        let reached = row.reached.into_iter().map(NodeId);
        if row.kind == NodeKind::Artifact.number() { artifacts.extend(reached) } else { executions.extend(reached) }
    }
    Ok(Some((artifacts, executions)))
}
