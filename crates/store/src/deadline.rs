//! Deadlines of transactions: statements are cancelled when their caller goes away, and at the latest at the time limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlite_watch::Watch;

use modelport_domain::{Error, Result};

/// How to cancel the statement that a connection runs.
#[derive(Debug, Clone)]
pub(super) enum Running {
    /// SQLite polls it.
    Sqlite(Watch),
    /// The backend process of the session; `None` behind a pooler, where only `statement_timeout` ends it.
    Postgres(Option<i32>),
}

/// The deadline of one transaction. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Deadline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    until: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Its caller has gone away.
    abandoned: bool,
    running: Option<Running>,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // A limit beyond the range of the clock is no limit.
        let until = now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        Self(Arc::new(Inner { until, state: Mutex::default() }))
    }

    /// Held while another session's statement is cancelled, so that the session cannot run another transaction meanwhile.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time until the deadline.
    pub(super) fn left(&self) -> Duration {
        self.0.until.saturating_duration_since(Instant::now())
    }

    /// Fails when the deadline has passed or the caller has gone away.
    pub(super) fn check(&self) -> Result<()> {
        if self.left().is_zero() || self.state().abandoned { Err(exceeded()) } else { Ok(()) }
    }

    /// Applies the deadline to the statements of that connection from now on.
    pub(super) fn begin(&self, running: &Running) -> Result<()> {
        let mut state = self.state();
        if state.abandoned || self.left().is_zero() {
            return Err(exceeded());
        }
        if let Running::Sqlite(watch) = running {
            watch.begin(self.0.until);
        }
        state.running = Some(running.clone());
        Ok(())
    }

    /// Stops applying it: the connection goes back to its pool.
    pub(super) fn end(&self) {
        if let Some(Running::Sqlite(watch)) = self.state().running.take() {
            watch.end();
        }
    }

    /// Marks the caller as gone. Returns whether there is a statement that only another session can cancel.
    pub(super) fn abandon(&self) -> bool {
        let mut state = self.state();
        state.abandoned = true;
        match &state.running {
            Some(Running::Sqlite(watch)) => {
                watch.stop();
                false
            }
            Some(Running::Postgres(Some(_))) => true,
            Some(Running::Postgres(None)) | None => false,
        }
    }

    /// Calls `cancel` with the backend process that runs the statement. `false` when none runs any more.
    pub(super) fn cancel(&self, cancel: impl FnOnce(i32)) -> bool {
        let state = self.state();
        let Some(Running::Postgres(Some(process))) = state.running else { return false };
        cancel(process);
        true
    }
}

/// The error of a transaction whose deadline has passed.
pub(super) fn exceeded() -> Error {
    Error::unavailable("the database does not answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn time_ends_by_the_clock_or_when_nobody_waits() {
        let deadline = Deadline::after(LONG);
        deadline.check().unwrap();
        assert!(!deadline.abandon());
        assert!(deadline.check().is_err() && deadline.begin(&Running::Postgres(None)).is_err());
        assert!(Deadline::after(Duration::ZERO).check().is_err());
        Deadline::after(Duration::MAX).check().unwrap();
    }

    #[test]
    fn a_session_is_cancelled_only_while_it_is_used() {
        let deadline = Deadline::after(LONG);
        assert!(!deadline.cancel(|_| panic!("nothing runs")));
        deadline.begin(&Running::Postgres(Some(7))).unwrap();
        assert!(deadline.abandon());
        let mut cancelled = Vec::new();
        assert!(deadline.cancel(|process| cancelled.push(process)));
        deadline.end();
        assert!(!deadline.cancel(|_| panic!("it belongs to another transaction")));
        assert_eq!(cancelled, [7]);
    }

    #[test]
    fn a_shared_session_is_never_cancelled() {
        let deadline = Deadline::after(LONG);
        deadline.begin(&Running::Postgres(None)).unwrap();
        assert!(!deadline.abandon());
        assert!(!deadline.cancel(|_| panic!("it may belong to another transaction")));
    }
}
