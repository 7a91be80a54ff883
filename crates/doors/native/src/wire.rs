//! What the native API answers. Times are milliseconds since the epoch; ids are strings of digits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::enums::{ApprovalName, StateName};
use super::inspection::{InspectionView, SummaryView};
use crate::domain::graph::Type;
use crate::domain::{
    ApprovalState, ArtifactState, ExecutionState, File, LogicalType, Node, NodeId, NodeKind, Properties, Value,
};
use crate::registry::RequestContext;
use crate::registry::files::FilePage;
use crate::registry::inspection::Inspected;
use crate::registry::upload::PutResult;
use crate::registry::versions::VersionSummary;

/// A file below a version or artifact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    /// Its path below the artifact.
    pub path: String,
    /// How many bytes it has.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal; its ETag.
    pub sha256: String,
    /// The media type it is served with.
    pub media_type: String,
    /// The id of the artifact that holds it.
    pub artifact_id: String,
    /// Where any client can fetch it.
    pub url: String,
    /// When its bytes were stored.
    pub created_at: i64,
    /// Why it is served to requests with `quarantined=true` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// What is known of its bytes; absent until they were inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection: Option<InspectionView>,
}

impl FileView {
    /// A file with what is known of its bytes.
    pub fn new(context: &RequestContext, file: &File, known: Option<&Inspected>) -> Self {
        Self {
            path: file.path.to_string(),
            size: file.blob.size,
            sha256: file.blob.sha256.to_string(),
            media_type: file.media_type.clone(),
            artifact_id: file.node_id.to_string(),
            url: context.file_url(file.node_id, &file.path),
            created_at: file.created_at,
            quarantine: file.quarantine.clone(),
            inspection: known.map(InspectionView::from),
        }
    }
}

/// A file that was stored, and where.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredFile {
    /// The file.
    #[serde(flatten)]
    pub file: FileView,
    /// The id of the version, where the artifact belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The id of the registered model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
}

impl StoredFile {
    /// The outcome of an upload.
    pub fn new(context: &RequestContext, result: &PutResult) -> Self {
        Self {
            file: FileView::new(context, &result.file, result.inspection.as_ref()),
            version_id: result.version.map(|(version, _)| version.to_string()),
            model_id: result.version.map(|(_, model)| model.to_string()),
        }
    }
}

/// A page of files, ordered by path.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileList {
    /// The files.
    pub items: Vec<FileView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl FileList {
    /// A page of the registry.
    pub fn new(context: &RequestContext, page: &FilePage) -> Self {
        Self {
            items: page
                .files
                .iter()
                .map(|file| FileView::new(context, file, page.inspections.get(&(file.node_id, file.path.clone()))))
                .collect(),
            next_page_token: page.next.as_ref().map(|token| token.encode()).unwrap_or_default(),
        }
    }
}

/// A node as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Its id.
    pub id: String,
    /// Its type, as ML Metadata knows it: `kf.ModelVersion`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its id in another system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where an artifact's bytes are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The state of an artifact or execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StateName>)]
    pub state: Option<&'static str>,
    /// The state of the approval of a version that is no draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ApprovalName>)]
    pub approval: Option<&'static str>,
    /// When it was created.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
    /// How often it was written.
    pub revision: i64,
    /// The properties that its type declares.
    pub properties: BTreeMap<String, Json>,
    /// Its free properties.
    pub custom_properties: BTreeMap<String, Json>,
}

impl NodeView {
    /// A node of one of the registry's own types.
    pub fn new(node: &Node) -> Self {
        let logical = node.logical_type();
        let kind = logical.map_or(NodeKind::Artifact, LogicalType::kind);
        Self::of_type(node, kind, logical.map(|logical| logical.type_name().to_owned()))
    }

    /// A node of any type, with the types that are known besides the registry's own.
    pub fn among(node: &Node, types: &BTreeMap<i64, Type>) -> Self {
        match types.get(&node.type_id) {
            Some(of) => Self::of_type(node, of.kind, Some(of.name.clone())),
            None => Self::new(node),
        }
    }

