//! What a database error means: worth another try, a lost connection, or a fault of ours.
//! A constraint that a use case can run into becomes a domain error where the statement is issued.

use std::error::Error as _;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::access::quotas;
use modelport_domain::access::Counted;
use modelport_domain::{Error, ErrorKind, Result};

/// A result of Diesel's as one of the registry's.
pub(crate) trait DatabaseResult<T> {
    /// Turns what the database refused into an error that says whether another try may help.
    fn db(self) -> Result<T>;
}

impl<T> DatabaseResult<T> for QueryResult<T> {
    fn db(self) -> Result<T> {
        self.map_err(database_error)
    }
}

/// What an error of Diesel's means to a caller.
pub(crate) fn database_error(error: DieselError) -> Error {
    if let Some(counted) = exceeded_quota(&error) {
        let exceeded = figures(&error).and_then(|figures| quotas::exceeded(counted, figures));
        let quota = counted.name();
        return match exceeded {
            Some(exceeded) => exceeded.error(),
            // SQLite's, which the pool completes.
            None => {
                Error::new(ErrorKind::QuotaExceeded, format!("the quota `{quota}` of the workspace allows no more"))
                    .on_field(quota)
                    .caused_by(error)
            }
        };
    }
    let kind = match &error {
        DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::SerializationFailure,
            _,
        ) => ErrorKind::Unavailable,
        DieselError::DatabaseError(_, info) if is_transient(info.message()) => ErrorKind::Unavailable,
        DieselError::BrokenTransactionManager => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    let message = match kind {
        ErrorKind::Unavailable => "the database cannot be used right now",
        _ => "the database refused a statement",
    };
    Error::new(kind, message).caused_by(error)
}

/// The quota that the transaction exceeds, as the triggers say: the name of a constraint on PostgreSQL, the message on SQLite.
fn exceeded_quota(error: &DieselError) -> Option<Counted> {
    let DieselError::DatabaseError(_, info) = error else { return None };
    let quota = info.constraint_name().unwrap_or_else(|| info.message()).strip_prefix("quota_")?;
    Counted::ALL.into_iter().find(|counted| counted.name() == quota)
}

/// By how much, as the trigger of PostgreSQL says.
fn figures(error: &DieselError) -> Option<[i64; 4]> {
    let DieselError::DatabaseError(_, info) = error else { return None };
    let figures: Vec<i64> = info.details()?.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    figures.try_into().ok()
}

/// The quota that the work of a transaction exceeds, where the error does not say by how much.
pub(crate) fn incompletely_exceeded(error: &Error) -> Option<Counted> {
    match error.exceeded() {
        None if error.kind() == ErrorKind::QuotaExceeded => exceeded_quota(cause(error)?),
        _ => None,
    }
}

/// The error of a transaction that Diesel itself begins and ends, which has to be made from its own.
pub(crate) struct TransactionError(pub(crate) Error);

impl From<DieselError> for TransactionError {
    fn from(error: DieselError) -> Self {
        Self(database_error(error))
    }
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// What neither Diesel nor SQLite gives a kind of its own: a lost lock, a full disk, a server going down or coming up, a
/// statement that was ended.
fn is_transient(message: &str) -> bool {
    is_contention_message(message)
        || message == "interrupted"
        || [
            "terminating connection",
            "is shutting down",
            "is starting up",
            "in recovery mode",
            "disk is full",
            "statement timeout",
            "due to user request",
        ]
        .iter()
        .any(|part| message.contains(part))
}

fn is_contention_message(message: &str) -> bool {
    ["database is locked", "database table is locked", "deadlock detected"].iter().any(|part| message.contains(part))
}

/// Whether PostgreSQL ended a migration because of a deadlock. Diesel's error of a migration wraps that of the statement, whose message is
/// in its own.
pub(super) fn is_deadlock(error: &Error) -> bool {
    error.source().is_some_and(|cause| cause.to_string().contains("deadlock detected"))
}

/// Whether the same transaction may well succeed when it is retried.
pub(super) fn is_worth_retrying(error: &Error) -> bool {
    match cause(error) {
        Some(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(error) => is_contention(error),
        None => false,
    }
}

/// Whether another connection holds the lock, or got it first.
pub(super) fn is_contention(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, info) if is_contention_message(info.message()))
}

/// Whether the connection went away under the statement.
pub(super) fn is_lost(error: &Error) -> bool {
    match cause(error) {
        Some(DieselError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )) => true,
        Some(DieselError::DatabaseError(_, info)) => info.message().contains("terminating connection"),
        Some(DieselError::BrokenTransactionManager) => true,
        _ => false,
    }
}

fn cause(error: &Error) -> Option<&DieselError> {
    error.source()?.downcast_ref()
}

/// The constraint that a unique violation names: its name on PostgreSQL, its columns on SQLite.
pub(super) fn violated_unique(error: &DieselError) -> Option<String> {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
            Some(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
        }
        _ => None,
    }
}

/// Whether a row that the statement refers to is not there.
pub(super) fn is_missing_reference(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))
}
