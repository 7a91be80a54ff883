//! Many nodes of any type at once: found, inserted and changed.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::bulk::{Column, InsertNodes, draw_ids};
use crate::connection::{AnyConnection, on_each};
use crate::error::{DatabaseResult as _, database_error, violated_unique};
use crate::filter::seen;
use crate::nodes::{MAX_IDS, NewNode, NodeRow, hydrate, place_of};
use crate::schema::nodes;
use crate::{Tx, properties};
use modelport_domain::access::Place;
use modelport_domain::{Error, Node, NodeId, NodeKind, Result};

/// Locks those of these nodes that exist and are of that kind until the transaction ends, and returns them ordered by id.
pub fn lock_all(tx: &mut Tx<'_>, kind: NodeKind, ids: &BTreeSet<NodeId>) -> Result<Vec<Node>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let query = nodes::table.filter(nodes::id.eq_any(chunk.to_vec()).and(nodes::kind.eq(kind.number())));
        rows.extend(seen!(tx, query.order(nodes::id), query => match tx.conn {
            AnyConnection::Postgres(conn) => {
                query.select(NodeRow::as_select()).for_no_key_update().load::<NodeRow>(conn).db()?
            }
            // SQLite has a single writer: nothing to lock.
            AnyConnection::Sqlite(conn) => query.select(NodeRow::as_select()).load::<NodeRow>(conn).db()?,
        }));
    }
    hydrate(tx, rows)
}

/// Those of these nodes that exist and are of that kind, ordered by id.
pub fn find_all(tx: &mut Tx<'_>, kind: NodeKind, ids: &[i64]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let query = nodes::table.filter(nodes::id.eq_any(chunk.to_vec()).and(nodes::kind.eq(kind.number())));
        rows.extend(seen!(tx, query, query => query.select(NodeRow::as_select()).load::<NodeRow>(tx.conn)).db()?);
    }
    rows.sort_by_key(|row| row.id);
    hydrate(tx, rows)
}

/// The ids and kinds of those of these nodes that exist.
pub fn kinds(tx: &mut Tx<'_>, ids: &BTreeSet<NodeId>) -> Result<BTreeSet<(NodeId, i64)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut found = BTreeSet::new();
    for chunk in ids.chunks(MAX_IDS) {
        let query = nodes::table.filter(nodes::id.eq_any(chunk.to_vec()));
        let kinds = seen!(tx, query, query => query.select((nodes::id, nodes::kind)).load::<(i64, i64)>(tx.conn));
        found.extend(kinds.db()?.into_iter().map(|(id, kind)| (NodeId(id), kind)));
    }
    Ok(found)
}

/// The nodes of that kind with these ids in another system, ordered by id.
pub fn find_external(tx: &mut Tx<'_>, kind: NodeKind, external_ids: &[String]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in external_ids.chunks(MAX_IDS) {
        let query =
            nodes::table.filter(nodes::kind.eq(kind.number())).filter(nodes::external_id.eq_any(chunk.to_vec()));
        let query = query.filter(nodes::workspace_id.eq(tx.access().workspace().0));
        rows.extend(seen!(tx, query, query => query.select(NodeRow::as_select()).load::<NodeRow>(tx.conn)).db()?);
    }
    rows.sort_by_key(|row| row.id);
    hydrate(tx, rows)
}

