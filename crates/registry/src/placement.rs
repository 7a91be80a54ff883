//! Where a new file goes: its target as it is now, and the artifact, which may have to be made.

use super::entities::{create, create_stored, get_bare};
use super::holders::{RUN_FILES, TRACE_FILES, folder_holder, get_holder, holder, run_holder, trace_holder};
use super::imports;
use super::inspection::policy_of;
use super::link::Place;
use super::policy::Policy;
use super::resolve::{check_free_of_reserved_words, made, model_named, resolve};
use super::target::{Target, made_holder};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::{ArtifactState, Draft, Error, ErrorKind, FilePath, LogicalType, Name, NodeId, Result, VersionRef};
use crate::store::{files, nodes, policies};

/// Checks that the target exists or may be created, by this caller, and replaces `latest` and aliases by the version's name.
pub(super) fn resolve_target(tx: &mut ReadTransaction<'_, '_>, target: &Target, create: bool) -> Result<Target> {
    match target {
        Target::Artifact(id) => {
            let artifact = get_holder(tx, *id)?;
            tx.demand(Permission::Write, artifact.place)?;
            Ok(target.clone())
        }
        Target::Run(run) => {
            let run = get_bare(tx, LogicalType::ExperimentRun, *run)?;
            tx.demand(Permission::Write, run.place)?;
            Ok(target.clone())
        }
        Target::Traces(experiment) => {
            let experiment = get_bare(tx, LogicalType::Experiment, *experiment)?;
            tx.demand(Permission::Write, experiment.place)?;
            Ok(target.clone())
        }
        Target::Folder(name) => {
            match folder_holder(tx, name)? {
                Some(holder) => {
                    let artifact = get_holder(tx, holder)?;
                    tx.demand(Permission::Write, artifact.place)?;
                }
                None => tx.demand_in_workspace(Permission::Create)?,
            }
            Ok(target.clone())
        }
        Target::Version { model, version: VersionRef::Named(name) } if create => {
            match resolve(tx, model, &VersionRef::Named(name.clone())) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    check_free_of_reserved_words(name)?;
                    demand_to_create(tx, model)?;
                }
                Err(error) => return Err(error),
                Ok((model, _)) => tx.demand(Permission::Write, model.place)?,
            }
            Ok(target.clone())
        }
        Target::Import(_) => Ok(target.clone()),
        Target::Version { model, version } => {
            let (found_model, found) = resolve(tx, model, version)?;
            tx.demand(Permission::Write, found_model.place)?;
            let name = found.name.unwrap_or_default().parse()?;
            Ok(Target::Version { model: model.clone(), version: VersionRef::Named(name) })
        }
    }
}

/// Demands that the caller may make a version of the model, and the model where there is none. What is made later asks again.
fn demand_to_create(tx: &mut ReadTransaction<'_, '_>, model: &Name) -> Result<()> {
    match model_named(tx, model) {
        Ok(model) => tx.demand(Permission::Write, model.place),
        Err(error) if error.kind() == ErrorKind::NotFound => tx.demand_in_workspace(Permission::Create),
        Err(error) => Err(error),
    }
}

/// The largest file that the target's policy allows.
pub(super) fn limit(tx: &mut ReadTransaction<'_, '_>, base: &Policy, target: &Target) -> Result<Option<u64>> {
    let policy = match target {
        Target::Artifact(id) => {
            let artifact = get_holder(tx, *id)?;
            policy_of(tx, base, &artifact)?
        }
        Target::Version { model, .. } => match model_named(tx, model) {
            Ok(model) => policies::find(tx, model.id)?.map_or_else(|| base.clone(), |said| base.with(&said)),
            Err(error) if error.kind() == ErrorKind::NotFound => base.clone(),
            Err(error) => return Err(error),
        },
        Target::Run(_) | Target::Traces(_) | Target::Folder(_) => match made_holder(tx, target)? {
            Some(holder) => {
                let artifact = get_holder(tx, holder)?;
                policy_of(tx, base, &artifact)?
            }
            None => base.clone(),
        },
        Target::Import(_) => base.clone(),
    };
    Ok(policy.max_file_bytes)
}

