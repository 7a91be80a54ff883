//! Aliases: movable names of a model's versions.

use serde_json::json;

use super::conditions::Conditions;
use super::entities::{get, increment_revision};
use super::resolve::{model_named, resolve};
use super::{Registry, document, record};
use crate::domain::{Action, Actor, Alias, Error, LogicalType, Millis, Name, Node, NodeId, Result, VersionRef};
use crate::store::changes::{self, NewChange};
use crate::store::{Tx, aliases, nodes};

impl Registry {
    /// Points the alias at a version of the model, wherever it pointed before, and returns the version.
    ///
    /// Errors: NotFound when the model or the version does not exist; PreconditionFailed when a condition does not hold.
    pub async fn set_alias(
        &self,
        actor: &Actor,
        model: &Name,
        alias: &Alias,
        version: &VersionRef,
        conditions: Conditions,
    ) -> Result<Node> {
        let (actor, now) = (actor.clone(), self.now());
        let (model, alias, version) = (model.clone(), alias.clone(), version.clone());
        self.store
            .write(move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                check(tx, model.id, &alias, &conditions)?;
                set(tx, &actor, model.id, &alias, version, now)
            })
            .await
    }

    /// The same for a model and a version that are known by their ids.
    pub async fn point_alias(&self, actor: &Actor, model: NodeId, alias: &Alias, version: NodeId) -> Result<Node> {
        let (actor, now, alias) = (actor.clone(), self.now(), alias.clone());
        self.store
            .write(move |tx| {
                get(tx, LogicalType::RegisteredModel, model)?;
                let found = nodes::find(tx, version)?
                    .filter(|found| found.type_id == LogicalType::ModelVersion.id() && found.home_id == Some(model));
                let missing = || Error::not_found(format!("model version `{version}` of registered model `{model}`"));
                set(tx, &actor, model, &alias, found.ok_or_else(missing)?, now)
            })
            .await
    }

    /// Removes the alias. Errors: NotFound when the model or the alias does not exist; PreconditionFailed when a condition
    /// does not hold.
    pub async fn delete_alias(&self, actor: &Actor, model: &Name, alias: &Alias, conditions: Conditions) -> Result<()> {
        let (actor, now, model, alias) = (actor.clone(), self.now(), model.clone(), alias.clone());
        self.store
            .write(move |tx| {
                let model = model_named(tx, &model)?;
                if aliases::find(tx, model.id, &alias)?.is_some() {
                    check(tx, model.id, &alias, &conditions)?;
                }
                remove(tx, &actor, &model, &alias, now)
            })
            .await
    }

    /// The version that the alias of the model with that name points at. Errors: NotFound when either does not exist.
    pub async fn alias_of(&self, model: &Name, alias: &Alias) -> Result<Node> {
        let (model, alias) = (model.clone(), alias.clone());
        self.store
            .read(move |tx| {
                let model = model_named(tx, &model)?;
                match aliases::find(tx, model.id, &alias)? {
                    Some(version) => get(tx, LogicalType::ModelVersion, version),
                    None => Err(no_such_alias(&model, &alias)),
                }
            })
            .await
    }

    /// The same for a model that is known by its id.
    pub async fn remove_alias(&self, actor: &Actor, model: NodeId, alias: &Alias) -> Result<()> {
        let (actor, now, alias) = (actor.clone(), self.now(), alias.clone());
        self.store
            .write(move |tx| {
                let model = get(tx, LogicalType::RegisteredModel, model)?;
                remove(tx, &actor, &model, &alias, now)
            })
            .await
    }

    /// The model's aliases with the versions that they point at, in alphabetical order.
    ///
    /// Errors: NotFound when the model does not exist.
    pub async fn list_aliases(&self, model: NodeId) -> Result<Vec<(Alias, NodeId)>> {
        self.store
            .read(move |tx| {
                get(tx, LogicalType::RegisteredModel, model)?;
                aliases::of_model(tx, model)
            })
            .await
    }

    /// The version's aliases, in alphabetical order. Errors: NotFound when the version does not exist.
    pub async fn list_aliases_of_version(&self, version: NodeId) -> Result<Vec<(Alias, NodeId)>> {
        self.store
            .read(move |tx| {
                get(tx, LogicalType::ModelVersion, version)?;
                let names = aliases::of_version(tx, version)?.into_iter();
                names.map(|name| Ok((name.parse()?, version))).collect()
            })
            .await
    }

    /// The version that the alias points at. Errors: NotFound when the model or the alias does not exist.
    pub async fn aliased_version(&self, model: NodeId, alias: &Alias) -> Result<Node> {
        let alias = alias.clone();
        self.store
            .read(move |tx| {
                let model = get(tx, LogicalType::RegisteredModel, model)?;
                match aliases::find(tx, model.id, &alias)? {
                    Some(version) => get(tx, LogicalType::ModelVersion, version),
                    None => Err(no_such_alias(&model, &alias)),
                }
            })
            .await
    }
}

