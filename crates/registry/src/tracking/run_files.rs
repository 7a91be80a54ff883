//! Files as training tools keep them: in folders of runs, of logged models and of traces; and those of versions, which they read alone.

use std::sync::Arc;

use super::logged_models;
use super::runs::get_run;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::trace::TraceId;
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{Action, Error, File, FilePath, FolderEntry, LogicalType, Name, Node, NodeId, Result};
use crate::entities::get;
use crate::files::{missing, record_files};
use crate::holders::{folder_holder, get_holder, increment_holder_revision, run_holder, trace_holder};
use crate::inspection::{ServedFile, check_served, on_files_changed, policy_of};
use crate::policy::Policy;
use crate::protection::check_unlocked;
use crate::resolve::model_named;
use crate::services::Tracking;
use crate::store::files::{self, Holder};
use crate::store::nodes;
use crate::store::tracking::{numbers, traces};
use crate::target::Target;
use crate::transaction::{ReadTransaction, WriteTransaction};

/// How many files are removed at once.
const BATCH: u32 = 500;

/// A folder of files, by what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// The files of a run.
    Run(RunId),
    /// The files of a logged model that is not removed.
    LoggedModel(LoggedModelId),
    /// The files of a trace.
    Trace(TraceId),
    /// The files of a folder that belongs to nothing else, by the name of its document.
    Named(Name),
    /// The files of a version, by the id of its node.
    Version(NodeId),
    /// The files of a version, by the name of its model and its number.
    Numbered(Name, i64),
}

/// What a folder belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderOwner {
    /// The run, the logged model, the version or the document; the experiment of a trace. `None` for a folder that is not there yet.
    pub node: Option<Node>,
    /// The experiment of a run, a logged model or a trace.
    pub experiment: Option<Node>,
    /// Where files are put; `None` for a version.
    target: Option<Target>,
    /// Where they are, if there are any.
    holder: Option<Holder>,
    /// The folder in there that is meant, where that is not all of it.
    base: Option<FilePath>,
}

impl FolderOwner {
    /// Where a path in the folder is among the files of the target.
    ///
    /// Errors: InvalidArgument when it is too long.
    pub fn path(&self, path: &FilePath) -> Result<FilePath> {
        match &self.base {
            Some(base) => format!("{base}/{path}").parse(),
            None => Ok(path.clone()),
        }
    }

    /// The same; the folder itself where there is no path.
    fn path_or_all(&self, path: Option<&FilePath>) -> Result<Option<FilePath>> {
        path.map_or_else(|| Ok(self.base.clone()), |path| self.path(path).map(Some))
    }

    /// Where files are put.
    ///
    /// Errors: InvalidState for a version, whose files are read alone.
    pub fn target(&self) -> Result<&Target> {
        self.target
            .as_ref()
            .ok_or_else(|| Error::invalid_state("the files of a version are read alone here").on_field("path"))
    }
}

impl Tracking {
    /// What the folder belongs to.
    ///
    /// Errors: NotFound, but for a named folder, which is made with its first file.
    pub async fn get_folder(&self, context: &RequestContext, folder: &Folder) -> Result<FolderOwner> {
        let folder = folder.clone();
        self.core.read(context, move |tx| owner(tx, &folder)).await
    }

    /// What a folder, or a folder in it, has at its top, ordered by name; nothing of what is a file, or is not there.
    ///
    /// Errors: NotFound when nothing has the folder.
    pub async fn list_folder(
        &self,
        context: &RequestContext,
        folder: &Folder,
        path: Option<FilePath>,
    ) -> Result<(FolderOwner, Vec<FolderEntry>)> {
        let folder = folder.clone();
        self.core
            .read_long(context, move |tx| {
                let owner = owner(tx, &folder)?;
                let path = owner.path_or_all(path.as_ref())?;
                let entries = match owner.holder {
                    Some(holder) => files::entries(tx, holder, path.as_ref())?,
                    None => Vec::new(),
                };
                Ok((owner, entries))
            })
            .await
    }

    /// The file at that path, to be served.
    ///
    /// Errors: NotFound; PermissionDenied; Quarantined with the reason.
    pub async fn get_folder_file(
        &self,
        context: &RequestContext,
        folder: &Folder,
        path: &FilePath,
    ) -> Result<(FolderOwner, ServedFile)> {
        let (folder, path) = (folder.clone(), path.clone());
        self.core
            .read(context, move |tx| {
                let owner = owner(tx, &folder)?;
                let path = owner.path(&path)?;
                let file = match owner.holder {
                    Some(Holder::Node(node)) => files::find(tx, node, &path)?,
                    Some(Holder::Members(version)) => files::find_in(tx, version, &path)?,
                    None => None,
                };
                let file = file.ok_or_else(|| missing(&path))?;
                let served = check_served(tx, vec![file], false)?.pop().ok_or_else(|| missing(&path))?;
                Ok((owner, served))
            })
            .await
    }

