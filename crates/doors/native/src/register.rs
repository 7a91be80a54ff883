//! Registration in one request.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use utoipa::ToSchema;

use super::errors::RegisterErrors;
use super::wire::NodeView;
use crate::domain::{ArtifactState, Draft, Error, LogicalType, Name, Properties, Result, Sha256, Value, ValueKind};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::register::{IDEMPOTENCY_KEY, IdempotencyKey, Registered, Registration};
use crate::registry::resolve::check_free_of_reserved_words;

/// The maximum length of an `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;

/// A model, a version and its artifacts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The model; one of that name that is there stays as it is.
    model: NewEntity,
    /// The version, which must be new.
    version: NewEntity,
    /// The version's artifacts.
    #[serde(default)]
    artifacts: Vec<NewArtifact>,
}

/// A model or version to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEntity {
    /// Its name.
    #[schema(min_length = 1, max_length = 512)]
    name: String,
    /// Its id in another system.
    #[schema(min_length = 1, max_length = 512)]
    external_id: Option<String>,
    /// The properties that its type declares, such as `description`; `state` is `LIVE` when it is not given.
    #[serde(default)]
    properties: BTreeMap<String, JsonValue>,
    /// Its free properties.
    #[serde(default)]
    custom_properties: BTreeMap<String, JsonValue>,
}

/// An artifact to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewArtifact {
    /// `kf.ModelArtifact`, `kf.DocArtifact`, `kf.DataSet`, `kf.Metric` or `kf.Parameter`; a model artifact when it is not
    /// given.
    #[serde(rename = "type")]
    #[schema(pattern = r"^kf\.(ModelArtifact|DocArtifact|DataSet|Metric|Parameter)$")]
    type_name: Option<String>,
    /// Its name; a UUID is generated when it is absent.
    #[schema(min_length = 1, max_length = 512)]
    name: Option<String>,
    /// Its id in another system.
    #[schema(min_length = 1, max_length = 512)]
    external_id: Option<String>,
    /// Where its bytes are.
    uri: Option<String>,
    /// Its state, such as `LIVE`.
    #[schema(pattern = "^(UNKNOWN|PENDING|LIVE|MARKED_FOR_DELETION|DELETED|ABANDONED|REFERENCE)$")]
    state: Option<String>,
    /// The properties that its type declares.
    #[serde(default)]
    properties: BTreeMap<String, JsonValue>,
    /// Its free properties.
    #[serde(default)]
    custom_properties: BTreeMap<String, JsonValue>,
}

/// What was registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredView {
    /// The model, new or found.
    model: NodeView,
    /// The version.
    version: NodeView,
    /// Its artifacts, in the order in which they were given.
    artifacts: Vec<NodeView>,
}

/// Registers a version with its artifacts, and its model if there is none of that name: all of it, or nothing.
///
/// With an `Idempotency-Key` the answer is kept for a day: the same request with the same key is answered the same, with
/// `Idempotency-Replayed: true`, and does nothing. A request that failed leaves its key free.
#[utoipa::path(
    post, path = "/register", operation_id = "register", tag = "models",
    params((
        "Idempotency-Key" = Option<String>,
        Header,
        pattern = "^[!-~]{1,255}$",
        description = "Any text of the caller's, of 1 to 255 visible characters of ASCII."
    )),
    request_body = Register,
    responses(
        (status = 201, description = "Registered, now or before.", body = RegisteredView),
        RegisterErrors,
    ),
)]
pub async fn register(caller: Caller, request: HttpRequest, body: Json<Register>) -> Result<HttpResponse, Problem> {
    let key = key(&request, &body)?;
    let registration = body.into_inner().read()?;
    let answered = caller.registry.models.register(&caller.context, registration, key, show).await?;
    let mut response = HttpResponse::Created();
    if answered.is_replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.content_type("application/json").body(answered.answer))
}

fn show(registered: &Registered) -> Result<String> {
    let view = RegisteredView {
        model: NodeView::new(&registered.model),
        version: NodeView::new(&registered.version),
        artifacts: registered.artifacts.iter().map(NodeView::new).collect(),
    };
    serde_json::to_string(&view).map_err(|error| Error::internal("the answer is not JSON").caused_by(error))
}

/// The key, with a digest of the body that ignores whitespace and the order of members.
fn key(request: &HttpRequest, body: &Register) -> Result<Option<IdempotencyKey>> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Error::invalid(IDEMPOTENCY_KEY, format!("the key is not 1 to {MAX_KEY_BYTES} visible characters of ASCII"))
    })?;
    let body = serde_json::to_vec(body).map_err(|error| Error::internal("the body is not JSON").caused_by(error))?;
    Ok(Some(IdempotencyKey { key: key.to_owned(), fingerprint: Sha256::of(&body) }))
}

