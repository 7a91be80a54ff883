//! How somebody logs in with a browser: sent to an issuer, who sends them back with a code that the server redeems (OpenID Connect
//! Core 1.0 §3.1, RFC 7636).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::stranger::Stranger;
use crate::authentication::{Authentication, Credentials};
use crate::domain::access::{hash_of_text, is_same_hash};
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::identity::{DeviceClient, Issuers, Keyring, LoginRequest, random_secret};
use crate::registry::access::NewSession;

/// How long somebody has to log in, in seconds.
const LASTS: i64 = 600;
/// What the cookie of a login is sealed as.
const ABOUT: &str = "login";
/// The longest address that a login returns to, in bytes: it is kept in a cookie.
const MAX_NEXT: usize = 2048;

/// Where a browser is sent, and the cookies that it gets (`Set-Cookie`).
pub struct Redirection {
    /// `Location`.
    pub location: String,
    /// Each a value of `Set-Cookie`.
    pub cookies: Vec<String>,
}

/// What an issuer sends a browser back with (RFC 6749 §4.1.2, RFC 9207). What else it says does not count.
#[derive(Default, Deserialize)]
pub struct LoginAnswer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// A login that is under way, as the browser keeps it, sealed.
#[derive(Serialize, Deserialize)]
struct Pending {
    issuer: String,
    state: String,
    nonce: String,
    verifier: String,
    next: String,
    ends_at: Millis,
}

/// An issuer by which people log in.
#[derive(Debug, Default)]
pub struct Login {
    /// Its name.
    pub issuer: String,
    /// Whether they do so with a browser.
    pub in_browser: bool,
    /// How they do so with a command line.
    pub device: Option<DeviceLogin>,
}

/// What a command line has to know to log somebody in (RFC 8628).
#[derive(Debug, Clone)]
pub struct DeviceLogin {
    /// The issuer's URL.
    pub url: String,
    /// What it calls itself there.
    pub client_id: String,
    /// What it asks for.
    pub scopes: Vec<String>,
}

impl Authentication {
    /// The issuers by which people log in, by name.
    pub fn logins(&self) -> Vec<Login> {
        let Some(credentials) = self.credentials() else { return Vec::new() };
        let mut found = BTreeMap::<&str, Login>::new();
        for (name, client) in credentials.issuers.iter().flat_map(Issuers::device_logins) {
            let DeviceClient { url, client_id, scopes } = client.clone();
            found.entry(name).or_default().device = Some(DeviceLogin { url, client_id, scopes });
        }
        for name in credentials.logins().into_iter().flat_map(|(issuers, _)| issuers.browser_logins()) {
            found.entry(name).or_default().in_browser = true;
        }
        found.into_iter().map(|(name, login)| Login { issuer: name.to_owned(), ..login }).collect()
    }
}

impl Credentials {
    /// What logins need, where there are any.
    pub(super) fn logins(&self) -> Option<(&Issuers, &Keyring)> {
        self.issuers.as_ref().zip(self.keys.as_ref())
    }
}

impl Stranger {
    /// The issuers by which they can log in.
    pub fn logins(&self) -> Vec<Login> {
        self.authentication.logins()
    }

    /// Begins a login by that issuer, which sends the browser back to `callback` and leads to `next`, a path of this server.
    ///
    /// Errors: NotFound where nobody logs in by that issuer; InvalidArgument for a `next` elsewhere; InvalidState where the browser
    /// would not be safe here; UpstreamUnavailable while the issuer does not answer.
    pub async fn begin_login(&self, issuer: &str, callback: &str, next: &str) -> Result<Redirection> {
        let (issuers, keys) = self.parts(issuer)?;
        let place = self.place();
        place.check()?;
        let pending = Pending {
            issuer: issuer.to_owned(),
            state: random_secret()?,
            nonce: random_secret()?,
            verifier: random_secret()?,
            next: own_path(next)?,
            ends_at: self.context.now().saturating_add(LASTS * 1000),
        };
        let location = issuers.authorization_url(issuer, pending.request(callback)).await?;
        let text = serde_json::to_string(&pending)
            .map_err(|error| Error::internal("a login cannot be written").caused_by(error))?;
        Ok(Redirection { location, cookies: vec![place.set_login(&keys.seal(ABOUT, &text)?, LASTS)] })
    }

