//! The edges of lineage: one hop from many nodes, in one statement for each kind of edge.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::Tx;
use super::connection::{MultiBackend, among};
use super::kept::Kept;
use super::nodes::CHUNK;
use super::schema::{events, members, nodes, properties};
use crate::domain::lineage::{Edge, EdgeKind};
use crate::domain::{LogicalType, NodeId, Result};

/// Which end of an edge is known, and so which way the other one lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// The edges that end in the known nodes.
    Up,
    /// The edges that start from the known nodes.
    Down,
}

/// The numbers of ML Metadata's events in which an execution reads: declared, plain, internal.
const INPUTS: [i64; 3] = [2, 3, 5];

/// Those in which it writes: declared, plain, internal, pending. An event of unknown type is no edge.
const OUTPUTS: [i64; 4] = [1, 4, 6, 7];

/// Whether a membership means that the context uses the node: an artifact of something else, or a data set.
const USED: &str =
    "(nodes.kind = 1 AND (nodes.type_id = 15 OR nodes.home_id IS NULL OR nodes.home_id <> members.context_id))";

/// The edges one hop from these nodes, at most `limit` of each kind. Of the nodes, the first `CHUNK` count.
///
/// A reference may lead to a node that is gone.
pub fn hop(tx: &mut Tx<'_>, known: &[NodeId], hop: Hop, limit: u32) -> Result<Vec<Edge>> {
    let ids: Vec<i64> = known.iter().take(CHUNK).map(|id| id.0).collect();
    let limit = i64::from(limit);
    let mut edges = held(tx, &ids, hop, limit)?;
    edges.extend(used(tx, &ids, hop, limit)?);
    edges.extend(inputs(tx, &ids, hop, limit)?);
    edges.extend(outputs(tx, &ids, hop, limit)?);
    edges.extend(references(tx, &ids, hop, limit)?);
    Ok(edges)
}

/// From contexts to what they own or contain.
fn held(tx: &mut Tx<'_>, ids: &[i64], hop: Hop, limit: i64) -> Result<Vec<Edge>> {
    let query = members::table
        .inner_join(nodes::table)
        .filter(sql::<Bool>("NOT ").sql(USED))
        .select((members::context_id, members::node_id, nodes::home_id))
        .order((members::context_id, members::node_id))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let query = match hop {
        Hop::Up => among!(query, members::node_id, ids, query => query),
        Hop::Down => among!(query, members::context_id, ids, query => query),
    };
    // Of several ids SQLite makes as many statements as there are numbers of them.
    let rows: Vec<(i64, i64, Option<i64>)> =
        if ids.len() == 1 { Kept(query).load(tx.conn)? } else { query.load(tx.conn)? };
    let edge = |(context, node, home)| {
        let kind = if home == Some(context) { EdgeKind::Owns } else { EdgeKind::Contains };
        Edge { from: NodeId(context), to: NodeId(node), kind }
    };
    Ok(rows.into_iter().map(edge).collect())
}

/// From artifacts to the contexts that use them.
fn used(tx: &mut Tx<'_>, ids: &[i64], hop: Hop, limit: i64) -> Result<Vec<Edge>> {
    let query = members::table
        .inner_join(nodes::table)
        .filter(sql::<Bool>(USED))
        .select((members::node_id, members::context_id))
        .order((members::node_id, members::context_id))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let query = match hop {
        Hop::Up => among!(query, members::context_id, ids, query => query),
        Hop::Down => among!(query, members::node_id, ids, query => query),
    };
    let rows = if ids.len() == 1 { Kept(query).load(tx.conn)? } else { query.load(tx.conn)? };
    Ok(edges(rows, EdgeKind::UsedBy))
}

/// From artifacts to the executions that read them.
fn inputs(tx: &mut Tx<'_>, ids: &[i64], hop: Hop, limit: i64) -> Result<Vec<Edge>> {
    let query = events::table
        .filter(events::event_type.eq_any(INPUTS))
        .select((events::artifact_id, events::execution_id))
        .order((events::artifact_id, events::execution_id, events::id))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let query = match hop {
        Hop::Up => among!(query, events::execution_id, ids, query => query),
        Hop::Down => among!(query, events::artifact_id, ids, query => query),
    };
    Ok(edges(query.load(tx.conn)?, EdgeKind::Input))
}

/// From executions to the artifacts that they wrote.
fn outputs(tx: &mut Tx<'_>, ids: &[i64], hop: Hop, limit: i64) -> Result<Vec<Edge>> {
    let query = events::table
        .filter(events::event_type.eq_any(OUTPUTS))
        .select((events::execution_id, events::artifact_id))
        .order((events::execution_id, events::artifact_id, events::id))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let query = match hop {
        Hop::Up => among!(query, events::artifact_id, ids, query => query),
        Hop::Down => among!(query, events::execution_id, ids, query => query),
    };
    Ok(edges(query.load(tx.conn)?, EdgeKind::Output))
}

/// From models and versions to what refers to them, which is what serves them.
fn references(tx: &mut Tx<'_>, ids: &[i64], hop: Hop, limit: i64) -> Result<Vec<Edge>> {
    let referring: Vec<LogicalType> =
        LogicalType::ALL.into_iter().filter(|logical| !logical.references().is_empty()).collect();
    let names: BTreeSet<&str> =
        referring.iter().flat_map(|logical| logical.references()).map(|(property, _)| *property).collect();
    let types: Vec<i64> = referring.into_iter().map(LogicalType::id).collect();
    let query = properties::table
        .inner_join(nodes::table)
        .filter(properties::custom.eq(false).and(properties::name.eq_any(names)))
        .filter(properties::int_value.is_not_null().and(nodes::type_id.eq_any(types)))
        .select((properties::int_value.assume_not_null(), properties::node_id))
        .order((properties::int_value, properties::node_id, properties::name))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let query = match hop {
        Hop::Up => among!(query, properties::node_id, ids, query => query),
        Hop::Down => among!(query, properties::int_value.assume_not_null(), ids, query => query),
    };
    Ok(edges(query.load(tx.conn)?, EdgeKind::ServedBy))
}

fn edges(pairs: Vec<(i64, i64)>, kind: EdgeKind) -> Vec<Edge> {
    pairs.into_iter().map(|(from, to)| Edge { from: NodeId(from), to: NodeId(to), kind }).collect()
}
