//! Model records: each a model artifact in a version of a registered model, with one archive.
//!
//! The record's id is the artifact's id in another system, and what else must be unique is a key in that of the version,
//! so that the database keeps both. Its members are free properties of the artifact.

mod change;
mod create;
mod filter;
mod list;
mod read;

use super::context::RequestContext;
use super::removal;
use super::removal::Removal;
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::record::{Identity, Record, RecordId};
use crate::domain::{Error, LogicalType, Node, NodeId, Properties, Result, Value};
use crate::services::Records;
use crate::store::nodes;

pub use filter::RecordFilter;

/// The free property of a registered model that was made for a record, and goes with the last one.
const MADE_FOR_RECORDS: &str = "made_by";
/// The value that it is given, as every database has it.
const MADE_BY_RECORDS: &str = "edge";

/// The outcome of a change, which must not make two records equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is done.
    Done(RecordId),
    /// The record with that id is the same already; nothing was done.
    Duplicate(RecordId),
}

impl Records {
    /// The record with that id. Errors: NotFound.
    pub async fn get_record(&self, context: &RequestContext, id: &RecordId) -> Result<Record> {
        let id = id.clone();
        self.core.read(context, move |tx| get(tx, &id)).await
    }

    /// Whether there is a record with that id.
    pub async fn has_record(&self, context: &RequestContext, id: &RecordId) -> Result<bool> {
        let id = id.clone();
        self.core.read(context, move |tx| Ok(read::find(tx, &id)?.is_some())).await
    }

    /// Removes a record with its archive; its version and its model go with it when they were made for it and hold
    /// nothing else. Errors: NotFound.
    pub async fn delete_record(&self, context: &RequestContext, id: &RecordId) -> Result<()> {
        let id = id.clone();
        self.core.write(context, move |tx| delete(tx, &id)).await
    }
}

/// The record with that id, inside a transaction.
fn get(tx: &mut ReadTransaction<'_, '_>, id: &RecordId) -> Result<Record> {
    read::find(tx, id)?.ok_or_else(|| Error::not_found(format!("record `{id}`")))
}

fn delete(tx: &mut WriteTransaction<'_, '_>, id: &RecordId) -> Result<()> {
    let of = get(tx, id)?.nodes;
    // The model first and then the version, in the same order as when a version is removed.
    nodes::lock(tx, &[of.model])?;
    nodes::lock(tx, &[of.version])?;
    let is_own = nodes::find(tx, of.version)?
        .is_some_and(|version| version.external_id.is_some_and(|key| key.starts_with(Identity::KEY_PREFIX)));
    let goes_with_it = is_own && only_child(tx, of.version, of.artifact)?;
    let (logical, node) = match goes_with_it {
        true => (LogicalType::ModelVersion, of.version),
        false => (LogicalType::ModelArtifact, of.artifact),
    };
    removal::delete(tx, logical, node, Removal::RECURSIVE)?;
    let model = nodes::find(tx, of.model)?;
    if model.is_some_and(|model| model.custom.contains_key(MADE_FOR_RECORDS))
        && nodes::type_of_child(tx, of.model)?.is_none()
    {
        removal::delete(tx, LogicalType::RegisteredModel, of.model, Removal::RECURSIVE)?;
    }
    Ok(())
}

fn only_child(tx: &mut ReadTransaction<'_, '_>, home: NodeId, child: NodeId) -> Result<bool> {
    // A second one tells as much as all of them.
    Ok(nodes::first_children(tx, &[home], 2)?.iter().all(|node: &Node| node.id == child))
}

fn made_for_records() -> Properties {
    Properties::from([(MADE_FOR_RECORDS.to_owned(), Value::from(MADE_BY_RECORDS))])
}