/// The artifacts with one of these URIs, ordered by id; the empty one is that of artifacts without any.
pub fn find_by_uri(tx: &mut Tx<'_>, uris: &[String]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in uris.chunks(MAX_IDS) {
        let query = nodes::table.filter(nodes::kind.eq(NodeKind::Artifact.number()));
        let query = query.filter(nodes::workspace_id.eq(tx.access().workspace().0)).select(NodeRow::as_select());
        // The index has the beginnings alone.
        let beginnings: Vec<String> = chunk.iter().map(|uri| uri.chars().take(128).collect()).collect();
        let begins = sql::<Text>("substr(nodes.uri, 1, 128)").eq_any(beginnings);
        let named = query.filter(nodes::uri.eq_any(chunk.to_vec())).filter(nodes::uri.is_not_null()).filter(begins);
        rows.extend(seen!(tx, named, named => named.load::<NodeRow>(tx.conn)).db()?);
        if chunk.iter().any(String::is_empty) {
            let without = query.filter(nodes::uri.is_null());
            rows.extend(seen!(tx, without, without => without.load::<NodeRow>(tx.conn)).db()?);
        }
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    hydrate(tx, rows)
}

/// Which types the nodes have whose names these are, those without a home: pairs of type and name.
pub fn find_named(tx: &mut Tx<'_>, type_ids: &[i64], names: &[String]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in names.chunks(MAX_IDS) {
        let query = nodes::table
            .filter(nodes::type_id.eq_any(type_ids.to_vec()))
            .filter(nodes::name.eq_any(chunk.to_vec()))
            .filter(nodes::home_id.is_null())
            .filter(nodes::workspace_id.eq(tx.access().workspace().0));
        rows.extend(seen!(tx, query, query => query.select(NodeRow::as_select()).load::<NodeRow>(tx.conn)).db()?);
    }
    hydrate(tx, rows)
}

