//! Aliases: movable names of a model's versions.

use super::entities::{get, touch};
use super::resolve::{model_named, resolve};
use super::{Registry, document, record};
use crate::domain::{Action, Actor, Alias, Error, LogicalType, Millis, Name, Node, NodeId, Result, VersionRef};
use crate::store::changes::{self, NewChange};
use crate::store::{Tx, aliases, nodes};

impl Registry {
    /// Points the alias at a version of the model, wherever it pointed before, and returns the version.
    pub async fn set_alias(&self, actor: &Actor, model: &Name, alias: &Alias, version: &VersionRef) -> Result<Node> {
        let (actor, now) = (actor.clone(), self.now());
        let (model, alias, version) = (model.clone(), alias.clone(), version.clone());
        self.store
            .write(move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
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

    /// Removes the alias. Errors: NotFound when the model or the alias does not exist.
    pub async fn delete_alias(&self, actor: &Actor, model: &Name, alias: &Alias) -> Result<()> {
        let (actor, now, model, alias) = (actor.clone(), self.now(), model.clone(), alias.clone());
        self.store
            .write(move |tx| {
                let model = model_named(tx, &model)?;
                remove(tx, &actor, &model, &alias, now)
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

fn set(tx: &mut Tx<'_>, actor: &Actor, model: NodeId, alias: &Alias, version: Node, now: Millis) -> Result<Node> {
    if aliases::find(tx, model, alias)? == Some(version.id) {
        return Ok(version);
    }
    let model = touch(tx, LogicalType::RegisteredModel, model, None, now)?;
    aliases::set(tx, model.id, alias, version.id)?;
    record_alias(tx, actor, now, Action::SetAlias, &model, alias, Some(&version))?;
    Ok(version)
}

fn remove(tx: &mut Tx<'_>, actor: &Actor, model: &Node, alias: &Alias, now: Millis) -> Result<()> {
    if !aliases::delete(tx, model.id, alias)? {
        return Err(no_such_alias(model, alias));
    }
    let model = touch(tx, LogicalType::RegisteredModel, model.id, None, now)?;
    record_alias(tx, actor, now, Action::DeleteAlias, &model, alias, None)
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
    let model = touch(tx, LogicalType::RegisteredModel, model, None, now)?;
    let change = |name: &String| NewChange {
        action: Action::DeleteAlias,
        node_id: model.id,
        revision: model.revision,
        document: document(&model, Some(("alias", pointer(name, None)))),
    };
    changes::append(tx, actor, now, &names.iter().map(change).collect::<Vec<_>>())
}

fn record_alias(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: Millis,
    action: Action,
    model: &Node,
    alias: &Alias,
    version: Option<&Node>,
) -> Result<()> {
    record(tx, actor, now, action, model, Some(("alias", pointer(alias.as_str(), version))))
}

/// Where an alias points, for the record of changes.
fn pointer(alias: &str, version: Option<&Node>) -> serde_json::Value {
    serde_json::json!({"name": alias, "versionId": version.map(|version| version.id)})
}
