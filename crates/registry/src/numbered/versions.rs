//! Versions by number: read, described, tagged, aliased, removed.

use super::models::{described, tagged};
use super::shown::{shown_version, written_source};
use super::{ModelSpelling, NumberedVersion, find_model, find_version, lock_model, lock_version, touch};
use crate::aliases::{remove, set};
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::{Alias, Change, Error, LogicalType, Name, Node, NodeId, Result, Stage, Value};
use crate::removal::{Removal, delete};
use crate::services::Models;
use crate::store::files::Holder;
use crate::store::tracking::numbers;
use crate::store::{aliases, files, joined, nodes};
use crate::tracking::change::{NodeChanges, change_node};
use crate::transaction::ReadTransaction;

/// Which version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichVersion {
    /// That of the number.
    Number(i64),
    /// That which the alias points at.
    Aliased(Alias),
    /// That with the highest number.
    Latest,
    /// That with the highest number in the stage.
    Staged(Stage),
    /// That of the name.
    Named(Name),
}

/// Where the files of a version are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionPlace {
    /// Here, in the version of that id.
    Stored(NodeId),
    /// Where this says; nowhere that is known, where it is empty.
    Foreign(String),
}

impl Models {
    /// The version of that number.
    ///
    /// Errors: NotFound.
    pub async fn numbered_version(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
    ) -> Result<NumberedVersion> {
        let found = self.find_numbered(context, model, WhichVersion::Number(number)).await?;
        found.ok_or_else(|| Error::not_found(format!("version `{number}` of registered model `{}`", model.name)))
    }

    /// The version that is meant, if there is one.
    ///
    /// Errors: NotFound when the model is not there.
    pub async fn find_numbered(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        which: WhichVersion,
    ) -> Result<Option<NumberedVersion>> {
        let model = model.clone();
        self.core
            .read(context, move |tx| {
                let model = find_model(tx, &model)?;
                match find_which(tx, &model, &which)? {
                    Some(version) => shown_version(tx, &model, version),
                    None => Ok(None),
                }
            })
            .await
    }

    /// Where the files of the version are.
    ///
    /// Errors: NotFound.
    pub async fn place_of_version(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
    ) -> Result<VersionPlace> {
        let model = model.clone();
        self.core
            .read(context, move |tx| {
                let model = find_model(tx, &model)?;
                let version = find_version(tx, &model, number)?;
                if !files::list(tx, Holder::Members(version.id), None, 1)?.is_empty() {
                    return Ok(VersionPlace::Stored(version.id));
                }
                let artifact = numbers::artifacts(tx, &[version.id])?.remove(&version.id);
                let place = artifact.and_then(|artifact| {
                    artifact.uri.clone().filter(|uri| !uri.is_empty()).or_else(|| written_source(&artifact))
                });
                Ok(VersionPlace::Foreign(place.unwrap_or_default()))
            })
            .await
    }

    /// Describes the version; an empty text removes its description.
    ///
    /// Errors: NotFound.
    pub async fn describe_version(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
        description: &str,
    ) -> Result<NumberedVersion> {
        self.change_version(context, model, number, described(description)?).await
    }

    /// Sets or removes one custom property of the version. To remove one that is not there is no error.
    ///
    /// Errors: NotFound.
    pub async fn tag_version(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
        name: &str,
        change: Change<Value>,
    ) -> Result<()> {
        self.change_version(context, model, number, tagged(name, change)?).await.map(drop)
    }

    async fn change_version(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        number: i64,
        changes: NodeChanges,
    ) -> Result<NumberedVersion> {
        let model = model.clone();
        self.core
            .write(context, move |tx| {
                let (model, version) = lock_version(tx, &model, number)?;
                touch(tx, model.id)?;
                let changed = change_node(tx, LogicalType::ModelVersion, version.id, &changes)?;
                let gone = || Error::not_found(format!("version `{number}`"));
                shown_version(tx, &model, changed)?.ok_or_else(gone)
            })
            .await
    }

    /// Removes the version with its aliases and its files. Its number is not given again.
    ///
    /// Errors: NotFound.
    pub async fn delete_version(&self, context: &RequestContext, model: &ModelSpelling, number: i64) -> Result<()> {
        let model = model.clone();
        self.core
            .write(context, move |tx| {
                let (model, version) = lock_version(tx, &model, number)?;
                delete(tx, LogicalType::ModelVersion, version.id, Removal::RECURSIVE)?;
                touch(tx, model.id)
            })
            .await
    }

    /// Points the alias at the version, wherever it pointed before.
    ///
    /// Errors: NotFound.
    pub async fn alias_number(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        alias: &Alias,
        number: i64,
    ) -> Result<()> {
        let (model, alias) = (model.clone(), alias.clone());
        self.core
            .write(context, move |tx| {
                let (model, version) = lock_version(tx, &model, number)?;
                set(tx, model.id, &alias, version).map(drop)
            })
            .await
    }

    /// Removes the alias, if the model has it.
    ///
    /// Errors: NotFound when the model is not there.
    pub async fn drop_alias(&self, context: &RequestContext, model: &ModelSpelling, alias: &Alias) -> Result<()> {
        let (model, alias) = (model.clone(), alias.clone());
        self.core
            .write(context, move |tx| {
                let model = lock_model(tx, &model)?;
                match aliases::find(tx, model.id, &alias)? {
                    Some(_) => remove(tx, &model, &alias),
                    None => tx.demand(Permission::Promote, model.place),
                }
            })
            .await
    }
}

/// The version of the model that is meant, inside a transaction.
pub(super) fn find_which(tx: &mut ReadTransaction<'_, '_>, model: &Node, which: &WhichVersion) -> Result<Option<Node>> {
    let found = match which {
        WhichVersion::Number(number) => return joined::find_numbered(tx, model.id, *number),
        WhichVersion::Aliased(alias) => aliases::find(tx, model.id, alias)?,
        WhichVersion::Latest => numbers::latest(tx, model.id)?,
        WhichVersion::Staged(stage) => {
            let latest = super::shown::shown_model(tx, model.clone())?.latest;
            return Ok(latest.into_iter().find(|version| version.stage == *stage).map(|found| found.version));
        }
        WhichVersion::Named(name) => {
            return nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), name);
        }
    };
    match found {
        Some(id) => nodes::find(tx, id),
        None => Ok(None),
    }
}
