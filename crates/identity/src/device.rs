//! Logging in where there is no browser: the device flow (RFC 8628), as a client of an issuer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::discovery;
use super::token::shown;
use super::web::{Body, Reply, Web};
use crate::domain::{Error, Result};

/// The grant of RFC 8628 §3.4.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long to wait between two questions where the issuer does not say (RFC 8628 §3.2), and how much longer where it says that this is
/// too often (§3.5).
const PAUSE: Duration = Duration::from_secs(5);
/// The shortest pause, whatever an issuer says.
const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that an issuer may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// How long to wait for somebody where the issuer does not say.
const LASTS: Duration = Duration::from_secs(600);

/// What a command line is to an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceClient {
    /// The issuer's URL.
    pub url: String,
    /// The id of the client, which has no secret.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
}

impl DeviceClient {
    /// The one that a server names; `None` where it names none.
    pub fn read(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }
}

/// How a command line gets another token when its own has ended.
#[derive(Clone, Serialize, Deserialize)]
pub struct Renewal {
    client: DeviceClient,
    refresh_token: String,
    /// Whether it is the ID token that counts, and not the access token.
    is_id_token: bool,
}

/// What somebody has to do, and what comes of it.
pub struct DeviceLogin {
    /// Where somebody goes, with any browser.
    pub verification_uri: String,
    /// The same with the code in it, where the issuer gives that.
    pub verification_uri_complete: Option<String>,
    /// What they have to type there.
    pub user_code: String,
    /// For how long that is possible.
    pub lasts: Duration,
    device_code: String,
    client_id: String,
    token_endpoint: String,
    pause: Duration,
}

/// What an issuer gives in the end.
pub struct DeviceTokens {
    /// The access token.
    pub access_token: String,
    /// The ID token, where there is one.
    pub id_token: Option<String>,
    refresh_token: Option<String>,
}

impl DeviceTokens {
    fn read(body: &Value) -> Result<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let access_token = text("access_token").ok_or_else(|| Error::upstream("the issuer gives no access token"))?;
        Ok(Self { access_token, id_token: text("id_token"), refresh_token: text("refresh_token") })
    }

    /// The tokens that may be the one for the registry, and whether each is an ID token.
    pub fn each(&self) -> impl Iterator<Item = (&str, bool)> {
        let id_token = self.id_token.as_deref().map(|token| (token, true));
        [(self.access_token.as_str(), false)].into_iter().chain(id_token)
    }

    /// How to get another of these; `None` where the issuer gives nothing for that.
    pub fn renewal(&self, client: &DeviceClient, is_id_token: bool) -> Option<Renewal> {
        let refresh_token = self.refresh_token.clone()?;
        Some(Renewal { client: client.clone(), refresh_token, is_id_token })
    }
}

impl Renewal {
    /// Another token, and how to get the one after that.
    ///
    /// Errors: Unauthenticated where the issuer takes the refresh token no longer; UpstreamUnavailable where it does not answer.
    pub async fn tokens(&self, web: &Web) -> Result<(String, Self)> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.as_str()),
            ("client_id", self.client.client_id.as_str()),
        ];
        let document = discovery::document(web, &self.client.url).await.map_err(no_answer)?;
        let endpoint = discovery::endpoint(&document, &self.client.url, "token_endpoint").map_err(Error::upstream)?;
        let reply = web.ask("POST", &endpoint, None, Body::Form(&form)).await.map_err(no_answer)?;
        if !reply.is_success() {
            return Err(Error::unauthenticated(format!("the login has ended, log in again: {}", said(&reply))));
        }
        let tokens = DeviceTokens::read(&reply.body)?;
        let found = tokens.each().find(|(_, is_id_token)| *is_id_token == self.is_id_token);
        let token = found.map(|(token, _)| token.to_owned());
        let token = token.ok_or_else(|| Error::upstream("the issuer gives no ID token any more: log in again"))?;
        let next = tokens.renewal(&self.client, self.is_id_token).unwrap_or_else(|| self.clone());
        Ok((token, next))
    }

    /// Has the issuer forget it (RFC 7009), where it does that.
    pub async fn revoke(&self, web: &Web) -> Result<()> {
        let document = discovery::document(web, &self.client.url).await.map_err(no_answer)?;
        if document.get("revocation_endpoint").is_none() {
            return Ok(());
        }
        let endpoint =
            discovery::endpoint(&document, &self.client.url, "revocation_endpoint").map_err(Error::upstream)?;
        let form = [("token", self.refresh_token.as_str()), ("client_id", self.client.client_id.as_str())];
        let reply = web.ask("POST", &endpoint, None, Body::Form(&form)).await.map_err(no_answer)?;
        if reply.is_success() { Ok(()) } else { Err(Error::upstream(said(&reply))) }
    }
}

/// What an issuer says when it is asked again.
enum Asked {
    Done(DeviceTokens),
    NotYet,
    TooOften,
}

impl DeviceLogin {
    /// Begins a login.
    ///
    /// Errors: UpstreamUnavailable where the issuer does not answer; Upstream where it does not do that, or not for this client.
    pub async fn begin(web: &Web, client: &DeviceClient) -> Result<Self> {
        let DeviceClient { url: issuer, client_id, scopes } = client;
        let document = discovery::document(web, issuer).await.map_err(no_answer)?;
        let endpoint = |name| discovery::endpoint(&document, issuer, name).map_err(Error::upstream);
        let (begins, token_endpoint) = (endpoint("device_authorization_endpoint")?, endpoint("token_endpoint")?);
        let scope = scopes.join(" ");
        let form = [("client_id", client_id.as_str()), ("scope", scope.as_str())];
        let reply = web.ask("POST", &begins, None, Body::Form(&form)).await.map_err(no_answer)?;
        if !reply.is_success() {
            return Err(Error::upstream(format!("the issuer `{issuer}` refuses to begin: {}", said(&reply))));
        }
        Self::read(&reply.body, client_id, token_endpoint)
            .ok_or_else(|| Error::upstream(format!("the issuer `{issuer}` does not say how to log in (RFC 8628 §3.2)")))
    }

