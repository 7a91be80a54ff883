//! The HTTP server: every room's routes in one app, its listener, and how it ends.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::{self, Data};
use actix_web::{App, Error as ActixError, HttpServer};

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

/// Serves on the listener until SIGTERM or SIGINT; then requests under way finish, and it returns.
///
/// `beside` is run at the same time and ends with the server.
pub fn run(
    listener: TcpListener,
    options: &Options,
    registry: impl Future<Output = Result<Registry>>,
    beside: impl AsyncFnOnce(Registry) + 'static,
) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let registry = registry.await?;
        let service = Service::new(registry.clone(), options.json_limit_bytes)?;
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
        actix_web::rt::spawn(stop_on_signal(running.handle(), service, options.shutdown_grace));
        let beside = actix_web::rt::spawn(beside(registry));
        let ended = running.await;
        beside.abort();
        ended.map_err(broken)
    })
}

fn broken(error: std::io::Error) -> Error {
    Error::internal("the HTTP server cannot run").caused_by(error)
}

/// Turns readiness red at the first signal, goes on serving while requests are under way, so that probes and balancers
/// see it, and then stops.
async fn stop_on_signal(server: ServerHandle, service: Service, grace: Duration) {
    let signal = signal().await;
    log::info!(signal; "shutting down");
    service.draining.begin();
    let deadline = Instant::now() + grace;
    while service.metrics.in_flight() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop(true).await;
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
