//! ML Metadata's service behind its real listener. Calls are made as browsers make them, over gRPC-web; the stock client
//! makes its own in the acceptance tests.

mod door;
mod edges;
mod joining;
mod lineage;
mod lists;
mod nodes;
mod trained;
mod types;
mod users_types;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use modelport::api::http::authentication::Authentication;
use modelport::api::http::health::Draining;
use modelport::api::http::hosts::Hosts;
use modelport::api::http::middleware::Metrics;
use modelport::api::mlmd::{self, pb};
use modelport::blobs::{Blobs, BlobsConfig, Location};
use modelport::domain::LogicalType;
use modelport::memory::Memory;
use modelport::registry::{Registry, RegistryOptions};
use prost::Message;
use reqwest::header::HeaderMap;
use tempfile::TempDir;

use crate::support::{Backend, Database};

const SERVICE: &str = "ml_metadata.MetadataStoreService";
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A gRPC server over a registry of its own.
struct Door {
    running: mlmd::RunningGrpcServer,
    registry: Registry,
    metrics: Arc<Metrics>,
    draining: Draining,
    http: reqwest::Client,
    url: String,
    _database: Database,
    _folder: TempDir,
}

/// An answer's status.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: i32,
    message: String,
}

const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const ALREADY_EXISTS: i32 = 6;
const PERMISSION_DENIED: i32 = 7;
const FAILED_PRECONDITION: i32 = 9;
const OUT_OF_RANGE: i32 = 11;
const UNIMPLEMENTED: i32 = 12;

impl Door {
    async fn new(backend: Backend) -> Self {
        Self::over(backend, |options| options).await
    }

