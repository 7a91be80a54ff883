//! Registers a model, a version and its artifacts in one transaction.

use super::context::RequestContext;
use super::entities::create;
use super::resolve::model_named;
use super::transaction::WriteTransaction;
use crate::domain::{Draft, Error, ErrorKind, LogicalType, Millis, Name, Node, Result, Sha256};
use crate::services::Models;
use crate::store::idempotency::{self, Claim};

/// The field of an error about a key that was used for another request.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// How long an answer is kept under its key.
const ANSWER_TTL: Millis = 24 * 60 * 60 * 1000;

/// What is to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// The name of the model.
    pub model_name: Name,
    /// The model, should there be none of that name.
    pub model: Draft,
    /// The version, which must be new.
    pub version: Draft,
    /// The version's artifacts.
    pub artifacts: Vec<(LogicalType, Draft)>,
}

/// What was registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The model, new or found.
    pub model: Node,
    /// The version.
    pub version: Node,
    /// Its artifacts, in the order in which they were given.
    pub artifacts: Vec<Node>,
}

/// An idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key that the caller chose.
    pub key: String,
    /// The fingerprint of the request.
    pub fingerprint: Sha256,
}

/// An answer, and whether it is a repeated one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterAnswer {
    /// What `show` made of it.
    pub answer: String,
    /// Whether an earlier request with this key was answered so.
    pub is_replayed: bool,
}

impl Models {
    /// Creates a version with its artifacts, and its model if there is none of that name; one that is there stays as it
    /// is. With a key, the answer is kept for a day, and a request with the same key and fingerprint gets it again.
    ///
    /// Errors: AlreadyExists when the version, the name of an artifact or an external id is taken; InvalidState
    /// when the key was used for a request with another fingerprint; InvalidArgument on a property that a type does not
    /// have. On any of them nothing is kept, the key included.
    pub async fn register(
        &self,
        context: &RequestContext,
        registration: Registration,
        key: Option<IdempotencyKey>,
        show: fn(&Registered) -> Result<String>,
    ) -> Result<RegisterAnswer> {
        registration.model.check(LogicalType::RegisteredModel)?;
        registration.version.check(LogicalType::ModelVersion)?;
        registration.artifacts.iter().try_for_each(|(logical, draft)| draft.check(*logical))?;
        self.core
            .write(context, move |tx| {
                let (caller, now) = (tx.context(), tx.now());
                let Some(IdempotencyKey { key, fingerprint }) = &key else {
                    let answer = show(&register(tx, &registration)?)?;
                    return Ok(RegisterAnswer { answer, is_replayed: false });
                };
                match idempotency::claim(tx, caller.actor(), key, fingerprint, now, now.saturating_add(ANSWER_TTL))? {
                    Claim::Answered(of, answer) if of == *fingerprint => {
                        Ok(RegisterAnswer { answer, is_replayed: true })
                    }
                    Claim::Answered(..) => {
                        let message = format!("key `{}` was used for another request", key.escape_debug());
                        Err(Error::invalid_state(message).on_field(IDEMPOTENCY_KEY))
                    }
                    Claim::New => {
                        let answer = show(&register(tx, &registration)?)?;
                        idempotency::answer(tx, caller.actor(), key, &answer)?;
                        Ok(RegisterAnswer { answer, is_replayed: false })
                    }
                }
            })
            .await
    }
}

fn register(tx: &mut WriteTransaction<'_, '_>, registration: &Registration) -> Result<Registered> {
    let model = match model_named(tx, &registration.model_name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let created = create(tx, LogicalType::RegisteredModel, None, &registration.model);
            created.map_err(|error| match error.kind() {
                // It was created concurrently: the transaction is retried and finds it.
                ErrorKind::NameTaken => Error::conflict("the model was created concurrently; retry").caused_by(error),
                _ => error,
            })?
        }
        found => found?,
    };
    let version = create(tx, LogicalType::ModelVersion, Some(model.id), &registration.version)?;
    let artifacts = registration
        .artifacts
        .iter()
        .map(|(logical, draft)| create(tx, *logical, Some(version.id), draft))
        .collect::<Result<_>>()?;
    Ok(Registered { model, version, artifacts })
}
