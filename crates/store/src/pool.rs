//! A bounded pool of connections: waiting for one, running a transaction on it, retries, and deadlines.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use diesel::r2d2::{HandleError, Pool, PooledConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{self, AnyConnection, Manager, Pooled, Use};
use super::deadline::{self, Deadline};
use super::filter::Repeated;
use super::loaded_bytes::LoadedBytes;
use super::postgres::Session;
use super::{PoolStatus, StoreOptions, Tx, error, postgres};
use crate::access::quotas;
use crate::error::database_error;
use modelport_domain::access::{Access, Exceeded};
use modelport_domain::{Error, ErrorKind, Result};
use modelport_memory::Answer;

/// A connection pool behind a semaphore: whoever holds a permit gets a connection without waiting.
pub(super) struct BoundedPool {
    name: &'static str,
    pool: Pool<Manager>,
    session: Session,
    permits: Arc<Semaphore>,
    acquire_timeout: Duration,
    answer_timeout: Duration,
    /// Which filter statements its connections keep prepared.
    repeated: Repeated,
    /// The pool whose connections cancel statements that run on these.
    control: Option<Arc<BoundedPool>>,
}

/// How often a transaction is attempted before the caller is told to try later.
const MAX_ATTEMPTS: u32 = 6;

/// The pause before a cancel request is repeated: the first may have come between two statements.
const CANCEL_INTERVAL: Duration = Duration::from_millis(100);

impl BoundedPool {
    pub(super) fn open(name: &'static str, options: &StoreOptions, purpose: Use, session: Session, size: u32) -> Self {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .idle_timeout(Some(Duration::from_secs(300)))
            .connection_timeout(options.acquire_timeout)
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(Manager { location: options.location.clone(), purpose, session });
        let permits = Arc::new(Semaphore::new(size as usize));
        let StoreOptions { acquire_timeout, answer_timeout, .. } = *options;
        Self {
            name,
            pool,
            session,
            permits,
            acquire_timeout,
            answer_timeout,
            repeated: Repeated::default(),
            control: None,
        }
    }

    /// The same pool, whose statements are cancelled over the connections of that one.
    pub(super) fn controlled_by(self, control: &Arc<BoundedPool>) -> Self {
        Self { control: Some(Arc::clone(control)), ..self }
    }

    /// Waits for a permit, at most as long as for a connection.
    pub(super) async fn acquire(&self, permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        tokio::time::timeout(self.acquire_timeout, Arc::clone(permits).acquire_owned())
            .await
            .map_err(|_| Error::unavailable("the database is busy"))?
            .map_err(|_| Error::unavailable("the server is shutting down"))
    }

