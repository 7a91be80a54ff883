//! Whoever asks for what nobody has to say their name for: to log in, or to do what a secret lets them.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, USER_AGENT};
use actix_web::{FromRequest, HttpRequest, web};

use super::cookies::Place;
use crate::authentication::Authentication;
use crate::domain::access::Access;
use crate::domain::{Actor, Error};
use crate::middleware::checked_host;
use crate::problem::Problem;
use crate::registry::{Origin, Registry, RequestContext};
use crate::request_id::RequestId;
use crate::source::forwarded_for;

/// Somebody who has not said who they are, with the cookies of their browser.
pub struct Stranger {
    pub(super) authentication: Authentication,
    pub(super) registry: Registry,
    pub(super) context: RequestContext,
    /// Where their requests are from.
    pub(super) from: Option<IpAddr>,
    pub(super) headers: HeaderMap,
}

impl Stranger {
    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The context of their request. It is for use cases that ask for no rights alone: it has all of them.
    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    /// What URLs of this server begin with for them, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.context.base_url()
    }

    pub(super) fn place(&self) -> Place {
        Place::of(self.base_url())
    }
}

impl FromRequest for Stranger {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let registry = request.app_data::<web::Data<Registry>>();
        let authentication = request.app_data::<web::Data<Authentication>>();
        let Some((registry, authentication)) = registry.zip(authentication) else {
            return ready(Err(Error::internal("the app was built without authentication").into()));
        };
        let peer = request.peer_addr().map(|peer| peer.ip());
        let from = match authentication.admit(peer, || forwarded_for(request.headers())) {
            Ok(from) => from,
            Err(error) => return ready(Err(error.into())),
        };
        let id = RequestId::current().unwrap_or_else(RequestId::generate);
        let host = checked_host(request).map(|host| host.to_string());
        let actor = Actor::new("anonymous", id.as_str()).with_client_request_id(id.client());
        let origin = Origin {
            door: Some("Modelport"),
            peer: from.map(|from| from.to_string()),
            agent: request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned),
            ..Origin::default()
        };
        // Nothing else is done with it than to log somebody in, and to take what comes with a secret.
        let context = registry.context_at(actor, Access::of_server(), host.as_deref()).with_origin(origin);
        ready(Ok(Self {
            authentication: authentication.get_ref().clone(),
            registry: registry.get_ref().clone(),
            context,
            from,
            headers: request.headers().clone(),
        }))
    }
}
