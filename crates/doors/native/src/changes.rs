//! What the native API shows of changes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::enums::ActionName;
use super::wire::NodeView;
use crate::domain::change::node_of;
use crate::domain::graph::Type;
use crate::domain::{ChangeRecord, NodeId};

/// A change: who did what to which node, when, and what it was afterwards.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// Its id. A node's history is ordered by it.
    pub id: i64,
    /// Its place in the feed of all changes; absent until that feed was read past it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What.
    #[schema(value_type = ActionName)]
    pub action: String,
    /// To which node.
    pub node_id: String,
    /// The node's revision afterwards.
    pub revision: i64,
    /// In which request: the id that its answer had in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the client called that request in its own `X-Request-Id`, which it may choose as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The node as it was afterwards, as other answers show it. Secrets in it are masked with `***`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeView>,
    /// The node as it is kept in the record, where values carry their kinds; and for a file or alias which one. Secrets in it are masked with
    /// `***`.
    pub document: Json,
}

impl ChangeView {
    /// A change, with the types that are known besides the registry's own.
    pub fn new(change: ChangeRecord, types: &BTreeMap<i64, Type>) -> Self {
        let NodeId(node_id) = change.node_id;
        let node = node_of(&change.document, change.place);
        Self {
            id: change.id,
            position: change.position,
            at: change.at,
            actor: change.actor,
            action: change.action,
            node_id: node_id.to_string(),
            revision: change.revision,
            request_id: change.request_id,
            client_request_id: change.client_request_id,
            node: node.map(|node| NodeView::among(&node, types)),
            document: change.document,
        }
    }
}

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeList {
    /// The changes, in the order that was asked for.
    pub items: Vec<ChangeView>,
    /// What to send as `after` for those that follow, now or later; as `before` where the newest come first, and 0 where there are no more.
    pub next: i64,
}
