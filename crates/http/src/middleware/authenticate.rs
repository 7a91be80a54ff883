//! Who is calling, found out before anything of a body is read.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};

use super::same_origin::checked_host;
use super::workspace_path::{PathWorkspace, path_before};
use crate::authentication::{Authentication, Presented};
use crate::browser::{Place, login_page};
use crate::domain::access::Verb;
use crate::domain::{self, ErrorKind};
use crate::door::Doors;
use crate::limits::whole_seconds;
use crate::problem::status;
use crate::registry::Registry;
use crate::source::forwarded_for;
use crate::tls::ClientCertificate;

/// Answers for which nobody has to say who they are: they show no more than that the server runs and what it speaks.
const OPEN: [&str; 5] = ["/health/live", "/health/ready", "/health", "/metrics", "/favicon.ico"];
/// What the paths of pages begin with that everybody may read.
const OPEN_PREFIXES: [&str; 2] = ["/docs", "/static/"];

/// How callers of one listener say who they are.
#[derive(Clone, Default)]
pub struct ListenerAuthentication {
    /// Which credentials are believed.
    pub authentication: Authentication,
    /// Below which path browsers log in by issuers, where they do at it: cookies count there.
    pub login: Option<&'static str>,
    /// Whose requests these are where a client presents nothing.
    pub principal: Option<String>,
    /// The workspace of a listener whose clients know of none.
    pub workspace: Option<String>,
}

/// Finds out who is calling, and keeps it for the handler.
pub(super) async fn authenticate<B: MessageBody + 'static>(
    listener: ListenerAuthentication,
    doors: Doors,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.path();
    let is_open = || request.match_pattern().is_some_and(|pattern| doors.is_open(&pattern));
    if OPEN.contains(&path) || OPEN_PREFIXES.iter().any(|prefix| path.starts_with(prefix)) || is_open() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let Some(registry) = request.app_data::<web::Data<Registry>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let headers = request.headers();
    let header = |name: &str| {
        let mut all = headers.get_all(name);
        let first = all.next()?.to_str().unwrap_or_default().to_owned();
        Some(if all.next().is_some() { String::new() } else { first })
    };
    let in_path = request.extensions().get::<PathWorkspace>().cloned();
    let place = place(&listener, &registry, &request);
    // A door's own pages know nothing of the header with which others prove that a change is theirs; browsers say it for them.
    let needs_csrf = !(request.method().is_safe() || doors.is_of_pages(path) && is_same_origin(headers));
    let session = place.and_then(|place| place.session(headers, needs_csrf));
    let has_session = session.is_some();
    let presented = Presented {
        header: &header,
        session,
        peer: request.peer_addr().map(|peer| peer.ip()),
        forwarded_for: &|| forwarded_for(headers),
        certificate: request.conn_data::<ClientCertificate>(),
        listener: listener.principal.as_deref(),
        workspace: in_path
            .map(|named| named.0)
            .or_else(|| listener.workspace.clone())
            .or_else(|| doors.workspace_header(path).and_then(header)),
        door: doors.name_of(path),
        verb: verb(request.method()),
    };
    let asked = listener.authentication.ask(&registry, presented).await;
    match asked {
        Ok(asker) => {
            let by_session = asker.origin.session.is_some();
            request.extensions_mut().insert(asker);
            let is_page = is_navigation(request.headers());
            let mut response = next.call(request).await?.map_into_boxed_body();
            if response.status() == StatusCode::UNAUTHORIZED {
                challenge(response.headers_mut(), is_page, "");
            }
            // A cookie does not keep caches in between from storing an answer, as `Authorization` does (RFC 9111 §3.5).
            if by_session && !response.headers().contains_key(CACHE_CONTROL) {
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            }
            Ok(response)
        }
        Err(error) => {
            let asks_to_log_in = ask_to_log_in(&listener, doors, &registry, &request, &error);
            let has_basic = asks_to_log_in.is_none() && is_navigation(request.headers());
            let mut response = asks_to_log_in.unwrap_or_else(|| refuse(doors, path, &error));
            if let Some(wait) = error.retry_after() {
                response.headers_mut().insert(RETRY_AFTER, whole_seconds(wait).into());
            }
            if response.status() == StatusCode::UNAUTHORIZED {
                let has_token = request.headers().contains_key(AUTHORIZATION);
                let error = if has_token { ", error=\"invalid_token\"" } else { "" };
                challenge(response.headers_mut(), has_basic, error);
                // Otherwise a browser could not do what nobody has to say their name for.
                if let Some(place) = place.filter(|_| has_session && !has_token)
                    && let Ok(cookie) = HeaderValue::from_str(&place.forget_session())
                {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
            }
            Ok(request.into_response(response))
        }
    }
}

/// Where the browser is that sent a request; none where cookies do not count.
fn place(listener: &ListenerAuthentication, registry: &Registry, request: &ServiceRequest) -> Option<Place> {
    if listener.login.is_none() || !listener.authentication.is_on() {
        return None;
    }
    Some(Place::of(&base_url(registry, request)))
}

/// What URLs of this server begin with for whoever sent a request.
fn base_url(registry: &Registry, request: &ServiceRequest) -> Arc<str> {
    let host = checked_host(request.request()).map(|host| host.to_string());
    registry.base_url_at(host.as_deref())
}

/// The page by which somebody logs in, where a browser wants one of a door's pages and nobody knows whose it is.
fn ask_to_log_in(
    listener: &ListenerAuthentication,
    doors: Doors,
    registry: &Registry,
    request: &ServiceRequest,
    error: &domain::Error,
) -> Option<HttpResponse> {
    let is_page = request.method() == Method::GET && doors.is_of_pages(request.path());
    let is_wanted = request.headers().get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if !is_page || !is_wanted || error.kind() != ErrorKind::Unauthenticated {
        return None;
    }
    let next = format!("{}{}", path_before(request.request()), request.uri());
    login_page(&listener.authentication.logins(), &base_url(registry, request), listener.login?, &next)
}

/// What a request asks for, in the words of Kubernetes.
fn verb(method: &Method) -> Verb {
    match *method {
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH => Verb::Patch,
        Method::DELETE => Verb::Delete,
        _ => Verb::Get,
    }
}

/// Whether no script of a page asks: at its challenge for Basic a browser opens a dialog of its own.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}

/// Whether a page of this very origin asks, which no page can make a browser say of another (W3C Fetch Metadata).
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site");
    sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
}

/// Says how to say who one is (RFC 9110 §11.6.1, RFC 6750 §3).
fn challenge(headers: &mut HeaderMap, with_basic: bool, error: &str) {
    if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer realm=\"modelport\"{error}")) {
        headers.insert(WWW_AUTHENTICATE, bearer);
    }
    if with_basic {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"modelport\""));
    }
}

/// The refusal, in the shape of the API that the path belongs to.
fn refuse(doors: Doors, path: &str, error: &domain::Error) -> HttpResponse {
    let status = status(error.kind());
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        log::error!("nobody could be authenticated: {error}");
        return doors.refuse(path, status, "internal error");
    }
    doors.refuse(path, status, error.message())
}
