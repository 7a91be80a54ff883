//! Registered models: made, read, renamed, described, tagged, removed.

use super::shown::{shown_model, shown_version};
use super::{ModelSpelling, NumberedModel, NumberedVersion, find_model, lock_model};
use crate::context::RequestContext;
use crate::domain::value::{check_custom, check_value};
use crate::domain::{Change, Draft, LogicalType, Name, Properties, Result, Stage, Value};
use crate::entities::create;
use crate::removal::{Removal, delete};
use crate::services::Models;
use crate::store::nodes;
use crate::tracking::change::{NodeChanges, change_node};

/// The state of what is used.
pub(super) const LIVE: &str = "LIVE";

impl Models {
    /// Makes a model.
    ///
    /// Errors: NameTaken.
    pub async fn create_model(
        &self,
        context: &RequestContext,
        name: &Name,
        description: Option<&str>,
        custom: Properties,
    ) -> Result<NumberedModel> {
        let draft = Draft { custom, ..Draft::named(name.clone()) }
            .with("state", Some(LIVE))
            .with("description", description.filter(|text| !text.is_empty()));
        draft.check(LogicalType::RegisteredModel)?;
        self.core
            .write(context, move |tx| {
                let model = create(tx, LogicalType::RegisteredModel, None, &draft)?;
                Ok(NumberedModel { model, aliases: Vec::new(), latest: Vec::new() })
            })
            .await
    }

    /// The model with its aliases and its latest versions.
    ///
    /// Errors: NotFound.
    pub async fn numbered_model(&self, context: &RequestContext, model: &ModelSpelling) -> Result<NumberedModel> {
        let model = model.clone();
        self.core
            .read(context, move |tx| {
                let model = find_model(tx, &model)?;
                shown_model(tx, model)
            })
            .await
    }

    /// Gives the model another name; everything that it has stays.
    ///
    /// Errors: NotFound; NameTaken.
    pub async fn rename_model(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        name: &Name,
    ) -> Result<NumberedModel> {
        self.change_model(context, model, NodeChanges { name: Some(name.clone()), ..NodeChanges::default() }).await
    }

    /// Describes the model; an empty text removes its description.
    ///
    /// Errors: NotFound.
    pub async fn describe_model(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        description: &str,
    ) -> Result<NumberedModel> {
        self.change_model(context, model, described(description)?).await
    }

    /// Sets or removes one custom property of the model. To remove one that is not there is no error.
    ///
    /// Errors: NotFound.
    pub async fn tag_model(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        name: &str,
        change: Change<Value>,
    ) -> Result<()> {
        self.change_model(context, model, tagged(name, change)?).await.map(drop)
    }

    async fn change_model(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        changes: NodeChanges,
    ) -> Result<NumberedModel> {
        let model = model.clone();
        self.core
            .write(context, move |tx| {
                let found = find_model(tx, &model)?;
                let changed = change_node(tx, LogicalType::RegisteredModel, found.id, &changes)?;
                shown_model(tx, changed)
            })
            .await
    }

    /// Removes the model with all its versions.
    ///
    /// Errors: NotFound.
    pub async fn delete_model(&self, context: &RequestContext, model: &ModelSpelling) -> Result<()> {
        let model = model.clone();
        self.core
            .write(context, move |tx| {
                let found = lock_model(tx, &model)?;
                delete(tx, LogicalType::RegisteredModel, found.id, Removal::RECURSIVE)
            })
            .await
    }

    /// The version of the model with the highest number in each of these stages, or in each stage where none is given.
    /// What is no stage is the name of a version.
    ///
    /// Errors: NotFound; InvalidArgument on `stage` when one is neither.
    pub async fn latest_versions(
        &self,
        context: &RequestContext,
        model: &ModelSpelling,
        stages: Vec<String>,
    ) -> Result<Vec<NumberedVersion>> {
        let model = model.clone();
        self.core
            .read(context, move |tx| {
                let found = find_model(tx, &model)?;
                let latest = shown_model(tx, found.clone())?.latest;
                if stages.is_empty() {
                    return Ok(latest);
                }
                let (mut wanted, mut chosen) = (Vec::new(), Vec::new());
                for text in &stages {
                    match text.parse::<Stage>() {
                        Ok(stage) => wanted.push(stage),
                        Err(error) => {
                            let named =
                                |name: Name| nodes::find_named(tx, LogicalType::ModelVersion, Some(found.id), &name);
                            let version = text.parse().ok().map(named).transpose()?.flatten();
                            let version = version.ok_or_else(|| error.on_field("stages"))?;
                            chosen.extend(shown_version(tx, &found, version)?);
                        }
                    }
                }
                let of_stages = latest.into_iter().filter(|version| wanted.contains(&version.stage));
                let mut versions: Vec<NumberedVersion> = of_stages.collect();
                for version in chosen {
                    if versions.iter().all(|other| other.number != version.number) {
                        versions.push(version);
                    }
                }
                Ok(versions)
            })
            .await
    }
}

/// The change of a description.
pub(super) fn described(description: &str) -> Result<NodeChanges> {
    let mut changes = NodeChanges::default();
    let change = if description.is_empty() { Change::Clear } else { Change::Set(Value::from(description)) };
    if let Change::Set(value) = &change {
        check_value("description", value)?;
    }
    changes.properties.insert("description".to_owned(), change);
    Ok(changes)
}

/// The change of one custom property.
pub(super) fn tagged(name: &str, change: Change<Value>) -> Result<NodeChanges> {
    if let Change::Set(value) = &change {
        check_custom(&Properties::from([(name.to_owned(), value.clone())]))?;
    }
    let mut changes = NodeChanges::default();
    changes.custom.insert(name.to_owned(), change);
    Ok(changes)
}
