//! The store: each sentence of its documentation, on SQLite and on PostgreSQL.

mod access;
mod aliases;
mod audit;
mod blobs;
mod bulk;
mod capacity;
mod changes;
mod changing;
mod deadlines;
mod faults;
mod files;
mod filtered_lists;
mod histories;
mod introspection;
mod lists;
mod migrations;
mod mlmd_filters;
mod nodes;
mod schema;
mod series;
pub(crate) mod statements;
mod tracking_search;
mod transactions;
mod types;
mod uploads;
mod values;

use modelport::domain::{Blob, Draft, File, FilePath, LogicalType, Millis, Node, NodeId, Result};
use modelport::store::{Store, nodes as node_rows};

use crate::support::{Backend, Database};

/// An open store over a database of its own.
struct Scene {
    store: Store,
    database: Database,
}

impl Scene {
    fn new(backend: Backend) -> Self {
        Self::with_pool(backend, 4)
    }

    fn with_pool(backend: Backend, size: u32) -> Self {
        let database = Database::new(backend);
        Self { store: database.open_with(size), database }
    }

    async fn insert(&self, logical: LogicalType, home: Option<NodeId>, draft: Draft, now: Millis) -> Result<Node> {
        self.store.write(move |tx| node_rows::insert(tx, logical, home, &draft, now)).await
    }

    async fn named(&self, logical: LogicalType, home: Option<NodeId>, name: &str) -> Result<Node> {
        self.insert(logical, home, Draft::named(name.parse().unwrap()), 1).await
    }

    async fn model(&self, name: &str) -> Node {
        self.named(LogicalType::RegisteredModel, None, name).await.unwrap()
    }

    async fn version(&self, model: &Node, name: &str) -> Node {
        self.named(LogicalType::ModelVersion, Some(model.id), name).await.unwrap()
    }

    async fn artifact(&self, version: &Node, name: &str) -> Node {
        self.named(LogicalType::ModelArtifact, Some(version.id), name).await.unwrap()
    }

    async fn find(&self, id: NodeId) -> Option<Node> {
        self.store.read(move |tx| node_rows::find(tx, id)).await.unwrap()
    }

    /// How many rows a table has.
    fn count(&self, table: &str) -> i64 {
        let lines = self.database.lines(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}"));
        lines[0].parse().unwrap()
    }
}

/// A file that is plain text.
fn text_file(node_id: NodeId, path: FilePath, blob: Blob, created_at: Millis) -> File {
    File { node_id, path, media_type: "text/plain".to_owned(), created_at, quarantine: None, blob }
}
