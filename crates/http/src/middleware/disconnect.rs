//! Stops reading for clients that disconnect before the response.
//!
//! A client that has closed its side of the connection counts as gone, as it does for nginx and for Go's HTTP server, though
//! TCP would let it wait for the answer. A write continues: what a client has sent is kept whether it waits or not.

use std::any::Any;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpResponse;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream as Connection;
use actix_web::{Error, body::MessageBody};

use super::exchange::CLIENT_CLOSED_REQUEST;

/// How often the connection is checked; a request that is answered sooner is never checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The other end of a connection: another handle on its socket.
#[derive(Clone)]
struct Peer(Rc<TcpStream>);

impl Peer {
    fn is_disconnected(&self) -> bool {
        match self.0.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            // The socket does not block: there is nothing to read, and more may come.
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// Keeps the socket for [`until_disconnect`], of a connection with or without TLS.
///
/// A client that speaks TLS closes its side twice: with an alert, which the framework takes from the socket as it does all that
/// arrives, and then the socket itself, which is what is looked at.
pub(crate) fn remember(connection: &dyn Any, data: &mut Extensions) {
    let plain = connection.downcast_ref::<Connection>();
    let stream = plain.or_else(|| connection.downcast_ref::<TlsStream<Connection>>().map(|tls| tls.get_ref().0));
    if let Some(Ok(copy)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
        data.insert(Peer(Rc::new(copy.into())));
    }
}

/// The response, or 499 if the client of a GET or HEAD disconnects before it.
pub(super) async fn until_disconnect<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(peer) = request.conn_data::<Peer>().filter(|_| reads).cloned() else { return next.call(request).await };
    let mut answer = pin!(next.call(request));
    loop {
        match actix_web::rt::time::timeout(CHECK_INTERVAL, &mut answer).await {
            Ok(answer) => return answer,
            Err(_) if peer.is_disconnected() => {
                let status = StatusCode::from_u16(CLIENT_CLOSED_REQUEST).unwrap_or(StatusCode::BAD_REQUEST);
                return Err(InternalError::from_response("the client left", HttpResponse::new(status)).into());
            }
            Err(_) => {}
        }
    }
}
