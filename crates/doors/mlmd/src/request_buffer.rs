//! Reads each request message completely before it is decoded, within the memory that all of them share and the time that a client
//! may take to send one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::server::NamedService;

use super::decoded_size;
use super::error::{status, truncate};
use super::layer::{CallFuture, CallLayer, InnerService};
use super::pb::metadata_store_service_server::MetadataStoreServiceServer;
use super::response_buffer::ResponseBuffer;
use crate::memory::{Answer, Memory, Share, too_slow};

/// The prefix of a message: whether it is compressed, and its length (gRPC over HTTP/2, Length-Prefixed-Message).
const PREFIX_BYTES: usize = 5;

/// Messages up to this size take no share of the memory, so that they do not wait for large ones.
const UNCOUNTED_BYTES: usize = 16 << 10;

/// Reads the request of a call before its service sees it.
#[derive(Clone)]
pub(super) struct RequestBuffer {
    pub(super) memory: Memory,
    pub(super) max_message_bytes: usize,
}

impl CallLayer for RequestBuffer {
    fn call<S: InnerService>(&self, service: &mut S, request: Request<Body>) -> CallFuture<S> {
        // `poll_ready` was called on this service, so a clone takes its place (tower's documentation of `Service`).
        let clone = service.clone();
        let mut service = std::mem::replace(service, clone);
        let is_one = is_one_message(request.uri().path());
        let buffer = self.clone();
        Box::pin(async move {
            if !is_one {
                return service.call(request).await;
            }
            let (head, body) = request.into_parts();
            match buffer.read(body).await {
                Ok((message, _shares)) => {
                    let answer = Answer::new(&buffer.memory);
                    let request = Request::from_parts(head, Body::new(Buffered(Some(message))));
                    let response = answer.clone().scope(service.call(request)).await?;
                    Ok(if answer.is_large() {
                        response.map(|body| Body::new(ResponseBuffer::new(answer, body)))
                    } else {
                        response
                    })
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

/// Calls of health and reflection are streams of messages that are small.
fn is_one_message(path: &str) -> bool {
    let service = <MetadataStoreServiceServer<super::Service> as NamedService>::NAME;
    path.strip_prefix('/').and_then(|path| path.strip_prefix(service)).is_some_and(|rest| rest.starts_with('/'))
}

impl RequestBuffer {
    /// The message of the call with its prefix, and its shares of the memory. A malformed one is passed on to be rejected by tonic.
    async fn read(&self, mut body: Body) -> Result<(Bytes, [Option<Share>; 2]), Status> {
        let mut read = BytesMut::new();
        let mut share = self.memory.request();
        while read.len() < PREFIX_BYTES {
            match next(&mut body, &mut share).await? {
                Some(data) => read.extend_from_slice(&data),
                None => return Ok((read.freeze(), [None, None])),
            }
        }
        let length =
            read.get(1..PREFIX_BYTES).and_then(|length| length.try_into().ok()).map_or(0, u32::from_be_bytes) as usize;
        if length > self.max_message_bytes {
            return Ok((read.freeze(), [None, None]));
        }
        if length > UNCOUNTED_BYTES {
            // The decoder has a copy of its own.
            share.grow(2 * length as u64).await.map_err(|error| status(&error))?;
        }
        read.reserve((PREFIX_BYTES + length).saturating_sub(read.len()));
        while let Some(data) = next(&mut body, &mut share).await? {
            if read.len() + data.len() > PREFIX_BYTES + length {
                return Err(Status::invalid_argument("the call has more than one message"));
            }
            read.extend_from_slice(&data);
        }
        let message = read.freeze();
        let size = decoded_size::estimate(message.get(PREFIX_BYTES..).unwrap_or_default());
        if size > self.memory.max_decoded() {
            return Err(Status::resource_exhausted(format!(
                "the message would take {size} bytes of memory, more than {}: send it in several calls",
                self.memory.max_decoded()
            )));
        }
        let decoded = self.memory.for_decoded(size).await.map_err(|error| status(&error))?;
        Ok((message, [Some(share), Some(decoded)]))
    }
}

/// The next bytes of the body.
async fn next(body: &mut Body, share: &mut Share) -> Result<Option<Bytes>, Status> {
    let frame = async {
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => return Ok(Some(data)),
                // Trailers of a request have no meaning here.
                Some(Err(_)) => {}
                None => return Ok(None),
            }
        }
    };
    let data = share.await_client_bytes(frame).await.unwrap_or_else(|| Err(too_slow_status()))?;
    share.record_received(data.as_ref().map_or(0, Bytes::len));
    Ok(data)
}

fn too_slow_status() -> Status {
    Status::deadline_exceeded(truncate(too_slow().message()))
}

/// A body that has been read.
struct Buffered(Option<Bytes>);

impl http_body::Body for Buffered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |data| data.len() as u64))
    }
}
