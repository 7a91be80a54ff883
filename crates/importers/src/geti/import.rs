//! The job of an import: finds the models, streams the package of each into the store, and links revisions.
//!
//! It can be retried at any time, on any replica: models that are stored are not downloaded again, and the id of a model is unique.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Session;
use super::error::{GetiError, GetiResult};
use super::project::{Project, SelectedModel};
use super::{Geti, mapping};
use crate::domain::imports::{ImportOutcome, ImportReport, ImportRequest, ImportedModel};
use crate::domain::{Error, ErrorKind, JobProgress, NodeId, Result};
use crate::registry::imports::{ExistingImport, Training};
use crate::registry::jobs::{Attempt, Failure, RunningJob};
use crate::registry::target::{Precondition, Target};
use crate::registry::upload::PutFile;

/// How often a package that breaks off is downloaded, within one attempt at the job.
const MAX_DOWNLOADS: u32 = 3;

impl Geti {
    /// Does what a job of the kind [`crate::domain::imports::GETI_IMPORT`] asks for.
    pub async fn import(&self, running: RunningJob) -> Attempt {
        let request: ImportRequest = serde_json::from_value(running.job.payload.clone())
            .map_err(|error| Error::internal("the job of an import cannot be read").caused_by(error))?;
        let session = self.session(&request.server, running.stopping.clone())?;
        report_progress(&running, 0, None, "looking for models");
        let groups: Option<Vec<&str>> = request.models.iter().map(|model| model.group.as_deref()).collect();
        let groups = groups.filter(|groups| !groups.is_empty());
        let project = session.project(&request.project, groups.as_deref()).await?;
        let selected = project.select_models(&request.models)?;
        let (report, first_failure) = import_all(&running, &session, &project, &selected).await?;
        link_revisions(&running, &project).await?;
        let result = serde_json::to_value(&report).unwrap_or(Value::Null);
        let Some(failure) = first_failure else { return Ok(result) };
        let failed = report.models.iter().filter(|model| model.outcome == ImportOutcome::Failed).count();
        let message =
            format!("{failed} of {} models could not be imported: {}", selected.len(), failure.error.message());
        let kind = failure.error.kind();
        let error = Error::new(kind, message).caused_by(failure.error);
        Err(Failure { error, is_retryable: failure.retryable, result: Some(result) })
    }
}

/// Imports each model, and continues when one fails. Returns the outcome of each, and the first failure; a retryable one
/// comes before others.
async fn import_all(
    running: &RunningJob,
    session: &Session,
    project: &Project,
    selected: &[SelectedModel<'_>],
) -> GetiResult<(ImportReport, Option<GetiError>)> {
    let mut report = ImportReport::default();
    let mut first_failure: Option<GetiError> = None;
    let total = i64::try_from(selected.len()).ok();
    let ids = selected.iter().map(|each| each.model.id.clone()).collect();
    let mut here = running.registry.imports.find_imported(&running.context, ids).await?;
    for (done, each) in (0..).zip(selected) {
        report_progress(running, done, total, &each.model.name);
        let arrived = match here.remove(&each.model.id) {
            Some(arrived) => Ok(arrived),
            None => import(running, session, project, *each, (done, total)).await,
        };
        match arrived {
            Ok(arrived) => report.models.push(imported(running, each, arrived)),
            Err(failure) if running.stopping.why().is_some() => return Err(failure),
            Err(failure) => {
                log::warn!(job = running.job.id.0, model = each.model.id.as_str(); "not imported: {}", failure.error);
                report.models.push(ImportedModel {
                    id: each.model.id.clone(),
                    name: each.model.name.clone(),
                    outcome: ImportOutcome::Failed,
                    model: None,
                    version: None,
                    artifact_id: None,
                    error: Some(shown(&failure.error)),
                });
                if first_failure.as_ref().is_none_or(|first_failure| failure.retryable && !first_failure.retryable) {
                    first_failure = Some(failure);
                }
            }
        }
    }
    report_progress(running, total.unwrap_or_default(), total, "done");
    Ok((report, first_failure))
}

fn shown(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Internal => "internal error".to_owned(),
        _ => error.message().to_owned(),
    }
}