    /// Runs the work on a connection. The permit `held` is released when the work is done, too.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        purpose: Use,
        held: Option<OwnedSemaphorePermit>,
        work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.acquire(&self.permits).await?;
        let deadline = Deadline::after(self.answer_timeout);
        let pool = Arc::clone(self);
        let of_work = deadline.clone();
        // Writes have short answers, and must not fail for lack of memory while other writers wait behind them.
        let answer = Answer::current().filter(|_| purpose != Use::Write);
        let run = move || {
            // Held by the work and not by the caller, which may go away before the work ends.
            let _permits = (permit, held);
            pool.run_blocking(purpose, &of_work, answer.as_ref(), work)
        };
        // A write that has begun is finished even if its caller leaves; a read is of no use to anybody else.
        let mut caller = Caller { pool: self, deadline, ends_with_it: purpose != Use::Write };
        let answer = tokio::time::timeout(self.answer_timeout, tokio::task::spawn_blocking(run)).await;
        caller.ends_with_it = answer.is_err();
        match answer {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(Error::internal("a transaction panicked").caused_by(error)),
            Err(late) => Err(deadline::exceeded().caused_by(late)),
        }
    }

    fn run_blocking<T>(
        &self,
        purpose: Use,
        deadline: &Deadline,
        answer: Option<&Answer>,
        work: impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        // A single statement outside a transaction has nowhere to set its time-out.
        let purpose = if purpose == Use::ReadOnce && self.must_set_limit() { Use::Read } else { purpose };
        let mut attempt = 1;
        loop {
            let error = match self.attempt(purpose, deadline, answer, &work) {
                Ok(value) => return Ok(value),
                Err(AttemptError::Permanent(error)) => return Err(error),
                Err(AttemptError::Retryable(error)) if attempt >= MAX_ATTEMPTS => return Err(error),
                Err(AttemptError::Retryable(error)) => error,
            };
            log::debug!(attempt, error = error.to_string().as_str(); "transaction retried");
            thread::sleep(Duration::from_millis(1 << attempt));
            attempt += 1;
        }
    }

    fn must_set_limit(&self) -> bool {
        self.session.is_shared()
    }

    fn attempt<T>(
        &self,
        purpose: Use,
        deadline: &Deadline,
        answer: Option<&Answer>,
        work: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T, AttemptError> {
        let mut pooled = self.connection().map_err(AttemptError::Permanent)?;
        pooled.used = Instant::now();
        deadline.begin(&pooled.running).map_err(AttemptError::Permanent)?;
        let done = self.transaction(&mut pooled, purpose, deadline, answer, work);
        deadline.end();
        match done {
            // The deadline ended it, and would end a retry.
            Err(AttemptError::Retryable(error) | AttemptError::Permanent(error))
                if is_ended(&error) && deadline.check().is_err() =>
            {
                Err(AttemptError::Permanent(deadline::exceeded().caused_by(error)))
            }
            Err(AttemptError::Retryable(error)) if deadline.check().is_err() => Err(AttemptError::Permanent(error)),
            done => done,
        }
    }

    fn transaction<T>(
        &self,
        pooled: &mut Pooled,
        purpose: Use,
        deadline: &Deadline,
        answer: Option<&Answer>,
        work: &impl Fn(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T, AttemptError> {
        let limit = self.must_set_limit().then(|| deadline.left());
        if let Err(error) = connection::begin(&mut pooled.inner, purpose, limit) {
            pooled.broken = true;
            return Err(AttemptError::Retryable(database_error(error)));
        }
        let loaded = LoadedBytes::none(answer);
        let repeated = &self.repeated;
        let mut tx = Tx { conn: &mut pooled.inner, deadline, repeated, loaded, access: Access::of_server() };
        let done = work(&mut tx);
        let loaded = tx.loaded.bytes();
        match done {
            Ok(value) => match connection::commit(&mut pooled.inner, purpose) {
                Ok(()) => {
                    if let Some(answer) = answer {
                        answer.keep(loaded);
                    }
                    Ok(value)
                }
                Err(error) => {
                    let error = database_error(error);
                    // Diesel has rolled back what a quota refuses. After anything else, it is not known what a connection is good for.
                    pooled.broken = error.kind() != ErrorKind::QuotaExceeded
                        && (connection::roll_back(&mut pooled.inner, purpose).is_err() || error::is_lost(&error));
                    if error::is_worth_retrying(&error) {
                        Err(AttemptError::Retryable(error))
                    } else {
                        Err(AttemptError::Permanent(error))
                    }
                }
            },
            Err(error) => {
                let error = match error::incompletely_exceeded(&error) {
                    Some(counted) => quotas::exceeded_in(&mut pooled.inner, counted).map_or(error, Exceeded::error),
                    None => error,
                };
                // A rollback runs to its end, even past the deadline.
                deadline.end();
                pooled.broken = error::is_lost(&error) || connection::roll_back(&mut pooled.inner, purpose).is_err();
                if pooled.broken && error.kind() == ErrorKind::Internal {
                    return Err(AttemptError::Retryable(
                        Error::unavailable("the database cannot be used right now").caused_by(error),
                    ));
                }
                let again = error.kind() == ErrorKind::Conflict || error::is_worth_retrying(&error);
                if pooled.broken || again {
                    Err(AttemptError::Retryable(error))
                } else {
                    Err(AttemptError::Permanent(error))
                }
            }
        }
    }

    fn connection(&self) -> Result<PooledConnection<Manager>> {
        self.pool.get().map_err(|error| Error::unavailable("the database cannot be reached").caused_by(error))
    }

    pub(super) fn status(&self) -> PoolStatus {
        let state = self.pool.state();
        PoolStatus { name: self.name, open: state.connections, idle: state.idle_connections, max: self.pool.max_size() }
    }

    /// Ends the work early. SQLite polls the deadline; PostgreSQL has to be told over another connection.
    fn abandon(&self, deadline: &Deadline) {
        if !deadline.abandon() {
            return;
        }
        // Outside of a runtime, or without another session, the server's own limit ends the statement.
        if let (Some(control), Ok(runtime)) = (&self.control, tokio::runtime::Handle::try_current()) {
            let (control, deadline) = (Arc::clone(control), deadline.clone());
            drop(runtime.spawn(async move {
                while control.cancel(&deadline).await {
                    tokio::time::sleep(CANCEL_INTERVAL).await;
                }
            }));
        }
    }

    /// Asks over a connection of this pool to cancel the running statement. `false` when none runs any more.
    async fn cancel(self: &Arc<Self>, deadline: &Deadline) -> bool {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return false };
        let (pool, deadline) = (Arc::clone(self), deadline.clone());
        let cancel = move || {
            let _permit = permit;
            let Ok(mut pooled) = pool.connection() else { return true };
            pooled.used = Instant::now();
            let Pooled { inner, broken, .. } = &mut *pooled;
            deadline.cancel(|process| {
                if let AnyConnection::Postgres(conn) = inner
                    && let Err(error) = postgres::cancel(conn, process)
                {
                    *broken = true;
                    log::debug!(error = error.to_string().as_str(); "a statement could not be cancelled");
                }
            })
        };
        tokio::task::spawn_blocking(cancel).await.unwrap_or(false)
    }
}

/// Who waits for a transaction. A caller that goes away before the answer ends its read.
struct Caller<'a> {
    pool: &'a BoundedPool,
    deadline: Deadline,
    ends_with_it: bool,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if self.ends_with_it {
            self.pool.abandon(&self.deadline);
        }
    }
}

enum AttemptError {
    Retryable(Error),
    Permanent(Error),
}

/// Whether the database reports that the statement was cancelled or timed out.
fn is_ended(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
}

#[derive(Debug)]
struct LogConnectionErrors;

impl HandleError<diesel::r2d2::Error> for LogConnectionErrors {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        log::warn!(error = error.to_string().trim(); "no connection to the database");
    }
}