/// Inserts nodes, whose own ids do not count, with their properties, and returns their ids in the same order. Those that have
/// a home are not members of it yet.
///
/// Errors: AlreadyExists when a name is taken among the nodes of the type, or an external id among those of the kind.
pub fn insert_all(tx: &mut Tx<'_>, kind: NodeKind, new: &mut [Node]) -> Result<()> {
    let access = tx.access().clone();
    for chunk in new.chunks_mut(MAX_IDS) {
        let rows: Vec<NewNode<'_>> = chunk
            .iter()
            .map(|node| NewNode {
                kind: kind.number(),
                type_id: node.type_id,
                home_id: node.home_id.map(|home| home.0),
                name: node.name.as_deref(),
                external_id: node.external_id.as_deref(),
                uri: node.uri.as_deref(),
                state: node.state,
                created_at: node.created_at,
                updated_at: node.updated_at,
                workspace_id: access.workspace().0,
                root_id: None,
                owner_id: access.principal().filter(|_| node.home_id.is_none()).map(|owner| owner.0),
            })
            .collect();
        let ids = match tx.conn {
            AnyConnection::Postgres(conn) => {
                let described: Vec<_> = (1..)
                    .zip(chunk.iter())
                    .flat_map(|(place, node)| properties::rows(place, &node.properties, &node.custom))
                    .collect();
                let properties = properties::columns_with_nodes(&described);
                InsertNodes { columns: columns(&rows), properties }.load(conn).map_err(taken)?
            }
            AnyConnection::Sqlite(_) => insert(tx, rows)?,
        };
        for (node, id) in chunk.iter_mut().zip(ids) {
            node.id = NodeId(id);
            if node.home_id.is_none() {
                node.place = Place { workspace: access.workspace(), root: node.id };
            }
        }
        place_in_homes(tx, chunk)?;
        if let AnyConnection::Sqlite(_) = tx.conn {
            properties::insert(tx, &chunk.iter().collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Says of new nodes that have homes where those are.
fn place_in_homes(tx: &mut Tx<'_>, new: &mut [Node]) -> Result<()> {
    let homes: BTreeSet<NodeId> = new.iter().filter_map(|node| node.home_id).collect();
    if homes.is_empty() {
        return Ok(());
    }
    let places = place_of(tx, &homes.into_iter().collect::<Vec<_>>())?;
    for node in new {
        if let Some(place) = node.home_id.and_then(|home| places.get(&home)) {
            node.place = *place;
        }
    }
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = nodes, treat_none_as_default_value = false)]
struct NumberedNode<'a> {
    id: i64,
    #[diesel(embed)]
    node: NewNode<'a>,
}

/// Inserts rows and returns their ids in the same order.
fn insert(tx: &mut Tx<'_>, rows: Vec<NewNode<'_>>) -> Result<Vec<i64>> {
    let ids = draw_ids(tx, "nodes", rows.len())?;
    let numbered: Vec<_> = ids.iter().zip(rows).map(|(id, node)| NumberedNode { id: *id, node }).collect();
    on_each!(tx.conn, conn => diesel::insert_into(nodes::table).values(&numbered).execute(conn)).map_err(taken)?;
    Ok(ids)
}

fn columns<'a>(rows: &'a [NewNode<'a>]) -> Vec<(&'static str, Column<'a>)> {
    let each = rows.iter();
    vec![
        ("kind", Column::Int(each.clone().map(|row| row.kind).collect())),
        ("type_id", Column::Int(each.clone().map(|row| row.type_id).collect())),
        ("home_id", Column::MaybeInt(each.clone().map(|row| row.home_id).collect())),
        ("name", Column::MaybeText(each.clone().map(|row| row.name).collect())),
        ("external_id", Column::MaybeText(each.clone().map(|row| row.external_id).collect())),
        ("uri", Column::MaybeText(each.clone().map(|row| row.uri).collect())),
        ("state", Column::MaybeInt(each.clone().map(|row| row.state).collect())),
        ("created_at", Column::Int(each.clone().map(|row| row.created_at).collect())),
        ("updated_at", Column::Int(each.clone().map(|row| row.updated_at).collect())),
        ("workspace_id", Column::Int(each.clone().map(|row| row.workspace_id).collect())),
        ("root_id", Column::MaybeInt(each.clone().map(|row| row.root_id).collect())),
        ("owner_id", Column::MaybeInt(each.map(|row| row.owner_id).collect())),
    ]
}

fn taken(error: diesel::result::Error) -> Error {
    match violated_unique(&error) {
        Some(constraint) if constraint.contains("external_id") => {
            Error::already_exists("a node with the same external id already exists").on_field("external_id")
        }
        Some(_) => Error::name_taken("a node of the same type and name already exists"),
        None => database_error(error),
    }
}

/// Stores what nodes are now that were locked as the first of each pair, and counts one more change of each.
///
/// Errors: as [`insert_all`].
pub fn update_all(tx: &mut Tx<'_>, changed: &mut [(Node, Node)]) -> Result<()> {
    for chunk in changed.chunks(MAX_IDS) {
        let sql = update_sql(chunk.len());
        let updated = on_each!(tx.conn, conn => {
            let mut query = diesel::sql_query(sql).into_boxed();
            for (_, node) in chunk {
                query = query
                    .bind::<BigInt, _>(node.id.0)
                    .bind::<Nullable<Text>, _>(node.name.as_deref())
                    .bind::<Nullable<Text>, _>(node.external_id.as_deref())
                    .bind::<Nullable<Text>, _>(node.uri.as_deref())
                    .bind::<Nullable<BigInt>, _>(node.state)
                    .bind::<BigInt, _>(node.updated_at);
            }
            query.execute(conn)
        });
        updated.map_err(taken)?;
    }
    for (_, node) in changed.iter_mut() {
        node.revision += 1;
    }
    properties::replace_all(tx, changed)
}

/// Both databases call the columns of `VALUES` so.
fn update_sql(rows: usize) -> String {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let columns: Vec<String> = (1..=6).map(|column| format!("${}", row * 6 + column)).collect();
            format!("({})", columns.join(", "))
        })
        .collect();
    format!(
        "UPDATE nodes SET name = v.column2, external_id = v.column3, uri = v.column4, state = v.column5, \
         updated_at = v.column6, revision = nodes.revision + 1 \
         FROM (VALUES {}) AS v WHERE nodes.id = v.column1",
        values.join(", ")
    )
}
