//! What the parts of one process tell each other of the queue of jobs, which is a table.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How many jobs there are by kind and state.
type Figures = Vec<(String, String, i64)>;

/// What the parts of one process tell each other of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    enqueued: Notify,
    figures: Mutex<Figures>,
}

impl Queue {
    /// Tells this process's runner that jobs were enqueued, once they are committed.
    pub(crate) fn jobs_enqueued(&self) {
        self.enqueued.notify_waiters();
    }

    /// Waits until a job was enqueued in this process, `at_most` for that time.
    pub(crate) async fn wait(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.enqueued.notified()).await;
    }

    /// Keeps what was counted.
    pub(crate) fn set_figures(&self, figures: Figures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    /// What was counted last.
    pub(crate) fn figures(&self) -> Figures {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
