//! What a new version is made of: files that are stored here, or a place elsewhere.

use super::shown::{run_node, written_logged_model, written_run};
use super::versions::{WhichVersion, find_which};
use super::{ModelSpelling, find_model, is_prompt};
use crate::domain::access::Permission;
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{ArtifactState, Error, FilePath, LogicalType, Name, Node, NodeId, Result};
use crate::holders::{folder_holder, may_hold_files};
use crate::store::files::Holder;
use crate::store::tracking::numbers;
use crate::store::{joined, nodes};
use crate::tracking::run_files;
use crate::transaction::ReadTransaction;

/// The field of an error about what a version is to be made of.
const SOURCE: &str = "source";

/// What a new version is to be made of. A path names a folder of it, or one file.
#[derive(Debug, Clone, PartialEq)]
pub enum VersionSource {
    /// A place that this registry knows nothing of.
    Foreign,
    /// The files of a run.
    Run(RunId, Option<FilePath>),
    /// The files of a model that a run logged.
    LoggedModel(LoggedModelId, Option<FilePath>),
    /// Another version, from which the new one is descended as that is.
    Version(ModelSpelling, WhichVersion),
    /// The files of a folder that belongs to nothing else, by the name of its document; a place that may have files later where it is not there.
    Folder(Name, Option<FilePath>),
    /// The files of the version of that id.
    VersionFiles(NodeId, Option<FilePath>),
    /// The files of the artifact of that id.
    Artifact(NodeId, Option<FilePath>),
}

/// What is known of a source.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// Whose files are copied, and which of them.
    pub(super) files: Option<(Holder, Option<FilePath>)>,
    /// Where the bytes are, should there be none of these files.
    pub(super) uri: Option<String>,
    /// The run that it comes from: its id as it is shown, and its node where that is here.
    pub(super) run: Option<(String, Option<Node>)>,
    /// The logged model that it comes from.
    pub(super) logged_model: Option<String>,
}

/// Finds the source, of which the caller may have the bytes. `text` is how it was written.
///
/// Errors: InvalidArgument on `source` when it is not there; NotFound when that is another model or version;
/// PermissionDenied.
pub(super) fn resolve(tx: &mut ReadTransaction<'_, '_>, source: &VersionSource, text: &str) -> Result<Resolved> {
    match source {
        VersionSource::Foreign => Ok(Resolved { uri: Some(text.to_owned()), ..Resolved::default() }),
        VersionSource::Run(id, below) => of_run(tx, id, below.as_ref()),
        VersionSource::LoggedModel(id, below) => of_logged_model(tx, id, below.as_ref()),
        VersionSource::Version(model, which) => {
            let model = find_model(tx, model)?;
            if is_prompt(&model) {
                return Err(Error::invalid(SOURCE, "a version of a prompt cannot be the source of a version"));
            }
            let name = model.name.as_deref().unwrap_or_default();
            let missing = || Error::not_found(format!("the version of registered model `{name}` that is the source"));
            let version = find_which(tx, &model, which)?.ok_or_else(missing)?;
            of_version(tx, &version, None)
        }
        VersionSource::Folder(name, below) => {
            let files = folder_holder(tx, name)?.map(|folder| (Holder::Node(folder), below.clone()));
            Ok(Resolved { files, uri: Some(text.to_owned()), ..Resolved::default() })
        }
        VersionSource::VersionFiles(id, below) => {
            let version = nodes::find(tx, *id)?.filter(|node| node.type_id == LogicalType::ModelVersion.id());
            let version = version.ok_or_else(|| missing(format!("version `{id}`")))?;
            of_version(tx, &version, below.clone())
        }
        VersionSource::Artifact(id, below) => {
            let artifact = nodes::find(tx, *id)?.filter(may_hold_files);
            let artifact = artifact.ok_or_else(|| missing(format!("artifact `{id}`")))?;
            tx.demand(Permission::Download, artifact.place)?;
            Ok(Resolved {
                files: Some((Holder::Node(artifact.id), below.clone())),
                run: run_of(tx, &artifact)?,
                ..Resolved::default()
            })
        }
    }
}

