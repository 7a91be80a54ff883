//! For how long the audit trail is kept: one process at a time removes what is older.

use std::time::Duration;

use super::context::RequestContext;
use super::upkeep::Task;
use crate::domain::Result;
use crate::services::Upkeep;

impl Upkeep {
    /// Removes entries of the audit trail that are older than `kept`, unless another process is doing so, or did so less than `pause`
    /// ago. Returns how many those were.
    pub async fn remove_old_audit_in_turn(
        &self,
        context: &RequestContext,
        pause: Duration,
        kept: Duration,
    ) -> Result<Option<usize>> {
        let Some(lease) = self.acquire_task(Task::RemoveAudit, pause).await? else { return Ok(None) };
        match lease.with_heartbeats(self.core.audit().remove_old(context, kept)).await {
            Ok(removed) => lease.end().await.map(|()| Some(removed)),
            Err(error) => {
                lease.release().await;
                Err(error)
            }
        }
    }
}
