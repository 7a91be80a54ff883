//! Work on the blocking pool, one job at a time and in order, while the async side fetches the next. Knows no bytes.

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use modelport_domain::{Error, Result};

/// A value whose jobs run on the blocking pool, one after the other.
///
/// A task that is dropped while a job runs lets that job end; the value is then dropped on the blocking pool.
pub(super) struct SerialTask<T>(State<T>);

enum State<T> {
    Idle(T),
    Busy(JoinHandle<Result<T>>),
    Failed,
}

impl<T: Send + 'static> SerialTask<T> {
    pub(super) fn new(value: T) -> Self {
        Self(State::Idle(value))
    }

    /// Starts `job` once the job before it has ended, without waiting for `job` itself.
    ///
    /// The error is that of the job before. A value whose job failed is dropped.
    pub(super) async fn run(&mut self, job: impl FnOnce(&mut T) -> Result<()> + Send + 'static) -> Result<()> {
        let mut value = self.take().await?;
        self.0 = State::Busy(spawn_blocking(move || job(&mut value).map(|()| value)));
        Ok(())
    }

    /// Waits for the last job and lends the value.
    pub(super) async fn idle(&mut self) -> Result<&mut T> {
        self.0 = State::Idle(self.take().await?);
        match &mut self.0 {
            State::Idle(value) => Ok(value),
            State::Busy(_) | State::Failed => Err(failed()),
        }
    }

    /// Waits for the last job and returns the value.
    pub(super) async fn finish(mut self) -> Result<T> {
        self.take().await
    }

    async fn take(&mut self) -> Result<T> {
        let ended = match &mut self.0 {
            State::Busy(job) => Some(job.await),
            State::Idle(_) | State::Failed => None,
        };
        match (std::mem::replace(&mut self.0, State::Failed), ended) {
            (State::Idle(value), _) => Ok(value),
            (_, Some(ended)) => ended.map_err(lost)?,
            (_, None) => Err(failed()),
        }
    }
}

/// Runs one `job` on the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(job).await.map_err(lost)?
}

/// What a task that did not end by itself amounts to: the server is stopping, or the task panicked.
pub(super) fn lost(error: JoinError) -> Error {
    if error.is_cancelled() {
        Error::unavailable("the server is stopping").caused_by(error)
    } else {
        Error::internal("a task of the object store panicked").caused_by(error)
    }
}

fn failed() -> Error {
    Error::internal("a job of the object store was started after an earlier one had failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_run_in_order() {
        let mut task = SerialTask::new(Vec::new());
        for number in 0..100 {
            task.run(move |seen| {
                seen.push(number);
                Ok(())
            })
            .await
            .unwrap();
        }
        assert_eq!(task.idle().await.unwrap().len(), 100);
        assert_eq!(task.finish().await.unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_failed_job_is_reported_once_and_ends_the_lane() {
        let mut task = SerialTask::new(());
        task.run(|()| Err(Error::unavailable("full"))).await.unwrap();
        assert_eq!(task.run(|()| Ok(())).await.unwrap_err().message(), "full");
        assert!(task.finish().await.is_err());
    }
}