/// The run with that id as the caller of a version names it. One that is not here is one of another server.
pub(super) fn named_run(tx: &mut ReadTransaction<'_, '_>, id: &str) -> Result<(String, Option<Node>)> {
    let node = match id.parse::<RunId>() {
        Ok(run) => joined::find_run(tx, &run)?,
        Err(_) => None,
    };
    Ok((id.to_owned(), node))
}

fn of_run(tx: &mut ReadTransaction<'_, '_>, id: &RunId, below: Option<&FilePath>) -> Result<Resolved> {
    let run = joined::find_run(tx, id)?.ok_or_else(|| missing(format!("run `{id}`")))?;
    tx.demand(Permission::Download, run.place)?;
    let root = match run.text("artifact_uri") {
        Some(root) => Some(root.to_owned()),
        None => location(tx, run.home_id)?.map(|location| format!("{location}/{id}/artifacts")),
    };
    let files = run_files::holder(tx, run.id)?.map(|holder| (Holder::Node(holder), below.cloned()));
    let uri = root.map(|root| below_root(&root, below));
    Ok(Resolved { files, uri, run: Some((id.to_string(), Some(run))), logged_model: None })
}

fn of_logged_model(tx: &mut ReadTransaction<'_, '_>, id: &LoggedModelId, below: Option<&FilePath>) -> Result<Resolved> {
    let is_there = |node: &Node| node.state != Some(ArtifactState::MarkedForDeletion.number());
    let model = joined::find_logged_model(tx, id)?.filter(is_there);
    let model = model.ok_or_else(|| missing(format!("logged model `{id}`")))?;
    tx.demand(Permission::Download, model.place)?;
    let root = location(tx, Some(model.place.root))?.map(|location| format!("{location}/models/{id}/artifacts"));
    Ok(Resolved {
        files: Some((Holder::Node(model.id), below.cloned())),
        uri: root.map(|root| below_root(&root, below)),
        run: run_of(tx, &model)?,
        logged_model: Some(id.to_string()),
    })
}

fn of_version(tx: &mut ReadTransaction<'_, '_>, version: &Node, below: Option<FilePath>) -> Result<Resolved> {
    tx.demand(Permission::Download, version.place)?;
    let artifact = numbers::artifacts(tx, &[version.id])?.remove(&version.id);
    let run = match &artifact {
        Some(artifact) => match written_run(artifact) {
            Some(id) => Some(named_run(tx, &id)?),
            None => run_of(tx, artifact)?,
        },
        None => None,
    };
    let logged_model = artifact.as_ref().and_then(written_logged_model);
    let uri = artifact.and_then(|artifact| artifact.uri).filter(|uri| !uri.is_empty());
    let uri = uri.map(|root| below_root(&root, below.as_ref()));
    Ok(Resolved { files: Some((Holder::Members(version.id), below)), uri, run, logged_model })
}

/// The run that an artifact says it comes from, as far as the caller sees it.
fn run_of(tx: &mut ReadTransaction<'_, '_>, artifact: &Node) -> Result<Option<(String, Option<Node>)>> {
    let Some(run) = run_node(artifact).map(|run| nodes::find(tx, run)).transpose()?.flatten() else { return Ok(None) };
    Ok(Some((RunId::of(&run).to_string(), Some(run))))
}

/// Where the files of an experiment's runs are, if it says so.
fn location(tx: &mut ReadTransaction<'_, '_>, experiment: Option<NodeId>) -> Result<Option<String>> {
    let Some(experiment) = experiment.map(|id| nodes::find(tx, id)).transpose()?.flatten() else { return Ok(None) };
    Ok(experiment.text("artifact_location").map(|location| location.trim_end_matches('/').to_owned()))
}

fn below_root(root: &str, below: Option<&FilePath>) -> String {
    match below {
        Some(below) => format!("{}/{below}", root.trim_end_matches('/')),
        None => root.to_owned(),
    }
}

fn missing(what: String) -> Error {
    Error::invalid(SOURCE, format!("{what}, which is the source, is not there"))
}
