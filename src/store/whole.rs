//! One node with its properties by one statement, for a read that needs nothing else.
//!
//! A metric's latest point is elsewhere, so that metrics are not whole here.

use diesel::dsl::{IntoBoxed, LeftJoin};
use diesel::prelude::*;

use super::Tx;
use super::connection::MultiBackend;
use super::nodes::NodeRow;
use super::properties::{PropertyRow, add};
use super::schema::{nodes, properties};
use crate::domain::{LogicalType, Name, Node, NodeId, Result};

type Joined<'a> = IntoBoxed<'a, LeftJoin<nodes::table, properties::table>, MultiBackend>;

/// The node with that id, of any type.
pub fn find(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<Node>> {
    load(tx, nodes::table.left_join(properties::table).filter(nodes::id.eq(id.0)).into_boxed())
}

/// The node of that type with that name in that home.
pub fn find_named(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, name: &Name) -> Result<Option<Node>> {
    let named = nodes::type_id.eq(logical.id()).and(nodes::name.eq(name.as_str().to_owned()));
    let query = nodes::table.left_join(properties::table).filter(named).into_boxed();
    load(
        tx,
        match home {
            Some(home) => query.filter(nodes::home_id.eq(home.0)),
            None => query.filter(nodes::home_id.is_null()),
        },
    )
}

fn load(tx: &mut Tx<'_>, query: Joined<'_>) -> Result<Option<Node>> {
    let rows: Vec<(NodeRow, Option<PropertyRow>)> =
        query.select((NodeRow::as_select(), Option::<PropertyRow>::as_select())).load(tx.conn)?;
    let mut found: Option<Node> = None;
    for (row, property) in rows {
        let node = found.get_or_insert_with(|| row.into());
        if let Some(property) = property {
            add(node, property)?;
        }
    }
    Ok(found)
}
