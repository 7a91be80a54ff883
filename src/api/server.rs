//! The server: every room's routes in one app, the listeners, and how they end.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use futures_util::future::{join_all, try_join_all};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::edge::Tls;
use super::health::{self, Draining};
use super::middleware::{self, Endpoint, Metrics};
use super::openapi::Document;
use super::{edge, extract, kubeflow, mlmd, native, openapi};
use crate::domain::{Error, Result};
use crate::registry::Registry;

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that serve HTTP, and as many that serve gRPC; 0 is one per core.
    pub workers: usize,
    /// How long requests under way may take to finish once the server is told to stop.
    pub shutdown_grace: Duration,
    /// The largest body that is read as a whole.
    pub json_limit_bytes: usize,
    /// The largest gRPC message that is read or sent.
    pub max_message_bytes: usize,
    /// How the edge registry's API answers.
    pub edge: edge::Options,
    /// What that API's listener shows for itself, where it is to speak TLS.
    pub edge_tls: Option<Tls>,
}

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For HTTP.
    pub http: Option<TcpListener>,
    /// For gRPC.
    pub grpc: Option<TcpListener>,
    /// For the edge registry's API.
    pub edge: Option<TcpListener>,
}

/// How long a client may go on sending a body that was refused, before the connection is closed under it.
const REFUSED_BODY: Duration = Duration::from_secs(30);

/// What the app is built from: for each worker, and for each test.
#[derive(Clone)]
pub struct Service {
    registry: Data<Registry>,
    metrics: Data<Metrics>,
    draining: Data<Draining>,
    json_limit_bytes: usize,
    documents: Vec<Document>,
    edge: edge::Parts,
}

impl Service {
    /// The app's parts over a registry.
    pub fn new(registry: Registry, json_limit_bytes: usize) -> Result<Self> {
        let metrics = Metrics::new()?;
        let pools = registry.clone();
        metrics.watch(
            "modelport_database_connections",
            "Connections to the database by pool and state.",
            ["pool", "state"],
            move || {
                let pools = pools.pools().into_iter();
                pools
                    .flat_map(|pool| {
                        [("idle", pool.idle), ("used", pool.open.saturating_sub(pool.idle)), ("max", pool.max)]
                            .map(|(state, count)| ([pool.name.to_owned(), state.to_owned()], f64::from(count)))
                    })
                    .collect()
            },
        )?;
        watch_collector(&metrics, &registry)?;
        let jobs = registry.clone();
        metrics.watch("modelport_jobs", "Background jobs by kind and state.", ["kind", "state"], move || {
            #[expect(clippy::cast_precision_loss, reason = "no table has that many jobs")]
            let sample = |(kind, state, count): (String, String, i64)| ([kind, state], count as f64);
            jobs.job_figures().into_iter().map(sample).collect()
        })?;
        Ok(Self {
            registry: Data::new(registry),
            metrics: Data::new(metrics),
            draining: Data::new(Draining::default()),
            json_limit_bytes,
            documents: openapi::documents()?,
            edge: edge::Parts::new()?,
        })
    }

    /// The same parts, with an edge registry's API that answers so.
    #[must_use]
    pub fn with_edge(self, options: edge::Options) -> Self {
        Self { edge: self.edge.answering(options), ..self }
    }

    /// The app that `serve` runs.
    pub fn app(&self) -> App<impl Endpoint<BoxBody> + use<>> {
        middleware::around(App::new(), self.metrics.clone())
            .app_data(self.registry.clone())
            .app_data(self.draining.clone())
            .configure(extract::configure(self.json_limit_bytes))
            .configure(routes)
            .configure(openapi::routes(&self.documents))
    }

    /// The app of the edge registry's API, which `serve` runs on a listener of its own.
    pub fn edge_app(&self) -> App<impl Endpoint<BoxBody> + use<>> {
        middleware::observed(App::new(), self.metrics.clone())
            .app_data(self.registry.clone())
            .app_data(self.draining.clone())
            .configure(edge::routes(&self.edge))
    }
}

/// What this process's turns at collecting came to.
fn watch_collector(metrics: &Metrics, registry: &Registry) -> Result<()> {
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_passes_total",
        "Passes of the collector in this process, by outcome.",
        ["outcome"],
        move || {
            let collected = own.collected();
            vec![(["done".to_owned()], collected.passes), (["failed".to_owned()], collected.failures)]
        },
    )?;
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_removed_total",
        "What the collector of this process has removed.",
        ["what"],
        move || {
            let removed = own.collected().removed;
            let counts = [
                ("abandoned_uploads", removed.abandoned_uploads),
                ("expired_uploads", removed.expired_uploads),
                ("unreferenced_blobs", removed.unreferenced_blobs),
                ("orphan_objects", removed.orphan_objects),
            ];
            counts.map(|(what, count)| ([what.to_owned()], count)).into()
        },
    )?;
    let own = registry.clone();
    metrics.count_from(
        "modelport_collector_removed_bytes_total",
        "Bytes of the blobs and orphans that the collector of this process has removed.",
        [],
        move || {
            let removed = own.collected().removed;
            vec![([], removed.unreferenced_bytes + removed.orphan_bytes)]
        },
    )
}