    /// Over a registry that is set up so.
    async fn over(backend: Backend, set_up: fn(RegistryOptions) -> RegistryOptions) -> Self {
        let (database, folder) = (Database::new(backend), tempfile::tempdir().unwrap());
        let location = Location::Local(folder.path().to_owned());
        let blobs = Blobs::open(&BlobsConfig { location, create_bucket: false }).await.unwrap();
        let options = RegistryOptions { public_url: "https://models.example".to_owned(), ..RegistryOptions::default() };
        let registry = Registry::new(database.open(), blobs, set_up(options));
        let (metrics, draining) = (Arc::new(Metrics::new().unwrap()), Draining::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (counted, hosts, memory) = (metrics.clone(), Hosts::default(), Memory::default());
        let parts = mlmd::GrpcParts {
            registry: registry.clone(),
            metrics: counted,
            draining: draining.clone(),
            hosts,
            memory,
            authentication: Authentication::default(),
            principal: None,
            tls: None,
        };
        let options = mlmd::GrpcOptions { workers: 2, max_message_bytes: MAX_MESSAGE_BYTES };
        let running = mlmd::start(listener, options, parts).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { running, registry, metrics, draining, http, url, _database: database, _folder: folder }
    }

    /// The answer to a call of the service.
    async fn call<T: Message + Default>(&self, name: &str, request: impl Message) -> Result<T, Refusal> {
        let (message, _) = self.raw(&format!("{SERVICE}/{name}"), &request.encode_to_vec()).await?;
        Ok(T::decode(message.as_slice()).unwrap())
    }

    /// The status of a call that is refused.
    async fn refusal(&self, name: &str, request: impl Message) -> Refusal {
        match self.raw(&format!("{SERVICE}/{name}"), &request.encode_to_vec()).await {
            Ok(_) => panic!("{name} succeeds"),
            Err(refusal) => refusal,
        }
    }

    /// The message and the headers that answer a call with these bytes.
    async fn raw(&self, path: &str, message: &[u8]) -> Result<(Vec<u8>, HeaderMap), Refusal> {
        self.raw_with(path, message, &[]).await
    }

    /// The same of a call with these headers besides.
    async fn raw_with(
        &self,
        path: &str,
        message: &[u8],
        headers: &[(&'static str, &str)],
    ) -> Result<(Vec<u8>, HeaderMap), Refusal> {
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(message);
        let request = self.http.post(format!("{}/{path}", self.url)).body(body);
        let request = request.header("content-type", "application/grpc-web+proto").header("x-request-id", "r-1");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.timeout(Duration::from_secs(60)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let headers = answer.headers().clone();
        assert!(uuid::Uuid::try_parse(headers["x-request-id"].to_str().unwrap()).is_ok());
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        if let Some(code) = text("grpc-status") {
            refuse(&code, &text("grpc-message").unwrap_or_default())?;
        }
        let (mut message, mut rest) = (Vec::new(), answer.bytes().await.unwrap());
        while !rest.is_empty() {
            let (flag, length) = (rest[0], u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize);
            let frame = rest.split_to(5 + length).split_off(5);
            if flag == 0 {
                message = frame.to_vec();
                continue;
            }
            let trailers = String::from_utf8(frame.to_vec()).unwrap();
            let trailer =
                |name: &str| trailers.lines().find_map(|line| line.split_once(':').filter(|(key, _)| *key == name));
            let (_, code) = trailer("grpc-status").unwrap();
            refuse(code.trim(), trailer("grpc-message").map_or("", |(_, text)| text.trim()))?;
        }
        Ok((message, headers))
    }

    /// The id of a type with an `int` property `i` and a `string` property `s`.
    async fn artifact_type(&self, name: &str) -> i64 {
        let artifact_type = pb::ArtifactType {
            name: Some(name.to_owned()),
            properties: [("i".to_owned(), 1), ("s".to_owned(), 3)].into(),
            ..Default::default()
        };
        let request = pb::PutArtifactTypeRequest { artifact_type: Some(artifact_type), ..Default::default() };
        self.call::<pb::PutArtifactTypeResponse>("PutArtifactType", request).await.unwrap().type_id()
    }

    async fn execution_type(&self, name: &str) -> i64 {
        let execution_type = pb::ExecutionType { name: Some(name.to_owned()), ..Default::default() };
        let request = pb::PutExecutionTypeRequest { execution_type: Some(execution_type), ..Default::default() };
        self.call::<pb::PutExecutionTypeResponse>("PutExecutionType", request).await.unwrap().type_id()
    }

    async fn context_type(&self, name: &str) -> i64 {
        let context_type = pb::ContextType { name: Some(name.to_owned()), ..Default::default() };
        let request = pb::PutContextTypeRequest { context_type: Some(context_type), ..Default::default() };
        self.call::<pb::PutContextTypeResponse>("PutContextType", request).await.unwrap().type_id()
    }

    /// The version `1` of a new model of that name.
    async fn version(&self, model: &str) -> i64 {
        let model = self.context(LogicalType::RegisteredModel, model, &[]).await;
        self.context(LogicalType::ModelVersion, &format!("{model}:1"), &[]).await
    }

    async fn put(&self, artifacts: Vec<pb::Artifact>) -> Result<Vec<i64>, Refusal> {
        let request = pb::PutArtifactsRequest { artifacts, ..Default::default() };
        Ok(self.call::<pb::PutArtifactsResponse>("PutArtifacts", request).await?.artifact_ids)
    }

    async fn get(&self, ids: &[i64]) -> Vec<pb::Artifact> {
        let request = pb::GetArtifactsByIdRequest { artifact_ids: ids.to_vec(), ..Default::default() };
        self.call::<pb::GetArtifactsByIdResponse>("GetArtifactsByID", request).await.unwrap().artifacts
    }
}

fn refuse(code: &str, message: &str) -> Result<(), Refusal> {
    match code.parse().unwrap() {
        0 => Ok(()),
        code => {
            let message = percent_encoding::percent_decode_str(message).decode_utf8().unwrap().into_owned();
            Err(Refusal { code, message })
        }
    }
}

fn value(value: pb::value::Value) -> pb::Value {
    pb::Value { value: Some(value) }
}

fn int(number: i64) -> pb::Value {
    value(pb::value::Value::IntValue(number))
}

fn artifact(type_id: i64, name: &str) -> pb::Artifact {
    pb::Artifact { type_id: Some(type_id), name: Some(name.to_owned()), ..Default::default() }
}
