//! The middleware of all requests: an id, a measurement that is logged and counted in metrics, the check of host and
//! origin, memory for its body, and errors in the shape of the API they belong to. Knows no protocol's use cases.

mod access_log;
mod authenticate;
mod content_coding;
mod disconnect;
mod exchange;
mod framework_errors;
mod metrics;
mod readable_path;
mod request_buffer;
mod response_buffer;
mod same_origin;
mod workspace_path;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, web};

pub use authenticate::ListenerAuthentication;
pub use content_coding::content_coding;
use content_coding::refuse_content_coding;
pub(super) use disconnect::remember as remember_peer;
use framework_errors::framework_errors;
pub use metrics::{Metrics, scrape};
use readable_path::readable_path;
pub use same_origin::checked_host;

use super::door::Doors;
use super::hosts::Hosts;
use super::request_id::request_id;
use crate::memory::Memory;

/// The state that all requests share.
#[derive(Clone)]
pub struct Shared {
    /// The metrics that count them.
    pub metrics: web::Data<Metrics>,
    /// The names of the server.
    pub hosts: Hosts,
    /// The memory of their bodies.
    pub memory: Memory,
    /// How callers say who they are.
    pub authentication: ListenerAuthentication,
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
/// bodies that are really sent; the check of host and origin; who is calling; memory for the body; the error shapes; the checks of
/// the path and of the body's coding.
pub fn wrap_app<T, B>(app: App<T>, shared: Shared, doors: Doors) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let app = app
        .wrap(from_fn(move |request, next: Next<_>| refuse_content_coding(doors, request, next)))
        .wrap(from_fn(move |request, next: Next<_>| readable_path(doors, request, next)))
        .wrap(from_fn(move |request, next: Next<_>| framework_errors(doors, request, next)));
    measured(app, shared, doors)
}

/// Wraps an app that answers every path and method itself in all other middleware.
pub fn wrap_app_with_errors<T, B>(app: App<T>, shared: Shared, doors: Doors) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let coding = from_fn(move |request, next: Next<_>| refuse_content_coding(doors, request, next));
    measured(app.wrap(coding), shared, doors)
}

fn measured<T, B>(app: App<T>, shared: Shared, doors: Doors) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let Shared { metrics, hosts, memory, authentication } = shared;
    let measured = metrics.clone();
    app.app_data(metrics)
        .wrap(from_fn(move |request, next: Next<_>| {
            request_buffer::buffer_request(memory.clone(), doors, request, next)
        }))
        .wrap(from_fn(move |request, next: Next<_>| {
            authenticate::authenticate(authentication.clone(), doors, request, next)
        }))
        .wrap(from_fn(move |request, next: Next<_>| same_origin::same_origin(hosts.clone(), doors, request, next)))
        .wrap(from_fn(move |request, next: Next<_>| exchange::measure(measured.clone(), request, next)))
        .wrap(from_fn(workspace_path::workspace_path))
        .wrap(from_fn(request_id))
}

#[cfg(test)]
mod tests;
