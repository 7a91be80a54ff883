//! The cookies of browsers (RFC 6265bis): one for a session, and one for a login that is under way.

use actix_web::http::header::{COOKIE, HeaderMap};
use url::{Host, Url};

use crate::domain::access::hash_of_text;
use crate::domain::{Error, Result};

/// What stands before the name of a cookie that the browser takes from this very host alone, over TLS, for all of its paths.
const PREFIX: &str = "__Host-";
/// The cookie with the secret of a session.
const SESSION: &str = "modelport";
/// The cookie of a login that is under way.
const LOGIN: &str = "modelport-login";
/// The longest value that is read.
const MAX_BYTES: usize = 4096;

/// The header that pages send along to change something.
pub const CSRF_HEADER: &str = "x-modelport-csrf";

/// Where browsers reach this server, as far as cookies go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Over TLS.
    Secure,
    /// On this machine, where nobody listens.
    Loopback,
    /// Over the network, without TLS: no cookies are given or taken there.
    Insecure,
}

/// A session as a request names it.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    /// What the browser has of it.
    pub secret: String,
    /// What the page sent along.
    pub csrf: Option<String>,
    /// Whether that is needed: not where the request changes nothing (RFC 9110 §9.2.1), or the browser says that a page of this server sent it.
    pub needs_csrf: bool,
}

impl SessionCookie {
    /// What its pages have to send along to change something. It follows from the secret, so that nobody has to keep it.
    pub(super) fn own_csrf(&self) -> String {
        hash_of_text(&format!("{CSRF_HEADER} of {}", self.secret))
    }
}

impl Place {
    /// What the pages of the session that a request names send along to change something.
    pub fn csrf(self, headers: &HeaderMap) -> Option<String> {
        Some(self.session(headers, true)?.own_csrf())
    }

    /// The place whose URLs begin with that.
    pub fn of(base_url: &str) -> Self {
        let Ok(url) = Url::parse(base_url) else { return Self::Insecure };
        let is_loopback = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.scheme() {
            "https" => Self::Secure,
            "http" if is_loopback => Self::Loopback,
            _ => Self::Insecure,
        }
    }

    /// Checks that people can log in here. InvalidState where they cannot.
    pub fn check(self) -> Result<()> {
        if self == Self::Insecure {
            return Err(Error::invalid_state(
                "people log in by https alone: use the address of `server.public_url`, or set that to an https:// URL",
            ));
        }
        Ok(())
    }

    /// The session that a request names.
    pub(crate) fn session(self, headers: &HeaderMap, needs_csrf: bool) -> Option<SessionCookie> {
        let secret = self.find(headers, SESSION)?;
        let mut sent = headers.get_all(CSRF_HEADER);
        let first = sent.next().and_then(|value| value.to_str().ok()).map(str::to_owned);
        Some(SessionCookie { secret, csrf: first.filter(|_| sent.next().is_none()), needs_csrf })
    }

    /// The login that is under way.
    pub(super) fn login(self, headers: &HeaderMap) -> Option<String> {
        self.find(headers, LOGIN)
    }

    /// Gives a browser a session, for so many seconds.
    pub(super) fn set_session(self, secret: &str, seconds: i64) -> String {
        self.set(SESSION, secret, seconds)
    }

    /// Has a browser keep what belongs to a login, for so many seconds.
    pub(super) fn set_login(self, sealed: &str, seconds: i64) -> String {
        self.set(LOGIN, sealed, seconds)
    }

    /// Has a browser forget its session.
    pub fn forget_session(self) -> String {
        self.set(SESSION, "", 0)
    }

    /// Has a browser forget a login that was under way.
    pub(super) fn forget_login(self) -> String {
        self.set(LOGIN, "", 0)
    }

    fn set(self, name: &str, value: &str, seconds: i64) -> String {
        let (prefix, secure) = if self == Self::Loopback { ("", "") } else { (PREFIX, "; Secure") };
        format!("{prefix}{name}={value}; Path=/; Max-Age={seconds}{secure}; HttpOnly; SameSite=Lax")
    }

    /// The value of a cookie; an empty one where there are several, of which nobody knows who set them, or it is too long.
    fn find(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let prefix = match self {
            Self::Secure => PREFIX,
            Self::Loopback => "",
            Self::Insecure => return None,
        };
        let pairs = headers.get_all(COOKIE).filter_map(|header| header.to_str().ok()).flat_map(|all| all.split(';'));
        let named = pairs.filter_map(|pair| pair.trim().split_once('='));
        let mut found = named.filter(|(key, _)| key.strip_prefix(prefix) == Some(name)).map(|(_, value)| value);
        let first = found.next()?;
        let is_one = found.next().is_none() && first.len() <= MAX_BYTES;
        Some(if is_one { first.to_owned() } else { String::new() })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        cookies.iter().for_each(|cookie| headers.append(COOKIE, HeaderValue::from_static(cookie)));
        headers
    }

    #[test]
    fn cookies_are_for_tls_and_for_loopback() {
        for (url, place) in [
            ("https://models.example.org/registry", Place::Secure),
            ("https://127.0.0.1:8443", Place::Secure),
            ("http://127.0.0.1:8080", Place::Loopback),
            ("http://[::1]:8080", Place::Loopback),
            ("http://localhost", Place::Loopback),
            ("http://models.example.org", Place::Insecure),
            ("http://10.0.0.1:8080", Place::Insecure),
            ("nonsense", Place::Insecure),
        ] {
            assert_eq!(Place::of(url), place, "{url}");
            assert_eq!(place.check().is_ok(), place != Place::Insecure);
        }
        assert_eq!(
            Place::Secure.set_session("s", 60),
            "__Host-modelport=s; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(Place::Loopback.forget_login(), "modelport-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_only_once() {
        let session = |place: Place, cookies: &[&'static str]| {
            place.session(&headers(cookies), true).map(|session| session.secret)
        };
        let found = |text: &str| Some(text.to_owned());
        assert_eq!(session(Place::Secure, &["a=b; __Host-modelport=s; c=d"]), found("s"));
        assert_eq!(session(Place::Secure, &["a=b", "__Host-modelport=s"]), found("s"));
        assert_eq!(session(Place::Loopback, &["modelport=s;modelport-login=l"]), found("s"));
        assert_eq!(session(Place::Secure, &["modelport=s"]), None);
        assert_eq!(session(Place::Loopback, &["__Host-modelport=s; xmodelport=t"]), None);
        assert_eq!(session(Place::Insecure, &["modelport=s; __Host-modelport=s"]), None);
        // Somebody may have put another one beside it.
        assert_eq!(session(Place::Loopback, &["modelport=s; modelport=t"]), found(""));
    }

    #[test]
    fn the_header_of_a_page_counts_where_it_is_once() {
        let csrf = |values: &[&'static str]| {
            let mut headers = headers(&["modelport=s"]);
            let name = actix_web::http::header::HeaderName::from_static(CSRF_HEADER);
            values.iter().for_each(|value| headers.append(name.clone(), HeaderValue::from_static(value)));
            Place::Loopback.session(&headers, false).unwrap().csrf
        };
        assert_eq!((csrf(&[]), csrf(&["a"]), csrf(&["a", "b"])), (None, Some("a".to_owned()), None));
    }
}
