//! The server: every room's routes in one app, the listeners, and how they end.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::App;
use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::{self, Data};
use futures_util::future::{join_all, try_join_all};
use serde_json::Value as Json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::http::authentication::Authentication;
use super::http::door::{Door, Doors};
use super::http::extract;
use super::http::health::{self, Draining};
use super::http::hosts::Hosts;
use super::http::listener::{self, ListenerOptions};
use super::http::middleware::{self, Endpoint, ListenerAuthentication, Metrics, Shared};
use super::http::tls::Tls;
use super::openapi::ServedDocument;
use super::{doors, edge, mlflow, mlmd, native, openapi, registry_metrics, static_files};
use crate::domain::{Error, Result};
use crate::memory::Memory;
use crate::registry::Registry;

/// The options of the server.
#[derive(Clone)]
pub struct ServerOptions {
    /// Threads that serve HTTP, and as many that serve gRPC; 0 is one per core.
    pub workers: usize,
    /// How long requests under way may take to finish once the server is told to stop.
    pub shutdown_grace: Duration,
    /// The largest body that is read as a whole.
    pub json_limit_bytes: usize,
    /// The largest gRPC message that is read or sent.
    pub max_message_bytes: usize,
    /// The names of the server.
    pub hosts: Hosts,
    /// The memory of bodies and messages.
    pub memory: Memory,
    /// How callers say who they are.
    pub authentication: Authentication,
    /// Whose calls those are to gRPC that present nothing.
    pub grpc_principal: Option<String>,
    /// The options of the edge registry's API.
    pub edge: edge::EdgeOptions,
    /// The files of MLflow's own UI.
    pub mlflow_pages: mlflow::Pages,
    /// The TLS of the listeners.
    pub tls: ListenersTls,
    /// The settings in force without their secrets, for those who administer the registry.
    pub settings: Json,
}

/// The TLS of those listeners that use TLS.
#[derive(Debug, Clone, Default)]
pub struct ListenersTls {
    /// For HTTP.
    pub http: Option<Tls>,
    /// For gRPC.
    pub grpc: Option<Tls>,
    /// For the edge registry's API.
    pub edge: Option<Tls>,
}

impl ListenersTls {
    fn watch(&self) {
        for tls in [&self.http, &self.grpc, &self.edge].into_iter().flatten() {
            actix_web::rt::spawn(tls.watcher().run());
        }
    }
}

/// What URLs of a listener begin with.
fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// The APIs of these listeners.
fn open_doors(listeners: &Listeners, tls: &ListenersTls) -> Result<Vec<native::OpenDoor>> {
    let bound = |listener: Option<&TcpListener>| {
        let address = listener.map(TcpListener::local_addr).transpose().map_err(cannot_run)?;
        Ok::<_, Error>(address.map(|address| address.to_string()))
    };
    let mut open = Vec::new();
    if let Some(address) = bound(listeners.http.as_ref())? {
        open.extend(doors_of(doors::HTTP, Some(address), tls.http.is_some()));
    }
    if let Some(address) = bound(listeners.edge.as_ref())? {
        open.extend(doors_of(doors::EDGE, Some(address), tls.edge.is_some()));
    }
    if let Some(address) = bound(listeners.grpc.as_ref())? {
        let (name, tls) = ("ML Metadata", tls.grpc.is_some());
        open.push(native::OpenDoor { name, protocol: "grpc", address: Some(address), tls });
    }
    Ok(open)
}

/// The APIs of one of HTTP.
fn doors_of(doors: Doors, address: Option<String>, tls: bool) -> impl Iterator<Item = native::OpenDoor> {
    let open = move |door: &Door| native::OpenDoor { name: door.name, protocol: "http", address: address.clone(), tls };
    doors.iter().map(open)
}

/// The listeners of the server.
#[derive(Debug)]
pub struct Listeners {
    /// For HTTP.
    pub http: Option<TcpListener>,
    /// For gRPC.
    pub grpc: Option<TcpListener>,
    /// For the edge registry's API.
    pub edge: Option<TcpListener>,
}

/// The state from which each worker and each test builds the app.
#[derive(Clone)]
pub struct Service {
    registry: Data<Registry>,
    metrics: Data<Metrics>,
    draining: Data<Draining>,
    json_limit_bytes: usize,
    documents: Vec<ServedDocument>,
    edge: edge::EdgeParts,
    mlflow_pages: Data<mlflow::Pages>,
    hosts: Hosts,
    memory: Memory,
    authentication: Authentication,
    facts: Data<native::ServerFacts>,
}

