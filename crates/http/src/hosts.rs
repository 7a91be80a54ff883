//! The check of `Host` and `Origin`: accepts requests to one of this server's own names that no page of another site made a
//! browser send. Independent of the two HTTP libraries.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use url::{Host, Url};

/// How much of a name a message shows: a domain name has 253 characters at most.
const SHOWN_CHARS: usize = 253;

/// The names of this server. Cloning shares them.
///
/// A page can have its own name resolved to this server's address (DNS rebinding) and then read and write here as if it
/// were of the same origin; the browser still says in `Host` which name it asked for. An address needs no name, so every
/// literal address is one of the server's, and so is `localhost`.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<Names>);

#[derive(Debug, Default)]
struct Names {
    exact: BTreeSet<String>,
    /// Without the `*`, each with a dot in front.
    suffixes: Vec<String>,
    public: Option<Authority>,
}

/// A host, and the port where one was given, as in `Host` (RFC 9110 §7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: Host<String>,
    port: Option<u16>,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

impl Authority {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (text, ""),
        };
        let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
        Some(Self { host: without_dot(Host::parse(host).ok()?), port })
    }

    /// The host and port of an origin (RFC 6454 §6.2), its scheme's own port where it names none.
    fn of_origin(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        Some(Self { host: without_dot(url.host()?.to_owned()), port: Some(url.port_or_known_default()?) })
    }

    /// Whether an origin is this place. The scheme is not compared: a proxy may have taken TLS off.
    fn is_named_by(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else { return false };
        let own_port = self.port.is_none() && url.port().is_none();
        Self::of_origin(origin).is_some_and(|named| named.host == self.host && (own_port || named.port == self.port))
    }
}

/// The root's dot at the end of a name has no meaning.
fn without_dot(host: Host<String>) -> Host<String> {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_suffix('.').map(str::to_owned).unwrap_or(name)),
        address => address,
    }
}

/// The parts of a request that say where it was sent and by which site. A repeated header has all of its values.
#[derive(Debug, Default)]
pub struct RequestSource<'a> {
    /// Whether its method changes nothing (RFC 9110 §9.2.1).
    pub is_safe: bool,
    /// The authority of the request's target: of HTTP/2's `:authority`, or of a target in absolute form.
    pub target: Option<&'a str>,
    /// `Host`.
    pub hosts: Vec<&'a [u8]>,
    /// `Origin`.
    pub origins: Vec<&'a [u8]>,
    /// `Sec-Fetch-Site` (W3C Fetch Metadata).
    pub sites: Vec<&'a [u8]>,
    /// `Sec-Fetch-Mode`.
    pub modes: Vec<&'a [u8]>,
    /// `Sec-Fetch-Dest`.
    pub destinations: Vec<&'a [u8]>,
}

impl<'a> RequestSource<'a> {
    /// The source of a request with these header values by name.
    pub fn of(is_safe: bool, target: Option<&'a str>, all: impl Fn(&'static str) -> Vec<&'a [u8]>) -> Self {
        Self {
            is_safe,
            target,
            hosts: all("host"),
            origins: all("origin"),
            sites: all("sec-fetch-site"),
            modes: all("sec-fetch-mode"),
            destinations: all("sec-fetch-dest"),
        }
    }
}

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// Its host is missing, repeated or malformed: a 400.
    Invalid(String),
    /// It is for another host, or a page of another site made it: a 403.
    Forbidden(String),
}

impl HostError {
    /// The sentence for the client.
    pub fn message(&self) -> &str {
        match self {
            Self::Invalid(message) | Self::Forbidden(message) => message,
        }
    }
}

impl Hosts {
    /// The names: the host of `public_url`, and the `allowed` ones, of which `*.example.org` is every name below.
    pub fn new(public_url: &str, allowed: &[String]) -> Self {
        let public = Authority::of_origin(public_url);
        let mut names = Names::default();
        for name in allowed {
            match name.strip_prefix('*') {
                Some(suffix) => names.suffixes.push(suffix.to_owned()),
                None => drop(names.exact.insert(name.clone())),
            }
        }
        if let Some(Authority { host: Host::Domain(name), .. }) = &public {
            names.exact.insert(name.clone());
        }
        names.public = public;
        Self(Arc::new(names))
    }

    /// Checks a request; returns the host and port that it named, where it named one.
    ///
    /// Only browsers say where a request comes from, so one that says nothing passes.
    pub fn check(&self, source: &RequestSource<'_>) -> Result<Option<Authority>, HostError> {
        let named = self.check_host(source)?;
        self.check_origin(source, named.as_ref())?;
        Ok(named)
    }

