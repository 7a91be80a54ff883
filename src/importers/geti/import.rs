//! The work of an import: finds the models, streams each one's package into the store, and ties revisions together.
//!
//! It can be begun anew at any moment, on any replica: what is here is not asked for again, and the id of a model is unique.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Session;
use super::fault::{Asked, Fault};
use super::tree::{Tree, Wanted};
use super::{Geti, arrival};
use crate::domain::imports::{ImportOutcome, ImportReport, ImportRequest, ImportedModel};
use crate::domain::{Error, ErrorKind, NodeId, Progress, Result};
use crate::registry::files::{Precondition, Target};
use crate::registry::imports::{Arrived, Training};
use crate::registry::jobs::{Attempt, Failure, Working};
use crate::registry::upload::PutFile;

/// How often a package that breaks off is downloaded, within one attempt at the job.
const DOWNLOADS: u32 = 3;

impl Geti {
    /// Does what a job of the kind [`crate::domain::imports::GETI_IMPORT`] asks for.
    pub async fn import(&self, working: Working) -> Attempt {
        let request: ImportRequest = serde_json::from_value(working.job.payload.clone())
            .map_err(|error| Error::internal("the job of an import cannot be read").caused_by(error))?;
        let session = self.session(&request.server, working.stopping.clone())?;
        say(&working, 0, None, "looking for models");
        let groups: Option<Vec<&str>> = request.models.iter().map(|model| model.group.as_deref()).collect();
        let groups = groups.filter(|groups| !groups.is_empty());
        let tree = session.tree(&request.project, groups.as_deref()).await?;
        let wanted = tree.wanted(&request.models)?;
        let (report, first) = import_all(&working, &session, &tree, &wanted).await?;
        tie(&working, &tree).await?;
        let result = serde_json::to_value(&report).unwrap_or(Value::Null);
        let Some(fault) = first else { return Ok(result) };
        let failed = report.models.iter().filter(|model| model.outcome == ImportOutcome::Failed).count();
        let message = format!("{failed} of {} models could not be imported: {}", wanted.len(), fault.error.message());
        let kind = fault.error.kind();
        let error = Error::new(kind, message).caused_by(fault.error);
        Err(Failure { error, again: fault.again, result: Some(result) })
    }
}

/// Imports each model. One that cannot be had does not keep the others from it; gives what came of each, and the first
/// failure, one that may go better later before others.
async fn import_all(
    working: &Working,
    session: &Session,
    tree: &Tree,
    wanted: &[Wanted<'_>],
) -> Asked<(ImportReport, Option<Fault>)> {
    let mut report = ImportReport::default();
    let mut first: Option<Fault> = None;
    let total = i64::try_from(wanted.len()).ok();
    let ids = wanted.iter().map(|each| each.leaf.id.clone()).collect();
    let mut here = working.registry.arrived(ids).await?;
    for (done, each) in (0..).zip(wanted) {
        say(working, done, total, &each.leaf.name);
        let arrived = match here.remove(&each.leaf.id) {
            Some(arrived) => Ok(arrived),
            None => import(working, session, tree, *each, (done, total)).await,
        };
        match arrived {
            Ok(arrived) => report.models.push(imported(working, each, arrived)),
            Err(fault) if working.stopping.why().is_some() => return Err(fault),
            Err(fault) => {
                log::warn!(job = working.job.id.0, model = each.leaf.id.as_str(); "not imported: {}", fault.error);
                report.models.push(ImportedModel {
                    id: each.leaf.id.clone(),
                    name: each.leaf.name.clone(),
                    outcome: ImportOutcome::Failed,
                    model: None,
                    version: None,
                    artifact_id: None,
                    error: Some(shown(&fault.error)),
                });
                if first.as_ref().is_none_or(|first| fault.again && !first.again) {
                    first = Some(fault);
                }
            }
        }
    }
    say(working, total.unwrap_or_default(), total, "done");
    Ok((report, first))
}

fn shown(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Internal => "internal error".to_owned(),
        _ => error.message().to_owned(),
    }
}