fn routes(service: &mut web::ServiceConfig) {
    service
        .configure(kubeflow::routes)
        .configure(native::routes)
        .service(web::resource("/health/live").route(web::get().to(health::live)))
        .service(web::resource("/health/ready").route(web::get().to(health::ready)))
        .service(web::resource("/metrics").route(web::get().to(middleware::scrape)));
}

/// Serves on the listeners until SIGTERM or SIGINT; then requests under way finish, and it returns.
///
/// `beside` is run at the same time; it is told when the server begins to stop, and ended if it has not within the grace.
pub fn run(
    listeners: Listeners,
    options: &Options,
    registry: impl Future<Output = Result<Registry>>,
    beside: impl AsyncFnOnce(Registry, watch::Receiver<bool>) + 'static,
) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let registry = registry.await?;
        // From here on a signal is heard, though nobody listens to it yet: whoever finds the server ready may stop it.
        let signals = Signals::hear().map_err(broken)?;
        let service = Service::new(registry.clone(), options.json_limit_bytes)?.with_edge(options.edge.clone());
        let http = listeners.http.map(|listener| serve_http(listener, options, service.clone())).transpose()?;
        let edge = listeners.edge.map(|listener| serve_edge(listener, options, service.clone())).transpose()?;
        let grpc = listeners.grpc.map(|listener| serve_grpc(listener, options, &service)).transpose()?;
        let (tell, told) = watch::channel(false);
        let mut beside = actix_web::rt::spawn(beside(registry, told));
        let servers: Vec<Server> = http.into_iter().chain(edge).collect();
        let handles = servers.iter().map(Server::handle).collect();
        let stopping = stop_on_signal(signals, handles, grpc, service, options.shutdown_grace, tell.clone());
        let ended = if servers.is_empty() {
            stopping.await;
            Ok(())
        } else {
            let stopping = actix_web::rt::spawn(stopping);
            match try_join_all(servers).await {
                // gRPC may need a moment more.
                Ok(_) => stopping.await.map_err(std::io::Error::other),
                Err(error) => Err(error),
            }
        };
        tell.send_replace(true);
        if actix_web::rt::time::timeout(options.shutdown_grace, &mut beside).await.is_err() {
            beside.abort();
        }
        ended.map_err(broken)
    })
}

/// How an HTTP server is run, whichever app it serves.
macro_rules! as_said {
    ($server:expr, $options:expr) => {{
        let options: &Options = $options;
        let server = $server
            .disable_signals()
            .client_disconnect_timeout(REFUSED_BODY)
            .shutdown_timeout(options.shutdown_grace.as_secs().max(1));
        if options.workers > 0 { server.workers(options.workers) } else { server }
    }};
}

fn serve_http(listener: TcpListener, options: &Options, service: Service) -> Result<Server> {
    let address = listener.local_addr().map_err(broken)?;
    let server = as_said!(HttpServer::new(move || service.app()), options);
    let running = server.listen(listener).map_err(broken)?.run();
    log::info!(version = env!("CARGO_PKG_VERSION"); "listening on http://{address}");
    Ok(running)
}

fn serve_edge(listener: TcpListener, options: &Options, service: Service) -> Result<Server> {
    let address = listener.local_addr().map_err(broken)?;
    let server = as_said!(HttpServer::new(move || service.edge_app()), options);
    let (scheme, server) = match options.edge_tls.clone() {
        Some(tls) => ("https", server.listen_rustls_0_23(listener, tls.into_config())),
        None => ("http", server.listen(listener)),
    };
    let running = server.map_err(broken)?.run();
    log::info!(version = env!("CARGO_PKG_VERSION"); "listening for the edge registry's clients on {scheme}://{address}");
    Ok(running)
}

fn serve_grpc(listener: TcpListener, options: &Options, service: &Service) -> Result<mlmd::Running> {
    let address = listener.local_addr().map_err(broken)?;
    let parts = mlmd::Parts {
        registry: service.registry.get_ref().clone(),
        metrics: service.metrics.clone().into_inner(),
        draining: service.draining.get_ref().clone(),
    };
    let options = mlmd::Options { workers: options.workers, max_message_bytes: options.max_message_bytes };
    let running = mlmd::start(listener, options, parts)?;
    log::info!(version = env!("CARGO_PKG_VERSION"); "listening for gRPC on {address}");
    Ok(running)
}

fn broken(error: std::io::Error) -> Error {
    Error::internal("the server cannot run").caused_by(error)
}

/// Turns readiness red at the first signal. gRPC stops at once: its clients are told to go elsewhere, and calls under way
/// finish. HTTP goes on while requests are under way, so that probes and balancers see it, and then stops.
async fn stop_on_signal(
    signals: Signals,
    http: Vec<ServerHandle>,
    grpc: Option<mlmd::Running>,
    service: Service,
    grace: Duration,
    tell: watch::Sender<bool>,
) {
    let signal = signals.first().await;
    log::info!(signal; "shutting down");
    service.draining.begin();
    tell.send_replace(true);
    let deadline = Instant::now() + grace;
    let stop_http = async {
        while service.metrics.in_flight() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        join_all(http.iter().map(|server| server.stop(true))).await;
    };
    let stop_grpc = async {
        if let Some(grpc) = grpc {
            grpc.stop(grace).await;
        }
    };
    tokio::join!(stop_http, stop_grpc);
}

/// The signals that end the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hear() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn first(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
