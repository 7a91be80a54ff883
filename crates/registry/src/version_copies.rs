//! Copies of versions: a version of another model, or of the same one, that has what the first one has. Rows are copied, bytes are shared.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::aliases;
use super::conditions::Conditions;
use super::context::RequestContext;
use super::entities::{create, create_in, get};
use super::etags::version_tag;
use super::holders::may_hold_files;
use super::numbered::{copy_files, is_prompt};
use super::policy::Policy;
use super::resolve::{check_free_of_reserved_words, created_concurrently, model_named, resolve};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::{
    Alias, Draft, Error, ErrorKind, LogicalType, Name, Node, NodeId, NodeKind, PageSize, Result, Selection, Stage,
    Value, VersionRef,
};
use crate::services::Models;
use crate::store::files::Holder;
use crate::store::tracking::numbers;
use crate::store::{nodes, policies};

/// The custom property of a copy that says which version it was made of, as `models:/MODEL/VERSION`.
pub const COPIED_FROM: &str = "copied_from";

/// The custom property of a copy with the id of that version.
pub const COPIED_FROM_ID: &str = "copied_from_id";

/// Where a copy of a version goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCopy {
    /// The model that it becomes a version of.
    pub model: Name,
    /// Its name; its number where there is none.
    pub version: Option<Name>,
    /// What is pointed at it.
    pub alias: Option<Alias>,
    /// Whether to create the model where there is none of that name.
    pub create_model: bool,
    /// What must be true of the version that is copied.
    pub conditions: Conditions,
}

impl Models {
    /// Makes a copy of a version: its properties, artifacts and files, as far as the policy of its new model allows them. Its state is `LIVE`,
    /// and it has no stage, external ids or histories of metrics. Returns the model that has it, and the copy.
    ///
    /// Errors: NotFound when a model or the version is not there; NameTaken; PreconditionFailed; PermissionDenied when the caller may not have
    /// the bytes; Unsupported when the policy refuses a file; InvalidState when an artifact is of a type that cannot be copied.
    pub async fn copy_named_version(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        copy: VersionCopy,
    ) -> Result<(Node, Node)> {
        if let Some(name) = &copy.version {
            check_free_of_reserved_words(name)?;
        }
        let (model, version, policy) = (model.clone(), version.clone(), Arc::clone(&self.core.policy));
        self.core.write(context, move |tx| copy_version(tx, &policy, (&model, &version), &copy)).await
    }
}

fn copy_version(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    (model, version): (&Name, &VersionRef),
    copy: &VersionCopy,
) -> Result<(Node, Node)> {
    let (home, _) = resolve(tx, model, version)?;
    let target = target(tx, copy)?;
    // Both at once, and so in the order of their ids. Under their locks an alias or `latest` means the same version until the end.
    nodes::lock(tx, &[home.id, target.id])?;
    let target = get(tx, LogicalType::RegisteredModel, target.id)?;
    let (home, found) = resolve(tx, model, version)?;
    nodes::lock(tx, &[found.id])?;
    let found = get(tx, LogicalType::ModelVersion, found.id)?;
    if !copy.conditions.is_empty() {
        copy.conditions.check("version", Some(&version_tag(tx, &found)?))?;
    }
    tx.demand(Permission::Download, found.place)?;
    if is_prompt(&home) != is_prompt(&target) {
        return Err(Error::invalid("model", "a version of a prompt is copied to a prompt, and of a model to a model"));
    }
    let artifacts = artifacts_of(tx, &found)?;
    let draft = version_draft(tx, (&home, &found), &target, copy.version.as_ref())?;
    let made = create_in(tx, LogicalType::ModelVersion, &target, &draft)?;
    copy_artifacts(tx, policy, &artifacts, &made)?;
    if let Some(alias) = &copy.alias {
        aliases::set(tx, target.id, alias, made.clone())?;
    }
    Ok((target, made))
}

