//! The figures that `/metrics` shows, in Prometheus's text format. Labels are bounded: no path, no name, no id.

use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{HttpResponse, web};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::domain::{Error, Result};
use crate::problem::Problem;

/// From a name lookup to the upload of a large model.
const DURATION_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// One server's metrics, in a registry of their own.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    rpcs: IntCounterVec,
    rpc_durations: HistogramVec,
    rpcs_in_flight: IntGauge,
    pub(super) in_flight: IntGauge,
    pub(super) bytes_received: IntCounter,
    pub(super) bytes_sent: IntCounter,
}

impl Metrics {
    /// Metrics at zero, with the build and the process described.
    pub fn new() -> Result<Self> {
        Self::registered().map_err(cannot_collect)
    }

    fn registered() -> prometheus::Result<Self> {
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("modelport_http_requests_total", "HTTP requests by route and status; 499: the client left."),
                &["method", "route", "status"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "modelport_http_request_duration_seconds",
                    "Time from a request's head to the last byte of its response.",
                )
                .buckets(DURATION_BUCKETS.to_vec()),
                &["method", "route"],
            )?,
            rpcs: IntCounterVec::new(
                Opts::new(
                    "modelport_grpc_requests_total",
                    "gRPC calls by name and status; CANCELLED: the client left.",
                ),
                &["call", "status"],
            )?,
            rpc_durations: HistogramVec::new(
                HistogramOpts::new(
                    "modelport_grpc_request_duration_seconds",
                    "Time from a gRPC call's head to the last byte of its answer.",
                )
                .buckets(DURATION_BUCKETS.to_vec()),
                &["call"],
            )?,
            rpcs_in_flight: IntGauge::new("modelport_grpc_requests_in_flight", "gRPC calls that have not ended.")?,
            in_flight: IntGauge::new("modelport_http_requests_in_flight", "HTTP requests that have not ended.")?,
            bytes_received: IntCounter::new("modelport_http_bytes_received_total", "Bytes of request bodies.")?,
            bytes_sent: IntCounter::new("modelport_http_bytes_sent_total", "Bytes of response bodies.")?,
        };
        let build = GaugeVec::new(Opts::new("modelport_build_info", "This build, always 1."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        metrics.registry.register(Box::new(build))?;
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.durations.clone()))?;
        metrics.registry.register(Box::new(metrics.in_flight.clone()))?;
        metrics.registry.register(Box::new(metrics.rpcs.clone()))?;
        metrics.registry.register(Box::new(metrics.rpc_durations.clone()))?;
        metrics.registry.register(Box::new(metrics.rpcs_in_flight.clone()))?;
        metrics.registry.register(Box::new(metrics.bytes_received.clone()))?;
        metrics.registry.register(Box::new(metrics.bytes_sent.clone()))?;
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Adds a gauge whose values `sample` gives at each scrape: one for each combination of `labels`.
    ///
    /// `sample` must not block. A name that is taken is an internal error.
    pub fn watch<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        sample: impl Fn() -> Vec<([String; N], f64)> + Send + Sync + 'static,
    ) -> Result<()> {
        let gauge = GaugeVec::new(Opts::new(name, help), &labels).map_err(cannot_collect)?;
        self.registry.register(Box::new(Watched { gauge, sample })).map_err(cannot_collect)
    }

    /// Adds a counter whose values `sample` gives at each scrape, in the same way.
    pub fn count_from<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        sample: impl Fn() -> Vec<([String; N], u64)> + Send + Sync + 'static,
    ) -> Result<()> {
        let counter = IntCounterVec::new(Opts::new(name, help), &labels).map_err(cannot_collect)?;
        self.registry.register(Box::new(Counted { counter, sample })).map_err(cannot_collect)
    }

    /// How many requests and gRPC calls have not ended.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.get() + self.rpcs_in_flight.get()
    }

    /// A gRPC call begins, whose end the server will wait for.
    pub fn rpc_started(&self) {
        self.rpcs_in_flight.inc();
    }

    /// Such a call has ended.
    pub fn rpc_ended(&self) {
        self.rpcs_in_flight.dec();
    }

    /// Counts a gRPC call that has ended.
    pub fn count_rpc(&self, call: &str, status: &str, duration: Duration) {
        self.rpcs.with_label_values(&[call, status]).inc();
        self.rpc_durations.with_label_values(&[call]).observe(duration.as_secs_f64());
    }

    /// All metrics in Prometheus's text format.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(cannot_collect)
    }

    pub(super) fn count(&self, method: &Method, route: &str, status: u16, duration: Duration) {
        let method = method_label(method);
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.durations.with_label_values(&[method, route]).observe(duration.as_secs_f64());
    }
}

fn cannot_collect(error: prometheus::Error) -> Error {
    Error::internal("metrics cannot be set up or shown").caused_by(error)
}

/// A client may invent methods; the label may not grow with them.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "other",
    }
}

struct Watched<F> {
    gauge: GaugeVec,
    sample: F,
}

impl<F, const N: usize> Collector for Watched<F>
where
    F: Fn() -> Vec<([String; N], f64)> + Send + Sync,
{
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.reset();
        for (labels, value) in (self.sample)() {
            self.gauge.with_label_values(&labels).set(value);
        }
        self.gauge.collect()
    }
}

struct Counted<F> {
    counter: IntCounterVec,
    sample: F,
}

impl<F, const N: usize> Collector for Counted<F>
where
    F: Fn() -> Vec<([String; N], u64)> + Send + Sync,
{
    fn desc(&self) -> Vec<&Desc> {
        self.counter.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.counter.reset();
        for (labels, value) in (self.sample)() {
            self.counter.with_label_values(&labels).inc_by(value);
        }
        self.counter.collect()
    }
}

/// `GET /metrics`.
pub async fn scrape(metrics: web::Data<Metrics>) -> Result<HttpResponse, Problem> {
    let text = metrics.text()?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, prometheus::TEXT_FORMAT)).body(text))
}
