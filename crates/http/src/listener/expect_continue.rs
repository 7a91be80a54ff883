//! `Expect: 100-continue` (RFC 9110 §10.1.1): a client that waits before it sends its body gets `100 Continue` once the body is
//! read. A request that is refused for its path, its conditions or its headers has its final status first, and no byte of the body.
//!
//! The framework asks one service whether to send `100 Continue`, and hands the request to another after that. Here the first
//! runs the app itself until it answers or reads of the body; the second continues where the first has stopped.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_http::{HttpMessage as _, Payload, Request, Response};
use actix_service::{Service as _, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, map_config};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::LocalBoxFuture;

type Answer = LocalBoxFuture<'static, Result<Response<BoxBody>, Response<BoxBody>>>;

/// A request that the app is handling and that waits for its body.
struct Pending(Answer);

/// Whether the body of a request is read, and whether `100 Continue` was sent for it.
#[derive(Default)]
struct BodyState {
    is_read: Cell<bool>,
    is_continued: Cell<bool>,
    /// The tasks that wait for the body and for its first read.
    reader: RefCell<Option<Waker>>,
    continuer: RefCell<Option<Waker>>,
}

/// A body whose first read makes the service send `100 Continue`.
struct AwaitedBody {
    body: Rc<BodyState>,
    payload: Payload,
}

impl Stream for AwaitedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.body.is_continued.get() {
            return Pin::new(&mut self.payload).poll_next(context);
        }
        self.body.is_read.set(true);
        self.body.reader.replace(Some(context.waker().clone()));
        if let Some(continuer) = self.body.continuer.take() {
            continuer.wake();
        }
        Poll::Pending
    }
}

/// Answers a request with `Expect: 100-continue`, or lets `100 Continue` be sent.
pub(super) fn await_body<S>(
    app: S,
) -> impl ServiceFactory<Request, Config = (), Response = Request, Error = Response<BoxBody>, InitError = ()>
where
    S: ServiceFactory<Request, Config = (), Response = Response<BoxBody>, Error = Response<BoxBody>, InitError = ()>
        + 'static,
{
    apply_fn_factory(app, |mut request: Request, app| {
        let body = Rc::new(BodyState::default());
        match request.take_payload() {
            Payload::None => {}
            payload => {
                let awaited = AwaitedBody { body: Rc::clone(&body), payload };
                *request.payload() = Payload::Stream { payload: Box::pin(awaited) };
            }
        }
        answer_or_continue(body, Box::pin(app.call(request)))
    })
}

/// Polls the answer until it is there, which is an error to the framework, or its body is read.
fn answer_or_continue(body: Rc<BodyState>, answer: Answer) -> impl Future<Output = Result<Request, Response<BoxBody>>> {
    let mut answer = Some(answer);
    poll_fn(move |context| {
        body.continuer.replace(Some(context.waker().clone()));
        if let Some(Poll::Ready(answered)) = answer.as_mut().map(|answer| answer.as_mut().poll(context)) {
            // What is an error to the framework is an answer without `100 Continue`, whatever its status.
            return Poll::Ready(Err(answered.unwrap_or_else(|refused| refused)));
        }
        if !body.is_read.get() {
            return Poll::Pending;
        }
        body.is_continued.set(true);
        if let Some(reader) = body.reader.take() {
            reader.wake();
        }
        let request = Request::new();
        request.extensions_mut().insert(answer.take().map(Pending));
        Poll::Ready(Ok(request))
    })
}

/// Answers requests, and continues those that are in progress.
pub(super) fn resume<S>(
    app: S,
) -> impl ServiceFactory<Request, Config = (), Response = Response<BoxBody>, Error = Response<BoxBody>, InitError = ()>
where
    S: ServiceFactory<Request, Config = (), Response = Response<BoxBody>, Error = Response<BoxBody>, InitError = ()>
        + 'static,
{
    apply_fn_factory(app, |request: Request, app| {
        let pending = request.extensions_mut().remove::<Option<Pending>>().flatten();
        match pending {
            Some(Pending(answer)) => answer,
            None => Box::pin(app.call(request)) as Answer,
        }
    })
}

/// The app, whose errors are responses too. Its address and host are only for apps that make URLs by them.
pub(super) fn answering<S>(
    app: S,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<BoxBody>,
    Error = Response<BoxBody>,
    InitError = (),
    Service: 'static,
    Future: 'static,
>
where
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
        + 'static,
{
    map_config(app, |()| AppConfig::default()).map(Response::from).map_err(Response::from)
}
