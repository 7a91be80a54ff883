//! A listener for HTTP/1.1 as actix-web's `HttpServer` makes one, but for this: a client that waits to be asked for its body is
//! asked only once the body is read (see `expect_continue`), and less is read ahead of a handler (see `read_ahead`).

mod expect_continue;
mod read_ahead;
mod shared_app;

use std::any::Any;
use std::io::Result;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::{HttpService, HttpServiceBuilder, KeepAlive, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;

use super::middleware;
use super::tls::{AcceptorFactory, Tls, remember_client};
use expect_continue::{answering, await_body, resume};
use read_ahead::ReadAhead;
use shared_app::SharedApp;

/// The time for the head of the first request, and the keep-alive time between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the rest of an unread body is received before the connection is closed (RFC 9112 §9.6).
const UNREAD_BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The options of a listener.
#[derive(Debug)]
pub struct ListenerOptions {
    /// The number of threads; 0 is one per core.
    pub workers: usize,
    /// How long requests under way may take to finish once the server is told to stop.
    pub shutdown_grace: Duration,
    /// The TLS of the listener, if it uses TLS.
    pub tls: Option<Tls>,
}

/// Serves the app that `app` makes for each thread. Signals are not listened to.
pub fn serve<F, I, S>(listener: TcpListener, options: ListenerOptions, app: F) -> Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
        + 'static,
{
    let builder = Server::build().disable_signals().shutdown_timeout(options.shutdown_grace.as_secs().max(1));
    let builder = if options.workers > 0 { builder.workers(options.workers) } else { builder };
    let address = listener.local_addr()?;
    let stopping = builder.graceful_shutdown_signal();
    // What both kinds of connection have in common; their types differ.
    macro_rules! http {
        ($stream:ty) => {{
            let stopping = stopping.clone();
            let app = SharedApp::new(answering(app().into_factory()));
            let builder: HttpServiceBuilder<ReadAhead<$stream>, _> = HttpService::build();
            builder
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(KeepAlive::Timeout(HEAD_TIMEOUT))
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(UNREAD_BODY_TIMEOUT)
                .h1_allow_half_closed(true)
                .local_addr(address)
                .on_connect_ext(|stream: &ReadAhead<$stream>, data: &mut _| {
                    middleware::remember_peer(stream.get_ref() as &dyn Any, data);
                    remember_client(stream.get_ref() as &dyn Any, data);
                })
                .expect(await_body(app.clone()))
                .finish(resume(app))
        }};
    }
    let name = format!("http {address}");
    let builder = match options.tls {
        None => builder.listen(name, listener, move || {
            let connected = fn_service(|stream: TcpStream| async move {
                let peer = stream.peer_addr().ok();
                Ok((ReadAhead::new(stream), Protocol::Http1, peer))
            });
            connected.and_then(http!(TcpStream))
        })?,
        Some(tls) => builder.listen(name, listener, move || {
            let accepted = AcceptorFactory(tls.clone()).map_err(TlsError::into_service_error);
            let accepted = accepted.and_then(|stream: TlsStream<TcpStream>| async move {
                let peer = stream.get_ref().0.peer_addr().ok();
                Ok((ReadAhead::new(stream), Protocol::Http1, peer))
            });
            accepted.map_init_err(|_| ()).and_then(http!(TlsStream<TcpStream>).map_err(TlsError::Service))
        })?,
    };
    Ok(builder.run())
}
