//! Large responses: sent piece by piece, and dropped if their client reads nothing while others wait for memory.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;

use crate::memory::{Answer, Lost};

/// The response, whose body is sent piece by piece where it is large or may become so.
pub(super) fn buffered<B: MessageBody + 'static>(
    answer: Answer,
    response: ServiceResponse<B>,
) -> ServiceResponse<BoxBody> {
    let may_be_large = answer.is_large() || response.response().body().size() == BodySize::Stream;
    if !may_be_large {
        return response.map_into_boxed_body();
    }
    response.map_body(|_, body| BoxBody::new(ResponseBuffer { answer, body: body.boxed() }))
}

struct ResponseBuffer {
    answer: Answer,
    body: BoxBody,
}

impl MessageBody for ResponseBuffer {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            match self.answer.next_piece() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Err(Lost) => {
                    let why = "the client did not read its response for too long while others waited for memory";
                    return Poll::Ready(Some(Err(why.into())));
                }
                Ok(None) => {}
            }
            let answer = self.answer.clone();
            match answer.within(|| self.body.as_pin_mut().poll_next(context)) {
                Poll::Ready(Some(Ok(bytes))) => answer.written(bytes),
                polled => return polled,
            }
        }
    }
}