impl Service {
    /// The app's parts over a registry.
    pub fn new(registry: Registry, json_limit_bytes: usize) -> Result<Self> {
        let metrics = Metrics::new()?;
        registry_metrics::register(&metrics, &registry)?;
        let public_url = registry.public_url().map(ToOwned::to_owned);
        Ok(Self {
            registry: Data::new(registry),
            metrics: Data::new(metrics),
            draining: Data::new(Draining::default()),
            json_limit_bytes,
            documents: openapi::served(doors::HTTP, public_url.as_deref())?,
            edge: edge::EdgeParts::new()?,
            mlflow_pages: Data::default(),
            hosts: Hosts::default(),
            memory: Memory::default(),
            authentication: Authentication::default(),
            facts: Data::new(native::ServerFacts {
                version: env!("CARGO_PKG_VERSION"),
                started: Instant::now(),
                doors: doors_of(doors::HTTP, None, false).collect(),
                max_body_bytes: json_limit_bytes,
                settings: Json::Object(serde_json::Map::new()),
            }),
        })
    }

    /// The same parts, of a server that has these settings and speaks these APIs.
    #[must_use]
    pub fn with_facts(self, settings: Json, doors: Vec<native::OpenDoor>) -> Self {
        let facts = native::ServerFacts { settings, doors, ..self.facts.get_ref().clone() };
        Self { facts: Data::new(facts), ..self }
    }

    /// The same parts, with an edge registry's API that answers so.
    #[must_use]
    pub fn with_edge(self, options: edge::EdgeOptions) -> Self {
        Self { edge: self.edge.with_options(options), ..self }
    }

    /// The same parts, with MLflow's own UI from there.
    #[must_use]
    pub fn with_mlflow_pages(self, pages: mlflow::Pages) -> Self {
        Self { mlflow_pages: Data::new(pages), ..self }
    }

    /// The same parts, of a server that goes by these names too.
    #[must_use]
    pub fn with_hosts(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    /// The same parts, whose bodies share that memory.
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// The same parts, whose callers say so who they are.
    #[must_use]
    pub fn with_authentication(self, authentication: Authentication) -> Self {
        Self { authentication, ..self }
    }

    /// What all requests of a listener share, for clients that present nothing and know of no workspace.
    fn shared(&self, login: Option<&'static str>, principal: Option<String>, workspace: Option<String>) -> Shared {
        let authentication = self.authentication.clone();
        let authentication = ListenerAuthentication { authentication, login, principal, workspace };
        let (metrics, hosts, memory) = (self.metrics.clone(), self.hosts.clone(), self.memory.clone());
        Shared { metrics, hosts, memory, authentication }
    }

    /// The app that `serve` runs.
    pub fn app(&self) -> App<impl Endpoint<BoxBody> + use<>> {
        middleware::wrap_app(App::new(), self.shared(Some(native::LOGIN), None, None), doors::HTTP)
            .app_data(self.registry.clone())
            .app_data(Data::new(self.authentication.clone()))
            .app_data(self.draining.clone())
            .app_data(self.mlflow_pages.clone())
            .app_data(self.facts.clone())
            .configure(extract::configure(doors::HTTP, self.json_limit_bytes))
            .configure(|service| doors::HTTP.routes(service))
            .configure(own_routes)
            .configure(static_files::routes)
            .configure(openapi::routes(&self.documents))
    }

    /// The app of the edge registry's API, which `serve` runs on a listener of its own.
    pub fn edge_app(&self) -> App<impl Endpoint<BoxBody> + use<>> {
        let edge::EdgeOptions { principal, workspace, .. } = self.edge.options();
        let shared = self.shared(None, principal.clone(), workspace.clone());
        middleware::wrap_app_with_errors(App::new(), shared, doors::EDGE)
            .app_data(self.registry.clone())
            .app_data(self.draining.clone())
            .app_data(Data::new(self.memory.clone()))
            .configure(|service| self.edge.add_to(service))
            .configure(|service| doors::EDGE.routes(service))
    }
}

/// What is no door's.
fn own_routes(service: &mut web::ServiceConfig) {
    service
        .service(web::resource("/health/live").route(web::get().to(health::live)))
        .service(web::resource("/health/ready").route(web::get().to(health::ready)))
        .service(web::resource("/metrics").route(web::get().to(middleware::scrape)));
}

/// Serves on the listeners until SIGTERM or SIGINT; then requests under way finish, and it returns.
///
/// `beside` is run at the same time; it is told when the server begins to stop, and ended if it has not within the grace.
pub fn run(
    listeners: Listeners,
    options: &ServerOptions,
    registry: impl Future<Output = Result<Registry>>,
    beside: impl AsyncFnOnce(Registry, watch::Receiver<bool>) + 'static,
) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let registry = registry.await?;
        // From here on a signal is caught, though nobody waits for it yet: whoever finds the server ready may stop it.
        let signals = Signals::listen().map_err(cannot_run)?;
        let service = Service::new(registry.clone(), options.json_limit_bytes)?;
        let service = service.with_edge(options.edge.clone()).with_hosts(options.hosts.clone());
        let service = service.with_memory(options.memory.clone()).with_mlflow_pages(options.mlflow_pages.clone());
        let service = service.with_authentication(options.authentication.clone());
        let service = service.with_facts(options.settings.clone(), open_doors(&listeners, &options.tls)?);
        options.tls.watch();
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
        ended.map_err(cannot_run)
    })
}