    /// Ends a login: whoever the issuer's code stands for gets a session.
    ///
    /// Errors: Unauthenticated where this browser began no such login, the issuer refused it, or what it says is not valid, and
    /// TooManyRequests where too many such are from there; as [`Stranger::begin_login`].
    pub async fn complete_login(&self, issuer: &str, callback: &str, answer: LoginAnswer) -> Result<Redirection> {
        let completed = self.complete(issuer, callback, answer).await;
        if completed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthenticated) {
            self.registry.audit.record_failed_login(&self.context);
            self.authentication.admit_failed_login(self.from)?;
        }
        completed
    }

    async fn complete(&self, issuer: &str, callback: &str, answer: LoginAnswer) -> Result<Redirection> {
        let (issuers, keys) = self.parts(issuer)?;
        let place = self.place();
        place.check()?;
        let pending = self.pending(issuer, keys, answer.state.as_deref())?;
        if !issuers.may_be_from(issuer, answer.iss.as_deref()).await? {
            return Err(Error::unauthenticated("the answer is not of the issuer that was asked (`iss`): begin again"));
        }
        if let Some(error) = answer.error {
            let shown: String = error.escape_debug().take(100).collect();
            return Err(Error::unauthenticated(format!("the issuer `{issuer}` refuses the login: `{shown}`")));
        }
        let code = answer.code.ok_or_else(|| Error::unauthenticated("the issuer's answer has no `code`"))?;
        let login = issuers.redeem(issuer, &code, pending.request(callback)).await?;
        let secret = random_secret()?;
        let hash = hash_of_text(&secret);
        let refresh_sealed = login.refresh_token.as_deref().map(|token| keys.seal(&about(&hash), token)).transpose()?;
        let new = NewSession { hash, refresh_sealed };
        let begun = self.registry.accounts.begin_session(&self.context, login.identity, new).await?;
        let seconds = begun.session.ends_at.saturating_sub(self.context.now()) / 1000;
        Ok(Redirection {
            location: pending.next,
            cookies: vec![place.forget_login(), place.set_session(&secret, seconds)],
        })
    }

    /// The login that this browser began by that issuer, which has that state.
    fn pending(&self, issuer: &str, keys: &Keyring, state: Option<&str>) -> Result<Pending> {
        let sealed = self.place().login(&self.headers);
        let text = sealed.and_then(|sealed| keys.open(ABOUT, &sealed));
        let pending = text.and_then(|text| serde_json::from_str::<Pending>(&text).ok());
        let is_same = |one: &str, other: &str| is_same_hash(&hash_of_text(one), &hash_of_text(other));
        let is_this = |pending: &Pending| {
            pending.issuer == issuer
                && pending.ends_at > self.context.now()
                && state.is_some_and(|state| is_same(state, &pending.state))
        };
        pending.filter(is_this).ok_or_else(|| {
            Error::unauthenticated(
                "this browser did not begin that login, or began it too long ago (`state`): begin again",
            )
        })
    }

    fn parts(&self, issuer: &str) -> Result<(&Issuers, &Keyring)> {
        let parts = self.authentication.credentials().and_then(|credentials| credentials.logins());
        parts.ok_or_else(|| Error::not_found(format!("issuer `{}`, by which people log in", issuer.escape_debug())))
    }
}

impl Pending {
    fn request<'a>(&'a self, callback: &'a str) -> LoginRequest<'a> {
        LoginRequest { state: &self.state, nonce: &self.nonce, verifier: &self.verifier, redirect_uri: callback }
    }
}

/// What the refresh token of a session is sealed as.
pub(super) fn about(hash: &str) -> String {
    format!("refresh token of session {hash}")
}

/// A path of this server. InvalidArgument for what a browser would take for an address elsewhere.
fn own_path(next: &str) -> Result<String> {
    let is_plain = next.len() <= MAX_NEXT && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let own = Url::parse("https://own.invalid").ok();
    let is_own = own.and_then(|own| own.join(next).ok()).is_some_and(|url| url.host_str() == Some("own.invalid"));
    if is_plain && is_path && is_own {
        return Ok(next.to_owned());
    }
    let message =
        format!("`next` is not a path of this server, which begins with one `/` and has {MAX_NEXT} bytes at most");
    Err(Error::invalid("next", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_no_other_server() {
        for own in
            ["/", "/models/a?version=1#files", "/a//b", "/.//evil.example", "/@evil.example", "/%2f%2fevil.example"]
        {
            assert_eq!(own_path(own).unwrap(), own);
        }
        let long = format!("/{}", "x".repeat(MAX_NEXT));
        for other in [
            "",
            "models",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/a b",
            "/é",
            &long,
        ] {
            assert_eq!(own_path(other).unwrap_err().field(), Some("next"), "{other:?}");
        }
    }
}
