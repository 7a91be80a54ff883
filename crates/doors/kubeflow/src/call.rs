//! A request as the actions take it.

use actix_web::dev::Payload;
use actix_web::http::header::{self, Header as _, IfMatch};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::Edition;
use super::error::KubeflowError;
use super::query::Query;
use crate::domain::{Alias, Error, NodeId, Result};
use crate::http::caller::Caller;
use crate::registry::conditions::IF_MATCH;
use crate::registry::entities::Expected;
use crate::registry::{Registry, RequestContext};

/// What was asked, and on whose behalf.
pub struct Call {
    /// The registry.
    pub registry: Registry,
    /// The context of the request.
    pub context: RequestContext,
    /// The query parameters.
    pub query: Query,
    /// The body; empty for a GET.
    pub body: Bytes,
    /// Under which path it was asked.
    pub edition: Edition,
    segments: Vec<String>,
    if_match: Option<std::result::Result<IfMatch, ()>>,
}

impl FromRequest for Call {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let query = Query::parse(request.query_string()).map_err(KubeflowError::from);
        let body = Bytes::from_request(request, payload);
        let segments = request.match_info().iter().map(|(_, segment)| segment.to_owned()).collect();
        let has_if_match = request.headers().contains_key(header::IF_MATCH);
        let if_match = has_if_match.then(|| IfMatch::parse(request).map_err(drop));
        Box::pin(async move {
            let Caller { registry, context } = caller.await?;
            Ok(Self {
                registry,
                context,
                query: query?,
                body: body.await?,
                edition: Edition::V1Alpha3,
                segments,
                if_match,
            })
        })
    }
}

impl Call {
    /// The same call under the path of that edition.
    pub fn in_edition(self, edition: Edition) -> Self {
        Self { edition, ..self }
    }

    /// The id in the path.
    pub fn id(&self) -> Result<NodeId> {
        self.segment(0).parse()
    }

    /// The alias in the path, after the id.
    pub fn alias(&self) -> Result<Alias> {
        self.segment(1).parse()
    }

    fn segment(&self, at: usize) -> &str {
        self.segments.get(at).map(String::as_str).unwrap_or_default()
    }

    /// What `If-Match` says of something that is created when it is not there.
    pub fn expected(&self) -> Result<Expected> {
        Ok(Expected { exists: self.if_match.is_some(), revision: self.if_revision()? })
    }

    /// The revision that `If-Match` demands; 0, which no entity is at, when it names none.
    pub fn if_revision(&self) -> Result<Option<i64>> {
        let tags = match &self.if_match {
            None | Some(Ok(IfMatch::Any)) => return Ok(None),
            Some(Ok(IfMatch::Items(tags))) => tags,
            Some(Err(())) => return Err(Error::invalid(IF_MATCH, "`If-Match` is not a list of entity tags")),
        };
        let mut revisions = tags.iter().filter(|tag| !tag.weak).filter_map(|tag| tag.tag().parse().ok());
        match (revisions.next(), revisions.next()) {
            (Some(_), Some(_)) => Err(Error::invalid(IF_MATCH, "`If-Match` names more than one revision")),
            (one, _) => Ok(Some(one.unwrap_or(0))),
        }
    }
}