    fn check_host(&self, source: &RequestSource<'_>) -> Result<Option<Authority>, HostError> {
        if source.hosts.len() > 1 {
            return Err(HostError::Invalid("header `Host` is there more than once".to_owned()));
        }
        let mut found = None;
        let sent = source.hosts.iter().map(|host| String::from_utf8_lossy(host));
        for text in source.target.map(Into::into).into_iter().chain(sent).filter(|text| !text.is_empty()) {
            let Some(authority) = Authority::parse(&text) else {
                return Err(HostError::Invalid(format!("`{}` is not a host and port", shown(&text))));
            };
            if let Host::Domain(name) = &authority.host
                && !self.0.has(name)
            {
                return Err(HostError::Forbidden(format!(
                    "host `{}` is not one of this server's names; set `server.public_url` or add it to \
                     `server.allowed_hosts`",
                    shown(name)
                )));
            }
            found.get_or_insert(authority);
        }
        Ok(found)
    }

    /// The rule of Fetch Metadata where the browser says it, which on plain HTTP it does for loopback addresses alone; else
    /// that of `Origin`, which every browser sends with what is neither GET nor HEAD.
    fn check_origin(&self, source: &RequestSource<'_>, named: Option<&Authority>) -> Result<(), HostError> {
        let is_own = |origin: &[u8]| {
            let own = [named, self.0.public.as_ref()];
            let origin = std::str::from_utf8(origin).unwrap_or_default();
            own.into_iter().flatten().any(|own| own.is_named_by(origin))
        };
        let own_origin = !source.origins.is_empty() && source.origins.iter().all(|origin| is_own(origin));
        if own_origin || source.sites.is_empty() && source.origins.is_empty() {
            return Ok(());
        }
        let all_of = |values: &[&[u8]], known: &[&str]| {
            values.iter().all(|value| known.iter().any(|known| known.as_bytes() == *value))
        };
        let allowed = if source.sites.is_empty() {
            false
        } else if source.is_safe {
            all_of(&source.sites, &["same-origin", "same-site", "none"]) || is_navigation(source)
        } else {
            all_of(&source.sites, &["same-origin", "none"])
        };
        if allowed {
            return Ok(());
        }
        let origin = source.origins.first().map(|origin| String::from_utf8_lossy(origin));
        let from = origin.map(|origin| format!(", `{}`,", shown(&origin))).unwrap_or_default();
        Err(HostError::Forbidden(format!("requests from pages of another origin{from} are refused")))
    }
}

/// Whether the browser navigates here in a window of its own, and not in a frame of another page.
fn is_navigation(source: &RequestSource<'_>) -> bool {
    source.modes == [b"navigate"] && source.destinations.iter().all(|destination| *destination == b"document")
}

impl Names {
    fn has(&self, name: &str) -> bool {
        name == "localhost"
            || self.exact.contains(name)
            || self.suffixes.iter().any(|suffix| name.len() > suffix.len() && name.ends_with(suffix.as_str()))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new("https://Models.example.org/registry", &["registry.svc".to_owned(), "*.lan.example".to_owned()])
    }

    fn to(host: &str) -> Result<Option<Authority>, HostError> {
        hosts().check(&RequestSource { hosts: vec![host.as_bytes()], ..RequestSource::default() })
    }

