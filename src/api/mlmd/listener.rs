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

use super::exchange::MeasureLayer;
use super::health::Health;
use super::pb::metadata_store_service_server::MetadataStoreServiceServer;
use super::routes::Routes;
use super::{DESCRIPTORS, Service};
use crate::api::health::Draining;
use crate::api::middleware::Metrics;
use crate::domain::{Error, Result};
use crate::registry::Registry;

/// How often a silent connection is asked whether its client is still there, and how long the answer may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// How many bytes a client may send ahead, in one call and in all of a connection's: enough to fill a fast network.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// How the gRPC server is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that serve it; 0 is one per core.
    pub workers: usize,
    /// The largest message that is read or sent.
    pub max_message_bytes: usize,
}

/// What it serves, and what it shares with the HTTP server.
pub struct Parts {
    /// The registry.
    pub registry: Registry,
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
    /// Whether the server is shutting down.
    pub draining: Draining,
}

/// A running gRPC server. Dropping it breaks its connections off.
pub struct Running {
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
pub fn start(listener: TcpListener, options: Options, parts: Parts) -> Result<Running> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().thread_name("grpc");
    if options.workers > 0 {
        runtime.worker_threads(options.workers);
    }
    let runtime = runtime.build().map_err(broken)?;
    let routes = Arc::new(Routes::new()?);
    let service = MetadataStoreServiceServer::new(Service::new(parts.registry.clone()))
        .max_decoding_message_size(options.max_message_bytes)
        .max_encoding_message_size(options.max_message_bytes);
    let health = HealthServer::new(Health { registry: parts.registry, draining: parts.draining });
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // For browsers, which cannot speak gRPC proper. Outside of the measurement, which so sees every status.
        .accept_http1(true)
        .layer(GrpcWebLayer::new())
        .layer(MeasureLayer { metrics: parts.metrics, routes })
        .add_service(service)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(broken)?)
        .add_service(reflection().build_v1alpha().map_err(broken)?);
    let incoming = {
        let _inside = runtime.enter();
        listener.set_nonblocking(true).map_err(broken)?;
        TcpIncoming::from(tokio::net::TcpListener::from_std(listener).map_err(broken)?).with_nodelay(Some(true))
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = runtime.spawn(router.serve_with_incoming_shutdown(incoming, async {
        // Told, or forgotten: either way there is nobody left to serve for.
        let _ = stopped.await;
    }));
    Ok(Running { _runtime: Owned(Some(runtime)), stop, ended })
}

fn reflection() -> Reflection<'static> {
    Reflection::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

impl Running {
    /// Takes no more calls, lets those under way finish for as long as `grace`, and ends.
    pub async fn stop(self, grace: Duration) {
        // It fails only where the server has ended by itself.
        let _ = self.stop.send(());
        match tokio::time::timeout(grace, self.ended).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => log::error!("the gRPC server ended with an error: {error}"),
            Ok(Err(error)) => log::error!("the gRPC server broke: {error}"),
            Err(_) => log::warn!("gRPC calls were broken off at the end of the grace period"),
        }
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("the gRPC server cannot run").caused_by(error)
}
