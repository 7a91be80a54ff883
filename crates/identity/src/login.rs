//! People log in with a browser: the code flow of OpenID Connect Core 1.0 §3.1, with PKCE (RFC 7636), and what is asked with a
//! refresh token later on.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use super::discovery::Endpoints;
use super::issuer::Issuer;
use super::issuers::Issuers;
use super::options::BrowserClient;
use super::token::shown;
use super::web::{Body, Credential, Reply};
use crate::domain::access::Identity;
use crate::domain::{Error, Result, Sha256};

/// What a browser takes along to an issuer, and what its answer is checked against.
#[derive(Clone, Copy)]
pub struct LoginRequest<'a> {
    /// Ties the answer to the browser that asked.
    pub state: &'a str,
    /// Ties the ID token to the login.
    pub nonce: &'a str,
    /// The secret that only who asked can show, when the code is redeemed.
    pub verifier: &'a str,
    /// Where the issuer sends the browser back to.
    pub redirect_uri: &'a str,
}

/// Somebody who has logged in.
pub struct Login {
    /// Who.
    pub identity: Identity,
    /// What tells later who they are then; `None` where the issuer gives none.
    pub refresh_token: Option<String>,
}

impl Issuers {
    /// The names of the issuers by which people log in with a browser.
    pub fn browser_logins(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|issuer| issuer.login().is_some()).map(|issuer| issuer.options().name.as_str())
    }

    /// Where a browser is sent to log in. NotFound where nobody logs in by that issuer; UpstreamUnavailable where it does not answer.
    pub async fn authorization_url(&self, issuer: &str, request: LoginRequest<'_>) -> Result<String> {
        let (issuer, client) = self.by_browser(issuer)?;
        let endpoints = issuer.endpoints().await?;
        let mut url = Url::parse(&endpoints.authorization)
            .map_err(|error| unavailable(issuer, format!("its `authorization_endpoint` is no URL: {error}")))?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::of(request.verifier.as_bytes()).as_bytes());
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", request.redirect_uri)
            .append_pair("scope", &client.scopes.join(" "))
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !client.prompt.is_empty() {
            url.query_pairs_mut().append_pair("prompt", &client.prompt);
        }
        Ok(url.into())
    }

    /// Whether an answer to a browser that names this issuer, or none, may be of that one (RFC 9207 §2.4).
    pub async fn may_be_from(&self, issuer: &str, named: Option<&str>) -> Result<bool> {
        let (issuer, _) = self.by_browser(issuer)?;
        match named {
            Some(named) => Ok(named == issuer.options().url),
            None => Ok(!issuer.endpoints().await?.names_itself),
        }
    }

    /// Who a code stands for.
    ///
    /// Errors: Unauthenticated where the issuer does not take the code, or its ID token is not valid or for another login;
    /// UpstreamUnavailable where nobody knows.
    pub async fn redeem(&self, issuer: &str, code: &str, request: LoginRequest<'_>) -> Result<Login> {
        let (issuer, client) = self.by_browser(issuer)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", request.redirect_uri),
            ("code_verifier", request.verifier),
        ];
        let tokens = ask(issuer, client, &form).await?;
        self.read(issuer, client, &tokens, Some(request.nonce)).await
    }

    /// Who somebody is by now, with their groups of now.
    ///
    /// Errors: Unauthenticated where the issuer does not take the refresh token any more, or what it says is not valid;
    /// UpstreamUnavailable where nobody knows.
    pub async fn renew(&self, issuer: &str, refresh_token: &str) -> Result<Login> {
        let (issuer, client) = self.by_browser(issuer)?;
        let tokens = ask(issuer, client, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await?;
        self.read(issuer, client, &tokens, None).await
    }

    fn by_browser(&self, name: &str) -> Result<(&Issuer, &BrowserClient)> {
        let found = self.iter().find(|issuer| issuer.options().name == name);
        let found = found.and_then(|issuer| Some((issuer, issuer.login()?)));
        found.ok_or_else(|| Error::not_found(format!("issuer `{}`, by which people log in", shown(name))))
    }

    async fn read(
        &self,
        issuer: &Issuer,
        client: &BrowserClient,
        tokens: &Value,
        nonce: Option<&str>,
    ) -> Result<Login> {
        let text = |name: &str| tokens.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id_token = text("id_token").ok_or_else(|| {
            Error::unauthenticated(format!(
                "the issuer `{}` does not say who it is: its answer has no ID token",
                issuer.options().name
            ))
        })?;
        let access_token = text("access_token");
        let (mut identity, has_groups) = issuer.verify_id_token(id_token, &client.id, nonce, access_token).await?;
        // Some issuers say groups in the other token only. That counts as it does where it is presented.
        if !has_groups
            && let Some(token) = access_token.filter(|token| token.split('.').count() == 3)
            && let Ok(other) = self.verify(token).await
            && other.subject == identity.subject
            && other.issuer == identity.issuer
        {
            identity.groups.clone_from(&other.groups);
        }
        Ok(Login { identity, refresh_token: text("refresh_token").map(str::to_owned) })
    }
}

/// The tokens that the issuer gives for what a form has.
async fn ask(issuer: &Issuer, client: &BrowserClient, form: &[(&str, &str)]) -> Result<Value> {
    let endpoints: Arc<Endpoints> = issuer.endpoints().await?;
    let secret = client.secret.read().map_err(|why| unavailable(issuer, why))?;
    let mut form = form.to_vec();
    let credential = match &secret {
        Some(secret) if !endpoints.wants_secret_in_form => Some(Credential::Client { id: &client.id, secret }),
        Some(secret) => {
            form.extend([("client_id", client.id.as_str()), ("client_secret", secret)]);
            None
        }
        None => {
            form.push(("client_id", &client.id));
            None
        }
    };
    let reply = issuer.web().ask("POST", &endpoints.token, credential, Body::Form(&form)).await;
    let Reply { status, body } = reply.map_err(|why| unavailable(issuer, why))?;
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (error, description) = (shown(text("error")), shown(text("error_description")));
    // RFC 6749 §5.2: it is invalid, expired, revoked, or for another client. Of a refresh token Dex says then that the request is invalid.
    let is_renewal = form.contains(&("grant_type", "refresh_token"));
    if error == "invalid_grant" || error == "invalid_request" && status == 400 && is_renewal {
        return Err(Error::unauthenticated(format!(
            "the issuer `{}` refuses it (`{error}`): log in again",
            issuer.options().name
        )));
    }
    Err(unavailable(issuer, format!("`{}` answers {status} `{error}` {description}", endpoints.token)))
}

fn unavailable(issuer: &Issuer, why: String) -> Error {
    let name = issuer.options().name.as_str();
    log::warn!(issuer = name, error = why.as_str(); "the issuer cannot be asked who somebody is");
    Error::upstream_unavailable(format!("the issuer `{name}` cannot be asked who it is")).caused_by(why)
}