    /// Removes the file at that path and all files below it; all of the folder where there is no path. Returns how many they were.
    ///
    /// Errors: NotFound when nothing has the folder; InvalidState when its files are read alone.
    pub async fn delete_folder(
        &self,
        context: &RequestContext,
        folder: &Folder,
        path: Option<FilePath>,
    ) -> Result<usize> {
        let (folder, base) = (folder.clone(), Arc::clone(&self.core.policy));
        self.core
            .write(context, move |tx| {
                let owner = owner(tx, &folder)?;
                owner.target()?;
                let node = owner.node.as_ref().ok_or_else(|| Error::not_found("the folder"))?;
                // What is not there is not recorded.
                tx.demand(Permission::Delete, node.place)?;
                let path = owner.path_or_all(path.as_ref())?;
                let Some(Holder::Node(holder)) = owner.holder else { return Ok(0) };
                remove_files(tx, &base, holder, |tx| next_batch(tx, holder, path.as_ref()))
            })
            .await
    }
}

/// Removes the files of an artifact that come next, until none does. Returns how many they were.
fn remove_files(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    holder: NodeId,
    next: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<Vec<File>>,
) -> Result<usize> {
    if next(tx)?.is_empty() {
        return Ok(0);
    }
    // What is there is read again under the lock.
    let artifact = increment_holder_revision(tx, holder)?;
    check_unlocked(tx, &[holder])?;
    let (mut removed, mut last) = (0, Vec::new());
    loop {
        tx.check_deadline()?;
        let batch = next(tx)?;
        if batch.is_empty() {
            break;
        }
        record_removed(tx, (&artifact, &artifact), &last)?;
        let paths: Vec<&str> = batch.iter().map(|file| file.path.as_str()).collect();
        files::delete_all(tx, holder, &paths)?;
        removed += batch.len();
        last = batch;
    }
    let policy = policy_of(tx, base, &artifact)?;
    let after = on_files_changed(tx, &policy, &artifact)?;
    record_removed(tx, (&artifact, &after), &last)?;
    Ok(removed)
}

/// The artifact that holds the files of the run, where it has one.
pub(crate) fn holder(tx: &mut ReadTransaction<'_, '_>, run: NodeId) -> Result<Option<NodeId>> {
    run_holder(tx, run)
}

fn owner(tx: &mut ReadTransaction<'_, '_>, folder: &Folder) -> Result<FolderOwner> {
    let node = match folder {
        Folder::Run(id) => get_run(tx, id)?,
        Folder::LoggedModel(id) => logged_models::get_node(tx, id)?,
        Folder::Trace(id) => {
            let known = traces::known(tx, id)?;
            let (_, experiment) = known.ok_or_else(|| Error::not_found(format!("trace `{id}`")))?;
            get(tx, LogicalType::Experiment, experiment)?
        }
        Folder::Version(id) => get(tx, LogicalType::ModelVersion, *id)?,
        Folder::Numbered(model, number) => version_numbered(tx, model, *number)?,
        Folder::Named(name) => return of_name(tx, name),
    };
    let (experiment, target, holder) = match folder {
        Folder::Run(_) => (node.home_id, Some(Target::Run(node.id)), holder(tx, node.id)?.map(Holder::Node)),
        Folder::LoggedModel(_) => (Some(node.place.root), Some(Target::Artifact(node.id)), Some(Holder::Node(node.id))),
        Folder::Trace(_) => {
            (Some(node.id), Some(Target::Traces(node.id)), trace_holder(tx, node.id)?.map(Holder::Node))
        }
        Folder::Version(_) | Folder::Numbered(..) | Folder::Named(_) => (None, None, Some(Holder::Members(node.id))),
    };
    let base = match folder {
        Folder::Trace(id) => Some(id.as_str().parse()?),
        _ => None,
    };
    let experiment = experiment.map(|experiment| get(tx, LogicalType::Experiment, experiment)).transpose()?;
    Ok(FolderOwner { node: Some(node), experiment, target, holder, base })
}

fn of_name(tx: &mut ReadTransaction<'_, '_>, name: &Name) -> Result<FolderOwner> {
    let node = folder_holder(tx, name)?.map(|id| get_holder(tx, id)).transpose()?;
    let (holder, target) = (node.as_ref().map(|node| Holder::Node(node.id)), Some(Target::Folder(name.clone())));
    Ok(FolderOwner { node, experiment: None, target, holder, base: None })
}

fn version_numbered(tx: &mut ReadTransaction<'_, '_>, model: &Name, number: i64) -> Result<Node> {
    let found = model_named(tx, model)?;
    let version = numbers::find(tx, found.id, number)?.map(|version| nodes::find(tx, version)).transpose()?;
    version.flatten().ok_or_else(|| Error::not_found(format!("version `{number}` of registered model `{model}`")))
}

/// Removes the files of traces of an experiment.
pub(super) fn remove_trace_files(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    experiment: NodeId,
    ids: &[TraceId],
) -> Result<()> {
    let Some(holder) = trace_holder(tx, experiment)? else { return Ok(()) };
    let folders: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    remove_files(tx, base, holder, |tx| files::list_in_folders(tx, holder, &folders, BATCH)).map(drop)
}

/// The next files to be removed: the one that has the path, and those below it.
fn next_batch(tx: &mut ReadTransaction<'_, '_>, holder: NodeId, path: Option<&FilePath>) -> Result<Vec<File>> {
    files::list_below(tx, Holder::Node(holder), path, None, BATCH)
}

fn record_removed(tx: &mut WriteTransaction<'_, '_>, artifact: (&Node, &Node), removed: &[File]) -> Result<()> {
    let files: Vec<(&File, Option<&File>)> = removed.iter().map(|file| (file, None)).collect();
    record_files(tx, Action::DeleteFile, artifact, &files)
}
