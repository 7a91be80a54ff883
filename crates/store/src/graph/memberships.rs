//! Memberships in contexts, many at once.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::Tx;
use crate::connection::{AnyConnection, MultiBackend, on_each};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::filter::narrow;
use crate::nodes::MAX_IDS;
use crate::schema::{members, nodes};
use modelport_domain::{Error, NodeId, NodeKind, Result};

#[derive(QueryableByName)]
struct MemberRow {
    #[diesel(sql_type = BigInt)]
    context_id: i64,
    #[diesel(sql_type = BigInt)]
    node_id: i64,
}

/// Makes nodes members of contexts, as pairs of context and node; returns those that were not members before.
///
/// Errors: InvalidArgument when one of the nodes is gone.
pub fn insert(tx: &mut Tx<'_>, pairs: &BTreeSet<(NodeId, NodeId)>) -> Result<Vec<(NodeId, NodeId)>> {
    let pairs: Vec<_> = pairs.iter().collect();
    let mut new = Vec::new();
    for chunk in pairs.chunks(MAX_IDS) {
        // Diesel makes a statement of each row for SQLite where a conflict is let pass.
        let rows: Vec<String> = (0..chunk.len()).map(|at| format!("(${}, ${})", at * 2 + 1, at * 2 + 2)).collect();
        let sql = format!(
            "INSERT INTO members (context_id, node_id) VALUES {} ON CONFLICT DO NOTHING RETURNING context_id, node_id",
            rows.join(", ")
        );
        let inserted: QueryResult<Vec<MemberRow>> = on_each!(tx.conn, conn => {
            let mut query = diesel::sql_query(sql).into_boxed();
            for (context, node) in chunk {
                query = query.bind::<BigInt, _>(context.0).bind::<BigInt, _>(node.0);
            }
            query.load(conn)
        });
        new.extend(inserted.map_err(|error| match is_missing_reference(&error) {
            true => Error::invalid("context_id", "a context or one of its members does not exist"),
            false => database_error(error),
        })?);
    }
    Ok(new.into_iter().map(|row| (NodeId(row.context_id), NodeId(row.node_id))).collect())
}

/// Which of these nodes belongs to which context, as context and node, ordered by both.
pub fn contexts_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>> {
    let mut pairs: Vec<(i64, i64)> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let mut query = members::table.filter(members::node_id.eq_any(ids)).into_boxed::<MultiBackend>();
        narrow!(query, tx.visible_by_id("members.context_id"));
        pairs.extend(query.select((members::context_id, members::node_id)).load::<(i64, i64)>(tx.conn).db()?);
    }
    pairs.sort_unstable();
    Ok(pairs.into_iter().map(|(context, node)| (NodeId(context), NodeId(node))).collect())
}

/// Which contexts belong to these, as parent and child, ordered by both.
pub fn child_contexts(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>> {
    let mut pairs: Vec<(i64, i64)> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = members::table
            .inner_join(nodes::table.on(nodes::id.eq(members::node_id)))
            .filter(members::context_id.eq_any(ids))
            .filter(nodes::kind.eq(NodeKind::Context.number()));
        let mut query = query.into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        narrow!(query, tx.visible_by_id("members.context_id"));
        pairs.extend(query.select((members::context_id, members::node_id)).load::<(i64, i64)>(tx.conn).db()?);
    }
    pairs.sort_unstable();
    Ok(pairs.into_iter().map(|(context, node)| (NodeId(context), NodeId(node))).collect())
}

/// Whether one of `ancestors` is the context itself or a context that it belongs to, however far above.
pub fn is_below(tx: &mut Tx<'_>, context: NodeId, ancestor: NodeId) -> Result<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        found: i64,
    }
    let found: Found = diesel::sql_query(
        "WITH RECURSIVE above (id) AS (
             SELECT CAST($1 AS BIGINT)
             UNION
             SELECT members.context_id FROM members JOIN above ON members.node_id = above.id
         )
         SELECT count(*) AS found FROM above WHERE id = $2",
    )
    .bind::<BigInt, _>(context.0)
    .bind::<BigInt, _>(ancestor.0)
    .get_result(tx.conn)
    .db()?;
    Ok(found.found > 0)
}

/// Locks the memberships between contexts until the transaction ends: two concurrent changes could create a cycle together.
pub fn lock_parents(tx: &mut Tx<'_>) -> Result<()> {
    if let AnyConnection::Postgres(conn) = tx.conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('modelport.parents'))").execute(conn).db()?;
    }
    Ok(())
}
