//! A record as the edge registry's clients read it.

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use crate::domain::date;
use crate::domain::record::Record;

/// The device of a record that names none.
const DEFAULT_DEVICE: &str = "CPU";

/// A model. All members are always there.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredModelOut {
    /// 16 or more letters, digits, `_` and `-`.
    pub id: String,
    /// The name.
    pub name: String,
    /// The device that it is meant for.
    pub target_device: String,
    /// As the client said it, or `YYYY-MM-DD HH:MM:SS.ffffff UTC`.
    pub created_date: String,
    /// `YYYY-MM-DD HH:MM:SS.ffffff UTC`.
    pub last_updated_date: String,
    /// `fp32`, `fp16`, `int8` or `int4`.
    #[schema(required)]
    pub precision: Option<Vec<String>>,
    /// How many bytes its archive has.
    #[schema(required)]
    pub size: Option<i64>,
    /// The version.
    pub version: String,
    /// The format of the model.
    #[schema(required)]
    pub format: Option<String>,
    /// Where it comes from.
    #[schema(required)]
    pub origin: Option<String>,
    /// `minio://BUCKET/ID/FILE`.
    pub file_url: String,
    /// The project's id.
    #[schema(required)]
    pub project_id: Option<String>,
    /// The project's name.
    #[schema(required)]
    pub project_name: Option<String>,
    /// The category.
    #[schema(required)]
    pub category: Option<String>,
    /// The kind of the device.
    #[schema(required)]
    pub target_device_type: Option<String>,
    /// How good it is.
    #[schema(required)]
    pub score: Option<f64>,
    /// An object, or text.
    #[schema(required, value_type = Option<Value>)]
    pub overview: Json,
    /// An object, or text.
    #[schema(required, value_type = Option<Value>)]
    pub optimization_capabilities: Json,
    /// Texts, or objects.
    #[schema(required, value_type = Option<Vec<Value>>)]
    pub labels: Json,
    /// The architecture.
    #[schema(required)]
    pub architecture: Option<String>,
}

impl RegisteredModelOut {
    /// The record, as if its archive lay in that bucket.
    pub fn new(record: Record, bucket: &str) -> Self {
        let Record { id, identity, details, created_at, updated_at, file, .. } = record;
        let stored = file.as_ref().and_then(|file| i64::try_from(file.blob.size).ok());
        let path = file.as_ref().map_or("", |file| file.path.as_str());
        Self {
            file_url: format!("minio://{bucket}/{id}/{path}"),
            id: id.to_string(),
            name: identity.name,
            target_device: details.target_device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned()),
            created_date: details.created_date.unwrap_or_else(|| date::write(created_at)),
            last_updated_date: date::write(updated_at),
            precision: Some(identity.precision),
            size: details.size.or(stored),
            version: identity.version,
            format: details.format,
            origin: details.origin,
            project_id: identity.project_id,
            project_name: identity.project_name,
            category: details.category,
            target_device_type: details.target_device_type,
            score: Some(details.score.unwrap_or(0.0)),
            overview: details.overview.unwrap_or_else(|| json!({})),
            optimization_capabilities: details.optimization_capabilities.unwrap_or_else(|| json!({})),
            labels: details.labels.unwrap_or_else(|| json!([])),
            architecture: details.architecture,
        }
    }
}
