//! The middleware of all calls: a request id, and a measurement that is logged and counted in the metrics.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request};
use tonic::{Code, Status};

use super::connection::Client;
use super::layer::{CallFuture, CallLayer, InnerService};
use super::routes::{Route, Routes};
use super::{deadline, request_host};
use crate::http::middleware::Metrics;
use crate::http::request_id::RequestId;

const HEADER: &str = "x-request-id";

/// The measurement.
#[derive(Clone)]
pub(super) struct Measure {
    pub(super) metrics: Arc<Metrics>,
    pub(super) routes: Arc<Routes>,
}

impl CallLayer for Measure {
    fn call<S: InnerService>(&self, service: &mut S, request: Request<Body>) -> CallFuture<S> {
        let sent = request.headers().get(HEADER).and_then(|id| id.to_str().ok());
        let id = RequestId::sent(sent);
        let mut exchange = Exchange::start(self, &request, id.clone());
        let patience = deadline::of(request.headers());
        let host = request_host::of(&request);
        let answer = id.clone().scope(request_host::scope(host, service.call(request)));
        Box::pin(async move {
            let mut response = match deadline::within(patience, answer).await {
                Some(answer) => answer?,
                None => Status::deadline_exceeded("the call took longer than its client would wait").into_http(),
            };
            if let Ok(id) = HeaderValue::from_str(id.as_str()) {
                response.headers_mut().insert(HEADER, id);
            }
            // Where there is no body, the status stands here and not after it.
            exchange.record_status(response.headers());
            if response.body().is_end_stream() {
                return Ok(response);
            }
            Ok(response.map(|body| Body::new(MeasuredBody { body, exchange })))
        })
    }
}

/// The state of a call. Dropping it ends the call, so that calls whose client disconnected are counted too.
struct Exchange {
    measure: Measure,
    route: Route,
    id: RequestId,
    peer: Option<SocketAddr>,
    started: Instant,
    bytes_sent: u64,
    /// The status that the client receives; CANCELLED until then.
    code: Code,
}

impl Exchange {
    fn start(measure: &Measure, request: &Request<Body>, id: RequestId) -> Self {
        let route = measure.routes.find(request.uri().path());
        if route.is_awaited() {
            measure.metrics.rpc_started();
        }
        let client = request.extensions().get::<Client>();
        Self {
            measure: measure.clone(),
            route,
            id,
            peer: client.and_then(|client| client.address),
            started: Instant::now(),
            bytes_sent: 0,
            code: Code::Cancelled,
        }
    }

    fn record_status(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = status.code();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        let (call, status) = (self.route.name(), name(self.code));
        if self.route.is_awaited() {
            self.measure.metrics.rpc_ended();
        }
        self.measure.metrics.count_rpc(call, status, duration);
        let peer = self.peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string());
        log::log!(
            target: "access",
            self.route.level(),
            call,
            status,
            bytes_sent = self.bytes_sent,
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "request.id" = self.id.as_str(),
            "request.client_id" = self.id.client().unwrap_or("-"),
            peer = peer.as_str();
            "gRPC {call} {status}"
        );
    }
}

/// A response's body, which ends its exchange when it is dropped.
struct MeasuredBody {
    body: Body,
    exchange: Exchange,
}

impl http_body::Body for MeasuredBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.exchange.bytes_sent += data.remaining() as u64;
                }
                if let Some(trailers) = frame.trailers_ref() {
                    self.exchange.record_status(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => self.exchange.code = status.code(),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The code's name in gRPC's documents.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
