//! One node, joined with its properties in one statement, for a read that needs nothing else.
//!
//! A metric's latest point is in another table, which is not joined.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::filter::seen;
use super::nodes::NodeRow;
use super::properties::{PropertyRow, add};
use super::schema::{logged_models, nodes, properties, runs, version_numbers};
use crate::error::DatabaseResult as _;
use modelport_domain::tracking::{LoggedModelId, RunId};
use modelport_domain::{LogicalType, Name, Node, NodeId, Result};

type Rows = Vec<(NodeRow, Option<PropertyRow>)>;

/// Loads the nodes that meet a condition, with their properties. The statement's type determines its text, so that Diesel
/// prepares it once per connection.
macro_rules! load {
    ($tx:expr, $condition:expr) => {{
        let query = nodes::table.left_join(properties::table).filter($condition);
        seen!($tx, query, query => on_each!($tx.conn, conn => {
            let query = query.select((NodeRow::as_select(), Option::<PropertyRow>::as_select()));
            query.load::<(NodeRow, Option<PropertyRow>)>(conn)
        }))
    }};
}

/// The node with that id, of any type.
pub fn find(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<Node>> {
    let rows = load!(tx, nodes::id.eq(id.0)).db()?;
    node(tx, rows)
}

/// The run with that id.
pub fn find_run(tx: &mut Tx<'_>, id: &RunId) -> Result<Option<Node>> {
    let of_run = runs::table.filter(runs::run_id.eq(id.as_str())).select(runs::node_id).single_value();
    let rows = load!(tx, nodes::id.nullable().eq(of_run)).db()?;
    node(tx, rows)
}

/// The logged model with that id.
pub fn find_logged_model(tx: &mut Tx<'_>, id: &LoggedModelId) -> Result<Option<Node>> {
    let of_model = logged_models::table.filter(logged_models::model_id.eq(id.as_str()));
    let rows = load!(tx, nodes::id.nullable().eq(of_model.select(logged_models::node_id).single_value())).db()?;
    node(tx, rows)
}

/// The version of the model that has that number.
pub fn find_numbered(tx: &mut Tx<'_>, model: NodeId, number: i64) -> Result<Option<Node>> {
    let of_number = version_numbers::model_id.eq(model.0).and(version_numbers::number.eq(number));
    let version = version_numbers::table.filter(of_number).select(version_numbers::version_id).single_value();
    let rows = load!(tx, nodes::id.nullable().eq(version)).db()?;
    node(tx, rows)
}

/// A run, and its experiment if it has one.
pub fn find_run_with_experiment(tx: &mut Tx<'_>, id: &RunId) -> Result<Option<(Node, Option<Node>)>> {
    let of_run = || runs::table.filter(runs::run_id.eq(id.as_str()));
    let run = nodes::id.nullable().eq(of_run().select(runs::node_id).single_value());
    let experiment = nodes::id.nullable().eq(of_run().select(runs::experiment_id).single_value());
    let rows = load!(tx, run.or(experiment)).db()?;
    let (of_run, of_experiment) = rows.into_iter().partition(|(row, _)| row.type_id == LogicalType::ExperimentRun.id());
    let run = node(tx, of_run)?;
    let experiment = node(tx, of_experiment)?;
    Ok(run.map(|run| (run, experiment)))
}

/// The node of that type with that name in that home.
pub fn find_named(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, name: &Name) -> Result<Option<Node>> {
    let named = nodes::type_id.eq(logical.id()).and(nodes::name.eq(name.as_str()));
    let rows = match home {
        Some(home) => load!(tx, named.and(nodes::home_id.eq(home.0))).db()?,
        None => {
            let here = nodes::workspace_id.eq(tx.access().workspace().0);
            load!(tx, named.and(nodes::home_id.is_null()).and(here)).db()?
        }
    };
    node(tx, rows)
}

fn node(tx: &mut Tx<'_>, rows: Rows) -> Result<Option<Node>> {
    tx.loaded.add(rows.iter().filter_map(|(_, property)| property.as_ref()).map(PropertyRow::bytes).sum())?;
    let mut found: Option<Node> = None;
    for (row, property) in rows {
        let node = found.get_or_insert_with(|| row.into());
        if let Some(property) = property {
            add(node, property)?;
        }
    }
    Ok(found)
}
