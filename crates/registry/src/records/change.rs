//! Changes of a record: all of them or none.

use super::create::{duplicate, take_key};
use super::read::say;
use super::{Written, get};
use crate::context::RequestContext;
use crate::domain::record::{Identity, RecordId, RecordPatch};
use crate::domain::{Change, Error, LogicalType, NodeId, Patch, Result, Value};
use crate::entities;
use crate::services::Records;
use crate::store::nodes;
use crate::transaction::WriteTransaction;

impl Records {
    /// Changes a record; its model and its version keep their names.
    ///
    /// Errors: NotFound; InvalidArgument when the values cannot be stored.
    pub async fn update_record(&self, context: &RequestContext, id: &RecordId, patch: RecordPatch) -> Result<Written> {
        let id = id.clone();
        self.core.write(context, move |tx| update(tx, &id, &patch)).await
    }
}

fn update(tx: &mut WriteTransaction<'_, '_>, id: &RecordId, patch: &RecordPatch) -> Result<Written> {
    let of = get(tx, id)?.nodes;
    // The version before its artifact, in the same order as when a version is removed.
    nodes::lock(tx, &[of.version])?;
    nodes::lock(tx, &[of.artifact])?;
    let record = get(tx, id)?;
    let (mut identity, mut details) = (record.identity.clone(), record.details);
    patch.apply(&mut identity, &mut details)?;
    let is_another = identity.key() != record.identity.key();
    if is_another && let Some(other) = duplicate(tx, &identity, None, Some(id))? {
        return Ok(Written::Duplicate(other));
    }
    let artifact = entities::get(tx, LogicalType::ModelArtifact, of.artifact)?;
    let mut custom = artifact.custom.clone();
    say(&mut custom, &identity, &details);
    let mut changes = Patch { custom: Some(custom), ..Patch::default() };
    if patch.details.format != Change::Keep {
        let format = details.format.map_or(Change::Clear, |format| Change::Set(Value::String(format)));
        changes.properties.insert("model_format_name".to_owned(), format);
    }
    changes.check(LogicalType::ModelArtifact)?;
    entities::update(tx, LogicalType::ModelArtifact, of.artifact, &changes)?;
    if is_another {
        set_key(tx, of.version, &identity)?;
    }
    Ok(Written::Done(id.clone()))
}

/// Sets the version's key to that of its record, unless it has an id of another system.
fn set_key(tx: &mut WriteTransaction<'_, '_>, version: NodeId, identity: &Identity) -> Result<()> {
    let found = entities::get(tx, LogicalType::ModelVersion, version)?;
    if found.external_id.is_some_and(|id| !id.starts_with(Identity::KEY_PREFIX)) {
        return Ok(());
    }
    let key = take_key(tx, identity)?;
    let patch = Patch { external_id: Change::Set(key), ..Patch::default() };
    entities::update(tx, LogicalType::ModelVersion, version, &patch).map(drop).map_err(|error| {
        match error.kind() {
            // It was taken concurrently: the transaction is retried and sees whose it is.
            kind if kind.is_taken() => Error::conflict("the key was taken concurrently; retry").caused_by(error),
            _ => error,
        }
    })
}
