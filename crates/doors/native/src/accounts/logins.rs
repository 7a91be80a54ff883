//! Logins of browsers by an issuer, and how their sessions end.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE};
use actix_web::web::{Path, Query};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::PREFIX;
use crate::domain::access::KnownSession;
use crate::domain::{Error, Result};
use crate::errors::{AccountListErrors, LoginErrors, LogoutErrors};
use crate::http::browser::{DeviceLogin, Login, LoginAnswer, Place, Redirection, Stranger};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Where an issuer sends browsers back to. Which parameters come along is the issuer's word, so the document does not have it.
pub const CALLBACK: &str = "/login/{issuer}/callback";

/// How people log in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginList {
    /// The issuers by which they can.
    pub items: Vec<LoginView>,
}

/// An issuer by which people log in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginView {
    /// The name that the settings give it.
    pub issuer: String,
    /// Where a browser goes to log in; absent where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What a command line needs to log in; absent where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceView>,
}

/// How a command line logs somebody in at the issuer (RFC 8628).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// The issuer's URL.
    pub url: String,
    /// The id of the client, which has no secret.
    pub client_id: String,
    /// What it asks for.
    pub scopes: Vec<String>,
}

impl LoginView {
    fn of(login: Login, base: &str) -> Self {
        let device = |DeviceLogin { url, client_id, scopes }| DeviceView { url, client_id, scopes };
        let url = login.in_browser.then(|| format!("{base}{PREFIX}/login/{}", login.issuer));
        Self { issuer: login.issuer, url, device: login.device.map(device) }
    }
}

/// Where a login leads.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LoginOptions {
    /// A path of this server, to which the browser returns; `/` when it is not given.
    next: Option<String>,
}

/// The session of a browser.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// What its pages send as `X-Modelport-CSRF` with every request that changes something.
    pub csrf: String,
    /// When it began, in milliseconds since 1970.
    pub created_at: i64,
    /// When it ends at the latest.
    pub ends_at: i64,
}

impl SessionView {
    /// The session of whoever asks, whose pages send that along.
    pub(super) fn of(known: &KnownSession, csrf: String) -> Self {
        Self { csrf, created_at: known.session.created_at, ends_at: known.session.ends_at }
    }
}

/// Lists the issuers by which people log in, with a browser or with a command line. Nobody has to say who they are for that.
#[utoipa::path(
    get, path = "/login", operation_id = "listLogins", tag = "accounts",
    responses((status = 200, description = "The issuers.", body = LoginList), AccountListErrors),
)]
pub async fn list_logins(stranger: Stranger) -> Result<HttpResponse, Problem> {
    let base = stranger.base_url();
    let items = stranger.logins().into_iter().map(|login| LoginView::of(login, base)).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(LoginList { items }))
}

/// Sends a browser to an issuer to log in, which sends it back to `/login/{issuer}/callback` of this server; from there it gets to `next`,
/// with the cookie of a session.
#[utoipa::path(
    get, path = "/login/{issuer}", operation_id = "beginLogin", tag = "accounts",
    params(("issuer" = String, Path, description = "The name of the issuer."), LoginOptions),
    responses((status = 303, description = "To the issuer."), LoginErrors),
)]
pub async fn begin_login(
    stranger: Stranger,
    issuer: Path<String>,
    options: Query<LoginOptions>,
) -> Result<HttpResponse, Problem> {
    let next = options.next.as_deref().unwrap_or("/");
    redirected(stranger.begin_login(&issuer, &callback(&stranger, &issuer), next).await?)
}

/// Ends a login, with what the issuer says.
pub async fn complete_login(
    stranger: Stranger,
    issuer: Path<String>,
    answer: Query<LoginAnswer>,
) -> Result<HttpResponse, Problem> {
    redirected(stranger.complete_login(&issuer, &callback(&stranger, &issuer), answer.into_inner()).await?)
}

/// Ends the session of the browser that asks, on every server; at the issuer one stays logged in.
#[utoipa::path(
    post, path = "/logout", operation_id = "logout", tag = "accounts",
    responses((status = 204, description = "There is no session."), LogoutErrors),
)]
pub async fn logout(caller: Caller) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::NoContent();
    if let Some(session) = &caller.context.origin().session {
        caller.registry.accounts.end_session(&caller.context, session, "logout").await?;
        set_cookie(&mut response, &Place::of(caller.context.base_url()).forget_session())?;
    }
    Ok(response.insert_header((CACHE_CONTROL, "no-store")).finish())
}

fn callback(stranger: &Stranger, issuer: &str) -> String {
    format!("{}{PREFIX}{}", stranger.base_url(), CALLBACK.replace("{issuer}", issuer))
}

fn redirected(to: Redirection) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::SeeOther();
    to.cookies.iter().try_for_each(|cookie| set_cookie(&mut response, cookie))?;
    let headers = [(LOCATION, to.location.as_str()), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")];
    Ok(headers.into_iter().fold(&mut response, |response, header| response.insert_header(header)).finish())
}

fn set_cookie(response: &mut HttpResponseBuilder, cookie: &str) -> Result<()> {
    let cookie = HeaderValue::from_str(cookie);
    let cookie = cookie.map_err(|error| Error::internal("a cookie cannot be written").caused_by(error))?;
    response.append_header((SET_COOKIE, cookie));
    Ok(())
}