fn imported(running: &RunningJob, selected: &SelectedModel<'_>, arrived: ExistingImport) -> ImportedModel {
    // Models that an earlier attempt of this job imported count as imported.
    let is_new = arrived.artifact.created_at >= running.job.created_at;
    ImportedModel {
        id: selected.model.id.clone(),
        name: selected.model.name.clone(),
        outcome: if is_new { ImportOutcome::Imported } else { ImportOutcome::Unchanged },
        model: arrived.model,
        version: arrived.version,
        artifact_id: Some(arrived.artifact.id.to_string()),
        error: None,
    }
}

/// Imports one model. A package that breaks off is downloaded again.
async fn import(
    running: &RunningJob,
    session: &Session,
    project: &Project,
    selected: SelectedModel<'_>,
    (done, total): (i64, Option<i64>),
) -> GetiResult<ExistingImport> {
    let drafts = std::sync::Arc::new(mapping::drafts(session.name(), project, selected)?);
    let mut tries = 0;
    loop {
        tries += 1;
        let response = session.package(project, selected).await?;
        let length = response.content_length();
        let (reporting, name) = (running.clone(), selected.model.name.clone());
        let body = session.archive(response, move |bytes| {
            report_progress(&reporting, done, total, &format!("{name}: {} MiB", bytes >> 20));
        })?;
        let put = PutFile {
            target: Target::Import(std::sync::Arc::clone(&drafts)),
            path: mapping::path(project, &selected.model.id)?,
            media_type: Some("application/zip".to_owned()),
            length,
            sha256: None,
            precondition: Precondition::None,
            create: true,
        };
        match running.registry.files.put_nested(&running.context, put, &mapping::folder(project)?, body).await {
            Ok(_) => break,
            // Another job imported it meanwhile.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return find_imported(running, &selected.model.id).await?.ok_or_else(|| error.into());
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::UpstreamUnavailable)
                    && tries < MAX_DOWNLOADS
                    && running.stopping.why().is_none() =>
            {
                log::info!(job = running.job.id.0, model = selected.model.id.as_str(); "downloaded again: {error}");
                session.pause(std::time::Duration::from_secs(tries.into())).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let imported = find_imported(running, &selected.model.id).await?;
    imported.ok_or_else(|| Error::internal(format!("model `{}` is not here", selected.model.id)).into())
}

async fn find_imported(running: &RunningJob, id: &str) -> Result<Option<ExistingImport>> {
    Ok(running.registry.imports.find_imported(&running.context, vec![id.to_owned()]).await?.remove(id))
}

/// Records, for each stored trained model of the groups, from which one it was trained.
async fn link_revisions(running: &RunningJob, project: &Project) -> Result<()> {
    let all = project.groups.iter().flat_map(|group| &group.versions);
    let ids = all.clone().flat_map(|trained| trained.models.iter().map(|model| model.id.clone())).collect();
    let here = running.registry.imports.find_imported(&running.context, ids).await?;
    let artifacts: BTreeMap<&str, Vec<NodeId>> = all
        .clone()
        .map(|trained| {
            let of_it = trained.models.iter().filter_map(|model| Some(here.get(&model.id)?.artifact.id));
            (trained.id.as_str(), of_it.collect())
        })
        .collect();
    let of = |id: &str| artifacts.get(id).cloned().unwrap_or_default();
    for trained in all.filter(|trained| !of(&trained.id).is_empty()) {
        let training = Training {
            id: trained.id.clone(),
            properties: mapping::with(&trained.training, crate::domain::Properties::new()),
            inputs: trained.previous.as_deref().map(of).unwrap_or_default(),
            outputs: of(&trained.id),
        };
        running.registry.imports.record_training(&running.context, training).await?;
    }
    Ok(())
}

fn report_progress(running: &RunningJob, done: i64, total: Option<i64>, message: &str) {
    running.report(JobProgress { done, total, message: Some(message.to_owned()) });
}