fn listener_options(options: &ServerOptions, tls: Option<Tls>) -> ListenerOptions {
    ListenerOptions { workers: options.workers, shutdown_grace: options.shutdown_grace, tls }
}

fn serve_http(listener: TcpListener, options: &ServerOptions, service: Service) -> Result<Server> {
    let address = listener.local_addr().map_err(cannot_run)?;
    let scheme = scheme(options.tls.http.as_ref());
    let base = service.registry.public_url().map_or_else(|| format!("{scheme}://{address}"), ToOwned::to_owned);
    let http_options = listener_options(options, options.tls.http.clone());
    let running = listener::serve(listener, http_options, move || service.app()).map_err(cannot_run)?;
    log::info!(target: "modelport", "listening on {scheme}://{address}: REST of {}", doors::HTTP.names());
    log::info!(target: "modelport", "API documents are at {base}/docs/");
    Ok(running)
}

fn serve_edge(listener: TcpListener, options: &ServerOptions, service: Service) -> Result<Server> {
    let address = listener.local_addr().map_err(cannot_run)?;
    let scheme = scheme(options.tls.edge.as_ref());
    let edge_options = listener_options(options, options.tls.edge.clone());
    let running = listener::serve(listener, edge_options, move || service.edge_app()).map_err(cannot_run)?;
    log::info!(target: "modelport", "listening on {scheme}://{address}: REST of {}", doors::EDGE.names());
    Ok(running)
}

fn serve_grpc(listener: TcpListener, options: &ServerOptions, service: &Service) -> Result<mlmd::RunningGrpcServer> {
    let address = listener.local_addr().map_err(cannot_run)?;
    let parts = mlmd::GrpcParts {
        registry: service.registry.get_ref().clone(),
        metrics: service.metrics.clone().into_inner(),
        draining: service.draining.get_ref().clone(),
        hosts: service.hosts.clone(),
        memory: service.memory.clone(),
        authentication: service.authentication.clone(),
        principal: options.grpc_principal.clone(),
        tls: options.tls.grpc.clone(),
    };
    let over = if options.tls.grpc.is_some() { " over TLS" } else { "" };
    let options = mlmd::GrpcOptions { workers: options.workers, max_message_bytes: options.max_message_bytes };
    let running = mlmd::start(listener, options, parts)?;
    log::info!(target: "modelport", "listening on {address}: gRPC of ML Metadata{over}");
    Ok(running)
}

fn cannot_run(error: std::io::Error) -> Error {
    Error::internal("the server cannot run").caused_by(error)
}

/// Reports not ready at the first signal. gRPC stops at once: its clients are told to go elsewhere, and calls under way
/// finish. HTTP continues while requests are under way, so that probes and balancers see it, and then stops.
async fn stop_on_signal(
    signals: Signals,
    http: Vec<ServerHandle>,
    grpc: Option<mlmd::RunningGrpcServer>,
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
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn first(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
