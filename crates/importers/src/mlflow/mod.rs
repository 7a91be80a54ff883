//! Another MLflow tracking server, whose experiments, runs, logged models and registered models are brought in by its REST API.

mod client;
mod experiments;
mod failure;
mod files;
mod importing;
mod logged_models;
mod mapping;
mod models;
mod place;
mod runs;
mod versions;
mod wire;

use std::sync::Arc;

use crate::domain::imports::mlflow::{ImportRemark, MlflowImport, MlflowReport};
use crate::domain::{Error, JobProgress, Result};
use crate::registry::jobs::{Attempt, Failure as JobFailure, RunningJob, Stopping};
use crate::registry::{Registry, RequestContext};
use client::Client;
pub use client::{MlflowCredentials, MlflowOptions};
use importing::Importing;

/// The tracking servers of the settings.
pub struct Mlflow {
    sources: Vec<MlflowOptions>,
}

/// Tells how far an import is: how much is done, and what is being done.
pub type OnProgress = Arc<dyn Fn(u64, &str) + Send + Sync>;

/// Tells a remark.
pub type OnRemark = Arc<dyn Fn(&ImportRemark) + Send + Sync>;

/// How an import went: the report as far as it came, and why it did not come to its end.
pub struct Ended {
    /// The report.
    pub report: MlflowReport,
    /// Why it ended early.
    pub error: Option<Error>,
}

/// Imports from a server, and tells of it meanwhile. It can be repeated: what is here already is not made again.
///
/// Errors: InvalidArgument where the server's address or its certificates are unusable. What ends the import later is in [`Ended`].
pub async fn import_from(
    registry: &Registry,
    context: &RequestContext,
    options: MlflowOptions,
    wanted: &MlflowImport,
    stopping: Stopping,
    (progress, remark): (OnProgress, OnRemark),
) -> Result<Ended> {
    let client = Client::new(options, stopping)?;
    let importing = Importing::new(registry.clone(), context.clone(), client, wanted.clone(), progress, remark);
    let ended = importing.run().await;
    Ok(Ended { report: importing.into_report(), error: ended.err().map(|failure| failure.error) })
}

impl Mlflow {
    /// These servers.
    pub fn new(sources: Vec<MlflowOptions>) -> Self {
        Self { sources }
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// The server of that name.
    ///
    /// Errors: InvalidArgument on `source` when the settings name none of that name.
    pub fn source(&self, name: &str) -> Result<MlflowOptions> {
        let found = self.sources.iter().find(|source| source.name == name).cloned();
        found.ok_or_else(|| {
            Error::invalid("source", format!("no tracking server `{}` is in the settings", name.escape_debug()))
        })
    }

    /// Does what a job of the kind [`MLFLOW_IMPORT`](crate::domain::imports::mlflow::MLFLOW_IMPORT) asks for.
    pub async fn import(&self, running: RunningJob) -> Attempt {
        let wanted: MlflowImport = serde_json::from_value(running.job.payload.clone())
            .map_err(|error| Error::internal("the job of an import cannot be read").caused_by(error))?;
        let options = self.source(&wanted.source)?;
        let reporting = running.clone();
        let progress: OnProgress = Arc::new(move |done, message| {
            let done = i64::try_from(done).unwrap_or(i64::MAX);
            reporting.report(JobProgress { done, total: None, message: Some(message.to_owned()) });
        });
        let id = running.job.id.0;
        let remark: OnRemark = Arc::new(move |remark| {
            log::info!(job = id, what = remark.id.as_str(); "{}: {}", remark.kind.noun(), remark.message);
        });
        let (registry, context) = (&running.registry, &running.context);
        let told = (progress, remark);
        let ended = import_from(registry, context, options, &wanted, running.stopping.clone(), told).await?;
        let result = serde_json::to_value(&ended.report)
            .map_err(|error| Error::internal("the report of an import is not JSON").caused_by(error))?;
        match ended.error {
            None => Ok(result),
            Some(error) => {
                let is_retryable = error.kind().is_transient();
                Err(JobFailure { error, is_retryable, result: Some(result) })
            }
        }
    }
}
