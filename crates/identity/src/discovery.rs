//! What an issuer says of itself (OpenID Connect Discovery 1.0): where its keys are, and where people log in.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::options::Clock;
use super::token::shown;
use super::web::{Answer, Web};
use crate::domain::{Error, Millis, Result};

/// How long an issuer's word is taken before it is asked again.
const FRESH_MS: Millis = 3_600_000;
/// How long it is not asked again after it did not answer.
const PAUSE_MS: Millis = 5_000;

/// The document of an issuer that has exactly this name.
pub async fn document(web: &Web, issuer: &str) -> Answer<Value> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = web.get(&url, None).await?;
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if named != issuer {
        return Err(format!("`{url}` is of the issuer `{}` instead of `{issuer}`", shown(named)));
    }
    Ok(document)
}

/// The URL that the document has under that name, which is as safe as the issuer's own.
pub fn endpoint(document: &Value, issuer: &str, name: &str) -> Answer<String> {
    let url = document.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_secure = url.starts_with("https://");
    let is_plain = url.starts_with("http://") && issuer.starts_with("http://");
    if is_secure || is_plain {
        return Ok(url.to_owned());
    }
    Err(format!("`{issuer}` has `{}` as its `{name}`, which is no URL, or none that is as safe as its own", shown(url)))
}

/// Where people log in, and where the server asks for their tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where a browser is sent.
    pub authorization: String,
    /// Where codes and refresh tokens are redeemed.
    pub token: String,
    /// Whether the client's secret goes into the form, because the issuer does not take it as Basic.
    pub wants_secret_in_form: bool,
    /// Whether its answers to browsers name it (RFC 9207).
    pub names_itself: bool,
}

impl Endpoints {
    fn read(document: &Value, issuer: &str) -> Answer<Self> {
        // Without the member it takes Basic (OpenID Connect Discovery 1.0 §3).
        let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let takes = |method: &str| methods.is_some_and(|methods| methods.iter().any(|each| each == method));
        Ok(Self {
            authorization: endpoint(document, issuer, "authorization_endpoint")?,
            token: endpoint(document, issuer, "token_endpoint")?,
            wants_secret_in_form: takes("client_secret_post") && !takes("client_secret_basic"),
            names_itself: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }
}

/// The endpoints of one issuer, asked for when they are needed.
pub struct Directory {
    name: String,
    issuer: String,
    web: Web,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    endpoints: Option<Arc<Endpoints>>,
    read_at: Millis,
    failure: Option<(String, Millis)>,
}

impl Directory {
    pub fn new(name: &str, issuer: &str, web: Web, clock: Clock) -> Self {
        Self { name: name.to_owned(), issuer: issuer.to_owned(), web, clock, known: Mutex::default() }
    }

    pub fn web(&self) -> &Web {
        &self.web
    }

    /// The endpoints; those that were known before while the issuer does not answer. UpstreamUnavailable where none are known.
    pub async fn endpoints(&self) -> Result<Arc<Endpoints>> {
        let mut known = self.known.lock().await;
        let now = (self.clock)();
        if let Some(endpoints) = &known.endpoints
            && now.saturating_sub(known.read_at) < FRESH_MS
        {
            return Ok(Arc::clone(endpoints));
        }
        let is_pause = |(_, at): &(String, Millis)| now.saturating_sub(*at).unsigned_abs() < PAUSE_MS.unsigned_abs();
        if !known.failure.as_ref().is_some_and(is_pause) {
            let read = match document(&self.web, &self.issuer).await {
                Ok(document) => Endpoints::read(&document, &self.issuer),
                Err(why) => Err(why),
            };
            match read {
                Ok(endpoints) => {
                    *known = Known { endpoints: Some(Arc::new(endpoints)), read_at: now, failure: None };
                }
                Err(why) => {
                    log::warn!(issuer = self.name.as_str(), error = why.as_str(); "it cannot be found out where people log in");
                    known.failure = Some((why, (self.clock)()));
                }
            }
        }
        if let Some(endpoints) = &known.endpoints {
            return Ok(Arc::clone(endpoints));
        }
        let why = known.failure.as_ref().map(|(why, _)| why.clone()).unwrap_or_default();
        Err(Error::upstream_unavailable(format!("the issuer `{}` does not say where people log in", self.name))
            .caused_by(why))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_endpoint_is_as_safe_as_its_issuer() {
        let document = json!({"token_endpoint": "http://x/token", "other": "https://x/y", "number": 5});
        assert!(endpoint(&document, "https://x", "token_endpoint").unwrap_err().contains("as safe"));
        assert_eq!(endpoint(&document, "http://x", "token_endpoint").unwrap(), "http://x/token");
        assert_eq!(endpoint(&document, "https://x", "other").unwrap(), "https://x/y");
        assert!(endpoint(&document, "http://x", "number").is_err() && endpoint(&document, "http://x", "none").is_err());
    }

    #[test]
    fn how_a_client_says_its_secret_is_the_issuer_s_word() {
        let read = |methods: Value| {
            let document = json!({
                "authorization_endpoint": "https://x/a", "token_endpoint": "https://x/t",
                "token_endpoint_auth_methods_supported": methods,
            });
            Endpoints::read(&document, "https://x").unwrap().wants_secret_in_form
        };
        for (methods, in_form) in [
            (Value::Null, false),
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            assert_eq!(read(methods.clone()), in_form, "{methods}");
        }
    }
}
