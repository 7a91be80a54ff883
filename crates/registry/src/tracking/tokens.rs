//! The opaque tokens of pages, and the order of what a page has.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Error, Node, NodeId, Result};

/// The field of an error about a token.
pub(crate) const PAGE_TOKEN: &str = "page_token";

/// The token that a value is.
pub(crate) fn encoded(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(|error| Error::internal("a token is not JSON").caused_by(error))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The value that a token is.
///
/// Errors: InvalidArgument on `page_token`.
pub(crate) fn decoded<T: DeserializeOwned>(token: &str) -> Result<T> {
    let read = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok();
    read().ok_or_else(|| Error::invalid(PAGE_TOKEN, format!("page token `{}` is broken", token.escape_debug())))
}

/// The nodes in the order of these ids; those that are not there are left out.
pub(crate) fn in_order(nodes: Vec<Node>, ids: &[NodeId]) -> Vec<Node> {
    let mut by_id: HashMap<NodeId, Node> = nodes.into_iter().map(|node| (node.id, node)).collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}
