//! Properties set back to what the record of changes says that they were at an earlier revision.

use super::conditions::Conditions;
use super::context::RequestContext;
use super::entities::increment_revision;
use super::etags::version_tag;
use super::holders::may_hold_files;
use super::references::check_references;
use super::transaction::{ReadTransaction, WriteTransaction};
use super::uris::fill_uris;
use crate::domain::approval::keep_state;
use crate::domain::change::node_of;
use crate::domain::experiment::check_times;
use crate::domain::secrets::may_be_masked;
use crate::domain::{ChangeRecord, Error, LogicalType, Node, NodeId, Properties, Result, Value};
use crate::services::Entities;
use crate::store::{changes, nodes, policies};

/// A node that was set back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reverted {
    /// The node as it is now.
    pub node: Node,
    /// Its ETag as it is now.
    pub tag: String,
    /// The names of the properties that stay as they were, because the record masks what they had then.
    pub kept: Vec<String>,
}

impl Entities {
    /// Sets the declared and custom properties of a node back to what they were at a revision, as a change of its own. Its name, its files and what
    /// inspection says of those stay.
    ///
    /// Errors: NotFound when there is no such node, or its record has no such revision; PreconditionFailed; InvalidState when the node is a
    /// metric or of a type of ML Metadata's users, or has had other files since.
    pub async fn revert(
        &self,
        context: &RequestContext,
        id: NodeId,
        revision: i64,
        conditions: Conditions,
    ) -> Result<Reverted> {
        self.core.write(context, move |tx| revert(tx, id, revision, &conditions)).await
    }
}

fn revert(tx: &mut WriteTransaction<'_, '_>, id: NodeId, revision: i64, conditions: &Conditions) -> Result<Reverted> {
    let (found, logical) = lock(tx, id)?;
    if !conditions.is_empty() {
        conditions.check(logical.noun(), Some(&tag(tx, &found)?))?;
    }
    let missing = || Error::not_found(format!("revision `{revision}` of node `{id}`"));
    let then = changes::at_revision(tx, id, revision)?.ok_or_else(missing)?;
    if may_hold_files(&found) && changes::has_changed_files_since(tx, id, revision)? {
        let message =
            format!("files of the {} changed since revision `{revision}`, and it describes them", logical.noun());
        return Err(Error::invalid_state(message));
    }
    let then = node_then(&then)?;
    let learned = policies::learned(tx, id)?;
    let before = increment_revision(tx, logical, id, None)?;
    let mut node = before.clone();
    let mut kept = set_back(&mut node.properties, &then.properties, &learned.declared);
    kept.extend(set_back(&mut node.custom, &then.custom, &learned.custom));
    keep_state(&before, &mut node);
    check_references(tx, logical, node.home_id, &node.properties, &before.properties)?;
    check_times(&node)?;
    nodes::replace(tx, &before, &node)?;
    tx.record_update(&before, &node)?;
    let tag = tag(tx, &node)?;
    fill_uris(tx, std::slice::from_mut(&mut node))?;
    Ok(Reverted { node, tag, kept })
}

/// The node, locked, with its type.
fn lock(tx: &mut WriteTransaction<'_, '_>, id: NodeId) -> Result<(Node, LogicalType)> {
    let missing = || Error::not_found(format!("node `{id}`"));
    let found = nodes::find_bare(tx, id)?.ok_or_else(missing)?;
    let logical = match found.logical_type() {
        Some(LogicalType::Metric) => {
            return Err(Error::invalid_state("a metric is what was measured, which is not set back"));
        }
        Some(logical) => logical,
        None => {
            return Err(Error::invalid_state(format!(
                "node `{id}` is of a type of ML Metadata's users, which is not set back"
            )));
        }
    };
    // The model first, in the same order as when an alias is set.
    if let Some(home) = found.home_id.filter(|_| logical == LogicalType::ModelVersion) {
        nodes::lock(tx, &[home])?;
    }
    nodes::lock(tx, &[id])?;
    Ok((nodes::find(tx, id)?.ok_or_else(missing)?, logical))
}

/// The ETag under which the node is shown by other operations.
fn tag(tx: &mut ReadTransaction<'_, '_>, node: &Node) -> Result<String> {
    match node.logical_type() {
        Some(LogicalType::ModelVersion) => version_tag(tx, node),
        _ => Ok(node.revision.to_string()),
    }
}

/// The node as an entry of the record has it.
fn node_then(change: &ChangeRecord) -> Result<Node> {
    let node = node_of(&change.document, change.place);
    let is_whole = |node: &Node| {
        [("properties", &node.properties), ("customProperties", &node.custom)].into_iter().all(|(name, read)| {
            let stored = change.document.get(name).and_then(|members| members.as_object());
            stored.is_some_and(|members| members.len() == read.len())
        })
    };
    let broken = || Error::invalid_state(format!("the record does not have all of revision `{}`", change.revision));
    node.filter(is_whole).ok_or_else(broken)
}

/// Sets properties back to what they were then, but for those that inspection set, and those that the record masks; returns the names of the
/// latter.
fn set_back(now: &mut Properties, then: &Properties, learned: &Properties) -> Vec<String> {
    now.retain(|name, value| then.contains_key(name) || learned.get(name) == Some(value));
    let mut kept = Vec::new();
    for (name, value) in then {
        let today = now.get(name);
        if today.is_some() && learned.get(name) == today {
            continue;
        }
        if is_masked(value) {
            kept.push(name.clone());
        } else {
            now.insert(name.clone(), value.clone());
        }
    }
    kept
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => may_be_masked(&text.as_str().into()),
        Value::Struct(json) => may_be_masked(json),
        Value::Int(_) | Value::Double(_) | Value::Proto { .. } | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(of: &[(&str, &str)]) -> Properties {
        of.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect()
    }

    #[test]
    fn what_was_then_is_again() {
        let mut now = properties(&[("a", "new"), ("b", "added")]);
        let then = properties(&[("a", "old"), ("c", "removed")]);
        assert_eq!(set_back(&mut now, &then, &Properties::new()), [""; 0]);
        assert_eq!(now, then);
    }

    #[test]
    fn what_inspection_set_and_what_the_record_masks_stays() {
        let mut now =
            properties(&[("format", "onnx"), ("verdict", "clean"), ("link", "https://h/?sig=new"), ("x", "y")]);
        let learned = properties(&[("format", "onnx"), ("verdict", "clean"), ("x", "z")]);
        let then = properties(&[("format", "gguf"), ("link", "https://h/?sig=***"), ("api_key", "***")]);
        assert_eq!(set_back(&mut now, &then, &learned), ["api_key", "link"]);
        assert_eq!(now, properties(&[("format", "onnx"), ("verdict", "clean"), ("link", "https://h/?sig=new")]));
    }
}
