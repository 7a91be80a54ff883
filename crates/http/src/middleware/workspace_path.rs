//! Paths below `/w/{workspace}`: the same as those without it, for one workspace.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};

/// What stands before the name of a workspace in a path.
const PREFIX: &str = "/w/";

/// The name of the workspace that the request's path begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathWorkspace(pub(super) String);

/// Takes the workspace from the path, so that what follows sees the path of an API.
pub(super) async fn workspace_path<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some((workspace, rest)) = split(request.uri()) {
        request.extensions_mut().insert(PathWorkspace(workspace));
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(rest);
        if let Ok(uri) = Uri::from_parts(parts) {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
    next.call(request).await
}

/// What stood before the path of a request as its handler sees it: that of its workspace, where it named one so.
pub(super) fn path_before(request: &HttpRequest) -> String {
    request.extensions().get::<PathWorkspace>().map(|named| format!("{PREFIX}{}", named.0)).unwrap_or_default()
}

/// The workspace of a path and what is behind it, where it has one.
fn split(uri: &Uri) -> Option<(String, PathAndQuery)> {
    let (workspace, rest) = uri.path().strip_prefix(PREFIX)?.split_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let rest = format!("/{rest}{query}").parse().ok()?;
    (!workspace.is_empty()).then(|| (workspace.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_the_segment_behind_w() {
        let found = |path: &str| split(&path.parse().unwrap()).map(|(workspace, rest)| (workspace, rest.to_string()));
        let team = |rest: &str| Some(("team-a".to_owned(), rest.to_owned()));
        assert_eq!(found("/w/team-a/api/v1/models?limit=1"), team("/api/v1/models?limit=1"));
        assert_eq!(found("/w/team-a/"), team("/"));
        assert_eq!(found("/w/team-a/w/b/c"), team("/w/b/c"));
        for none in ["/w/team-a", "/w//api", "/api/v1/w/a/b", "/", "/wx/a/b"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
