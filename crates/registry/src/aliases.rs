//! Aliases: movable names of a model's versions.

use serde_json::json;

use super::conditions::Conditions;
use super::context::RequestContext;
use super::entities::{get, increment_revision};
use super::protection::check_may_hold;
use super::resolve::{model_named, resolve};
use super::transaction::{Needed, ReadTransaction, WriteTransaction, document};
use crate::domain::{Action, Alias, Error, LogicalType, Name, Node, NodeId, Result, VersionRef};
use crate::services::Models;
use crate::store::changes::NewChange;
use crate::store::{aliases, nodes};

impl Models {
    /// Points the alias at a version of the model, wherever it pointed before, and returns the version.
    ///
    /// Errors: NotFound when the model or the version does not exist; PreconditionFailed when a condition does not hold; InvalidState
    /// when a file of the version is quarantined, or the alias is protected and the version not approved.
    pub async fn set_alias(
        &self,
        context: &RequestContext,
        model: &Name,
        alias: &Alias,
        version: &VersionRef,
        conditions: Conditions,
    ) -> Result<Node> {
        let (model, alias, version) = (model.clone(), alias.clone(), version.clone());
        self.core
            .write(context, move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                check(tx, model.id, &alias, &conditions)?;
                set(tx, model.id, &alias, version)
            })
            .await
    }

    /// The same for a model and a version that are known by their ids.
    pub async fn point_alias(
        &self,
        context: &RequestContext,
        model: NodeId,
        alias: &Alias,
        version: NodeId,
    ) -> Result<Node> {
        let alias = alias.clone();
        self.core
            .write(context, move |tx| {
                get(tx, LogicalType::RegisteredModel, model)?;
                let found = nodes::find(tx, version)?
                    .filter(|found| found.type_id == LogicalType::ModelVersion.id() && found.home_id == Some(model));
                let missing = || Error::not_found(format!("model version `{version}` of registered model `{model}`"));
                set(tx, model, &alias, found.ok_or_else(missing)?)
            })
            .await
    }

    /// Removes the alias. Errors: NotFound when the model or the alias does not exist; PreconditionFailed when a condition
    /// does not hold.
    pub async fn delete_alias(
        &self,
        context: &RequestContext,
        model: &Name,
        alias: &Alias,
        conditions: Conditions,
    ) -> Result<()> {
        let (model, alias) = (model.clone(), alias.clone());
        self.core
            .write(context, move |tx| {
                let model = model_named(tx, &model)?;
                if aliases::find(tx, model.id, &alias)?.is_some() {
                    check(tx, model.id, &alias, &conditions)?;
                }
                remove(tx, &model, &alias)
            })
            .await
    }

    /// The version that the alias of the model with that name points at. Errors: NotFound when either does not exist.
    pub async fn alias_of(&self, context: &RequestContext, model: &Name, alias: &Alias) -> Result<Node> {
        let (model, alias) = (model.clone(), alias.clone());
        self.core
            .read(context, move |tx| {
                let model = model_named(tx, &model)?;
                version_at(tx, &model, &alias)
            })
            .await
    }

    /// The same for a model that is known by its id.
    pub async fn remove_alias(&self, context: &RequestContext, model: NodeId, alias: &Alias) -> Result<()> {
        let alias = alias.clone();
        self.core
            .write(context, move |tx| {
                let model = get(tx, LogicalType::RegisteredModel, model)?;
                remove(tx, &model, &alias)
            })
            .await
    }

    /// The model's aliases with the versions that they point at, in alphabetical order.
    ///
    /// Errors: NotFound when the model does not exist.
    pub async fn list_aliases(&self, context: &RequestContext, model: NodeId) -> Result<Vec<(Alias, NodeId)>> {
        self.core
            .read(context, move |tx| {
                get(tx, LogicalType::RegisteredModel, model)?;
                aliases::of_model(tx, model)
            })
            .await
    }

    /// The version's aliases, in alphabetical order. Errors: NotFound when the version does not exist.
    pub async fn list_aliases_of_version(
        &self,
        context: &RequestContext,
        version: NodeId,
    ) -> Result<Vec<(Alias, NodeId)>> {
        self.core
            .read(context, move |tx| {
                get(tx, LogicalType::ModelVersion, version)?;
                let names = aliases::of_version(tx, version)?.into_iter();
                names.map(|name| Ok((name.parse()?, version))).collect()
            })
            .await
    }

    /// The version that the alias points at. Errors: NotFound when the model or the alias does not exist.
    pub async fn aliased_version(&self, context: &RequestContext, model: NodeId, alias: &Alias) -> Result<Node> {
        let alias = alias.clone();
        self.core
            .read(context, move |tx| {
                let model = get(tx, LogicalType::RegisteredModel, model)?;
                version_at(tx, &model, &alias)
            })
            .await
    }
}

