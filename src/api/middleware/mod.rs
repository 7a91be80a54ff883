//! The middleware of all requests: an id, a measurement that is logged and counted in metrics, the check of host and
//! origin, memory for its body, and errors in the shape of the API they belong to. Knows no protocol's use cases.

mod access_log;
mod content_coding;
mod disconnect;
mod exchange;
mod framework_errors;
mod metrics;
mod readable_path;
mod request_buffer;
mod request_id;
mod response_buffer;
mod same_origin;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, web};

pub use content_coding::{content_coding, refuse_content_coding};
pub(super) use disconnect::remember as remember_peer;
pub use framework_errors::{Shape, framework_errors};
pub use metrics::{Metrics, scrape};
pub use readable_path::readable_path;
pub use request_id::{RequestId, request_id};
pub use same_origin::{Refuse, checked_host};

use super::hosts::Hosts;
use crate::memory::Memory;

/// What differs between the doors of two listeners.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Writes an error response.
    pub refuse: Refuse,
    /// Whether the route of that pattern reads its bodies as a stream.
    pub is_streamed: fn(pattern: &str) -> bool,
}

/// The state that all requests share.
#[derive(Clone)]
pub struct Shared {
    /// The metrics that count them.
    pub metrics: web::Data<Metrics>,
    /// The names of the server.
    pub hosts: Hosts,
    /// The memory of their bodies.
    pub memory: Memory,
}

/// The factory of an app with any middleware and this body type.
pub trait Endpoint<B>:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
{
}

impl<B, T> Endpoint<B> for T where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
{
}

/// Wraps `app` in all middleware. Call it like `wrap`: services may be added before and after.
///
/// From the outside in: the request id, because everything else names it; the measurement, so that it sees the
/// bodies that are really sent; the check of host and origin; memory for the body; the error shapes; the checks of
/// the path and of the body's coding.
pub fn wrap_app<T, B>(app: App<T>, shared: Shared, is_streamed: fn(&str) -> bool) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let refuse: Refuse = |path, status, detail| Shape::of_path(path).response(status, detail);
    let coding = from_fn(move |request, next: Next<_>| refuse_content_coding(refuse, request, next));
    let door = Door { refuse, is_streamed };
    wrap_app_with_errors(app.wrap(coding).wrap(from_fn(readable_path)).wrap(from_fn(framework_errors)), shared, door)
}

/// Wraps an app that has its own error shapes in all other middleware.
pub fn wrap_app_with_errors<T, B>(app: App<T>, shared: Shared, door: Door) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let Shared { metrics, hosts, memory } = shared;
    let measured = metrics.clone();
    app.app_data(metrics)
        .wrap(from_fn(move |request, next: Next<_>| {
            request_buffer::buffer_request(memory.clone(), door, request, next)
        }))
        .wrap(from_fn(move |request, next: Next<_>| {
            same_origin::same_origin(hosts.clone(), door.refuse, request, next)
        }))
        .wrap(from_fn(move |request, next: Next<_>| exchange::measure(measured.clone(), request, next)))
        .wrap(from_fn(request_id))
}

#[cfg(test)]
mod tests;
