//! What serves a model or a version: inference services and deployments name them in their properties.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use super::Tx;
use super::connection::MultiBackend;
use super::filter::narrow;
use super::schema::{nodes, properties};
use crate::error::DatabaseResult as _;
use modelport_domain::{ExecutionState, LogicalType, NodeId, Result};

/// What of all that names a version or a model counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Everything.
    All,
    /// Inference services that are not to be undeployed, and deployments that have not ended.
    Live,
}

impl Counted {
    /// The condition on a node, as SQL.
    fn condition(self) -> String {
        let (service, deployment) = (LogicalType::InferenceService.id(), LogicalType::ServeModel.id());
        let (new, running) = (ExecutionState::New.number(), ExecutionState::Running.number());
        match self {
            Self::All => "TRUE".to_owned(),
            Self::Live => format!(
                "((nodes.type_id = {service} AND NOT EXISTS (SELECT 1 FROM properties AS wanted \
                 WHERE wanted.node_id = nodes.id AND wanted.custom = FALSE AND wanted.name = 'desired_state' \
                 AND wanted.text_value = 'UNDEPLOYED')) \
                 OR (nodes.type_id = {deployment} AND nodes.state IN ({new}, {running})))"
            ),
        }
    }
}

/// The first of what serves the version.
pub fn of_version(tx: &mut Tx<'_>, version: NodeId, counted: Counted) -> Result<Option<NodeId>> {
    first(tx, "model_version_id", ("properties.int_value = ", version, ""), counted)
}

/// The first of what serves the model, or one of its versions.
pub fn of_model(tx: &mut Tx<'_>, model: NodeId, counted: Counted) -> Result<Option<NodeId>> {
    if let Some(found) = first(tx, "registered_model_id", ("properties.int_value = ", model, ""), counted)? {
        return Ok(Some(found));
    }
    let versions = "properties.int_value IN (SELECT owned.id FROM nodes owned WHERE owned.home_id = ";
    first(tx, "model_version_id", (versions, model, ")"), counted)
}

/// The first of what has that property with a value that the condition holds for, which is SQL around an id.
fn first(
    tx: &mut Tx<'_>,
    property: &str,
    (before, id, after): (&str, NodeId, &str),
    counted: Counted,
) -> Result<Option<NodeId>> {
    let types: Vec<i64> = LogicalType::ALL
        .into_iter()
        .filter(|logical| logical.references().iter().any(|(name, _)| *name == property))
        .map(LogicalType::id)
        .collect();
    let mut query = properties::table
        .inner_join(nodes::table)
        .filter(properties::custom.eq(false).and(properties::name.eq(property)))
        .filter(properties::int_value.is_not_null().and(nodes::type_id.eq_any(types)))
        .filter(sql::<Bool>(before).bind::<BigInt, _>(id.0).sql(after))
        .filter(sql::<Bool>(&counted.condition()))
        .select(properties::node_id)
        .order(properties::node_id)
        .limit(1)
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("nodes"));
    Ok(query.first::<i64>(tx.conn).optional().db()?.map(NodeId))
}
