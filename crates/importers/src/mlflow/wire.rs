//! The JSON that MLflow's server answers with, as far as it is used. A field that a release leaves out is not an error.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A page of anything: the list is under a name of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(
        default,
        alias = "experiments",
        alias = "runs",
        alias = "models",
        alias = "registered_models",
        alias = "model_versions"
    )]
    pub(super) items: Vec<Value>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Experiment {
    pub(super) experiment_id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) lifecycle_stage: String,
    #[serde(default, deserialize_with = "int")]
    pub(super) creation_time: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) last_update_time: Option<i64>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) info: RunInfo,
    #[serde(default)]
    pub(super) data: RunData,
    #[serde(default)]
    pub(super) inputs: Inputs,
    #[serde(default)]
    pub(super) outputs: Outputs,
}

#[derive(Debug, Deserialize)]
pub(super) struct RunInfo {
    #[serde(default)]
    pub(super) run_id: String,
    /// What releases before 1.0 have in its place.
    #[serde(default)]
    pub(super) run_uuid: String,
    #[serde(default)]
    pub(super) run_name: String,
    #[serde(default)]
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, deserialize_with = "int")]
    pub(super) start_time: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) end_time: Option<i64>,
    #[serde(default)]
    pub(super) artifact_uri: String,
    #[serde(default)]
    pub(super) lifecycle_stage: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RunData {
    #[serde(default)]
    pub(super) metrics: Vec<Metric>,
    #[serde(default)]
    pub(super) params: Vec<Tag>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) key: String,
    #[serde(deserialize_with = "double")]
    pub(super) value: f64,
    #[serde(default, deserialize_with = "int")]
    pub(super) timestamp: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) step: Option<i64>,
    #[serde(default)]
    pub(super) dataset_name: Option<String>,
    #[serde(default)]
    pub(super) dataset_digest: Option<String>,
    #[serde(default)]
    pub(super) run_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Inputs {
    #[serde(default)]
    pub(super) dataset_inputs: Vec<DatasetInput>,
    #[serde(default)]
    pub(super) model_inputs: Vec<ModelUse>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Outputs {
    #[serde(default)]
    pub(super) model_outputs: Vec<ModelUse>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DatasetInput {
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    pub(super) dataset: Dataset,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dataset {
    pub(super) name: String,
    #[serde(default)]
    pub(super) digest: String,
    pub(super) source_type: Option<String>,
    pub(super) source: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) profile: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelUse {
    pub(super) model_id: String,
    #[serde(default, deserialize_with = "int")]
    pub(super) step: Option<i64>,
}

/// A page of the points of a metric.
#[derive(Debug, Deserialize)]
pub(super) struct History {
    #[serde(default)]
    pub(super) metrics: Vec<Metric>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoggedModelAnswer {
    pub(super) model: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoggedModel {
    pub(super) info: LoggedModelInfo,
    #[serde(default)]
    pub(super) data: LoggedModelData,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoggedModelInfo {
    pub(super) model_id: String,
    pub(super) experiment_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "int")]
    pub(super) creation_timestamp_ms: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) last_updated_timestamp_ms: Option<i64>,
    #[serde(default)]
    pub(super) artifact_uri: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) model_type: String,
    #[serde(default)]
    pub(super) source_run_id: String,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct LoggedModelData {
    #[serde(default)]
    pub(super) params: Vec<Tag>,
    #[serde(default)]
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RegisteredModel {
    pub(super) name: String,
    #[serde(default, deserialize_with = "int")]
    pub(super) creation_timestamp: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) last_updated_timestamp: Option<i64>,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Alias {
    pub(super) alias: String,
    #[serde(deserialize_with = "required_int")]
    pub(super) version: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelVersion {
    #[serde(deserialize_with = "required_int")]
    pub(super) version: i64,
    #[serde(default, deserialize_with = "int")]
    pub(super) creation_timestamp: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) last_updated_timestamp: Option<i64>,
    #[serde(default)]
    pub(super) current_stage: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) run_id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) run_link: String,
    #[serde(default)]
    pub(super) model_id: String,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DownloadUri {
    #[serde(default)]
    pub(super) artifact_uri: String,
}

/// What a folder has.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) files: Vec<FileInfo>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FileInfo {
    pub(super) path: String,
    #[serde(default)]
    pub(super) is_dir: bool,
    #[serde(default, deserialize_with = "int")]
    pub(super) file_size: Option<i64>,
}

/// A number, or a number as text: protocol buffers in JSON have both.
fn int<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Ok(Some(int)),
            None => Err(D::Error::custom(format!("`{number}` is no integer"))),
        },
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| D::Error::custom(format!("`{text}` is no integer"))),
        other => Err(D::Error::custom(format!("`{other}` is no integer"))),
    }
}

fn required_int<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    int(from)?.ok_or_else(|| D::Error::custom("an integer is missing"))
}

/// A number, or a text for what JSON has no numbers for.
fn double<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(from)?;
    let double = match &value {
        Value::Number(number) => number.as_f64(),
        // `NaN` and `-Infinity` among them.
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    double.ok_or_else(|| D::Error::custom(format!("`{value}` is no number")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_texts() {
        let metric = |value: Value| {
            let read =
                serde_json::from_value::<Metric>(json!({"key": "a", "value": value, "step": "3", "timestamp": 7}));
            read.map(|metric| (metric.value, metric.step, metric.timestamp))
        };
        assert_eq!(metric(json!(0.5)).unwrap(), (0.5, Some(3), Some(7)));
        assert!(metric(json!("NaN")).unwrap().0.is_nan());
        assert_eq!(metric(json!("-Infinity")).unwrap().0, f64::NEG_INFINITY);
        assert_eq!(metric(json!(-f64::MAX)).unwrap().0, -f64::MAX);
        assert!(metric(json!([])).is_err());
    }

    #[test]
    fn a_page_has_its_list_under_its_own_name() {
        for name in ["experiments", "runs", "models", "registered_models", "model_versions"] {
            let page: Page = serde_json::from_value(json!({name: [1, 2], "next_page_token": "t"})).unwrap();
            assert_eq!((page.items.len(), page.next_page_token.as_deref()), (2, Some("t")), "{name}");
        }
        let page: Page = serde_json::from_value(json!({})).unwrap();
        assert!(page.items.is_empty() && page.next_page_token.is_none());
    }
}
