//! Sessions that have ended: one process at a time removes them.

use std::time::Duration;

use super::context::RequestContext;
use super::upkeep::Task;
use crate::domain::Result;
use crate::services::Upkeep;

impl Upkeep {
    /// Removes sessions that have ended, unless another process is doing so, or did so less than `pause` ago. Returns how many those
    /// were.
    pub async fn remove_ended_sessions_in_turn(
        &self,
        context: &RequestContext,
        pause: Duration,
    ) -> Result<Option<usize>> {
        let Some(lease) = self.acquire_task(Task::RemoveSessions, pause).await? else { return Ok(None) };
        match lease.with_heartbeats(self.core.accounts().remove_ended_sessions(context)).await {
            Ok(removed) => lease.end().await.map(|()| Some(removed)),
            Err(error) => {
                lease.release().await;
                Err(error)
            }
        }
    }
}
