//! The HTTP server: every room's routes in one app, its listener, and how it ends.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::rt::task::JoinHandle;
use actix_web::web::{self, Data};
use actix_web::{App, Error as ActixError, HttpServer};
use tokio::sync::watch;

use super::grpc::Grpc;
use super::health::{self, Draining};
use super::middleware::{self, Metrics};
use super::openapi::Document;
use super::{extract, kubeflow, native, openapi};
use crate::domain::{Error, Result};
use crate::registry::Registry;

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that serve HTTP; 0 is one per core.
    pub workers: usize,
    /// How long requests under way may take to finish once the server is told to stop.
    pub shutdown_grace: Duration,
    /// The largest body that is read as a whole.
    pub json_limit_bytes: usize,
    /// The largest message that gRPC takes or gives.
    pub grpc_max_message_bytes: usize,
}

/// Where the server listens; `None` where it does not.
#[derive(Debug)]
pub struct Listeners {
    /// For HTTP.
    pub http: Option<TcpListener>,
    /// For gRPC.
    pub grpc: Option<TcpListener>,
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
        Ok(Self {
            registry: Data::new(registry),
            metrics: Data::new(metrics),
            draining: Data::new(Draining::default()),
            json_limit_bytes,
            documents: openapi::documents()?,
        })
    }

    /// The app that `serve` runs.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = ActixError,
            InitError = (),
        > + use<>,
    > {
        middleware::around(App::new(), self.metrics.clone())
            .app_data(self.registry.clone())
            .app_data(self.draining.clone())
            .configure(extract::configure(self.json_limit_bytes))
            .configure(routes)
            .configure(openapi::routes(&self.documents))
    }
}

fn routes(service: &mut web::ServiceConfig) {
    service
        .configure(kubeflow::routes)
        .configure(native::routes)
        .service(web::resource("/health/live").route(web::get().to(health::live)))
        .service(web::resource("/health/ready").route(web::get().to(health::ready)))
        .service(web::resource("/metrics").route(web::get().to(middleware::scrape)));
}

/// Serves on the listeners until SIGTERM or SIGINT, or until one of them fails; then requests under way finish, and it
/// returns.
///
/// `beside` is run at the same time and ends with the server.
pub fn run(
    listeners: Listeners,
    options: &Options,
    registry: impl Future<Output = Result<Registry>>,
    beside: impl AsyncFnOnce(Registry) + 'static,
) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let registry = registry.await?;
        let service = Service::new(registry.clone(), options.json_limit_bytes)?;
        let (stop, stopped) = watch::channel(false);
        let grpc =
            listeners.grpc.map(|listener| Grpc::start(listener, registry.clone(), options, stopped)).transpose()?;
        let http = listeners.http.map(|listener| http(listener, options, &service)).transpose()?;
        let beside = actix_web::rt::spawn(beside(registry));
        let ended = until_told(http, grpc, &service, options.shutdown_grace, &stop).await;
        beside.abort();
        ended
    })
}

fn http(listener: TcpListener, options: &Options, service: &Service) -> Result<Server> {
    let app_of = service.clone();
    let mut server = HttpServer::new(move || app_of.app())
        .disable_signals()
        .client_disconnect_timeout(REFUSED_BODY)
        .shutdown_timeout(options.shutdown_grace.as_secs().max(1));
    if options.workers > 0 {
        server = server.workers(options.workers);
    }
    let address = listener.local_addr().map_err(broken)?;
    let running = server.listen(listener).map_err(broken)?.run();
    log::info!(version = env!("CARGO_PKG_VERSION"); "listening on http://{address}");
    Ok(running)
}

fn broken(error: std::io::Error) -> Error {
    Error::internal("the HTTP server cannot run").caused_by(error)
}

/// Waits for a signal or for a listener's failure. Then readiness turns red, the server goes on while requests are under
/// way, so that probes and balancers see it, and stops.
async fn until_told(
    http: Option<Server>,
    mut grpc: Option<Grpc>,
    service: &Service,
    grace: Duration,
    stop: &watch::Sender<bool>,
) -> Result<()> {
    let handle = http.as_ref().map(Server::handle);
    let mut http = http.map(actix_web::rt::spawn);
    let early = tokio::select! {
        signal = signal() => {
            log::info!(signal; "shutting down");
            Ok(())
        }
        failed = ended(&mut http) => failed,
        failed = Grpc::ended(&mut grpc) => failed,
    };
    service.draining.begin();
    let deadline = Instant::now() + grace;
    stop.send_replace(true);
    while service.metrics.in_flight() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if let Some(handle) = handle {
        handle.stop(true).await;
    }
    if grpc.is_none() {
        return early;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match tokio::time::timeout(left, Grpc::ended(&mut grpc)).await {
        Ok(ended) => early.and(ended),
        Err(_) => {
            log::warn!("gRPC calls are cut off: they did not end in time");
            early
        }
    }
}

/// How the HTTP server ended; waits for ever where there is none.
async fn ended(http: &mut Option<JoinHandle<std::io::Result<()>>>) -> Result<()> {
    let Some(running) = http else { return std::future::pending().await };
    let ended = running.await;
    *http = None;
    ended.map_err(|error| Error::internal("the HTTP server panicked").caused_by(error))?.map_err(broken)
}

async fn signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
