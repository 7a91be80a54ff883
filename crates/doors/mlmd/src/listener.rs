//! The gRPC server: ML Metadata's service with health and reflection, on a runtime of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tonic_web::GrpcWebLayer;

use super::connection::connections;
use super::exchange::Measure;
use super::health::Health;
use super::layer::Layered;
use super::pb::metadata_store_service_server::MetadataStoreServiceServer;
use super::request_buffer::RequestBuffer;
use super::routes::Routes;
use super::same_origin::SameOrigin;
use super::{DESCRIPTORS, Service};
use crate::domain::{Error, Result};
use crate::http::authentication::Authentication;
use crate::http::health::Draining;
use crate::http::hosts::Hosts;
use crate::http::middleware::Metrics;
use crate::http::tls::Tls;
use crate::memory::Memory;
use crate::registry::Registry;

/// The interval of HTTP/2 keepalive pings, and the time that a client has to answer one.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// The HTTP/2 flow-control windows of a call and of a connection: the memory of a connection whose calls wait.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// The maximum number of concurrent calls of a connection.
const MAX_STREAMS: u32 = 100;

/// The maximum size of a message to health or reflection.
const MAX_SMALL_MESSAGE_BYTES: usize = 64 * 1024;

/// How the gRPC server is run.
#[derive(Debug, Clone, Copy)]
pub struct GrpcOptions {
    /// Threads that serve it; 0 is one per core.
    pub workers: usize,
    /// The largest message that is read or sent.
    pub max_message_bytes: usize,
}

/// What it serves, and what it shares with the HTTP server.
pub struct GrpcParts {
    /// The registry.
    pub registry: Registry,
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
    /// Whether the server is shutting down.
    pub draining: Draining,
    /// The names of the server.
    pub hosts: Hosts,
    /// What messages may take.
    pub memory: Memory,
    /// How callers say who they are.
    pub authentication: Authentication,
    /// Whose calls these are where a client presents nothing.
    pub principal: Option<String>,
    /// The TLS of the listener, if it uses TLS.
    pub tls: Option<Tls>,
}

/// A running gRPC server. Dropping it breaks its connections off.
pub struct RunningGrpcServer {
    _runtime: Owned,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::result::Result<(), tonic::transport::Error>>,
}

/// A runtime that may be dropped inside another one.
struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Serves on the listener until it is told to stop.
pub fn start(listener: TcpListener, options: GrpcOptions, parts: GrpcParts) -> Result<RunningGrpcServer> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().thread_name("grpc");
    if options.workers > 0 {
        runtime.worker_threads(options.workers);
    }
    let runtime = runtime.build().map_err(cannot_run)?;
    let routes = Arc::new(Routes::new()?);
    let service =
        MetadataStoreServiceServer::new(Service::new(parts.registry.clone(), parts.authentication, parts.principal))
            .max_decoding_message_size(options.max_message_bytes)
            .max_encoding_message_size(options.max_message_bytes);
    let health = HealthServer::new(Health { registry: parts.registry, draining: parts.draining });
    let health = health.max_decoding_message_size(MAX_SMALL_MESSAGE_BYTES);
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .max_concurrent_streams(Some(MAX_STREAMS))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // For browsers, which cannot speak gRPC proper. Outside of the measurement, which so sees every status.
        .accept_http1(true)
        .layer(GrpcWebLayer::new())
        .layer(Layered(Measure { metrics: parts.metrics, routes }))
        .layer(Layered(SameOrigin(parts.hosts)))
        .layer(Layered(RequestBuffer { memory: parts.memory, max_message_bytes: options.max_message_bytes }))
        .add_service(service)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(cannot_run)?.max_decoding_message_size(MAX_SMALL_MESSAGE_BYTES))
        .add_service(
            reflection().build_v1alpha().map_err(cannot_run)?.max_decoding_message_size(MAX_SMALL_MESSAGE_BYTES),
        );
    let incoming = {
        let _inside = runtime.enter();
        listener.set_nonblocking(true).map_err(cannot_run)?;
        TcpIncoming::from(tokio::net::TcpListener::from_std(listener).map_err(cannot_run)?).with_nodelay(Some(true))
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = runtime.spawn(router.serve_with_incoming_shutdown(connections(incoming, parts.tls), async {
        // Stopped, or dropped: both end the server.
        let _ = stopped.await;
    }));
    Ok(RunningGrpcServer { _runtime: Owned(Some(runtime)), stop, ended })
}

fn reflection() -> Reflection<'static> {
    Reflection::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

impl RunningGrpcServer {
    /// Accepts no more calls, waits up to `grace` for those in progress, and stops.
    pub async fn stop(self, grace: Duration) {
        // It fails only if the server has stopped already.
        let _ = self.stop.send(());
        match tokio::time::timeout(grace, self.ended).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => log::error!("the gRPC server ended with an error: {error}"),
            Ok(Err(error)) => log::error!("the gRPC server broke: {error}"),
            Err(_) => log::warn!("gRPC calls were aborted at the end of the grace period"),
        }
    }
}

fn cannot_run(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("the gRPC server cannot run").caused_by(error)
}
