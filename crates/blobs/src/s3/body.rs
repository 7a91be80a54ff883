//! A part as the body of a request, without copying it together and without reading it again for a signature.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

/// How much is handed to the connection at once. A stall is noticed by the connection not asking for more, so a frame
/// has to pass a slow link well within the time that counts as a stall.
const FRAME: usize = 64 << 10;

/// A body of `batches` that a retry can send again.
pub(super) fn replayable(batches: Vec<Bytes>) -> ByteStream {
    let batches: Arc<[Bytes]> = batches.into();
    ByteStream::new(SdkBody::retryable(move || SdkBody::from_body_1_x(Batches::new(Arc::clone(&batches)))))
}

struct Batches {
    batches: Arc<[Bytes]>,
    next: usize,
    current: Bytes,
    left: u64,
}

impl Batches {
    fn new(batches: Arc<[Bytes]>) -> Self {
        let left = batches.iter().map(|batch| batch.len() as u64).sum();
        Self { batches, next: 0, current: Bytes::new(), left }
    }
}

impl Body for Batches {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while !self.current.has_remaining() {
            let Some(batch) = self.batches.get(self.next).cloned() else {
                return Poll::Ready(None);
            };
            self.current = batch;
            self.next += 1;
        }
        let length = self.current.len().min(FRAME);
        let frame = self.current.split_to(length);
        self.left -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
