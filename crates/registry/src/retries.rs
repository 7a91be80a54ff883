//! Jobs that failed or were cancelled, and whose work is done again.

use super::context::RequestContext;
use super::inspection::REEVALUATE_MODEL;
use super::jobs::enqueue;
use crate::domain::access::Permission;
use crate::domain::imports::GETI_IMPORT;
use crate::domain::imports::mlflow::MLFLOW_IMPORT;
use crate::domain::{Error, Job, JobId, JobState, Result};
use crate::services::Jobs;
use crate::store::jobs;

impl Jobs {
    /// Enqueues a job that does the work of this one again, on behalf of whoever asks now, and returns it. The old one stays as it is.
    ///
    /// Errors: NotFound; InvalidState when the job has not failed and was not cancelled, is of a kind whose work is not to be done twice, or is of
    /// another workspace than the request; PermissionDenied when the caller may not begin such work.
    pub async fn retry_job(&self, context: &RequestContext, id: JobId) -> Result<Job> {
        let retried = self
            .core
            .write(context, move |tx| {
                let job = jobs::find(tx, id)?.ok_or_else(|| Error::not_found(format!("job `{id}`")))?;
                check(&job)?;
                if job.workspace != tx.context().access().workspace() {
                    return Err(Error::invalid_state(format!("job `{id}` is of another workspace")));
                }
                if job.kind != REEVALUATE_MODEL {
                    tx.demand_in_workspace(Permission::Create)?;
                }
                enqueue(tx, &job.kind, &job.payload)
            })
            .await?;
        self.core.queue.jobs_enqueued();
        Ok(retried)
    }
}

/// Refuses what has not ended without success, and kinds whose work is not the same when it is done again.
fn check(job: &Job) -> Result<()> {
    if ![GETI_IMPORT, MLFLOW_IMPORT, REEVALUATE_MODEL].contains(&job.kind.as_str()) {
        return Err(Error::invalid_state(format!("jobs of kind `{}` are not repeated", job.kind)));
    }
    match job.state {
        JobState::Failed | JobState::Cancelled => Ok(()),
        JobState::Queued | JobState::Running | JobState::Succeeded => {
            let message = format!("job `{}` is `{}`, and neither failed nor cancelled", job.id, job.state.name());
            Err(Error::invalid_state(message))
        }
    }
}
