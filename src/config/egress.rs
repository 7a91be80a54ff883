//! Where requests outward may go that clients can cause, and what is sent to webhooks.

use std::num::{NonZeroU32, NonZeroU64};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::host_names::host_name;

/// `[egress]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Where requests may go besides public addresses, and without TLS.
    pub allow: Destinations,
    /// Whether requests may go to public addresses, by `https://`.
    pub public: bool,
}

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// How many deliveries this server works on at once; 0 leaves them to other replicas.
    pub workers: usize,
    /// How long a receiver has for its answer.
    pub timeout_seconds: NonZeroU32,
    /// The maximum number of attempts of a delivery.
    pub attempts: NonZeroU32,
    /// The pause before the second attempt; each one after that is twice as long.
    pub backoff_seconds: u32,
    /// How long deliveries that have ended are kept.
    pub keep_seconds: u32,
    /// How often the feed of changes is read.
    pub poll_ms: NonZeroU64,
}

/// A host or a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The addresses of a network.
    Network(IpNet),
    /// A host by its name; `*.example.org` is every name below that one.
    Host(String),
}

/// Hosts and networks, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destinations(pub Vec<Destination>);

impl TryFrom<String> for Destinations {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(destination).collect::<Result<_, _>>().map(Self)
    }
}

fn destination(text: &str) -> Result<Destination, String> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Ok(Destination::Network(network.trunc()));
    }
    if let Ok(address) = text.parse() {
        return Ok(Destination::Network(IpNet::new_assert(address, if address.is_ipv4() { 32 } else { 128 })));
    }
    host_name(text).map(Destination::Host).map_err(|_| {
        format!("`{text}` is neither a network, as in `10.0.0.0/8`, nor a host's name without a port, as in `hooks.example.org` or `*.example.org`")
    })
}

impl From<Destinations> for String {
    fn from(destinations: Destinations) -> Self {
        let text = |destination: &Destination| match destination {
            Destination::Network(network) => network.to_string(),
            Destination::Host(name) => name.clone(),
        };
        destinations.0.iter().map(text).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_networks_and_names() {
        let given = "10.1.2.3/8, 127.0.0.1,fd00::/8, Hooks.LAN.,*.example.org,,::1";
        let destinations = Destinations::try_from(given.to_owned()).unwrap();
        let expected = "10.0.0.0/8,127.0.0.1/32,fd00::/8,hooks.lan,*.example.org,::1/128";
        assert_eq!(String::from(destinations), expected);
        assert_eq!(Destinations::try_from(String::new()).unwrap(), Destinations::default());
        for wrong in ["10.0.0.0/33", "http://h", "h:80", "*", "a b", "[::1]"] {
            let error = Destinations::try_from(format!("h,{wrong}")).unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is ")), "{error}");
        }
    }
}
