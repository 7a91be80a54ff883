//! What a registry holds, in numbers.

use super::{LogicalType, Millis};

/// How much of everything there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Nodes of each logical type that has any.
    pub entities: Vec<(LogicalType, u64)>,
    /// Nodes of the types that users of ML Metadata made.
    pub other_nodes: u64,
    /// Stored objects, each counted once however many files have its bytes.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Blobs whose bytes were missing or differed when they were last read, by what was wrong.
    pub damaged_blobs: Vec<(String, u64)>,
    /// Blobs that have not been read again since they were stored.
    pub unverified_blobs: u64,
    /// When the blob was read whose last reading is the longest ago.
    pub oldest_verification: Option<Millis>,
    /// When the last verification of all blobs ended.
    pub last_verification: Option<Millis>,
    /// Files below versions and artifacts.
    pub files: u64,
    /// Files that were inspected, by what the policy does with them: `allow`, `warn` or `quarantine`.
    pub inspected_files: Vec<(String, u64)>,
}

/// How many files have one format, verdict and act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The format, where it is known.
    pub format: Option<String>,
    /// The weight of the heaviest finding, or `clean`.
    pub verdict: String,
    /// What the policy does.
    pub act: String,
    /// How many.
    pub files: i64,
}