    fn read(body: &Value, client_id: &str, token_endpoint: String) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let seconds = |name: &str| body.get(name).and_then(Value::as_u64).map(Duration::from_secs);
        // It is shown on a terminal.
        let printable = |text: &String| !text.chars().any(char::is_control);
        Some(Self {
            verification_uri: text("verification_uri").filter(printable)?,
            verification_uri_complete: text("verification_uri_complete").filter(printable),
            user_code: text("user_code").filter(printable)?,
            device_code: text("device_code")?,
            lasts: seconds("expires_in").unwrap_or(LASTS),
            pause: seconds("interval").unwrap_or(PAUSE).clamp(MIN_PAUSE, MAX_PAUSE),
            client_id: client_id.to_owned(),
            token_endpoint,
        })
    }

    /// Waits until somebody has done it, asking as often as the issuer likes.
    ///
    /// Errors: PermissionDenied where they refused; Unauthenticated when it took too long; Upstream for what else the issuer says.
    pub async fn wait(mut self, web: &Web) -> Result<DeviceTokens> {
        let ends = tokio::time::Instant::now() + self.lasts;
        loop {
            tokio::time::sleep(self.pause).await;
            if tokio::time::Instant::now() >= ends {
                return Err(too_late());
            }
            let form = [
                ("grant_type", GRANT),
                ("device_code", self.device_code.as_str()),
                ("client_id", self.client_id.as_str()),
            ];
            match web.ask("POST", &self.token_endpoint, None, Body::Form(&form)).await {
                Ok(reply) => match read(&reply)? {
                    Asked::Done(tokens) => return Ok(tokens),
                    Asked::NotYet => {}
                    Asked::TooOften => self.pause = (self.pause + PAUSE).min(MAX_PAUSE),
                },
                // RFC 8628 §3.5: after a failure of the connection, ask less often.
                Err(_) => self.pause = (self.pause * 2).clamp(PAUSE, MAX_PAUSE),
            }
        }
    }
}

fn read(reply: &Reply) -> Result<Asked> {
    let text = |name: &str| reply.body.get(name).and_then(Value::as_str);
    if reply.is_success() {
        return DeviceTokens::read(&reply.body).map(Asked::Done);
    }
    match text("error") {
        Some("authorization_pending") => Ok(Asked::NotYet),
        Some("slow_down") => Ok(Asked::TooOften),
        Some("access_denied") => Err(Error::permission_denied("the login was refused in the browser")),
        Some("expired_token") => Err(too_late()),
        // A gateway in between, perhaps.
        None if reply.status >= 500 => Ok(Asked::TooOften),
        _ => Err(Error::upstream(format!("the issuer refuses the login: {}", said(reply)))),
    }
}

fn too_late() -> Error {
    Error::unauthenticated("nobody logged in in time: begin again")
}

fn no_answer(why: String) -> Error {
    Error::upstream_unavailable(why)
}

fn said(reply: &Reply) -> String {
    let text = |name: &str| shown(reply.body.get(name).and_then(Value::as_str).unwrap_or_default());
    format!("status {}, `{}` {}", reply.status, text("error"), text("error_description")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_issuer_says_decides_whether_to_ask_again() {
        let read = |status, body| match read(&Reply { status, body }) {
            Ok(Asked::Done(tokens)) => tokens.access_token,
            Ok(Asked::NotYet) => "not yet".to_owned(),
            Ok(Asked::TooOften) => "too often".to_owned(),
            Err(error) => error.message().to_owned(),
        };
        for (status, body, what) in [
            (200, json!({"access_token": "a"}), "a"),
            (200, json!({}), "the issuer gives no access token"),
            (400, json!({"error": "authorization_pending"}), "not yet"),
            (400, json!({"error": "slow_down"}), "too often"),
            (503, Value::Null, "too often"),
            (400, json!({"error": "access_denied"}), "the login was refused in the browser"),
            (400, json!({"error": "expired_token"}), "nobody logged in in time: begin again"),
            (401, json!({"error": "x\u{1b}y"}), r"the issuer refuses the login: status 401, `x\u{1b}y`"),
        ] {
            assert_eq!(read(status, body.clone()), what, "{body}");
        }
    }

    #[test]
    fn what_is_shown_is_printable_and_the_pause_is_bounded() {
        let body = json!({
            "device_code": "d", "user_code": "AB-CD", "verification_uri": "https://x/device", "expires_in": 60,
            "interval": 100_000,
        });
        let read = |body: &Value| DeviceLogin::read(body, "cli", "https://x/token".to_owned());
        let login = read(&body).unwrap();
        assert_eq!((login.pause, login.lasts), (MAX_PAUSE, Duration::from_secs(60)));
        for name in ["device_code", "user_code", "verification_uri"] {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(read(&without).is_none(), "{name}");
        }
        let mut colourful = body.clone();
        colourful["user_code"] = json!("\u{1b}[31mAB");
        assert!(read(&colourful).is_none());
    }
}
