//! Whose tokens are accepted.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::super::values::{Secret, from_words};
use super::list;

/// One issuer of tokens.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Issuer {
    /// What its tokens have as `iss`, to the letter.
    pub url: IssuerUrl,
    /// Whose tokens they are.
    pub kind: IssuerKind,
    /// Whom its tokens have to be for: one of these.
    #[serde(deserialize_with = "list::deserialize")]
    pub audiences: Vec<String>,
    /// What the command line calls itself when somebody logs in with it; empty where nobody can.
    pub client_id: String,
    /// What the command line asks for.
    #[serde(deserialize_with = "list::deserialize")]
    pub client_scopes: Vec<String>,
    /// What this server calls itself when somebody logs in with a browser; empty where nobody can.
    pub browser_client_id: String,
    /// The secret of that client; empty where it has none, or it is in a file.
    pub browser_client_secret: Secret,
    /// The file with the secret, which is read whenever it is needed.
    pub browser_client_secret_file: PathBuf,
    /// What is asked for when somebody logs in with a browser.
    #[serde(deserialize_with = "list::deserialize")]
    pub browser_scopes: Vec<String>,
    /// What the issuer is to ask them (`prompt`); empty to leave it to the issuer.
    pub browser_prompt: String,
    /// Where its keys are; empty where the issuer says it.
    pub jwks_url: KeysUrl,
    /// The authorities that its certificate is checked against; empty for the system's.
    pub ca_file: PathBuf,
    /// Whether its keys may be fetched without TLS from other machines.
    pub allow_http: bool,
    /// The claim with what stays the same for ever.
    pub subject_claim: String,
    /// The claims with the name to show; the first that is there.
    #[serde(deserialize_with = "list::deserialize")]
    pub name_claims: Vec<String>,
    /// The claim with the e-mail address; empty for none.
    pub email_claim: String,
    /// The claim with the names of groups; empty for none.
    pub groups_claim: String,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            url: IssuerUrl::default(),
            kind: IssuerKind::Oidc,
            audiences: Vec::new(),
            client_id: String::new(),
            client_scopes: scopes(),
            browser_client_id: String::new(),
            browser_client_secret: Secret::default(),
            browser_client_secret_file: PathBuf::new(),
            browser_scopes: scopes(),
            browser_prompt: String::new(),
            jwks_url: KeysUrl::default(),
            ca_file: PathBuf::new(),
            allow_http: false,
            subject_claim: "sub".to_owned(),
            name_claims: ["preferred_username", "name"].map(str::to_owned).to_vec(),
            email_claim: "email".to_owned(),
            groups_claim: "groups".to_owned(),
        }
    }
}

/// What gives an ID token with names and groups, and a refresh token, at most issuers.
fn scopes() -> Vec<String> {
    ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec()
}

/// Whose tokens an issuer gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum IssuerKind {
    /// Those of people and clients, by OpenID Connect.
    Oidc,
    /// Those of service accounts of a Kubernetes cluster.
    Kubernetes,
}

from_words!(IssuerKind, "expected `oidc` or `kubernetes`", "oidc" => Oidc, "kubernetes" => Kubernetes);

macro_rules! http_urls {
    ($($(#[$doc:meta])* $name:ident, $query:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The URL as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether there is none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Whether it leads to another machine without TLS.
            pub(super) fn is_insecure(&self) -> bool {
                is_insecure(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                http_url(text, $query).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(url: $name) -> Self {
                url.0
            }
        }
    )*};
}

http_urls! {
    /// The URL that an issuer calls itself, kept to the letter: a slash at its end counts.
    IssuerUrl, false;
    /// The URL of an issuer's keys.
    KeysUrl, true;
}

/// An HTTP URL as it is written; empty stays empty.
fn http_url(text: String, may_have_query: bool) -> Result<String, &'static str> {
    if text.is_empty() {
        return Ok(text);
    }
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else { return Err("expected an `http://` or `https://` URL") };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("expected a URL without credentials and fragment");
    }
    if url.query().is_some() && !may_have_query {
        return Err("expected a URL without query");
    }
    Ok(text)
}

/// Whether an HTTP URL leads to another machine without TLS.
pub(super) fn is_insecure(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && !is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_s_url_is_kept_to_the_letter() {
        for text in ["https://tenant.example/", "https://idp.example/realms/ml", "http://localhost:5556/dex", ""] {
            let url = IssuerUrl::try_from(text.to_owned()).unwrap();
            assert_eq!((url.as_str(), url.is_insecure()), (text, false));
        }
        for wrong in ["idp.example", "ftp://x", "https://u:p@x", "https://x?a=b", "https://x#f"] {
            assert!(IssuerUrl::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(KeysUrl::try_from("https://x/keys?p=policy".to_owned()).is_ok());
        for insecure in ["http://dex.auth.svc:5556/dex", "http://10.0.0.1"] {
            assert!(IssuerUrl::try_from(insecure.to_owned()).unwrap().is_insecure());
        }
    }
}
