//! The app under test: a registry of its own over a database and a folder, a clock that the test moves.

use std::error::Error;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::{Service as _, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service, read_body};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use modelport::api::http::authentication::{Authentication, Credentials};
use modelport::api::http::hosts::Hosts;
use modelport::api::mlflow::Pages;
use modelport::api::server::Service;
use modelport::blobs::{Blobs, BlobsConfig, Location};
use modelport::domain::Actor;
use modelport::domain::access::Access;
use modelport::domain::job::JobEnd;
use modelport::registry::access::Bootstrap;
use modelport::registry::inspection::REEVALUATE_MODEL;
use modelport::registry::jobs::{RunningJob, Stopping};
use modelport::registry::policy::Policy;
use modelport::registry::{Registry, RegistryOptions};
use modelport::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Backend, Database};

pub use super::answer::Answer;

/// What file URLs begin with.
pub const PUBLIC_URL: &str = "https://models.example";

/// Other names that the server goes by.
const NAMES: [&str; 4] = ["models.example.org", "one.example", "two.example", "three.example"];

/// The clock at the first request.
const EPOCH: i64 = 1_700_000_000_000;

/// What the test calls each request.
pub(super) const REQUEST_ID: &str = "test";

/// How far each request moves the clock.
const TICK: i64 = 1000;

type Call = Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, actix_web::Error>>>;

/// The app that `serve` runs, in this process.
pub struct TestApp {
    /// What the app is built from, for a server that listens.
    pub service: Service,
    call: Call,
    edge: Call,
    folder: TempDir,
    clock: Arc<AtomicI64>,
    tick: AtomicI64,
    database: Database,
    registry: Registry,
}

impl TestApp {
    /// On SQLite and local files, with limits that no ordinary test meets.
    pub async fn new() -> Self {
        Self::build(Backend::Sqlite, 1024 * 1024, None, |options| options).await
    }

    /// Whose URLs begin with what each request is addressed to.
    pub async fn following_hosts() -> Self {
        Self::build(Backend::Sqlite, 1024 * 1024, None, |options| RegistryOptions {
            follows_hosts: Some(8080),
            ..options
        })
        .await
    }

    /// On that database.
    pub async fn on(backend: Backend) -> Self {
        Self::build(backend, 1024 * 1024, None, |options| options).await
    }

    /// With these limits on a JSON body and on a file.
    pub async fn with_limits(json_bytes: usize, file_bytes: u64) -> Self {
        Self::build(Backend::Sqlite, json_bytes, Some(file_bytes), |options| options).await
    }

    /// With MLflow's own pages, from that folder.
    pub async fn with_mlflow_pages(folder: &Path) -> Self {
        let app = Self::new().await;
        let service = app.service.clone().with_mlflow_pages(Pages::in_folder(folder).unwrap());
        let built = init_service(service.app()).await;
        let call: Call = Box::new(move |request| Box::pin(built.call(request.to_request())));
        Self { service, call, ..app }
    }

