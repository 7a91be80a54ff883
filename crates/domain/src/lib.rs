//! The registry's own words: nodes, values, names, digests, pages, errors.
//! Pure: no I/O, no HTTP, no SQL, no object storage.

pub mod actor;
pub mod change;
pub mod date;
pub mod digest;
pub mod error;
pub mod experiment;
pub mod file;
pub mod filter;
pub mod graph;
pub mod imports;
pub mod inventory;
pub mod job;
pub mod lineage;
pub mod literal;
pub mod mlflow;
pub mod name;
pub mod node;
pub mod page;
pub mod path;
pub mod policy;
pub mod record;
pub mod round_trip;
pub mod secrets;
pub mod selection;
pub mod serving;
pub mod state;
pub mod types;
pub mod value;

pub use actor::Actor;
pub use change::{Action, ChangeRecord};
pub use digest::Sha256;
pub use error::{Error, ErrorKind, Result};
pub use experiment::{HistorySelection, MetricPoint};
pub use file::{Blob, Damage, DamagedBlob, File};
pub use inventory::{Inventory, Tally};
pub use job::{Job, JobId, JobProgress, JobState};
pub use name::{Alias, ExternalId, Name, VersionRef};
pub use node::{Change, Draft, Millis, Node, NodeId, Patch};
pub use page::{Cursor, Order, OrderBy, Page, PageRequest, PageSize, PageToken};
pub use path::FilePath;
pub use round_trip::RoundTrip;
pub use selection::Selection;
pub use state::{ArtifactState, ExecutionState};
pub use types::{LogicalType, NodeKind};
pub use value::{Properties, Value, ValueKind};
