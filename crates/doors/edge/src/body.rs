//! The body of a form, whose digests are computed while the form is read.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};

use super::errors::EdgeError;
use super::form::{malformed_body, with_read_timeout};
use crate::domain::{Error, ErrorKind, Result};
use crate::http::digests::Digests;

/// The body. Whoever reads the form has a clone of it.
#[derive(Clone)]
pub struct Body(Rc<RefCell<Inner>>);

struct Inner {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes>>>>,
    announced: bool,
    /// Why the digests do not hold.
    failure: Option<Error>,
}

impl Body {
    /// The body, which comes to these digests.
    pub fn new(payload: Payload, digests: &Digests) -> Self {
        let chunks = payload.map_err(|error| Error::invalid_body("the body broke off").caused_by(error.to_string()));
        let chunks = Box::pin(digests.check(chunks).fuse());
        Self(Rc::new(RefCell::new(Inner { chunks, announced: !digests.is_empty(), failure: None })))
    }

    /// The result of reading the form, if the digests hold: of all bytes, those after the form's end too.
    pub async fn verified<T>(mut self, read: Result<T, EdgeError>) -> Result<T, EdgeError> {
        let announced = self.0.borrow().announced;
        if announced && read.is_ok() {
            let mut chunk = Some(Ok(Bytes::new()));
            while let Some(Ok(_)) = chunk {
                chunk = with_read_timeout(self.next()).await?;
            }
            if chunk.is_some() && self.0.borrow().failure.is_none() {
                return Err(malformed_body());
            }
        }
        let failure = self.0.borrow_mut().failure.take();
        match failure {
            Some(error) => Err(error.into()),
            None => read,
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.0.borrow_mut();
        let polled = inner.chunks.as_mut().poll_next(context);
        polled.map(|chunk| {
            chunk.map(|chunk| {
                chunk.map_err(|error| {
                    if error.kind() == ErrorKind::DigestMismatch {
                        inner.failure = Some(error);
                    }
                    PayloadError::Incomplete(None)
                })
            })
        })
    }
}
