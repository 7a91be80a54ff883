//! The policy: where requests may go, by the URL that a client names and by the addresses that its host is found to have.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

use super::addresses::{effective, is_for_names, is_public};
use crate::domain::{Error, Result};

/// The longest URL that is accepted, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// One entry of what is allowed besides public addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// The addresses of a network; also for names that lead to them.
    Network(IpNet),
    /// A host by its name, in lower case and in ASCII; `*.example.org` is every name below that one.
    Host(String),
}

/// What the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressOptions {
    /// What is allowed wherever it is, and without TLS.
    pub allow: Vec<Allowed>,
    /// Whether public addresses are allowed besides, with TLS.
    pub public: bool,
}

impl Default for EgressOptions {
    fn default() -> Self {
        Self { allow: Vec::new(), public: true }
    }
}

/// The policy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress(Arc<EgressOptions>);

/// Why a request is not sent, without the address that its host has: that of a host within is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    host: String,
    why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, why } = self;
        write!(f, "`{host}` {why}; whoever runs this server can allow it in `egress.allow`")
    }
}

impl std::error::Error for Refused {}

const NOT_PUBLIC: &str = "is at an address that is not public";
const NOT_LISTED: &str = "is not among the hosts that requests may go to";
const NOT_ENCRYPTED: &str = "may be asked by `https://` only";

impl Egress {
    /// A policy that the settings say.
    pub fn new(options: EgressOptions) -> Self {
        Self(Arc::new(options))
    }

    /// The URL that a client gave as `field`, as far as it says itself where it leads. Errors: InvalidArgument.
    ///
    /// Where the host is a name, its addresses are checked when they are known: each time that a request is sent.
    pub fn check(&self, field: &str, url: &str) -> Result<Url> {
        if url.len() > MAX_URL_BYTES {
            return Err(Error::invalid(field, format!("a URL has at most {MAX_URL_BYTES} bytes")));
        }
        let parsed = Url::parse(url).map_err(|error| {
            Error::invalid(field, format!("`{}` is not a URL: {error}", url.escape_debug())).caused_by(error)
        })?;
        if !matches!(parsed.scheme(), "http" | "https") {
            let message = format!("`{}:` is not the scheme of a URL that is asked: use `https://`", parsed.scheme());
            return Err(Error::invalid(field, message));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::invalid(field, "a URL has no user name and no password"));
        }
        let address = match parsed.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if !without_dot(name).is_empty() => return Ok(parsed),
            Some(Host::Domain(_)) | None => return Err(Error::invalid(field, "a URL names a host")),
        };
        let host = parsed.host_str().unwrap_or_default();
        let is_plain = parsed.scheme() == "http";
        self.check_addresses(host, &[address], is_plain).map_err(|refused| refused_in(field, &refused))?;
        Ok(parsed)
    }

    /// Whether a request may go to the host of that name at these addresses; all of them must be fine.
    pub(crate) fn check_addresses(&self, host: &str, addresses: &[IpAddr], is_plain: bool) -> Result<(), Refused> {
        let is_named = self.names(host);
        let refused = addresses.iter().find_map(|address| self.refusal(effective(*address), is_named, is_plain));
        refused.map_or(Ok(()), |why| Err(Refused { host: host.to_owned(), why }))
    }

    fn refusal(&self, address: IpAddr, is_named: bool, is_plain: bool) -> Option<&'static str> {
        let in_network = |allowed: &Allowed| matches!(allowed, Allowed::Network(network) if network.contains(&address));
        if self.0.allow.iter().any(in_network) || (is_named && is_for_names(address)) {
            return None;
        }
        match (is_public(address), self.0.public, is_plain) {
            (false, _, _) => Some(NOT_PUBLIC),
            (true, false, _) => Some(NOT_LISTED),
            (true, true, true) => Some(NOT_ENCRYPTED),
            (true, true, false) => None,
        }
    }

    /// Whether a host is allowed by its name.
    fn names(&self, host: &str) -> bool {
        let host = without_dot(host).to_ascii_lowercase();
        self.0.allow.iter().any(|allowed| match allowed {
            Allowed::Network(_) => false,
            Allowed::Host(name) => match name.strip_prefix("*.") {
                Some(parent) => host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
                None => host == *name,
            },
        })
    }
}

/// What a client is told.
pub(crate) fn refused_in(field: &str, refused: &Refused) -> Error {
    Error::invalid(field, refused.to_string())
}

/// A name without the dot that says that it is whole.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests;
