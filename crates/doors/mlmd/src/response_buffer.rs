//! Large responses: sent piece by piece, and dropped if their client reads nothing while others wait for memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use crate::memory::{Answer, Lost};

/// A body whose bytes are counted as memory of the answer.
pub(super) struct ResponseBuffer {
    answer: Answer,
    /// None once it has ended: it would keep the memory of the message that it has handed out.
    body: Option<Body>,
    /// What follows the bytes that the answer has.
    following: Option<Frame<Bytes>>,
}

impl ResponseBuffer {
    pub(super) fn new(answer: Answer, body: Body) -> Self {
        Self { answer, body: Some(body), following: None }
    }

    /// The next frame of the body, which is dropped at its end.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(frame) = self.following.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        let is_last = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        if is_last {
            self.body = None;
        }
        polled
    }
}

impl http_body::Body for ResponseBuffer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            match self.answer.next_piece() {
                // A copy: the connection keeps it until its client takes it, and would keep the memory of the whole message with it.
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&piece))))),
                Err(Lost) => {
                    let why = "the client did not read its response for too long while others waited for memory";
                    return Poll::Ready(Some(Err(Status::unavailable(why))));
                }
                Ok(None) => {}
            }
            match self.poll_body(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => {
                        self.answer.written(bytes);
                        // Polled now, because a body that has ended is dropped.
                        match self.poll_body(context) {
                            Poll::Ready(Some(Ok(frame))) => self.following = Some(frame),
                            Poll::Ready(Some(Err(status))) => return Poll::Ready(Some(Err(status))),
                            Poll::Ready(None) | Poll::Pending => {}
                        }
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                polled => return polled,
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
