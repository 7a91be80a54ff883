//! A signed token (RFC 7519) taken apart, before anything of it is believed.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::{Error, Result};

/// The longest token; headers are rarely allowed to be longer.
const MAX_BYTES: usize = 64 << 10;
/// The most characters of a token's own words that an error repeats.
const MAX_SHOWN: usize = 200;

/// A token whose signature was not checked.
pub struct Token<'a> {
    header: Header,
    algorithm: Algorithm,
    claims: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

/// What of the header (RFC 7515 §4.1) has a meaning here. Keys that it brings along or points at are not looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    /// Takes it apart, and refuses what no token of anybody's may be.
    pub fn parse(text: &'a str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::unauthenticated(format!("the token is longer than {MAX_BYTES} bytes")));
        }
        let malformed = || Error::unauthenticated("the token is not a signed JWT");
        let (message, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let header: Header = decode(header).ok_or_else(malformed)?;
        let claims: Map<String, Value> = decode(claims).ok_or_else(malformed)?;
        let algorithm = allowed_algorithm(&header.alg).ok_or_else(|| {
            let shown = shown(&header.alg);
            Error::unauthenticated(format!(
                "the token's algorithm `{shown}` is not allowed: tokens are signed with RS*, PS*, ES256, ES384 or EdDSA"
            ))
        })?;
        if !header.typ.as_deref().is_none_or(is_bearer_type) {
            let typ = shown(header.typ.as_deref().unwrap_or_default());
            return Err(Error::unauthenticated(format!("the token's type `{typ}` is neither `at+jwt` nor `JWT`")));
        }
        if header.crit.is_some() {
            return Err(Error::unauthenticated("the token has critical headers (`crit`) that are not understood"));
        }
        Ok(Self { header, algorithm, claims, message, signature })
    }

    /// Who says to have issued it. Picks whose keys to try, and means nothing until one of them fits.
    pub fn issuer(&self) -> Result<&str> {
        let issuer = self.claims.get("iss").and_then(Value::as_str);
        issuer.ok_or_else(|| Error::unauthenticated("the token does not say who issued it: it has no `iss`"))
    }

    /// The name of the key that it says to be signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The algorithm that it says to be signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether that key made the signature. The algorithm has to be one of the key's.
    pub fn is_signed_with(&self, key: &DecodingKey) -> bool {
        crypto::verify(self.signature, self.message.as_bytes(), key, self.algorithm).unwrap_or(false)
    }

    /// Checks that an ID token was given out together with this access token, where it says so (OpenID Connect Core 1.0 §3.1.3.6).
    pub fn check_access_token(&self, access_token: &str) -> Result<()> {
        let Some(said) = self.claims.get("at_hash") else { return Ok(()) };
        let hash = match self.algorithm {
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &digest::SHA256,
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &digest::SHA384,
            _ => &digest::SHA512,
        };
        let hash = digest::digest(hash, access_token.as_bytes());
        let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
        if said.as_str() == Some(URL_SAFE_NO_PAD.encode(half).as_str()) {
            return Ok(());
        }
        Err(Error::unauthenticated("the ID token was not given out together with the access token (`at_hash`)"))
    }

    /// What it says.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The asymmetric algorithms (RFC 7518 §3.1, RFC 8037, RFC 9864). Symmetric ones would make a public key a secret.
pub fn allowed_algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}

/// Types of tokens that are presented as bearers (RFC 9068 §4, RFC 7519 §5.1). Logout tokens and proofs have their own.
fn is_bearer_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "at+jwt" | "jwt")
}

/// A token's own words, for an error.
pub fn shown(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(claims))
    }

    fn refusal(text: &str) -> String {
        Token::parse(text).err().unwrap().message().to_owned()
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = written(&json!({"alg": "RS256"}), &json!({}));
        assert!(Token::parse(&good).is_ok());
        for text in ["", ".", "..", "a.b.c", "é.é.é", &good[1..], &format!("{good}.x"), &good.replace('.', "")] {
            assert_eq!(refusal(text), "the token is not a signed JWT", "{text}");
        }
        assert!(refusal(&"x".repeat(MAX_BYTES + 1)).contains("longer"));
        let no_issuer = Token::parse(&good).unwrap();
        assert!(no_issuer.issuer().unwrap_err().message().contains("`iss`"));
    }

    #[test]
    fn algorithms_types_and_critical_headers_are_looked_at() {
        for alg in ["none", "None", "HS256", "HS384", "HS512", "ES256K", "RSA-OAEP", "", "rs256"] {
            let message = refusal(&written(&json!({"alg": alg}), &json!({})));
            assert!(message.contains(&format!("`{alg}` is not allowed")), "{message}");
        }
        for (typ, is_good) in
            [("JWT", true), ("jwt", true), ("at+jwt", true), ("application/at+jwt", true), ("logout+jwt", false)]
        {
            let text = written(&json!({"alg": "RS256", "typ": typ}), &json!({}));
            assert_eq!(Token::parse(&text).is_ok(), is_good, "{typ}");
        }
        assert!(
            refusal(&written(&json!({"alg": "RS256", "crit": ["b64"], "b64": false}), &json!({}))).contains("crit")
        );
    }

    #[test]
    fn an_id_token_names_the_access_token_that_it_came_with() {
        // The example of OpenID Connect Core 1.0 §A.3.
        let with = |claims: &Value| {
            let text = written(&json!({"alg": "RS256"}), claims);
            Token::parse(&text).unwrap().check_access_token("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y").is_ok()
        };
        assert!(with(&json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})) && with(&json!({})));
        assert!(!with(&json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RA"})) && !with(&json!({"at_hash": 5})));
    }

    #[test]
    fn an_error_repeats_little_and_nothing_unprintable() {
        let message = refusal(&written(&json!({"alg": format!("\n{}", "x".repeat(5000))}), &json!({})));
        assert!(message.len() < 400 && message.contains("\\n") && message.contains('…'), "{message}");
    }
}
