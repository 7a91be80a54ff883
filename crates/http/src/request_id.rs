//! Each request's id, which is ours; the one that the caller sent is kept beside it.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_BYTES: usize = 128;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id that the log, the changes and the caller know a request by, a UUID; and what the caller calls it, where that is
/// 1 to 128 visible ASCII characters. Callers may give many requests the same id, or another client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    id: Arc<str>,
    client: Option<Arc<str>>,
}

impl RequestId {
    /// The id of the request whose handler is running. None outside of a handler, and on other threads.
    ///
    /// For error bodies, which actix renders without the request at hand; a handler extracts the id instead.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Does something that belongs to the request while nobody is handling it: its body is made after that.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// What the caller calls the request.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    fn of(headers: &HeaderMap) -> Self {
        Self::sent(headers.get(HEADER).and_then(|id| id.to_str().ok()))
    }

    /// A new id, with the one that the caller sent, where it is a sane one.
    pub fn sent(id: Option<&str>) -> Self {
        let sane = |id: &&str| (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        Self { client: id.filter(sane).map(Into::into), ..Self::generate() }
    }

    /// The future, in which this is [`RequestId::current`].
    pub fn scope<F: Future>(self, inner: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, inner)
    }

    /// A new id.
    pub fn generate() -> Self {
        Self { id: Uuid::new_v4().to_string().into(), client: None }
    }

    fn mark(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert(HEADER, value);
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl FromRequest for RequestId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().cloned().unwrap_or_else(Self::generate)))
    }
}

/// Gives the request its id, and the response the header `X-Request-Id`.
pub async fn request_id<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    match CURRENT.scope(id.clone(), next.call(request)).await {
        Ok(mut response) => {
            id.mark(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            id.mark(response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sent: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(sent).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn only_a_sane_id_is_kept_beside_ours() {
        for sane in ["a", "trace/1:2-3", &"x".repeat(128)] {
            assert_eq!(of(sane).client(), Some(sane));
            assert!(Uuid::parse_str(of(sane).as_str()).is_ok(), "{sane}");
        }
        for other in ["", "two words", "tab\there", &"x".repeat(129)] {
            assert_eq!(of(other).client(), None, "{other}");
            assert!(Uuid::parse_str(of(other).as_str()).is_ok(), "{other}");
        }
    }
}