    fn of_type(node: &Node, kind: NodeKind, type_name: Option<String>) -> Self {
        let state_name = match kind {
            NodeKind::Execution => ExecutionState::name_of,
            NodeKind::Artifact | NodeKind::Context => ArtifactState::name_of,
        };
        Self {
            id: node.id.to_string(),
            type_name,
            name: node.display_name().map(ToOwned::to_owned),
            external_id: node.external_id.clone(),
            uri: node.uri.clone(),
            state: node.state.and_then(state_name),
            approval: approval_of(node),
            created_at: node.created_at,
            updated_at: node.updated_at,
            revision: node.revision,
            properties: plain(&node.properties),
            custom_properties: plain(&node.custom),
        }
    }
}

/// The state of a version's approval, unless it is a draft.
fn approval_of(node: &Node) -> Option<&'static str> {
    let state = ApprovalState::of(node);
    let is_version = node.logical_type() == Some(LogicalType::ModelVersion);
    Some(state.name()).filter(|_| is_version && state != ApprovalState::Draft)
}

/// The id and the name of a node, each where there is one.
pub fn id_and_name(named: Option<&(NodeId, String)>) -> (Option<String>, Option<String>) {
    named.map(|(id, name)| (id.to_string(), name.clone())).unzip()
}

/// A number as plain JSON, which has none that is infinite or none at all.
pub fn plain_number(value: f64) -> Json {
    if value.is_finite() { value.into() } else { value.to_string().into() }
}

/// A value as plain JSON: what people read. The Kubeflow API has values with their kinds.
pub fn plain_value(value: &Value) -> Json {
    match value {
        Value::Int(value) => (*value).into(),
        Value::Double(value) => plain_number(*value),
        Value::String(text) => text.clone().into(),
        Value::Struct(json) => json.clone(),
        Value::Proto { type_url, value } => serde_json::json!({"typeUrl": type_url, "bytes": value.len()}),
        Value::Bool(value) => (*value).into(),
    }
}

fn plain(properties: &Properties) -> BTreeMap<String, Json> {
    properties.iter().map(|(name, value)| (name.clone(), plain_value(value))).collect()
}

/// A version with what it holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The version itself.
    #[serde(flatten)]
    pub version: NodeView,
    /// The name of its model.
    pub model: String,
    /// The id of its model.
    pub model_id: String,
    /// What is known of its files, counted.
    pub inspection: SummaryView,
    /// The aliases that point at it.
    pub aliases: Vec<String>,
    /// Its artifacts.
    pub artifacts: Vec<NodeView>,
    /// Its files, the first thousand of them.
    pub files: Vec<FileView>,
    /// Continues the files under `…/files?nextPageToken=`; empty when these are all.
    pub files_next_page_token: String,
}

impl VersionView {
    /// A summary of the registry.
    pub fn new(context: &RequestContext, summary: &VersionSummary) -> Self {
        let files = FileList::new(context, &summary.files);
        Self {
            version: NodeView::new(&summary.version),
            model: summary.model.name.clone().unwrap_or_default(),
            model_id: summary.model.id.to_string(),
            inspection: SummaryView::from(&summary.inspection),
            aliases: summary.aliases.clone(),
            artifacts: summary.artifacts.iter().map(|node| NodeView::among(node, &summary.types)).collect(),
            files: files.items,
            files_next_page_token: files.next_page_token,
        }
    }
}

/// A page of nodes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeList {
    /// The nodes.
    pub items: Vec<NodeView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

/// Where an alias is to point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAlias {
    /// The name of a version of the model, `latest`, `@` and another alias, or `@name:` and a name.
    #[schema(min_length = 1)]
    pub version: String,
}

/// An alias, and where it points.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AliasView {
    /// Its name.
    pub alias: String,
    /// The name of the version.
    pub version: String,
    /// The id of the version.
    pub version_id: String,
}
