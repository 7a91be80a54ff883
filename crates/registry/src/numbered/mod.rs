//! Registered models and their versions by number, as training tools and the people who promote models use them: one
//! tag at a time, stages, aliases, and versions made of what runs logged.
//!
//! The number of a version is the database's. What makes a version here names it by its number, too.

mod copy;
mod create;
mod imported;
mod models;
mod search;
mod shown;
mod source;
mod stages;
mod versions;

use serde_json::json;

use super::entities::{get, increment_revision};
use super::resolve::no_model;
use super::transaction::{Needed, ReadTransaction, WriteTransaction, document};
use crate::domain::{Action, Error, LogicalType, Name, Node, NodeId, Result, Stage, Value};
use crate::store::changes::NewChange;
use crate::store::{joined, nodes};

pub(crate) use copy::copy_files;
pub use create::NewVersion;
pub use imported::{ImportedVersion, MadeVersion};
pub use search::{ModelPage, VersionPage};
pub(crate) use shown::shown_versions;
pub use source::VersionSource;
pub use versions::{VersionPlace, WhichVersion};

/// A model as a protocol names it that cannot write every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpelling {
    /// The name as it was written, which is looked for first.
    pub name: Name,
    /// What it may mean where no model has that name.
    pub otherwise: Option<OtherSpelling>,
}

/// What a name may mean that no model has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherSpelling {
    /// Another name.
    Name(Name),
    /// The model of that id.
    Id(NodeId),
}

impl From<Name> for ModelSpelling {
    fn from(name: Name) -> Self {
        Self { name, otherwise: None }
    }
}

/// A version with what is shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedVersion {
    /// The version.
    pub version: Node,
    /// The name of its model.
    pub model: String,
    /// Its number.
    pub number: i64,
    /// Its stage.
    pub stage: Stage,
    /// The names of the aliases that point at it, in alphabetical order.
    pub aliases: Vec<String>,
    /// What it was made of, as its creator wrote it, or else where its bytes are.
    pub source: Option<String>,
    /// The id of the run that it comes from.
    pub run: Option<String>,
}

/// A model with what is shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedModel {
    /// The model.
    pub model: Node,
    /// Its aliases with the numbers of the versions that they point at, in alphabetical order.
    pub aliases: Vec<(String, i64)>,
    /// The version with the highest number in each stage, ordered by number.
    pub latest: Vec<NumberedVersion>,
}

/// The custom property of a model that is a prompt.
const IS_PROMPT: &str = "mlflow.prompt.is_prompt";

/// Whether a registered model is a prompt, and no model.
pub fn is_prompt(model: &Node) -> bool {
    match model.custom.get(IS_PROMPT) {
        Some(Value::String(said)) => said.eq_ignore_ascii_case("true"),
        Some(Value::Bool(said)) => *said,
        _ => false,
    }
}

/// The model that is meant, inside a transaction.
fn find_model(tx: &mut ReadTransaction<'_, '_>, spelling: &ModelSpelling) -> Result<Node> {
    const MODEL: LogicalType = LogicalType::RegisteredModel;
    let found = match (joined::find_named(tx, MODEL, None, &spelling.name)?, &spelling.otherwise) {
        (None, Some(OtherSpelling::Name(name))) => joined::find_named(tx, MODEL, None, name)?,
        (None, Some(OtherSpelling::Id(id))) => joined::find(tx, *id)?.filter(|node| node.type_id == MODEL.id()),
        (found, _) => found,
    };
    found.ok_or_else(|| no_model(&spelling.name))
}

/// The version of the model that has that number, inside a transaction.
fn find_version(tx: &mut ReadTransaction<'_, '_>, model: &Node, number: i64) -> Result<Node> {
    joined::find_numbered(tx, model.id, number)?.ok_or_else(|| {
        let name = model.name.as_deref().unwrap_or_default();
        Error::not_found(format!("version `{number}` of registered model `{name}`"))
    })
}

/// The model and the version that are meant, both locked; the model first, as when an alias is set.
fn lock_version(tx: &mut WriteTransaction<'_, '_>, spelling: &ModelSpelling, number: i64) -> Result<(Node, Node)> {
    let model = lock_model(tx, spelling)?;
    let found = find_version(tx, &model, number)?;
    nodes::lock(tx, &[found.id])?;
    let version = get(tx, LogicalType::ModelVersion, found.id)?;
    Ok((model, version))
}

/// The model that is meant, locked.
fn lock_model(tx: &mut WriteTransaction<'_, '_>, spelling: &ModelSpelling) -> Result<Node> {
    if let Some(model) = nodes::lock_named(tx, LogicalType::RegisteredModel, &spelling.name)? {
        return Ok(model);
    }
    let found = find_model(tx, spelling)?;
    nodes::lock(tx, &[found.id])?;
    get(tx, LogicalType::RegisteredModel, found.id)
}

/// Counts a change of a version as one of its model, too: people see by the time of a model's last change that
/// something about it is new.
fn touch(tx: &mut WriteTransaction<'_, '_>, model: NodeId) -> Result<()> {
    let node = increment_revision(tx, LogicalType::RegisteredModel, model, None)?;
    record_touched(tx, &node)
}

/// The same of a model that the transaction has locked.
fn touch_locked(tx: &mut WriteTransaction<'_, '_>, model: &Node) -> Result<()> {
    let now = tx.now();
    let node = nodes::count_change(tx, model, now)?;
    record_touched(tx, &node)
}

fn record_touched(tx: &mut WriteTransaction<'_, '_>, node: &Node) -> Result<()> {
    let change = NewChange {
        action: Action::Update,
        node_id: node.id,
        place: node.place,
        revision: node.revision,
        document: document(node, [("before", json!({}))]),
    };
    // Whoever may change the version may do this.
    tx.record_all(Needed::Nothing, [change])
}
