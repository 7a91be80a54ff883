//! Property rows: many nodes' at once, never one statement per row.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde_json::Value as Json;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, among, on_each};
use super::nodes::MAX_IDS;
use super::schema::properties;
use crate::error::DatabaseResult as _;
use modelport_domain::{Error, Node, Properties, Result, Value, ValueKind};

#[derive(Queryable, Selectable)]
#[diesel(table_name = properties)]
pub(super) struct PropertyRow {
    node_id: i64,
    custom: bool,
    name: String,
    kind: i64,
    int_value: Option<i64>,
    double_value: Option<f64>,
    text_value: Option<String>,
    bytes_value: Option<Vec<u8>>,
}

impl PropertyRow {
    /// How many bytes its value has.
    pub(super) fn bytes(&self) -> usize {
        self.text_value.as_ref().map_or(0, String::len) + self.bytes_value.as_ref().map_or(0, Vec::len)
    }
}

#[derive(Insertable)]
#[diesel(table_name = properties, treat_none_as_default_value = false)]
pub(super) struct NewProperty<'a> {
    node_id: i64,
    custom: bool,
    name: &'a str,
    kind: i64,
    int_value: Option<i64>,
    double_value: Option<f64>,
    text_value: Option<Cow<'a, str>>,
    bytes_value: Option<&'a [u8]>,
}

/// Fills in the properties of nodes that were just loaded.
pub(super) fn load(tx: &mut Tx<'_>, nodes: &mut [Node]) -> Result<()> {
    let places: HashMap<i64, usize> = nodes.iter().enumerate().map(|(at, node)| (node.id.0, at)).collect();
    let ids: Vec<i64> = nodes.iter().map(|node| node.id.0).collect();
    let Tx { conn, loaded, .. } = tx;
    // Row by row, so that no more is read than there is memory for.
    let mut take = |row: QueryResult<PropertyRow>| {
        let row = row.db()?;
        loaded.add(row.bytes())?;
        match places.get(&row.node_id).and_then(|at| nodes.get_mut(*at)) {
            Some(node) => add(node, row),
            None => Ok(()),
        }
    };
    for chunk in ids.chunks(MAX_IDS) {
        among!(properties::table, properties::node_id, chunk, query => {
            on_each!(&mut **conn, conn => {
                let query = query.select(PropertyRow::as_select());
                for row in query.load_iter::<PropertyRow, DefaultLoadingMode>(conn).db()? {
                    take(row)?;
                }
            });
        });
    }
    Ok(())
}

/// Adds one property to a node.
pub(super) fn add(node: &mut Node, mut row: PropertyRow) -> Result<()> {
    let name = std::mem::take(&mut row.name);
    let map = if row.custom { &mut node.custom } else { &mut node.properties };
    map.insert(name, value(row)?);
    Ok(())
}

/// Inserts all properties of new nodes.
pub(super) fn insert(tx: &mut Tx<'_>, nodes: &[&Node]) -> Result<()> {
    let rows: Vec<NewProperty<'_>> =
        nodes.iter().flat_map(|node| rows(node.id.0, &node.properties, &node.custom)).collect();
    insert_rows(tx, &rows)
}

/// The rows of a node.
pub(super) fn rows<'a>(node_id: i64, declared: &'a Properties, custom: &'a Properties) -> Vec<NewProperty<'a>> {
    let declared = declared.iter().map(|(name, value)| row(node_id, false, name, value));
    declared.chain(custom.iter().map(|(name, value)| row(node_id, true, name, value))).collect()
}

fn insert_rows(tx: &mut Tx<'_>, rows: &[NewProperty<'_>]) -> Result<()> {
    for chunk in rows.chunks(MAX_IDS) {
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk(chunk).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => diesel::insert_into(properties::table).values(chunk).execute(conn).db()?,
        };
    }
    Ok(())
}

