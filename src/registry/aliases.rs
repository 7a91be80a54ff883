//! Aliases: movable names of a model's versions.

use super::entities::touch;
use super::resolve::{model_named, resolve};
use super::{Registry, record};
use crate::domain::{Action, Actor, Alias, Error, LogicalType, Name, Node, Result, VersionRef};
use crate::store::aliases;

impl Registry {
    /// Points the alias at a version of the model, wherever it pointed before, and returns the version.
    pub async fn set_alias(&self, actor: &Actor, model: &Name, alias: &Alias, version: &VersionRef) -> Result<Node> {
        let (actor, now) = (actor.clone(), self.now());
        let (model, alias, version) = (model.clone(), alias.clone(), version.clone());
        self.store
            .write(move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                if aliases::find(tx, model.id, &alias)? == Some(version.id) {
                    return Ok(version);
                }
                let model = touch(tx, LogicalType::RegisteredModel, model.id, None, now)?;
                aliases::set(tx, model.id, &alias, version.id)?;
                record_alias(tx, &actor, now, Action::SetAlias, &model, &alias, Some(&version))?;
                Ok(version)
            })
            .await
    }

    /// Removes the alias. Errors: NotFound when the model or the alias does not exist.
    pub async fn delete_alias(&self, actor: &Actor, model: &Name, alias: &Alias) -> Result<()> {
        let (actor, now, model, alias) = (actor.clone(), self.now(), model.clone(), alias.clone());
        self.store
            .write(move |tx| {
                let model = model_named(tx, &model)?;
                if !aliases::delete(tx, model.id, &alias)? {
                    let name = model.name.unwrap_or_default();
                    return Err(Error::not_found(format!("alias `{alias}` of registered model `{name}`")));
                }
                let model = touch(tx, LogicalType::RegisteredModel, model.id, None, now)?;
                record_alias(tx, &actor, now, Action::DeleteAlias, &model, &alias, None)
            })
            .await
    }
}

fn record_alias(
    tx: &mut crate::store::Tx<'_>,
    actor: &Actor,
    now: i64,
    action: Action,
    model: &Node,
    alias: &Alias,
    version: Option<&Node>,
) -> Result<()> {
    let detail = serde_json::json!({"name": alias.as_str(), "versionId": version.map(|version| version.id)});
    record(tx, actor, now, action, model, Some(("alias", detail)))
}
