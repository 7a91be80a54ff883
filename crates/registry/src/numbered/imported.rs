//! Models and versions of another server, made here as they were there: with their numbers, stages and times.

use std::collections::HashMap;
use std::sync::Arc;

use super::copy::copy_files;
use super::create::{NewVersion, artifact_draft, version_draft};
use super::models::LIVE;
use super::source::{named_run, resolve};
use super::{lock_model, touch_locked};
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::{Change, Draft, Error, LogicalType, Millis, Name, NodeId, Properties, Result, Stage};
use crate::entities::{create, create_in};
use crate::policy::Policy;
use crate::services::Models;
use crate::store::joined;
use crate::store::tracking::numbers;
use crate::tracking::change::change_node;
use crate::tracking::imported::{Known, all_known, known, made_or_known, note, setting};
use crate::transaction::WriteTransaction;

/// A version of another server.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedVersion {
    /// Its number.
    pub number: i64,
    /// Its stage.
    pub stage: Stage,
    /// What it is made of. A source that is here gives it its files.
    pub new: NewVersion,
    /// Where its bytes are, where they are not here and do not follow.
    pub uri: Option<String>,
    /// When it was made.
    pub created_at: Millis,
}

/// A version that an import made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeVersion {
    /// Its node.
    pub version: NodeId,
    /// The artifact that has its files.
    pub artifact: NodeId,
}

impl Models {
    /// The model of that name, as far as it is here.
    pub async fn known_model(&self, context: &RequestContext, name: &Name) -> Result<Option<Known>> {
        let name = name.clone();
        self.core
            .read(context, move |tx| {
                let found = joined::find_named(tx, LogicalType::RegisteredModel, None, &name)?;
                found.map(|node| known(tx, &node)).transpose()
            })
            .await
    }

    /// Those of these versions of a model that are here, by their numbers.
    pub async fn known_versions(
        &self,
        context: &RequestContext,
        model: NodeId,
        wanted: Vec<i64>,
    ) -> Result<HashMap<i64, Known>> {
        self.core
            .read(context, move |tx| {
                let mut found = Vec::new();
                for number in &wanted {
                    found.extend(numbers::find(tx, model, *number)?.map(|version| (*number, version)));
                }
                all_known(tx, found)
            })
            .await
    }

    /// Makes the model, or brings the one that an import made up to date.
    ///
    /// Errors: NameTaken where the name is that of another model; PermissionDenied; QuotaExceeded.
    pub async fn import_model(
        &self,
        context: &RequestContext,
        name: &Name,
        description: Option<&str>,
        custom: Properties,
        created_at: Millis,
    ) -> Result<NodeId> {
        let draft = Draft { custom, ..Draft::named(name.clone()) }
            .with("state", Some(LIVE))
            .with("description", description.filter(|text| !text.is_empty()));
        draft.check(LogicalType::RegisteredModel)?;
        let done = self
            .core
            .write(context, move |tx| {
                let Some(name) = &draft.name else { return Err(Error::internal("a model without a name")) };
                if let Some(found) = joined::find_named(tx, LogicalType::RegisteredModel, None, name)? {
                    if !known(tx, &found)?.is_of(created_at) {
                        return Err(Error::name_taken(format!("another model is called `{name}` here")));
                    }
                    let mut properties = draft.properties.clone();
                    properties.remove("state");
                    let changes = setting(properties, draft.custom.clone());
                    change_node(tx, LogicalType::RegisteredModel, found.id, &changes)?;
                    return Ok(found.id);
                }
                let made = create(tx, LogicalType::RegisteredModel, None, &draft)?;
                note(tx, made.id, created_at)?;
                Ok(made.id)
            })
            .await;
        let known = async { Ok(self.known_model(context, name).await?.filter(|known| known.is_of(created_at))) };
        made_or_known(done, known).await
    }

    /// Makes the version under its number, or brings the one that an import made up to date.
    ///
    /// Errors: AlreadyExists where another version has the number, or numbers above it were given already; NotFound when the model or
    /// the source is not there; PermissionDenied; Unsupported when the model's policy refuses a file of the source.
    pub async fn import_version(&self, context: &RequestContext, version: ImportedVersion) -> Result<MadeVersion> {
        let draft = version_draft(&version.new)?;
        let stage = Some(version.stage).filter(|stage| *stage != Stage::None);
        let draft = draft.with(Stage::PROPERTY, stage.map(Stage::name));
        let policy = Arc::clone(&self.core.policy);
        self.core.write(context, move |tx| import_version(tx, &policy, &version, draft.clone())).await
    }
}

fn import_version(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    imported: &ImportedVersion,
    draft: Draft,
) -> Result<MadeVersion> {
    let ImportedVersion { number, new, created_at, .. } = imported;
    let model = lock_model(tx, &new.model)?;
    let name = model.name.as_deref().unwrap_or_default();
    if let Some(there) = joined::find_numbered(tx, model.id, *number)? {
        let is_of_it = known(tx, &there)?.is_of(*created_at);
        let artifact = numbers::artifacts(tx, &[there.id])?.remove(&there.id);
        let Some(artifact) = artifact.filter(|_| is_of_it) else {
            return Err(Error::already_exists(format!("model `{name}` has another version `{number}` here")));
        };
        let Draft { mut properties, custom, .. } = draft;
        properties.remove("state");
        let mut changes = setting(properties, custom);
        if imported.stage == Stage::None {
            changes.properties.insert(Stage::PROPERTY.to_owned(), Change::Clear);
        }
        change_node(tx, LogicalType::ModelVersion, there.id, &changes)?;
        return Ok(MadeVersion { version: there.id, artifact: artifact.id });
    }
    let last = numbers::last_given(tx, model.id)?;
    if last >= *number {
        let message = format!("model `{name}` has had versions up to `{last}` here, `{number}` not among them");
        return Err(Error::already_exists(message));
    }
    if imported.stage != Stage::None {
        tx.demand(Permission::Promote, model.place)?;
    }
    let mut source = resolve(tx, &new.source, &new.source_text)?;
    source.uri.clone_from(&imported.uri);
    if let Some(run) = new.run.as_deref().filter(|run| !run.is_empty()) {
        source.run = Some(named_run(tx, run)?);
    }
    if let Some(logged) = &new.logged_model {
        source.logged_model = Some(logged.to_string());
    }
    let draft = Draft { name: Some(number.to_string().parse()?), ..draft };
    let version = create_in(tx, LogicalType::ModelVersion, &model, &draft)?;
    let artifact = create_in(tx, LogicalType::ModelArtifact, &version, &artifact_draft(new, &source, name)?)?;
    if let Some((holder, below)) = &source.files {
        copy_files(tx, policy, (*holder, below.as_ref()), &artifact)?;
    }
    touch_locked(tx, &model)?;
    note(tx, version.id, *created_at)?;
    Ok(MadeVersion { version: version.id, artifact: artifact.id })
}