fn bulk<'a>(rows: &'a [NewProperty<'a>]) -> Insert<'a> {
    Insert { table: "properties", columns: columns_with_nodes(rows), end: "" }
}

/// All that rows have.
pub(super) fn columns_with_nodes<'a>(rows: &'a [NewProperty<'a>]) -> Vec<(&'static str, Column<'a>)> {
    let mut columns = columns(rows);
    columns.push(("node_id", Column::Int(rows.iter().map(|row| row.node_id).collect())));
    columns
}

/// What rows have but for the ids of their nodes.
pub(super) fn columns<'a>(rows: &'a [NewProperty<'a>]) -> Vec<(&'static str, Column<'a>)> {
    let each = rows.iter();
    vec![
        ("custom", Column::Bool(each.clone().map(|row| row.custom).collect())),
        ("name", Column::Text(each.clone().map(|row| row.name).collect())),
        ("kind", Column::Int(each.clone().map(|row| row.kind).collect())),
        ("int_value", Column::MaybeInt(each.clone().map(|row| row.int_value).collect())),
        ("double_value", Column::MaybeDouble(each.clone().map(|row| row.double_value).collect())),
        ("text_value", Column::MaybeText(each.clone().map(|row| row.text_value.as_deref()).collect())),
        ("bytes_value", Column::MaybeBytes(each.map(|row| row.bytes_value).collect())),
    ]
}

/// Writes the difference between the node's properties before and now.
pub(super) fn replace(tx: &mut Tx<'_>, before: &Node, now: &Node) -> Result<()> {
    let mut rows = Vec::new();
    for (custom, old, new) in [(false, &before.properties, &now.properties), (true, &before.custom, &now.custom)] {
        let stale: Vec<&str> =
            old.iter().filter(|(name, value)| new.get(*name) != Some(value)).map(|(name, _)| name.as_str()).collect();
        for chunk in stale.chunks(MAX_IDS) {
            let target = properties::table
                .filter(properties::node_id.eq(now.id.0).and(properties::custom.eq(custom)))
                .filter(properties::name.eq_any(chunk.to_vec()));
            diesel::delete(target).execute(tx.conn).db()?;
        }
        rows.extend(changed(old, new).map(|(name, value)| row(now.id.0, custom, name, value)));
    }
    insert_rows(tx, &rows)
}

/// Writes the differences between many nodes' properties before and now.
pub(super) fn replace_all(tx: &mut Tx<'_>, nodes: &[(Node, Node)]) -> Result<()> {
    let (mut stale, mut rows) = (Vec::new(), Vec::new());
    for (before, now) in nodes {
        for (custom, old, new) in [(false, &before.properties, &now.properties), (true, &before.custom, &now.custom)] {
            let gone = old.iter().filter(|(name, value)| new.get(*name) != Some(value));
            stale.extend(gone.map(|(name, _)| (now.id.0, custom, name.as_str())));
            rows.extend(changed(old, new).map(|(name, value)| row(now.id.0, custom, name, value)));
        }
    }
    for chunk in stale.chunks(MAX_IDS) {
        let keys: Vec<String> =
            (0..chunk.len()).map(|at| format!("(${}, ${}, ${})", at * 3 + 1, at * 3 + 2, at * 3 + 3)).collect();
        let sql = format!("DELETE FROM properties WHERE (node_id, custom, name) IN (VALUES {})", keys.join(", "));
        on_each!(tx.conn, conn => {
            let mut query = diesel::sql_query(sql).into_boxed();
            for (node, custom, name) in chunk {
                query = query.bind::<BigInt, _>(node).bind::<Bool, _>(custom).bind::<Text, _>(name);
            }
            query.execute(conn)
        })
        .db()?;
    }
    insert_rows(tx, &rows)
}

fn changed<'a>(old: &'a Properties, new: &'a Properties) -> impl Iterator<Item = (&'a String, &'a Value)> {
    new.iter().filter(|(name, value)| old.get(*name) != Some(value))
}

fn row<'a>(node_id: i64, custom: bool, name: &'a str, value: &'a Value) -> NewProperty<'a> {
    let kind = value.kind().number();
    let empty = NewProperty {
        node_id,
        custom,
        name,
        kind,
        int_value: None,
        double_value: None,
        text_value: None,
        bytes_value: None,
    };
    match value {
        Value::Int(value) => NewProperty { int_value: Some(*value), ..empty },
        Value::Bool(value) => NewProperty { int_value: Some(i64::from(*value)), ..empty },
        Value::Double(value) => NewProperty { double_value: Some(*value).filter(|value| !value.is_nan()), ..empty },
        Value::String(text) => NewProperty { text_value: Some(text.into()), ..empty },
        Value::Struct(json) => NewProperty { text_value: Some(json.to_string().into()), ..empty },
        Value::Proto { type_url, value } => {
            NewProperty { text_value: Some(type_url.into()), bytes_value: Some(value), ..empty }
        }
    }
}

fn value(row: PropertyRow) -> Result<Value> {
    let invalid_row =
        || Error::internal(format!("a property of node `{}` is not of the kind `{}`", row.node_id, row.kind));
    let kind = ValueKind::from_number(row.kind).ok_or_else(invalid_row)?;
    Ok(match kind {
        ValueKind::Int => Value::Int(row.int_value.ok_or_else(invalid_row)?),
        ValueKind::Bool => Value::Bool(row.int_value.ok_or_else(invalid_row)? != 0),
        ValueKind::Double => Value::Double(row.double_value.unwrap_or(f64::NAN)),
        ValueKind::String => Value::String(row.text_value.ok_or_else(invalid_row)?),
        ValueKind::Struct => {
            let text = row.text_value.as_deref().ok_or_else(invalid_row)?;
            let json: Json = serde_json::from_str(text).map_err(|error| invalid_row().caused_by(error))?;
            Value::Struct(json)
        }
        ValueKind::Proto => Value::Proto {
            type_url: row.text_value.clone().ok_or_else(invalid_row)?,
            value: row.bytes_value.clone().ok_or_else(invalid_row)?,
        },
    })
}
