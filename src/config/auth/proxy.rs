//! The proxy in front that has checked who is calling, and says so in headers.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::super::values::Secret;
use super::{HeaderName, list};

/// `[auth.proxy]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where it is; nowhere else are the headers believed.
    #[serde(deserialize_with = "list::deserialize")]
    pub peers: Vec<Network>,
    /// The header with who it is.
    pub user_header: HeaderName,
    /// The header with the groups, separated by commas.
    pub groups_header: HeaderName,
    /// The header with a token of theirs, which is checked like any other and is preferred.
    pub token_header: HeaderName,
    /// The header with the secret.
    pub secret_header: HeaderName,
    /// What only the proxy knows.
    pub secret: Secret,
}

/// Addresses, as in `10.0.0.0/8`, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Network(pub IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let one = || text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address));
        let network = text.parse().ok().or_else(one);
        network.map(Self).ok_or_else(|| format!("`{text}` is neither an address nor a network, as in `10.0.0.0/8`"))
    }
}
