//! One request and its response, measured from the first byte to the last, whichever way it ends.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use super::access_log;
use super::disconnect::until_disconnect;
use super::metrics::Metrics;
use crate::request_id::RequestId;

/// The status in the log and the metrics of a request whose client left before the response's head.
pub(super) const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The route of a request that no resource matched.
const UNMATCHED: &str = "unmatched";

/// What is known of a request and its response. Dropping it is its end: it is logged and counted then, so that a
/// client that disconnects at any moment is accounted for like every other.
pub(super) struct Exchange {
    metrics: web::Data<Metrics>,
    started: Instant,
    received: Rc<Cell<u64>>,
    /// The request's body, held until the response has ended. A body that the handler left unread then closes the
    /// connection, after the server has read on for a while, so that a client still sending sees the response. Were it
    /// let go before, the server would keep reading a chunked one for ever, or hang in the middle of it.
    _body: Rc<RefCell<Payload>>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) route: String,
    pub(super) peer: Option<SocketAddr>,
    pub(super) request_id: Option<RequestId>,
    pub(super) status: u16,
    pub(super) bytes_sent: u64,
    pub(super) complete: bool,
    pub(super) body_error: Option<String>,
}

impl Exchange {
    fn start(metrics: web::Data<Metrics>, request: &mut ServiceRequest) -> Self {
        metrics.in_flight.inc();
        let received = Rc::new(Cell::new(0));
        let body = Rc::new(RefCell::new(request.take_payload()));
        if !matches!(*body.borrow(), Payload::None) {
            let (bytes, total) = (Rc::clone(&received), metrics.bytes_received.clone());
            let counted = SharedBody(Rc::clone(&body)).inspect_ok(move |chunk| {
                bytes.set(bytes.get() + chunk.len() as u64);
                total.inc_by(chunk.len() as u64);
            });
            request.set_payload(Payload::Stream { payload: Box::pin(counted) });
        }
        Self {
            metrics,
            started: Instant::now(),
            received,
            _body: body,
            method: request.method().clone(),
            path: request.path().to_owned(),
            // Asked before the routing, so that a client that leaves is still counted at its route.
            route: request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned()),
            peer: request.peer_addr(),
            request_id: request.extensions().get::<RequestId>().cloned(),
            status: CLIENT_CLOSED_REQUEST,
            bytes_sent: 0,
            complete: false,
            body_error: None,
        }
    }

    fn head<B: MessageBody>(&mut self, response: &ServiceResponse<B>) {
        self.status = response.status().as_u16();
        let size = response.response().body().size();
        self.complete = self.method == Method::HEAD || matches!(size, BodySize::None | BodySize::Sized(0));
    }

    pub(super) fn duration(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn bytes_received(&self) -> u64 {
        self.received.get()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.metrics.count(&self.method, &self.route, self.status, self.duration());
        access_log::write(self);
    }
}

/// A body that the exchange shares with the handler.
struct SharedBody(Rc<RefCell<Payload>>);

impl Stream for SharedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// Measures one exchange.
pub(super) async fn measure<B: MessageBody + 'static>(
    metrics: web::Data<Metrics>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut exchange = Exchange::start(metrics, &mut request);
    match until_disconnect(request, next).await {
        Ok(response) => {
            exchange.head(&response);
            Ok(response.map_body(|_, body| BoxBody::new(MeasuredBody { body: body.boxed(), exchange })))
        }
        Err(error) => {
            exchange.status = error.as_response_error().status_code().as_u16();
            exchange.complete = true;
            Err(error)
        }
    }
}

/// A response body that counts what it hands out, and ends its exchange when it is dropped.
struct MeasuredBody {
    body: BoxBody,
    exchange: Exchange,
}

impl MessageBody for MeasuredBody {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // The server would poll the whole body of an answer to HEAD, only to drop it.
        if self.exchange.method == Method::HEAD {
            return Poll::Ready(None);
        }
        let id = self.exchange.request_id.clone();
        let mut poll = || self.body.as_pin_mut().poll_next(context);
        let polled = match id {
            Some(id) => id.within(poll),
            None => poll(),
        };
        let size = self.body.size();
        let exchange = &mut self.exchange;
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                exchange.bytes_sent += chunk.len() as u64;
                exchange.metrics.bytes_sent.inc_by(chunk.len() as u64);
                exchange.complete = size == BodySize::Sized(exchange.bytes_sent);
            }
            Poll::Ready(Some(Err(error))) => exchange.body_error = Some(error.to_string()),
            Poll::Ready(None) => exchange.complete = true,
            Poll::Pending => {}
        }
        polled
    }
}
