//! Models and versions changed by name: single properties, other names, under preconditions.

use super::conditions::Conditions;
use super::context::RequestContext;
use super::etags::{model_tag, version_tag};
use super::resolve::{check_free_of_reserved_words, no_model, resolve};
use super::tracking::change::{NodeChanges, change_node};
use crate::domain::value::{check_custom, check_value};
use crate::domain::{Change, Error, LogicalType, Name, Node, Result, VersionRef};
use crate::services::Models;
use crate::store::nodes;

impl Models {
    /// Changes the model with that name, and returns it.
    ///
    /// Errors: NotFound; PreconditionFailed where a condition does not hold; NameTaken.
    pub async fn change_named_model(
        &self,
        context: &RequestContext,
        model: &Name,
        changes: NodeChanges,
        conditions: Conditions,
    ) -> Result<Node> {
        check(LogicalType::RegisteredModel, &changes)?;
        let name = model.clone();
        self.core
            .write(context, move |tx| {
                let model =
                    nodes::lock_named(tx, LogicalType::RegisteredModel, &name)?.ok_or_else(|| no_model(&name))?;
                conditions.check("model", Some(&model_tag(&model)))?;
                change_node(tx, LogicalType::RegisteredModel, model.id, &changes)
            })
            .await
    }

    /// Changes the version that `version` means now, and returns it with its model.
    ///
    /// Errors: as [`Models::change_named_model`]; InvalidArgument for a name that is reserved.
    pub async fn change_named_version(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        changes: NodeChanges,
        conditions: Conditions,
    ) -> Result<(Node, Node)> {
        check(LogicalType::ModelVersion, &changes)?;
        if let Some(name) = &changes.name {
            check_free_of_reserved_words(name).map_err(|error| error.on_field("name"))?;
        }
        let (model, version) = (model.clone(), version.clone());
        self.core
            .write(context, move |tx| {
                let (home, found) = resolve(tx, &model, &version)?;
                // The model first, in the same order as when an alias is set.
                nodes::lock(tx, &[home.id])?;
                nodes::lock(tx, &[found.id])?;
                let (home, found) = resolve(tx, &model, &version)?;
                if !conditions.is_empty() {
                    conditions.check("version", Some(&version_tag(tx, &found)?))?;
                }
                Ok((home, change_node(tx, LogicalType::ModelVersion, found.id, &changes)?))
            })
            .await
    }
}

/// Refuses what a node of that type cannot hold. Kinds of declared properties are known to be right.
fn check(logical: LogicalType, changes: &NodeChanges) -> Result<()> {
    for (name, change) in &changes.properties {
        match change {
            Change::Set(value) => check_value(name, value)?,
            Change::Clear if name == "state" => {
                return Err(Error::invalid("state", format!("the state of a {} cannot be removed", logical.noun())));
            }
            Change::Clear | Change::Keep => {}
        }
    }
    let set = changes.custom.iter().filter_map(|(name, change)| match change {
        Change::Set(value) => Some((name.clone(), value.clone())),
        Change::Clear | Change::Keep => None,
    });
    check_custom(&set.collect())
}
