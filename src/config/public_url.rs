//! URLs of servers: the one under which clients reach this one, and what all such settings have in common.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The URL under which clients reach this server, without a slash at its end; empty to use the `Host` of each request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL of a listener at `address`, with TLS or without; it has the machine's name in place of a wildcard address, which leads nowhere.
    pub fn of_address(address: SocketAddr, machine: &str, is_tls: bool) -> Self {
        let scheme = if is_tls { "https" } else { "http" };
        if address.ip().is_unspecified() {
            return Self(format!("{scheme}://{machine}:{}", address.port()));
        }
        Self(format!("{scheme}://{address}"))
    }

    /// Why clients of a listener at that address cannot use the URL; `None` where they can.
    pub fn unusable_for(&self, listen: SocketAddr) -> Option<&'static str> {
        let url = Url::parse(&self.0).ok()?;
        let (is_wildcard, is_loopback) = match url.host()? {
            Host::Ipv4(ip) => (ip.is_unspecified(), ip.is_loopback()),
            Host::Ipv6(ip) => (ip.is_unspecified(), ip.is_loopback()),
            Host::Domain(name) => (false, name == "localhost" || name.ends_with(".localhost")),
        };
        if is_wildcard {
            return Some("it is the address of no machine");
        }
        (is_loopback && !listen.ip().is_loopback()).then_some("on every other machine it leads to that machine itself")
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether URLs begin with what each request was addressed to.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        base_url(text).map(Self)
    }
}

/// An HTTP URL that paths are appended to, without a slash at its end; empty stays empty.
pub(super) fn base_url(text: String) -> Result<String, &'static str> {
    if text.is_empty() {
        return Ok(text);
    }
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else { return Err("expected an `http://` or `https://` URL") };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("expected a URL without credentials, query and fragment");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_derived_from_the_address() {
        for (address, url) in [
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("0.0.0.0:8080", "http://registry-1:8080"),
            ("[::]:8080", "http://registry-1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicUrl::of_address(address.parse().unwrap(), "registry-1", false).as_str(), url);
            let encrypted = url.replace("http://", "https://");
            assert_eq!(PublicUrl::of_address(address.parse().unwrap(), "registry-1", true).as_str(), encrypted);
        }
    }

    #[test]
    fn a_public_url_that_clients_cannot_use_is_known() {
        let everywhere: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let here: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        for (url, listen, unusable) in [
            ("http://0.0.0.0:8080", everywhere, true),
            ("http://[::]:8080", here, true),
            ("http://localhost:8080", everywhere, true),
            ("http://127.0.0.2", everywhere, true),
            ("http://[::1]:8080/registry", everywhere, true),
            ("http://localhost:8080", here, false),
            ("https://models.example.org/registry", everywhere, false),
            ("http://10.0.0.7:8080", everywhere, false),
            ("", everywhere, false),
        ] {
            let found = PublicUrl::try_from(url.to_owned()).unwrap().unusable_for(listen);
            assert_eq!(found.is_some(), unusable, "{url} {listen}");
        }
    }
}
