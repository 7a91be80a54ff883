//! What every call passes through: an id, and a measurement that ends in a log line and in metrics.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response};
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::deadline;
use super::routes::{Route, Routes};
use crate::api::middleware::{Metrics, RequestId};

const HEADER: &str = "x-request-id";

/// Puts the measurement around a service.
#[derive(Clone)]
pub(super) struct MeasureLayer {
    pub(super) metrics: Arc<Metrics>,
    pub(super) routes: Arc<Routes>,
}

impl<S> Layer<S> for MeasureLayer {
    type Service = Measure<S>;

    fn layer(&self, inner: S) -> Measure<S> {
        Measure { inner, layer: self.clone() }
    }
}

/// A service whose calls are measured.
#[derive(Clone)]
pub(super) struct Measure<S> {
    inner: S,
    layer: MeasureLayer,
}

impl<S> Service<Request<Body>> for Measure<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = request.headers().get(HEADER).and_then(|id| id.to_str().ok());
        let id = RequestId::sent(sent);
        let mut exchange = Exchange::start(&self.layer, &request, id.clone());
        let patience = deadline::of(request.headers());
        let answer = id.clone().scope(self.inner.call(request));
        Box::pin(async move {
            let mut response = match deadline::within(patience, answer).await {
                Some(answer) => answer?,
                None => Status::deadline_exceeded("the call took longer than its client would wait").into_http(),
            };
            if let Ok(id) = HeaderValue::from_str(id.as_str()) {
                response.headers_mut().insert(HEADER, id);
            }
            // Where there is no body, the status stands here and not behind it.
            exchange.see_status(response.headers());
            if response.body().is_end_stream() {
                return Ok(response);
            }
            Ok(response.map(|body| Body::new(Measured { body, exchange })))
        })
    }
}

/// What is known of a call. Dropping it is the call's end, so that one whose client left is accounted for too.
struct Exchange {
    layer: MeasureLayer,
    route: Route,
    id: RequestId,
    peer: Option<SocketAddr>,
    started: Instant,
    bytes_sent: u64,
    /// What the client is told; CANCELLED until then.
    code: Code,
}

impl Exchange {
    fn start(layer: &MeasureLayer, request: &Request<Body>, id: RequestId) -> Self {
        let route = layer.routes.find(request.uri().path());
        if route.is_awaited() {
            layer.metrics.rpc_started();
        }
        let connection = request.extensions().get::<TcpConnectInfo>();
        Self {
            layer: layer.clone(),
            route,
            id,
            peer: connection.and_then(TcpConnectInfo::remote_addr),
            started: Instant::now(),
            bytes_sent: 0,
            code: Code::Cancelled,
        }
    }

    fn see_status(&mut self, headers: &HeaderMap) {
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
            self.layer.metrics.rpc_ended();
        }
        self.layer.metrics.count_rpc(call, status, duration);
        let peer = self.peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string());
        log::log!(
            target: "access",
            self.route.level(),
            call,
            status,
            bytes_sent = self.bytes_sent,
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "request.id" = self.id.as_str(),
            peer = peer.as_str();
            "gRPC {call} {status}"
        );
    }
}

/// A response's body, which ends its exchange when it is dropped.
struct Measured {
    body: Body,
    exchange: Exchange,
}

impl http_body::Body for Measured {
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
                    self.exchange.see_status(trailers);
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
