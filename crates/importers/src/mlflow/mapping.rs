//! What MLflow's words are here: tags that are declared properties, and the digest of what the server says of something.

use serde_json::Value as Json;

use super::wire::Tag;
use crate::domain::{Properties, Sha256, Value};

/// The tags that are declared properties here.
const DECLARED: [(&str, &str); 2] = [("mlflow.note.content", "description"), ("mlflow.user", "owner")];

/// The tag that is a run's name.
pub(super) const RUN_NAME: &str = "mlflow.runName";

/// The tag of a logged model that follows from the versions that were made of it.
pub(super) const VERSIONS: &str = "mlflow.modelVersions";

/// The tag by which prompts are told.
pub(super) const IS_PROMPT: &str = "mlflow.prompt.is_prompt";

/// The tag of a prompt with the ids of its experiments, each between commas.
pub(super) const EXPERIMENT_IDS: &str = "_mlflow_experiment_ids";

/// The tags of an experiment or a run: what is declared here, and what is not.
pub(super) fn tagged(tags: &[Tag]) -> (Properties, Properties) {
    let (mut properties, mut custom) = (Properties::new(), Properties::new());
    for Tag { key, value } in tags {
        let value = Value::String(value.clone());
        match DECLARED.iter().find(|(name, _)| name == key) {
            Some((_, property)) => properties.insert((*property).to_owned(), value),
            None => custom.insert(key.clone(), value),
        };
    }
    (properties, custom)
}

/// The tags of anything else.
pub(super) fn custom(tags: &[Tag]) -> Properties {
    tags.iter().map(|Tag { key, value }| (key.clone(), Value::String(value.clone()))).collect()
}

/// The digest of what a server says of something. The order of lists is left to the server.
pub(super) fn digest(said: &Json) -> String {
    Sha256::of(ordered(said).to_string().as_bytes()).to_string()
}

fn ordered(said: &Json) -> Json {
    match said {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(ordered).collect();
            items.sort_by_cached_key(Json::to_string);
            Json::Array(items)
        }
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), ordered(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_lists_does_not_count() {
        let digest_of = |tags: Json| digest(&json!({"tags": tags, "a": 1}));
        assert_eq!(digest_of(json!([{"k": 1}, {"k": 2}])), digest_of(json!([{"k": 2}, {"k": 1}])));
        assert_ne!(digest_of(json!([{"k": 1}])), digest_of(json!([{"k": 2}])));
        assert_ne!(digest(&json!({"a": [1], "b": []})), digest(&json!({"a": [], "b": [1]})));
    }

    #[test]
    fn some_tags_are_declared() {
        let tag = |key: &str| Tag { key: key.to_owned(), value: key.to_uppercase() };
        let (properties, custom) = tagged(&[tag("mlflow.note.content"), tag("mlflow.user"), tag("a")]);
        assert_eq!(properties["description"], Value::from("MLFLOW.NOTE.CONTENT"));
        assert_eq!(properties["owner"], Value::from("MLFLOW.USER"));
        assert_eq!(custom, Properties::from([("a".to_owned(), Value::from("A"))]));
    }
}