fn imported(working: &Working, wanted: &Wanted<'_>, arrived: Arrived) -> ImportedModel {
    // What an earlier attempt at this job brought in is its work too.
    let is_new = arrived.artifact.created_at >= working.job.created_at;
    ImportedModel {
        id: wanted.leaf.id.clone(),
        name: wanted.leaf.name.clone(),
        outcome: if is_new { ImportOutcome::Imported } else { ImportOutcome::Unchanged },
        model: arrived.model,
        version: arrived.version,
        artifact_id: Some(arrived.artifact.id.to_string()),
        error: None,
    }
}

/// Imports one model. A package that breaks off is downloaded anew.
async fn import(
    working: &Working,
    session: &Session,
    tree: &Tree,
    wanted: Wanted<'_>,
    (done, total): (i64, Option<i64>),
) -> Asked<Arrived> {
    let arrival = std::sync::Arc::new(arrival::arrival(session.name(), tree, wanted)?);
    let mut tries = 0;
    loop {
        tries += 1;
        let response = session.package(tree, wanted).await?;
        let length = response.content_length();
        let (told, name) = (working.clone(), wanted.leaf.name.clone());
        let body = session.archive(response, move |bytes| {
            say(&told, done, total, &format!("{name}: {} MiB", bytes >> 20));
        })?;
        let put = PutFile {
            target: Target::Arrival(std::sync::Arc::clone(&arrival)),
            path: arrival::path(tree, &wanted.leaf.id)?,
            media_type: Some("application/zip".to_owned()),
            length,
            sha256: None,
            precondition: Precondition::None,
            create: true,
        };
        match working.registry.put_nested(&working.actor(), put, &arrival::folder(tree)?, body).await {
            Ok(_) => break,
            // Another job brought it in meanwhile.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && error.field() == Some("externalId") => break,
            Err(error)
                if error.kind() == ErrorKind::Unavailable && tries < DOWNLOADS && working.stopping.why().is_none() =>
            {
                log::info!(job = working.job.id.0, model = wanted.leaf.id.as_str(); "downloaded anew: {error}");
                session.pause(std::time::Duration::from_secs(tries.into())).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut here = working.registry.arrived(vec![wanted.leaf.id.clone()]).await?;
    here.remove(&wanted.leaf.id)
        .ok_or_else(|| Error::internal(format!("model `{}` is not here", wanted.leaf.id)).into())
}

/// Records, for each trained model of the groups that is here, from which one it was trained.
async fn tie(working: &Working, tree: &Tree) -> Result<()> {
    let all = tree.groups.iter().flat_map(|group| &group.versions);
    let ids = all.clone().flat_map(|trained| trained.models.iter().map(|leaf| leaf.id.clone())).collect();
    let here = working.registry.arrived(ids).await?;
    let artifacts: BTreeMap<&str, Vec<NodeId>> = all
        .clone()
        .map(|trained| {
            let of_it = trained.models.iter().filter_map(|leaf| Some(here.get(&leaf.id)?.artifact.id));
            (trained.id.as_str(), of_it.collect())
        })
        .collect();
    let of = |id: &str| artifacts.get(id).cloned().unwrap_or_default();
    for trained in all.filter(|trained| !of(&trained.id).is_empty()) {
        let training = Training {
            id: trained.id.clone(),
            properties: arrival::with(&trained.training, crate::domain::Properties::new()),
            inputs: trained.previous.as_deref().map(of).unwrap_or_default(),
            outputs: of(&trained.id),
        };
        working.registry.record_training(&working.actor(), training).await?;
    }
    Ok(())
}

fn say(working: &Working, done: i64, total: Option<i64>, message: &str) {
    working.report(Progress { done, total, message: Some(message.to_owned()) });
}