/// The model that gets the copy.
fn target(tx: &mut WriteTransaction<'_, '_>, copy: &VersionCopy) -> Result<Node> {
    match model_named(tx, &copy.model) {
        Err(error) if error.kind() == ErrorKind::NotFound && copy.create_model => {
            let draft = Draft::named(copy.model.clone()).with("state", Some("LIVE"));
            create(tx, LogicalType::RegisteredModel, None, &draft).map_err(created_concurrently)
        }
        found => found,
    }
}

fn version_draft(
    tx: &mut ReadTransaction<'_, '_>,
    (home, found): (&Node, &Node),
    target: &Node,
    name: Option<&Name>,
) -> Result<Draft> {
    let name = match name {
        Some(name) => name.clone(),
        None => numbers::last_given(tx, target.id)?.saturating_add(1).to_string().parse()?,
    };
    let mut draft = Draft { properties: found.properties.clone(), custom: found.custom.clone(), ..Draft::named(name) };
    // Who puts something into a stage or archives it says so of that alone.
    draft.properties.remove(Stage::PROPERTY);
    draft.properties.insert("state".to_owned(), "LIVE".into());
    let named = |node: &Node| node.name.clone().unwrap_or_default();
    let source = format!("models:/{}/{}", named(home), named(found));
    draft.custom.insert(COPIED_FROM.to_owned(), Value::String(source));
    draft.custom.insert(COPIED_FROM_ID.to_owned(), Value::Int(found.id.0));
    Ok(draft)
}

/// The ids of the artifacts of a version, in their order: its own and those attached to it.
fn artifacts_of(tx: &mut ReadTransaction<'_, '_>, version: &Node) -> Result<Vec<NodeId>> {
    let selection = Selection { member_of: Some(version.id), ..Selection::of_kind(Some(NodeKind::Artifact)) };
    let mut ids: Vec<NodeId> =
        nodes::list(tx, &selection, None, PageSize::MAX + 1)?.into_iter().map(|artifact| artifact.id).collect();
    if ids.len() > PageSize::MAX as usize {
        let message = format!("the version has more than {} artifacts, which are not copied at once", PageSize::MAX);
        return Err(Error::invalid_state(message));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Gives the new version artifacts like these, which become its own, also where others than the first version own these.
fn copy_artifacts(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    artifacts: &[NodeId],
    version: &Node,
) -> Result<()> {
    nodes::lock(tx, artifacts)?;
    let mut names = BTreeSet::new();
    for artifact in nodes::find_all(tx, artifacts)? {
        tx.check_deadline()?;
        let Some(logical) = artifact.logical_type() else {
            let shown = artifact.display_name().unwrap_or_default().to_owned();
            let message = format!("artifact `{shown}` is of a type of ML Metadata's users, which is not copied");
            return Err(Error::invalid_state(message));
        };
        let mut draft = artifact_draft(tx, &artifact)?;
        // Of several that are called the same, which one version cannot own, the others go by a generated name.
        if let Some(name) = &draft.name
            && !names.insert((logical, name.as_str().to_owned()))
        {
            draft.name = None;
        }
        let made = create_in(tx, logical, version, &draft)?;
        if may_hold_files(&artifact) {
            copy_files(tx, policy, (Holder::Node(artifact.id), None), &made)?;
        }
    }
    Ok(())
}

/// An artifact like this one, without what inspection set: it sets that anew when the files are copied.
fn artifact_draft(tx: &mut ReadTransaction<'_, '_>, artifact: &Node) -> Result<Draft> {
    let learned = policies::learned(tx, artifact.id)?;
    let (mut properties, mut custom) = (artifact.properties.clone(), artifact.custom.clone());
    properties.retain(|name, value| learned.declared.get(name) != Some(value));
    custom.retain(|name, value| learned.custom.get(name) != Some(value));
    let name = artifact.display_name().filter(|name| !name.is_empty());
    Ok(Draft {
        name: name.map(str::parse).transpose()?,
        uri: artifact.uri.clone(),
        state: artifact.state,
        properties,
        custom,
        ..Draft::default()
    })
}
