//! A tower layer by one method: a call is answered by its service or before it.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

/// The service behind a layer.
pub(super) trait InnerService:
    Service<Request<Body>, Response = Response<Body>, Future: Send + 'static, Error: Send + 'static>
    + Clone
    + Send
    + 'static
{
}

impl<S> InnerService for S where
    S: Service<Request<Body>, Response = Response<Body>, Future: Send + 'static, Error: Send + 'static>
        + Clone
        + Send
        + 'static
{
}

/// The response to a call.
pub(super) type CallFuture<S> = BoxFuture<'static, Result<Response<Body>, <S as Service<Request<Body>>>::Error>>;

/// What stands before a service and sees its calls.
pub(super) trait CallLayer: Clone {
    /// Answers a call, by the service, which is ready for one, or without it.
    fn call<S: InnerService>(&self, service: &mut S, request: Request<Body>) -> CallFuture<S>;
}

/// Puts a layer before a service.
#[derive(Clone)]
pub(super) struct Layered<P>(pub(super) P);

impl<S, P: CallLayer> Layer<S> for Layered<P> {
    type Service = LayeredService<S, P>;

    fn layer(&self, inner: S) -> LayeredService<S, P> {
        LayeredService { inner, layer: self.0.clone() }
    }
}

/// A service behind a layer.
#[derive(Clone)]
pub(super) struct LayeredService<S, P> {
    inner: S,
    layer: P,
}

impl<S: InnerService, P: CallLayer> Service<Request<Body>> for LayeredService<S, P> {
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = CallFuture<S>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> CallFuture<S> {
        self.layer.call(&mut self.inner, request)
    }
}