impl Register {
    fn read(self) -> Result<Registration> {
        let version: Name = self.version.name.parse().map_err(|error: Error| error.on_field("version.name"))?;
        check_free_of_reserved_words(&version).map_err(|error| error.on_field("version.name"))?;
        Ok(Registration {
            model_name: self.model.name.parse::<Name>().map_err(|error| error.on_field("model.name"))?,
            model: self.model.draft(LogicalType::RegisteredModel)?,
            version: self.version.draft(LogicalType::ModelVersion)?,
            artifacts: self.artifacts.into_iter().map(NewArtifact::draft).collect::<Result<_>>()?,
        })
    }
}

impl NewEntity {
    fn draft(self, logical: LogicalType) -> Result<Draft> {
        let mut properties = declared(logical, self.properties)?;
        let state = properties.entry("state".to_owned()).or_insert_with(|| "LIVE".into());
        one_of("state", state, &["LIVE", "ARCHIVED"])?;
        Ok(Draft {
            external_id: self.external_id.as_deref().map(str::parse).transpose()?,
            properties,
            custom: free(self.custom_properties)?,
            ..Draft::named(self.name.parse()?)
        })
    }
}

impl NewArtifact {
    fn draft(self) -> Result<(LogicalType, Draft)> {
        let logical = match &self.type_name {
            None => LogicalType::ModelArtifact,
            Some(name) => {
                let found = LogicalType::ARTIFACTS.iter().find(|logical| logical.type_name() == name);
                *found.ok_or_else(|| {
                    Error::invalid("type", format!("type `{}` is not that of an artifact", name.escape_debug()))
                })?
            }
        };
        let state = |name: String| {
            let found = ArtifactState::NAMES.into_iter().find(|(known, _)| *known == name);
            found.map(|(_, number)| number).ok_or_else(|| {
                Error::invalid("state", format!("state `{}` is not that of an artifact", name.escape_debug()))
            })
        };
        let properties = declared(logical, self.properties)?;
        if let Some(kind) = properties.get("parameter_type") {
            one_of("parameter_type", kind, &["string", "number", "boolean", "object"])?;
        }
        let draft = Draft {
            name: self.name.as_deref().map(str::parse).transpose()?,
            external_id: self.external_id.as_deref().map(str::parse).transpose()?,
            uri: self.uri.filter(|uri| !uri.is_empty()),
            state: self.state.map(state).transpose()?,
            properties,
            custom: free(self.custom_properties)?,
            ..Draft::default()
        };
        Ok((logical, draft))
    }
}

/// Refuses what is none of these words.
pub(super) fn one_of(name: &str, value: &Value, values: &[&str]) -> Result<()> {
    match value.as_str() {
        Some(given) if values.contains(&given) => Ok(()),
        _ => Err(Error::invalid(name, format!("`{name}` is none of `{}`", values.join("`, `")))),
    }
}

/// Properties that the type declares. What ties an artifact to its run is not the caller's to say.
pub(super) fn declared(logical: LogicalType, given: BTreeMap<String, JsonValue>) -> Result<Properties> {
    let read = |(name, json): (String, JsonValue)| {
        let kind = logical.declared(&name).filter(|_| !["experiment_id", "experiment_run_id"].contains(&name.as_str()));
        let Some(kind) = kind else {
            let name_shown = name.escape_debug();
            return Err(Error::invalid(&name, format!("a {} has no property `{name_shown}`", logical.noun())));
        };
        let value = match (kind, &json) {
            (ValueKind::Double, JsonValue::Number(number)) => number.as_f64().map(Value::Double),
            // Every declared one is a list of texts.
            (ValueKind::Struct, JsonValue::Array(items)) if items.iter().all(JsonValue::is_string) => {
                Some(Value::Struct(json))
            }
            (ValueKind::Struct, _) => None,
            _ => plain(json).filter(|value| value.kind() == kind),
        };
        let value = value.ok_or_else(|| Error::invalid(&name, format!("`{name}` is not a {}", kind.name())))?;
        Ok((name, value))
    };
    given.into_iter().map(read).collect()
}

/// Free properties: of the kind that their JSON has.
pub(super) fn free(given: BTreeMap<String, JsonValue>) -> Result<Properties> {
    let read = |(name, json): (String, JsonValue)| match plain(json) {
        Some(value) => Ok((name, value)),
        None => {
            let message = format!("custom property `{}` is null or beyond 64 bits", name.escape_debug());
            Err(Error::invalid("customProperties", message))
        }
    };
    given.into_iter().map(read).collect()
}

fn plain(json: JsonValue) -> Option<Value> {
    match json {
        JsonValue::Null => None,
        JsonValue::Bool(value) => Some(Value::Bool(value)),
        JsonValue::Number(number) if number.is_f64() => number.as_f64().map(Value::Double),
        JsonValue::Number(number) => number.as_i64().map(Value::Int),
        JsonValue::String(text) => Some(Value::String(text)),
        json => Some(Value::Struct(json)),
    }
}
