//! What every request passes through: an id, a measurement that ends in a log line and metrics, and errors in the
//! shape of the API they belong to. Knows no protocol's use cases.

mod access_log;
mod exchange;
mod framework_errors;
mod metrics;
mod readable_path;
mod request_id;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, web};

pub use framework_errors::{Shape, framework_errors};
pub use metrics::{Metrics, scrape};
pub use readable_path::readable_path;
pub use request_id::{RequestId, request_id};

/// What an app is made of that answers with bodies of that type, whatever is wrapped around it.
pub trait Endpoint<B>:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
{
}

impl<B, T> Endpoint<B> for T where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
{
}

/// Puts all of it around `app`. Call it where `wrap` would be called: services may be added before and after.
///
/// From the outside in: the request id, because everything else names it; the measurement, so that it sees the
/// bodies that are really sent; the error shapes; the check of the path.
pub fn around<T, B>(app: App<T>, metrics: web::Data<Metrics>) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    observed(app.wrap(from_fn(readable_path)).wrap(from_fn(framework_errors)), metrics)
}

/// Puts the request id and the measurement around an app that has error shapes of its own.
pub fn observed<T, B>(app: App<T>, metrics: web::Data<Metrics>) -> App<impl Endpoint<BoxBody>>
where
    T: Endpoint<B> + 'static,
    B: MessageBody + 'static,
{
    let measured = metrics.clone();
    app.app_data(metrics)
        .wrap(from_fn(move |request, next: Next<_>| exchange::measure(measured.clone(), request, next)))
        .wrap(from_fn(request_id))
}

#[cfg(test)]
mod tests;
