//! Meters the bodies of routes that read them completely, within the memory that all requests share and the time that a
//! client may take to send one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, PayloadError};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use super::response_buffer::buffered;
use crate::body::BufferShare;
use crate::domain::{self, ErrorKind};
use crate::door::Doors;
use crate::memory::{Answer, Memory, Share, too_slow};
use crate::problem::report;

/// Memory per byte of a body once it is parsed.
const PARSED_FACTOR: u64 = 8;

/// What was taken for a body, until the response is made, and why the rest of it is not read.
#[derive(Default)]
struct BodyState {
    shares: RefCell<Vec<Share>>,
    error: Cell<Option<domain::Error>>,
}

/// Reads the body of a request whose route takes it whole only as memory allows it.
pub(super) async fn buffer_request<B: MessageBody + 'static>(
    memory: Memory,
    doors: Doors,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (state, answer) = (Rc::new(BodyState::default()), Answer::new(&memory));
    let body = request.take_payload();
    if !matches!(body, Payload::None) {
        // Asked only of requests with a body: it is as much work as the routing itself.
        let is_streamed = request.match_pattern().is_some_and(|pattern| doors.is_streamed(&pattern));
        request.set_payload(if is_streamed {
            body
        } else {
            let (buffer, state) = (BufferShare::new(&memory), Rc::clone(&state));
            let metered = MeteredBody { body, memory, buffer, state, is_over: false };
            Payload::Stream { payload: Box::pin(metered.into_stream()) }
        });
    }
    let path = request.path().to_owned();
    let answered = answer.clone().scope(next.call(request)).await;
    let Some(error) = state.error.take() else { return Ok(buffered(answer, answered?)) };
    let status = match error.kind() {
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::REQUEST_TIMEOUT,
    };
    let response = doors.refuse(&path, status, report(&error));
    match answered {
        Ok(answered) => Ok(answered.into_response(response)),
        Err(error) => Err(InternalError::from_response(error, response).into()),
    }
}

/// A body that is being read.
struct MeteredBody {
    body: Payload,
    memory: Memory,
    buffer: BufferShare,
    state: Rc<BodyState>,
    is_over: bool,
}

impl MeteredBody {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        stream::unfold(self, |mut metered| async move {
            if metered.is_over {
                return None;
            }
            let step = metered.step().await;
            metered.is_over = !matches!(step, Ok(Some(_)));
            match step {
                Ok(Some(chunk)) => Some((chunk, metered)),
                Ok(None) => None,
                Err(error) => {
                    metered.state.error.set(Some(error));
                    Some((Err(PayloadError::Incomplete(None)), metered))
                }
            }
        })
    }

    async fn step(&mut self) -> domain::Result<Option<Result<Bytes, PayloadError>>> {
        let Some(chunk) = self.buffer.await_client(self.body.next()).await else { return Err(too_slow()) };
        match chunk {
            Some(Ok(chunk)) => {
                self.buffer.add(chunk.len()).await?;
                Ok(Some(Ok(chunk)))
            }
            Some(Err(error)) => Ok(Some(Err(error))),
            None => {
                let decoded = self.memory.for_decoded(self.buffer.taken() * PARSED_FACTOR).await?;
                self.state.shares.borrow_mut().extend([self.buffer.share().take_all(), decoded]);
                Ok(None)
            }
        }
    }
}
