//! The connections of the gRPC server, with TLS and without.

use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::transport::server::{Connected, TcpIncoming};

use crate::http::tls::{ClientCertificate, Encrypted, Tls};

/// How many handshakes may be under way at once; further connections wait to be accepted.
const MAX_HANDSHAKES: usize = 256;

/// What is known of the client of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    /// Its address.
    pub(super) address: Option<SocketAddr>,
    /// The certificate that it has shown.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
}

/// A connection that calls come over.
pub(super) struct Connection {
    stream: Io,
    client: Client,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<Encrypted>),
}

/// The connections that arrive, each once its handshake is done. Those whose handshake fails are none.
pub(super) fn connections(incoming: TcpIncoming, tls: Option<Tls>) -> impl Stream<Item = Result<Connection>> {
    incoming
        .map(move |accepted| {
            let tls = tls.clone();
            async move {
                let stream = match accepted {
                    Ok(stream) => stream,
                    Err(error) => return Some(Err(error)),
                };
                let address = stream.peer_addr().ok();
                let Some(tls) = tls else {
                    let client = Client { address, certificate: None };
                    return Some(Ok(Connection { stream: Io::Plain(stream), client }));
                };
                // On the runtime's threads: here one would be computed after the other.
                let (stream, certificate) = tokio::spawn(async move { tls.accept(stream).await }).await.ok()?.ok()?;
                let client = Client { address, certificate: certificate.map(Arc::new) };
                Some(Ok(Connection { stream: Io::Tls(Box::new(stream)), client }))
            }
        })
        .buffer_unordered(MAX_HANDSHAKES)
        .filter_map(std::future::ready)
}

impl Connected for Connection {
    type ConnectInfo = Client;

    fn connect_info(&self) -> Client {
        self.client.clone()
    }
}

/// Calls a method of the stream, whichever it is.
macro_rules! delegate {
    ($connection:ident.$method:ident($($argument:expr),*)) => {
        match &mut $connection.get_mut().stream {
            Io::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Io::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, task: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        delegate!(self.poll_read(task, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        delegate!(self.poll_write(task, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<()>> {
        delegate!(self.poll_flush(task))
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<()>> {
        delegate!(self.poll_shutdown(task))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        delegate!(self.poll_write_vectored(task, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
