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

/// What a folder of files has at its top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its name in the folder.
    pub name: String,
    /// How many bytes a file has; `None` of a folder.
    pub size: Option<u64>,
}

/// What is wrong with a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its object is not there.
    Missing,
    /// Its object has other bytes than its digest says.
    Damaged,
}

impl Damage {
    /// Its name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }

    /// The damage of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Missing, Self::Damaged].into_iter().find(|damage| damage.name() == name)
    }
}

/// A missing or damaged blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// The blob.
    pub blob: Blob,
    /// What is wrong with it.
    pub damage: Damage,
    /// The files that have its bytes: their nodes and paths.
    pub files: Vec<(NodeId, FilePath)>,
}
