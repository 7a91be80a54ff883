//! Where requests come from.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;

/// The proxies in front of this server that are believed where their requests are from.
#[derive(Clone)]
pub struct Proxies(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Proxies {
    /// Those at the addresses of which this is true.
    pub fn at(is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_proxy))
    }

    /// Whether one is at that address.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }

    /// Where a request is from that came over a connection from `peer`: the last address of `X-Forwarded-For` that is no proxy's, where
    /// the connection is one's.
    pub(crate) fn source(&self, peer: Option<IpAddr>, forwarded_for: impl FnOnce() -> String) -> Option<IpAddr> {
        let peer = peer?.to_canonical();
        if !self.has(peer) {
            return Some(peer);
        }
        for entry in forwarded_for().rsplit(',') {
            // What cannot be read was not written by a proxy that is trusted.
            let Some(address) = address(entry) else { break };
            if !self.has(address) {
                return Some(address);
            }
        }
        Some(peer)
    }
}

impl Default for Proxies {
    /// None.
    fn default() -> Self {
        Self::at(|_| false)
    }
}

/// What the `X-Forwarded-For` headers of a request have, one after the other with commas between them.
pub(crate) fn forwarded_for(headers: &HeaderMap) -> String {
    let all = headers.get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default());
    all.collect::<Vec<_>>().join(",")
}

/// An address as `X-Forwarded-For` has it, which may come with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let with_port = || entry.parse().ok().map(|socket: std::net::SocketAddr| socket.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets).map(|found: IpAddr| found.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_say_where_requests_are_from() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = Proxies::at(|address| address.to_string().starts_with("10."));
        for (peer, forwarded, from) in [
            ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1,10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
            ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
            ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
            ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
            ("2001:db8::5:6:7:8", "", "2001:db8::5:6:7:8"),
        ] {
            assert_eq!(proxies.source(Some(ip(peer)), || forwarded.to_owned()), Some(ip(from)), "{peer} {forwarded}");
        }
        assert_eq!(proxies.source(None, String::new), None);
    }
}