/// The tag of an alias: what it points at.
pub fn alias_tag(version: NodeId) -> String {
    version.to_string()
}

/// Checks the conditions, under the lock that changes of an alias take.
fn check(tx: &mut WriteTransaction<'_, '_>, model: NodeId, alias: &Alias, conditions: &Conditions) -> Result<()> {
    if conditions.is_empty() {
        return Ok(());
    }
    nodes::lock(tx, &[model])?;
    let tag = aliases::find(tx, model, alias)?.map(alias_tag);
    conditions.check("alias", tag.as_deref())
}

/// Points the alias at a version of the model.
pub(super) fn set(tx: &mut WriteTransaction<'_, '_>, model: NodeId, alias: &Alias, version: Node) -> Result<Node> {
    let before = aliases::find(tx, model, alias)?;
    if before == Some(version.id) {
        return Ok(version);
    }
    let model = increment_revision(tx, LogicalType::RegisteredModel, model, None)?;
    aliases::set(tx, model.id, alias, version.id)?;
    let before = before.map(|before| nodes::find_bare(tx, before)).transpose()?.flatten();
    let before = before.map(|before| pointer(alias.as_str(), &before));
    let details = [("alias", pointer(alias.as_str(), &version)), ("before", json!({"alias": before}))];
    tx.record(Action::SetAlias, &model, details)?;
    // Under the lock of the model nobody takes an approval back meanwhile.
    check_may_hold(tx, model.id, alias, &version)?;
    Ok(version)
}

/// Removes an alias of the model.
pub(super) fn remove(tx: &mut WriteTransaction<'_, '_>, model: &Node, alias: &Alias) -> Result<()> {
    // Under the lock it cannot be moved before it is removed.
    let model = increment_revision(tx, LogicalType::RegisteredModel, model.id, None)?;
    let version = aliases::find(tx, model.id, alias)?.map(|version| nodes::find_bare(tx, version)).transpose()?;
    let Some(version) = version.flatten() else { return Err(no_such_alias(&model, alias)) };
    aliases::delete(tx, model.id, alias)?;
    tx.record(Action::DeleteAlias, &model, [("alias", pointer(alias.as_str(), &version))])
}

/// The version that the alias points at.
fn version_at(tx: &mut ReadTransaction<'_, '_>, model: &Node, alias: &Alias) -> Result<Node> {
    match aliases::find(tx, model.id, alias)? {
        Some(version) => get(tx, LogicalType::ModelVersion, version),
        None => Err(no_such_alias(model, alias)),
    }
}

fn no_such_alias(model: &Node, alias: &Alias) -> Error {
    let name = model.name.as_deref().unwrap_or_default();
    Error::not_found(format!("alias `{alias}` of registered model `{name}`"))
}

/// Removes the aliases of a version that is about to go, and records it of its model.
///
/// The caller holds the locks of both.
pub(super) fn remove_of_version(tx: &mut WriteTransaction<'_, '_>, version: &Node) -> Result<()> {
    let (names, Some(model)) = (aliases::of_version(tx, version.id)?, version.home_id) else { return Ok(()) };
    if names.is_empty() {
        return Ok(());
    }
    aliases::delete_of_version(tx, version.id)?;
    let model = increment_revision(tx, LogicalType::RegisteredModel, model, None)?;
    let change = |name: &String| NewChange {
        action: Action::DeleteAlias,
        node_id: model.id,
        place: model.place,
        revision: model.revision,
        document: document(&model, [("alias", pointer(name, version))]),
    };
    let entries: Vec<_> = names.iter().map(change).collect();
    tx.record_all(Needed::Nothing, entries)
}

/// Where an alias points, or did until it was removed, for the record of changes.
fn pointer(alias: &str, version: &Node) -> serde_json::Value {
    json!({"name": alias, "versionId": version.id, "version": version.name})
}