    /// Whose callers have to say who they are; with the text of a token of an administrator.
    pub async fn with_accounts() -> (Self, String) {
        let authentication = Authentication::by(Credentials::default());
        let app = Self::build_for(authentication, Backend::Sqlite, 1024 * 1024, None, |options| options).await;
        match app.registry.accounts.bootstrap(&app.registry.own_context(), None).await.unwrap() {
            Bootstrap::Made(token) => (app, token.expose().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    async fn build(
        backend: Backend,
        json_limit_bytes: usize,
        max_file_bytes: Option<u64>,
        set_up: fn(RegistryOptions) -> RegistryOptions,
    ) -> Self {
        Self::build_for(Authentication::default(), backend, json_limit_bytes, max_file_bytes, set_up).await
    }

    async fn build_for(
        authentication: Authentication,
        backend: Backend,
        json_limit_bytes: usize,
        max_file_bytes: Option<u64>,
        set_up: fn(RegistryOptions) -> RegistryOptions,
    ) -> Self {
        let database = Database::new(backend);
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Local(folder.path().to_owned());
        let blobs = Blobs::open(&BlobsConfig { location, create_bucket: false }).await.unwrap();
        let clock = Arc::new(AtomicI64::new(EPOCH));
        let shown = clock.clone();
        let clock_of_registry = Arc::new(move || shown.load(Ordering::SeqCst));
        let policy = Policy { max_file_bytes, ..Policy::default() };
        let public_url = PUBLIC_URL.to_owned();
        let options = RegistryOptions { clock: clock_of_registry, public_url, policy, ..RegistryOptions::default() };
        let registry = Registry::new(database.open(), blobs, set_up(options));
        let names = NAMES.map(str::to_owned);
        let service = Service::new(registry.clone(), json_limit_bytes)
            .unwrap()
            .with_hosts(Hosts::new(PUBLIC_URL, &names))
            .with_authentication(authentication);
        let app = init_service(service.app()).await;
        let edge = init_service(service.edge_app()).await;
        Self {
            service,
            call: Box::new(move |request| Box::pin(app.call(request.to_request()))),
            edge: Box::new(move |request| Box::pin(edge.call(request.to_request()))),
            folder,
            clock,
            tick: AtomicI64::new(TICK),
            database,
            registry,
        }
    }

    /// The registry under the app.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Evaluates the files of the model whose policy was set, as a runner does.
    pub async fn run_policy_job(&self) {
        let lease = std::time::Duration::from_secs(60);
        let job = self
            .registry
            .jobs
            .claim_job(
                &self.registry.context(Actor::anonymous("test"), Access::unrestricted()),
                REEVALUATE_MODEL,
                "test",
                lease,
                3,
            )
            .await
            .unwrap()
            .unwrap();
        let running = RunningJob::new(self.registry.clone(), self.registry.own_context(), job, Stopping::never());
        let result = self.registry.inspections.reevaluate_model(&running.context, running.clone()).await.unwrap();
        assert!(
            self.registry
                .jobs
                .finish_job(
                    &self.registry.context(Actor::anonymous("test"), Access::unrestricted()),
                    &running,
                    "test",
                    JobEnd::Succeeded(result)
                )
                .await
                .unwrap()
        );
    }

    /// From now on everything happens in the same millisecond.
    pub fn stop_clock(&self) {
        self.tick.store(0, Ordering::SeqCst);
    }

    /// Lets that many milliseconds pass.
    pub fn advance(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    /// Runs SQL on the database, for what no protocol writes yet.
    pub fn sql(&self, sql: &str) {
        self.database.execute(sql);
    }

    /// The result of a query, whose one column is the text `line`.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        self.database.lines(sql)
    }

    /// The database's store, to fill it quicker than a protocol does.
    pub fn store(&self) -> Store {
        self.database.open()
    }

    /// Asks for a path, and returns its body unread.
    pub async fn open(&self, path: &str) -> Unread {
        let response = (self.call)(TestRequest::get().uri(path)).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Unread(Box::pin(response.into_body()))
    }

    /// Sends a request, and reads its answer to the end. Errors are rendered as the server does.
    pub async fn send(&self, request: TestRequest) -> Answer {
        self.answer(&self.call, request).await
    }

    /// Sends a request to the edge registry's API.
    pub async fn send_edge(&self, request: TestRequest) -> Answer {
        self.answer(&self.edge, request).await
    }

    /// How many files the store has, those of unfinished uploads included.
    pub fn objects(&self) -> usize {
        fn below(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { below(&path) } else { 1 }).sum()
        }
        below(self.folder.path())
    }

    /// Removes whatever the store has, behind the server's back.
    pub fn lose_objects(&self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
        }
    }

    /// Removes the store itself.
    pub fn remove_store(&self) {
        std::fs::remove_dir_all(self.folder.path()).unwrap();
    }

    async fn answer(&self, call: &Call, request: TestRequest) -> Answer {
        self.clock.fetch_add(self.tick.load(Ordering::SeqCst), Ordering::SeqCst);
        match call(request.insert_header(("X-Request-Id", REQUEST_ID))).await {
            Ok(response) => {
                let size = response.response().body().size();
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Answer { status, headers, size: format!("{size:?}"), body: read_body(response).await }.with_known_id()
            }
            Err(error) => {
                let response = error.error_response();
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
                Answer { status, headers, size: format!("Sized({})", body.len()), body }.with_known_id()
            }
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(TestRequest::delete().uri(path)).await
    }

    /// Sends bytes without a media type.
    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(TestRequest::put().uri(path).set_payload(body)).await
    }

    /// Sends JSON.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(request(method, path).set_json(body)).await
    }
}

/// A body of which the test takes one chunk at a time.
pub struct Unread(Pin<Box<BoxBody>>);

impl Unread {
    pub fn size(&self) -> BodySize {
        self.0.size()
    }

    pub async fn next(&mut self) -> Option<Result<Bytes, Box<dyn Error>>> {
        poll_fn(|context| self.0.as_mut().poll_next(context)).await
    }
}

/// A request without a body.
pub fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::default().method(method).uri(path)
}