    #[test]
    fn own_names_and_every_address_pass_at_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "localhost.:8080",
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]",
            "[fd00::7]:9090",
            "models.example.org",
            "models.example.org:443",
            "MODELS.example.ORG.:1",
            "registry.svc:8080",
            "a.lan.example",
            "a.b.lan.example:8080",
            "",
        ] {
            assert!(to(host).is_ok(), "{host}: {:?}", to(host));
        }
    }

    #[test]
    fn other_names_do_not() {
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "models.example.org.evil.example",
            "sub.models.example.org",
            "svc",
            "lan.example",
            "evillan.example",
        ] {
            assert!(matches!(to(host), Err(HostError::Forbidden(_))), "{host}: {:?}", to(host));
        }
        for host in ["a b", "[::1", "localhost:http", "user@localhost", "localhost/", "localhost:99999", "::1"] {
            assert!(matches!(to(host), Err(HostError::Invalid(_))), "{host}: {:?}", to(host));
        }
    }

    #[test]
    fn each_place_that_names_a_host_counts() {
        let check = |target, hosts: &[&'static str]| {
            let hosts = hosts.iter().map(|host| host.as_bytes()).collect();
            super::tests::hosts().check(&RequestSource { target, hosts, ..RequestSource::default() })
        };
        assert_eq!(check(None, &[]), Ok(None));
        assert_eq!(check(Some("localhost:1"), &["[::1]:2"]).unwrap().unwrap().to_string(), "localhost:1");
        assert!(matches!(check(Some("evil.example"), &["localhost"]), Err(HostError::Forbidden(_))));
        assert!(matches!(check(Some("localhost"), &["evil.example"]), Err(HostError::Forbidden(_))));
        assert!(matches!(check(None, &["localhost", "localhost"]), Err(HostError::Invalid(_))));
    }

    /// Whether a safe and an unsafe request to `localhost:8080` with these headers pass.
    fn passes(origin: &[&'static str], site: &[&'static str], mode: &[&'static str]) -> (bool, bool) {
        let bytes = |values: &[&'static str]| values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>();
        let check = |is_safe| {
            let hosts = vec!["localhost:8080".as_bytes()];
            let (origins, sites, modes) = (bytes(origin), bytes(site), bytes(mode));
            super::tests::hosts()
                .check(&RequestSource { is_safe, hosts, origins, sites, modes, ..RequestSource::default() })
                .is_ok()
        };
        (check(true), check(false))
    }

    #[test]
    fn a_page_of_another_origin_neither_writes_nor_reads() {
        let (both, reads, neither) = ((true, true), (true, false), (false, false));
        for (origin, site, mode, expected) in [
            // What is no browser says nothing.
            (vec![], vec![], vec![], both),
            (vec![], vec!["same-origin"], vec!["cors"], both),
            (vec![], vec!["none"], vec!["navigate"], both),
            (vec!["http://localhost:8080"], vec![], vec![], both),
            (vec!["http://LOCALHOST.:8080"], vec!["same-origin"], vec![], both),
            // A proxy that names another host still shows what the browser saw.
            (vec!["https://elsewhere.example"], vec!["same-origin"], vec![], both),
            (vec!["https://models.example.org"], vec![], vec![], both),
            (vec!["https://models.example.org"], vec!["cross-site"], vec!["cors"], both),
            (vec!["http://localhost:3000"], vec!["same-site"], vec!["cors"], reads),
            (vec![], vec!["same-site"], vec!["no-cors"], reads),
            (vec![], vec!["cross-site"], vec!["navigate"], reads),
            (vec!["null"], vec!["cross-site"], vec!["navigate"], reads),
            (vec![], vec!["cross-site"], vec!["no-cors"], neither),
            (vec![], vec!["cross-site"], vec![], neither),
            (vec![], vec!["something-new"], vec!["cors"], neither),
            (vec![], vec!["same-origin", "cross-site"], vec!["cors"], neither),
            (vec!["https://evil.example"], vec![], vec![], neither),
            (vec!["http://localhost:3000"], vec![], vec![], neither),
            (vec!["http://localhost"], vec![], vec![], neither),
            (vec!["http://localhost:8080", "https://evil.example"], vec![], vec![], neither),
            (vec!["http://localhost:8080.evil.example"], vec![], vec![], neither),
            (vec!["null"], vec![], vec![], neither),
            (vec![""], vec![], vec![], neither),
        ] {
            assert_eq!(passes(&origin, &site, &mode), expected, "{origin:?} {site:?} {mode:?}");
        }
    }

    #[test]
    fn a_frame_is_no_navigation_of_a_window() {
        let check = |destination: &'static str| {
            let source = RequestSource {
                is_safe: true,
                sites: vec![b"cross-site"],
                modes: vec![b"navigate"],
                destinations: vec![destination.as_bytes()],
                ..RequestSource::default()
            };
            hosts().check(&source).is_ok()
        };
        assert!(check("document"));
        for destination in ["iframe", "frame", "embed", "object", "image"] {
            assert!(!check(destination), "{destination}");
        }
    }

    #[test]
    fn an_origin_without_a_port_is_the_schemes_own() {
        let named = |host: &str, origin: &str| Authority::parse(host).unwrap().is_named_by(origin);
        assert!(named("h.example", "https://h.example"));
        assert!(named("h.example", "http://h.example"));
        assert!(named("h.example:443", "https://h.example"));
        assert!(named("[::1]:8080", "http://[::1]:8080"));
        assert!(!named("h.example:80", "https://h.example"));
        assert!(!named("h.example", "https://h.example:8443"));
        assert!(!named("h.example:8443", "https://h.example"));
    }
}