/// The artifact that the file goes to, made with its version and model if they are missing and the put allows it; and the version
/// and the model, where it belongs to one. One that was there is not locked yet.
pub(super) fn find_or_create_artifact(
    tx: &mut WriteTransaction<'_, '_>,
    target: &Target,
    path: &FilePath,
    may_create: bool,
) -> Result<(Place, Option<(NodeId, NodeId)>)> {
    let (model, version) = match target {
        Target::Artifact(id) => {
            let artifact = get_holder(tx, *id)?;
            let home = artifact.home_id.map(|home| nodes::find(tx, home)).transpose()?.flatten();
            return Ok((Place::Found(*id), home.and_then(|home| Some((home.id, home.home_id?)))));
        }
        Target::Run(run) => {
            let found = run_holder(tx, *run)?;
            return Ok((found_or_made(tx, found, *run, RUN_FILES)?, None));
        }
        Target::Traces(experiment) => {
            let found = trace_holder(tx, *experiment)?;
            return Ok((found_or_made(tx, found, *experiment, TRACE_FILES)?, None));
        }
        Target::Folder(name) => {
            let place = match folder_holder(tx, name)? {
                Some(artifact) => Place::Found(artifact),
                None => Place::Made(create_folder(tx, name)?),
            };
            return Ok((place, None));
        }
        Target::Import(import) => {
            let (artifact, version, model) = imports::create_imported(tx, import)?;
            return Ok((Place::Made(artifact), Some((version, model))));
        }
        Target::Version { model, version } => (model, version),
    };
    let named = |name: &Name, state: &str| Draft::named(name.clone()).with("state", Some(state));
    let found_model = match model_named(tx, model) {
        Err(error) if error.kind() == ErrorKind::NotFound && may_create => {
            made(create(tx, LogicalType::RegisteredModel, None, &named(model, "LIVE")))?
        }
        found => found?,
    };
    let found_version = match (resolve(tx, model, version), version) {
        (Ok((_, version)), _) => version,
        (Err(error), VersionRef::Named(name)) if error.kind() == ErrorKind::NotFound && may_create => {
            made(create(tx, LogicalType::ModelVersion, Some(found_model.id), &named(name, "LIVE")))?
        }
        (Err(error), _) => return Err(error),
    };
    // Without the lock two uploads into a new version would each make its artifact.
    nodes::lock(tx, &[found_version.id])?;
    let in_place = files::find_in(tx, found_version.id, path)?.map(|file| file.node_id);
    let artifact = match in_place.map_or_else(|| holder(tx, found_version.id), |id| Ok(Some(id)))? {
        Some(id) => Place::Found(id),
        None if may_create => {
            Place::Made(create_artifact(tx, LogicalType::ModelArtifact, found_version.id, model.clone())?)
        }
        None => return Err(Error::not_found(format!("a model artifact of version `{version}`"))),
    };
    Ok((artifact, Some((found_version.id, found_model.id))))
}

/// The document that holds files, which is made where there is none.
fn found_or_made(tx: &mut WriteTransaction<'_, '_>, found: Option<NodeId>, home: NodeId, name: &str) -> Result<Place> {
    Ok(match found {
        Some(artifact) => Place::Found(artifact),
        None => Place::Made(create_artifact(tx, LogicalType::DocArtifact, home, name.parse()?)?),
    })
}

/// Makes the document of a folder under its very name, which no other has, so that whoever comes next finds it.
fn create_folder(tx: &mut WriteTransaction<'_, '_>, name: &Name) -> Result<NodeId> {
    let draft = Draft { state: Some(ArtifactState::Live.number()), ..Draft::named(name.clone()) };
    Ok(made(create_stored(tx, LogicalType::DocArtifact, None, &draft, name.clone()))?.id)
}

/// Makes an artifact for files. When it was made meanwhile, the transaction is retried and finds it.
fn create_artifact(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: NodeId,
    name: Name,
) -> Result<NodeId> {
    let draft = Draft { state: Some(ArtifactState::Live.number()), ..Draft::named(name) };
    Ok(made(create(tx, logical, Some(home), &draft))?.id)
}
