//! The messages that several operations answer with, and how values of the graph are written in them.

use serde_json::{Map, Value as Json, json};

use crate::domain::{Error, MetricPoint, Name, Node, Properties, Result, Value};
use crate::registry::tracking::change::Tag;
use crate::registry::tracking::experiments::{ExperimentRef, is_archived};

/// The name of the experiment whose id is `0`.
const DEFAULT: &str = "Default";

/// The id of the experiment with that name.
const DEFAULT_ID: &str = "0";

/// The tags that are declared properties, by the names that MLflow has for them.
const DECLARED: [(&str, &str); 2] = [("mlflow.note.content", "description"), ("mlflow.user", "owner")];

/// The tag that is a run's name.
pub const RUN_NAME: &str = "mlflow.runName";

/// The id of an experiment: that of its node, but for the one named `Default`.
pub fn experiment_id(experiment: &Node) -> String {
    if experiment.name.as_deref() == Some(DEFAULT) {
        return DEFAULT_ID.to_owned();
    }
    experiment.id.to_string()
}

/// The experiment that an id means. The default one is there once it is wanted.
///
/// Errors: InvalidArgument where it is no id.
pub fn experiment_ref(id: &str) -> Result<ExperimentRef> {
    if id == DEFAULT_ID {
        return Ok(ExperimentRef::Made(DEFAULT.parse()?));
    }
    id.parse().map(ExperimentRef::Id).map_err(|error: Error| error.on_field("experiment_id"))
}

/// The experiment of that name.
pub fn experiment_named(name: Name) -> ExperimentRef {
    if name.as_str() == DEFAULT { ExperimentRef::Made(name) } else { ExperimentRef::Named(name) }
}

/// Where a tag of a run or an experiment is stored.
pub fn tag(key: &str) -> Tag {
    match DECLARED.iter().find(|(name, _)| *name == key) {
        Some((_, property)) => Tag::Declared(property),
        None => Tag::Custom(key.to_owned()),
    }
}

/// Any value as the text of a tag.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        Value::Double(double) => double.to_string(),
        Value::String(text) => text.clone(),
        Value::Struct(json) => json.to_string(),
        Value::Proto { type_url, .. } => type_url.clone(),
        Value::Bool(bool) => bool.to_string(),
    }
}

/// Custom properties as tags, by their keys.
pub fn tags(properties: &Properties) -> Vec<Json> {
    properties.iter().map(|(key, value)| json!({"key": key, "value": text_of(value)})).collect()
}

/// The tags of a run or an experiment, those among them that are declared properties.
pub fn tags_of(node: &Node) -> Properties {
    let mut tags = node.custom.clone();
    for (name, property) in DECLARED {
        let declared = node.properties.get(property).filter(|value| value.as_str() != Some(""));
        tags.extend(declared.map(|value| (name.to_owned(), value.clone())));
    }
    tags
}

/// `active` or `deleted`.
pub fn lifecycle_stage(is_deleted: bool) -> &'static str {
    if is_deleted { "deleted" } else { "active" }
}

/// An experiment.
pub fn experiment(node: &Node) -> Json {
    json!({
        "experiment_id": experiment_id(node),
        "name": node.name,
        "artifact_location": artifact_location(node),
        "lifecycle_stage": lifecycle_stage(is_archived(node)),
        "creation_time": node.created_at,
        "last_update_time": node.updated_at,
        "tags": given(tags(&tags_of(node))),
    })
}

/// Where an experiment's files are.
pub fn artifact_location(experiment: &Node) -> String {
    let declared = experiment.text("artifact_location").map(|location| location.trim_end_matches('/').to_owned());
    declared.unwrap_or_else(|| format!("mlflow-artifacts:/{}", experiment_id(experiment)))
}

/// The list; nothing where it is empty.
pub fn given(list: Vec<Json>) -> Option<Vec<Json>> {
    Some(list).filter(|list| !list.is_empty())
}

/// A metric's point, with what else is said of it.
pub fn metric(key: &str, point: MetricPoint, more: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let mut members = Map::new();
    members.insert("key".to_owned(), key.into());
    members.insert("value".to_owned(), double(point.value));
    members.insert("timestamp".to_owned(), point.at.into());
    members.insert("step".to_owned(), point.step.into());
    members.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Json::Object(members)
}

/// A double. JSON has no infinities: they are shown as the greatest and the smallest number, as upstream stores them.
pub fn double(value: f64) -> Json {
    if value.is_nan() { "NaN".into() } else { value.clamp(f64::MIN, f64::MAX).into() }
}

/// The largest page that a list takes, and how large it is where nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    /// The default.
    pub default: u32,
    /// The largest.
    pub most: u32,
}

impl PageLimits {
    /// The size of a page.
    ///
    /// Errors: InvalidArgument where it is not positive, or too large.
    pub fn size(self, asked: Option<i64>) -> Result<crate::domain::PageSize> {
        let Some(asked) = asked else { return Ok(crate::domain::PageSize::new(self.default)) };
        match u32::try_from(asked) {
            Ok(size) if size > 0 && size <= self.most => Ok(crate::domain::PageSize::new(size)),
            _ => Err(Error::invalid(
                "max_results",
                format!(
                    "Invalid value {asked} for parameter 'max_results' supplied. It must be at least 1 and at most {}.",
                    self.most
                ),
            )),
        }
    }
}

/// Checks the key of a metric, a parameter or a tag (`mlflow/utils/validation.py`).
///
/// Errors: InvalidArgument.
pub fn check_key(field: &str, key: &str) -> Result<()> {
    let chars = key.chars().count();
    if chars > MAX_KEY {
        return Err(Error::invalid(field, format!("`{field}` has {chars} characters, more than {MAX_KEY}")));
    }
    let is_plain = |each: char| each.is_alphanumeric() || matches!(each, '_' | '-' | '.' | ' ' | ':' | '/');
    if key.is_empty() || !key.chars().all(is_plain) {
        let message = format!(
            "Invalid value \"{}\" for parameter '{field}' supplied: Names may only contain alphanumerics, underscores (_), \
             dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
            key.escape_debug()
        );
        return Err(Error::invalid(field, message));
    }
    if key.split('/').any(|part| part.is_empty() || matches!(part, "." | "..")) {
        let message = format!("Invalid value \"{key}\" for parameter '{field}' supplied: it is not a plain path");
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

/// The longest key, in characters.
const MAX_KEY: usize = 250;

/// The text, of which no more than so many characters are kept; upstream cuts, too, and stock loggers rely on it.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_lacks_is_shown_as_upstream_does() {
        assert_eq!(double(f64::NAN), json!("NaN"));
        assert_eq!(double(f64::INFINITY), json!(f64::MAX));
        assert_eq!(double(f64::NEG_INFINITY), json!(f64::MIN));
        assert_eq!(double(1.0).to_string(), "1.0");
    }

    #[test]
    fn keys_are_plain_paths() {
        for good in ["a", "train/loss", "ünï_1-.: x", &"k".repeat(250)] {
            assert!(check_key("key", good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "a//b", "/a", "a/", "..", "a/../b", "a?", &"k".repeat(251)] {
            assert!(check_key("key", bad).is_err(), "{bad}");
        }
    }
}
