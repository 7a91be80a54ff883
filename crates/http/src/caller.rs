//! What a handler needs: the registry, and the context of its request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::middleware::checked_host;
use super::problem::Problem;
use super::request_id::RequestId;
use crate::authentication::Asker;
use crate::domain::Error;
use crate::registry::{Registry, RequestContext};

/// The registry, and on whose behalf it is used.
pub struct Caller {
    /// The registry.
    pub registry: Registry,
    /// The context of the request.
    pub context: RequestContext,
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(registry) = request.app_data::<web::Data<Registry>>() else {
            return ready(Err(Error::internal("the app was built without a registry").into()));
        };
        let id = RequestId::current().unwrap_or_else(RequestId::generate);
        // What a proxy says in other headers does not count: anybody can send those.
        let host = checked_host(request).map(|host| host.to_string());
        let Some(asker) = request.extensions().get::<Asker>().cloned() else {
            return ready(Err(Error::internal("a request reached its handler without authentication").into()));
        };
        let context = asker.context(registry, &id, host.as_deref());
        ready(Ok(Self { registry: registry.get_ref().clone(), context }))
    }
}
