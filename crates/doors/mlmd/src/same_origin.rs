//! The check of `Host` and `Origin` for gRPC-web, which comes from browsers.

use futures_util::future::ready;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request};

use super::error::truncate;
use super::layer::{CallFuture, CallLayer, InnerService};
use crate::http::hosts::{HostError, Hosts, RequestSource};

/// What probes call, by any host name.
const EXEMPT: &str = "/grpc.health.v1.Health/";

/// The check before a service.
#[derive(Clone)]
pub(super) struct SameOrigin(pub(super) Hosts);

impl CallLayer for SameOrigin {
    fn call<S: InnerService>(&self, service: &mut S, request: Request<Body>) -> CallFuture<S> {
        if request.uri().path().starts_with(EXEMPT) {
            return Box::pin(service.call(request));
        }
        match self.0.check(&request_source(&request)) {
            Ok(_) => Box::pin(service.call(request)),
            Err(error) => Box::pin(ready(Ok(status(&error).into_http()))),
        }
    }
}

fn status(error: &HostError) -> Status {
    let message = truncate(error.message());
    match error {
        HostError::Invalid(_) => Status::invalid_argument(message),
        HostError::Forbidden(_) => Status::permission_denied(message),
    }
}

fn request_source(request: &Request<Body>) -> RequestSource<'_> {
    let target = request.uri().authority().map(|authority| authority.as_str());
    let all = |name| request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect();
    RequestSource::of(request.method().is_safe(), target, all)
}