/// The tag of an alias: what it points at.
pub fn alias_tag(version: NodeId) -> String {
    version.to_string()
}

/// Checks the conditions, under the lock that changes of an alias take.
fn check(tx: &mut Tx<'_>, model: NodeId, alias: &Alias, conditions: &Conditions) -> Result<()> {
    if conditions.is_empty() {
        return Ok(());
    }
    nodes::lock(tx, &[model])?;
    let tag = aliases::find(tx, model, alias)?.map(alias_tag);
    conditions.check("alias", tag.as_deref())
}

fn set(tx: &mut Tx<'_>, actor: &Actor, model: NodeId, alias: &Alias, version: Node, now: Millis) -> Result<Node> {
    let before = aliases::find(tx, model, alias)?;
    if before == Some(version.id) {
        return Ok(version);
    }
    let model = increment_revision(tx, LogicalType::RegisteredModel, model, None, now)?;
    aliases::set(tx, model.id, alias, version.id)?;
    let before = before.map(|before| nodes::find_bare(tx, before)).transpose()?.flatten();
    let before = before.map(|before| pointer(alias.as_str(), &before));
    let details = [("alias", pointer(alias.as_str(), &version)), ("before", json!({"alias": before}))];
    record(tx, actor, now, Action::SetAlias, &model, details)?;
    Ok(version)
}

fn remove(tx: &mut Tx<'_>, actor: &Actor, model: &Node, alias: &Alias, now: Millis) -> Result<()> {
    // Under the lock it cannot be moved before it is removed.
    let model = increment_revision(tx, LogicalType::RegisteredModel, model.id, None, now)?;
    let version = aliases::find(tx, model.id, alias)?.map(|version| nodes::find_bare(tx, version)).transpose()?;
    let Some(version) = version.flatten() else { return Err(no_such_alias(&model, alias)) };
    aliases::delete(tx, model.id, alias)?;
    record(tx, actor, now, Action::DeleteAlias, &model, [("alias", pointer(alias.as_str(), &version))])
}

fn no_such_alias(model: &Node, alias: &Alias) -> Error {
    let name = model.name.as_deref().unwrap_or_default();
    Error::not_found(format!("alias `{alias}` of registered model `{name}`"))
}

/// Removes the aliases of a version that is about to go, and records it of its model.
///
/// The caller holds the locks of both.
pub(super) fn remove_of_version(tx: &mut Tx<'_>, actor: &Actor, version: &Node, now: Millis) -> Result<()> {
    let (names, Some(model)) = (aliases::of_version(tx, version.id)?, version.home_id) else { return Ok(()) };
    if names.is_empty() {
        return Ok(());
    }
    aliases::delete_of_version(tx, version.id)?;
    let model = increment_revision(tx, LogicalType::RegisteredModel, model, None, now)?;
    let change = |name: &String| NewChange {
        action: Action::DeleteAlias,
        node_id: model.id,
        revision: model.revision,
        document: document(&model, [("alias", pointer(name, version))]),
    };
    changes::append(tx, actor, now, &names.iter().map(change).collect::<Vec<_>>())
}

/// Where an alias points, or did until it was removed, for the record of changes.
fn pointer(alias: &str, version: &Node) -> serde_json::Value {
    json!({"name": alias, "versionId": version.id, "version": version.name})
}
