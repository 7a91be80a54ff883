//! What nodes say as records. Nothing that is stored breaks a record: what is of another kind is as if it were absent.

use std::convert::Infallible;

use serde_json::Value as Json;

use crate::domain::record::{DEFAULT_PRECISION, Details, DetailsSource, Identity, Record, RecordId, RecordNodes};
use crate::domain::{ExternalId, File, LogicalType, Node, NodeKind, Properties, Result, Value};
use crate::resolve::homes;
use crate::store::nodes;
use crate::store::records::{ARCHIVE_PATH, archives};
use crate::transaction::ReadTransaction;

/// The record with that id.
pub(super) fn find(tx: &mut ReadTransaction<'_, '_>, id: &RecordId) -> Result<Option<Record>> {
    let external: ExternalId = id.as_str().parse()?;
    let found = match id.node() {
        Some(node) => nodes::find(tx, node)?,
        None => nodes::find_external(tx, NodeKind::Artifact, &external)?,
    };
    let found: Vec<_> =
        found.into_iter().filter(|node| node.logical_type() == Some(LogicalType::ModelArtifact)).collect();
    Ok(records(tx, found)?.into_iter().find(|record| record.id == *id))
}

/// The records that these model artifacts are; one without an archive that was not made as a record is none, nor is one
/// outside of a version.
pub(super) fn records(tx: &mut ReadTransaction<'_, '_>, artifacts: Vec<Node>) -> Result<Vec<Record>> {
    let versions = homes(tx, &artifacts)?;
    let models = homes(tx, versions.values())?;
    let ids: Vec<_> = artifacts.iter().map(|node| node.id).collect();
    let mut archives = archives(tx, &ids)?;
    let record = |node: Node| {
        let version = versions.get(&node.home_id?)?;
        let model = models.get(&version.home_id?)?;
        let files = archives.remove(&node.id).unwrap_or_default();
        record(&node, version, model, files)
    };
    Ok(artifacts.into_iter().filter_map(record).collect())
}

fn record(node: &Node, version: &Node, model: &Node, files: Vec<File>) -> Option<Record> {
    let made_as_record = text(&node.custom, ARCHIVE_PATH);
    let named = files.iter().position(|file| Some(file.path.as_str()) == made_as_record.as_deref());
    let file = files.into_iter().nth(named.unwrap_or(0));
    if version.logical_type() != Some(LogicalType::ModelVersion) || (file.is_none() && made_as_record.is_none()) {
        return None;
    }
    let said = &node.custom;
    let name = |of: &Node| of.name.clone().unwrap_or_default();
    let declared = || node.text("model_format_name").map(ToOwned::to_owned).filter(|_| made_as_record.is_none());
    let Ok(details) = Details::read(&mut Said(said));
    let format = details.format.clone().or_else(declared);
    Some(Record {
        id: id(node),
        nodes: RecordNodes { model: model.id, version: version.id, artifact: node.id },
        identity: Identity {
            project_id: text(said, "project_id"),
            project_name: text(said, "project_name"),
            name: text(said, "name").unwrap_or_else(|| name(model)),
            version: text(said, "version").unwrap_or_else(|| name(version)),
            precision: precision(said.get("precision")),
        },
        details: Details { format, ..details },
        created_at: node.created_at,
        updated_at: node.updated_at,
        file,
    })
}

/// The artifact's id in another system where it can be a record's, and its own otherwise.
pub(super) fn id(node: &Node) -> RecordId {
    given(node.external_id.as_deref()).unwrap_or_else(|| RecordId::derived(node.id))
}

/// The record's id that an id in another system is, if it can be one.
pub(super) fn given(external: Option<&str>) -> Option<RecordId> {
    let id: RecordId = external?.parse().ok()?;
    Some(id).filter(|id| id.node().is_none())
}

fn text(said: &Properties, name: &str) -> Option<String> {
    said.get(name).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn precision(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Struct(Json::Array(several))) => {
            several.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect()
        }
        _ => vec![DEFAULT_PRECISION.to_owned()],
    }
}

/// The free properties of an artifact that is a record.
struct Said<'a>(&'a Properties);

impl DetailsSource for Said<'_> {
    type Error = Infallible;

    fn text(&mut self, name: &str) -> Result<Option<String>, Infallible> {
        Ok(text(self.0, name))
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, Infallible> {
        Ok(match self.0.get(name) {
            Some(Value::Double(number)) if number.is_finite() => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "a score that large is no score")]
            Some(Value::Int(number)) => Some(*number as f64),
            _ => None,
        })
    }

    fn integer(&mut self, name: &str) -> Result<Option<i64>, Infallible> {
        Ok(match self.0.get(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        })
    }

    fn object(&mut self, name: &str) -> Result<Option<Json>, Infallible> {
        Ok(match self.0.get(name) {
            Some(Value::Struct(json @ (Json::Object(_) | Json::String(_) | Json::Null))) => Some(json.clone()),
            Some(Value::String(text)) => Some(Json::String(text.clone())),
            _ => None,
        })
    }

    /// A list of texts, or one of objects.
    fn list(&mut self, name: &str) -> Result<Option<Json>, Infallible> {
        let Some(Value::Struct(Json::Array(items))) = self.0.get(name) else { return Ok(None) };
        let alike = items.iter().all(Json::is_string) || items.iter().all(Json::is_object);
        Ok(alike.then(|| Json::Array(items.clone())))
    }
}

/// The free properties of the artifact that say the same, in place of those that said it before.
pub(super) fn say(said: &mut Properties, identity: &Identity, details: &Details) {
    let text = |text: &Option<String>| text.clone().map(Value::String);
    let precision = match identity.precision.as_slice() {
        [one] => Value::String(one.clone()),
        several => Value::Struct(several.into()),
    };
    let identity = [
        ("project_id", text(&identity.project_id)),
        ("project_name", text(&identity.project_name)),
        ("name", Some(Value::String(identity.name.clone()))),
        ("version", Some(Value::String(identity.version.clone()))),
        ("precision", Some(precision)),
    ];
    for (name, value) in identity.into_iter().chain(details.values()) {
        match value {
            Some(value) => said.insert(name.to_owned(), value),
            None => said.remove(name),
        };
    }
}
