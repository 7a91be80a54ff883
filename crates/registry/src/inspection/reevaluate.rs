//! Reevaluation of stored files by a changed policy. It is the work of a job and takes one transaction per artifact, because a
//! model may have any number of artifacts.

use std::sync::Arc;

use super::evaluate::EvaluationChanges;
use super::policy::reevaluate_and_record;
use crate::context::RequestContext;
use crate::domain::{Error, JobProgress, NodeId, Result};
use crate::jobs::{Attempt, RunningJob};
use crate::services::Inspections;
use crate::store::{files, nodes};

/// The kind of the jobs that reevaluate the files of a model after its policy changed, as the database stores it.
pub const REEVALUATE_MODEL: &str = "judge-model";

/// How many artifacts one statement looks up.
const BATCH: u32 = 500;

/// The payload of such a job.
pub(super) fn payload(model: NodeId) -> serde_json::Value {
    serde_json::json!({ "model": model.0 })
}

impl Inspections {
    /// Does the work of a job that [`Inspections::set_model_policy`] enqueued. Safe to retry at any moment.
    pub async fn reevaluate_model(&self, context: &RequestContext, running: RunningJob) -> Attempt {
        let Some(model) = running.job.payload.get("model").and_then(serde_json::Value::as_i64) else {
            return Err(Error::internal("a job names no model").into());
        };
        let changed = self.reevaluate_artifacts(context, &running, NodeId(model)).await?;
        Ok(serde_json::json!({
            "files": changed.evaluated,
            "quarantined": changed.quarantined,
            "released": changed.released,
        }))
    }

    async fn reevaluate_artifacts(
        &self,
        context: &RequestContext,
        running: &RunningJob,
        model: NodeId,
    ) -> Result<EvaluationChanges> {
        let (mut changed, mut progress, mut after) = (EvaluationChanges::default(), JobProgress::default(), None);
        loop {
            let (artifacts, all) =
                self.core.read(context, move |tx| files::holders_of_model(tx, model, after, BATCH)).await?;
            let Some(last) = artifacts.last() else { return Ok(changed) };
            after = Some(*last);
            progress.total = Some(all.max(progress.done));
            for artifact in artifacts {
                changed.add(running.stopping.or(self.reevaluate_artifact(context, artifact)).await?);
                progress.done += 1;
                running.report(progress.clone());
            }
        }
    }

    /// Evaluates the files of an artifact by its effective policy, in a transaction of its own.
    pub(super) async fn reevaluate_artifact(
        &self,
        context: &RequestContext,
        artifact: NodeId,
    ) -> Result<EvaluationChanges> {
        let base = Arc::clone(&self.core.policy);
        self.core
            .write(context, move |tx| {
                let mut changed = EvaluationChanges::default();
                nodes::lock(tx, &[artifact])?;
                reevaluate_and_record(tx, &base, artifact, &mut changed)?;
                Ok(changed)
            })
            .await
    }
}
