//! Files below a node, and the blobs they point at.

use super::{FilePath, Millis, NodeId, Sha256};

/// Stored bytes, known by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The id of its row.
    pub id: i64,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// How many bytes.
    pub size: u64,
    /// Where the object store keeps them.
    pub key: String,
}

/// A file: a path below a node, pointing at a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The node it belongs to, usually a model artifact.
    pub node_id: NodeId,
    /// Its path below the node.
    pub path: FilePath,
    /// The media type it is served with.
    pub media_type: String,
    /// When its bytes were linked.
    pub created_at: Millis,
    /// Why it is not served unless the request says so.
    pub quarantine: Option<String>,
    /// Its bytes.
    pub blob: Blob,
}
