//! The registry's use cases over SQLite and PostgreSQL, with the bytes in a folder or in a bucket.

mod accounts;
mod collector;
mod concatenation;
mod concurrency;
mod deletion;
mod entities;
mod eval_datasets;
mod files;
mod graph;
mod history;
mod imports;
mod inspection;
mod inventory;
mod jobs;
mod logged_models;
mod multipart;
mod numbered;
mod outcomes;
mod resumable;
mod run_files;
mod s3;
mod store_id;
mod traces;
mod tracking;
mod unpack;
mod uploads;
mod verify;
mod versions;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use modelport::blobs::{Blobs, BlobsConfig, Location};
use modelport::domain::access::Access;
use modelport::domain::{
    Actor, Draft, Error, File, LogicalType, Node, NodeId, PageRequest, PageSize, PageToken, Result, Sha256,
};
use modelport::registry::inspection::ServedFile;
use modelport::registry::policy::Policy;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::{PutFile, PutResult};
use modelport::registry::{Registry, RegistryOptions, RequestContext, wall_clock};
use modelport::store::Store;
use sha2::Digest as _;
use tempfile::TempDir;

use crate::support::{Backend, Database};

const HOUR: Duration = Duration::from_secs(3600);

/// A registry over stores of its own, with a clock that the test moves.
struct Scene {
    registry: Registry,
    /// The context of every request.
    context: RequestContext,
    store: Store,
    blobs: Blobs,
    clock: Arc<AtomicI64>,
    database: Database,
    _folder: TempDir,
}

impl Scene {
    async fn new(backend: Backend) -> Self {
        Self::limited(backend, None).await
    }

    async fn limited(backend: Backend, max_file_bytes: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = BlobsConfig { location: Location::Local(folder.path().to_owned()), create_bucket: false };
        Self::over(backend, folder, &config, max_file_bytes).await
    }

    async fn over(backend: Backend, folder: TempDir, config: &BlobsConfig, max_file_bytes: Option<u64>) -> Self {
        let blobs = Blobs::open(config).await.unwrap();
        let database = Database::new(backend);
        let store = database.open();
        let clock = Arc::new(AtomicI64::new(wall_clock()()));
        let reading = Arc::clone(&clock);
        let tell = Arc::new(move || reading.load(Ordering::SeqCst));
        let policy = Policy { max_file_bytes, ..Policy::default() };
        let public_url = "http://registry".to_owned();
        let options = RegistryOptions { clock: tell, public_url, policy, ..RegistryOptions::default() };
        let registry = Registry::new(store.clone(), blobs.clone(), options);
        let context = registry.context(actor(), Access::unrestricted());
        Self { registry, context, store, blobs, clock, database, _folder: folder }
    }

    /// Moves the clock.
    fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    async fn named(&self, logical: LogicalType, home: Option<NodeId>, name: &str) -> Result<Node> {
        self.registry.entities.create(&self.context, logical, home, Draft::named(name.parse().unwrap())).await
    }

    async fn model(&self, name: &str) -> Node {
        self.named(LogicalType::RegisteredModel, None, name).await.unwrap()
    }

    async fn version(&self, model: &Node, name: &str) -> Node {
        self.named(LogicalType::ModelVersion, Some(model.id), name).await.unwrap()
    }

    async fn put(&self, put: PutFile, bytes: &'static str) -> Result<PutResult> {
        self.registry.files.put_file(&self.context, put, body(bytes)).await
    }

    /// The file as one that its reader may have, quarantined or not.
    async fn served(&self, file: &File) -> ServedFile {
        let target = Target::Artifact(file.node_id);
        self.registry.files.get_served_file(&self.context, &target, &file.path, true).await.unwrap()
    }

    async fn read(&self, file: &File) -> Vec<u8> {
        let file = self.served(file).await;
        let chunks: Vec<Bytes> =
            self.registry.files.open_file(&self.context, &file, None).await.unwrap().try_collect().await.unwrap();
        chunks.concat()
    }

    /// The keys of all objects, and of unfinished uploads where the store lists them.
    async fn objects(&self) -> Vec<String> {
        let page = self.blobs.list(None, 1000).await.unwrap();
        page.entries.into_iter().map(|entry| entry.key.to_string()).collect()
    }

    fn count(&self, table: &str) -> i64 {
        let lines = self.database.lines(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}"));
        lines[0].parse().unwrap()
    }

    /// Asserts how many there are of what an upload makes.
    async fn holds(&self, files: i64, blobs: i64, objects: usize) {
        let found = (self.count("files"), self.count("blobs"), self.objects().await.len(), self.count("uploads"));
        assert_eq!(found, (files, blobs, objects, 0), "files, blobs, objects, uploads");
    }
}

fn actor() -> Actor {
    Actor::anonymous("request")
}

fn body(bytes: &'static str) -> BoxStream<'static, Result<Bytes>> {
    stream::iter([Ok::<_, Error>(Bytes::from_static(bytes.as_bytes()))]).boxed()
}

/// A file of a version, made with its parents where they are missing.
fn file(model: &str, version: &str, path: &str) -> PutFile {
    PutFile {
        target: Target::Version { model: model.parse().unwrap(), version: version.parse().unwrap() },
        path: path.parse().unwrap(),
        media_type: None,
        length: None,
        sha256: None,
        precondition: Precondition::None,
        create: true,
    }
}

fn digest(bytes: &str) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// The page of that size after the token.
fn cut(size: Option<PageSize>, token: Option<PageToken>) -> PageRequest {
    PageRequest { size, token, with_total: false }
}
