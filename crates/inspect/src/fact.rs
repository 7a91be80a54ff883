//! What a file says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One thing that a file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// A count or a size.
    Integer(i64),
    /// A name, a version or a short text, without NUL.
    Text(String),
    /// A list or an object.
    Json(serde_json::Value),
}

/// Facts by their names. `docs/using/formats.md` says which there are.
pub type Facts = BTreeMap<String, Fact>;
