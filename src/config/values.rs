//! The types of the settings: each validates its value, and redacts its secrets in every output.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::redact::redact;
use crate::domain::policy::check_formats;

/// Lets a setting be one of these words.
macro_rules! from_words {
    ($kind:ident, $expected:literal, $($word:literal => $variant:ident),+ $(,)?) => {
        impl TryFrom<String> for $kind {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match text.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($expected),
                }
            }
        }
    };
}
pub(super) use from_words;

/// A listener's address, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listen {
    /// The listener is switched off.
    Off,
    /// The address to bind; port 0 takes a free one.
    At(SocketAddr),
}

impl Listen {
    /// Whether other machines may reach it.
    pub fn is_exposed(self) -> bool {
        matches!(self, Self::At(address) if !address.ip().to_canonical().is_loopback())
    }
}

impl TryFrom<String> for Listen {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "none" => Ok(Self::Off),
            text => text
                .parse()
                .map(Self::At)
                .map_err(|_| "expected an IP address with a port, as in `127.0.0.1:8080`, or `none`"),
        }
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        match listen {
            Listen::Off => "none".to_owned(),
            Listen::At(address) => address.to_string(),
        }
    }
}

/// Names of formats, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Formats(pub Vec<String>);

impl TryFrom<String> for Formats {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let formats: Vec<String> = names.map(ToOwned::to_owned).collect();
        check_formats("allowed_formats", &formats).map_err(|error| error.message().to_owned())?;
        Ok(Self(formats))
    }
}

impl From<Formats> for String {
    fn from(formats: Formats) -> Self {
        formats.0.join(",")
    }
}

/// The database's URL. Prints without its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(super) fn sqlite(path: String) -> Self {
        Self(format!("sqlite://{path}"))
    }

    /// The URL with its password, for the driver only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        expect_scheme(&text, &known, "expected `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`")?;
        Ok(Self(text))
    }
}

/// How long a link to an object store is valid, in seconds; 0 is that there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LinkSeconds(u64);

impl LinkSeconds {
    /// The maximum that S3 allows (Signature Version 4).
    const MAX_SECONDS: u64 = 7 * 24 * 3600;

    /// `None` where there are none.
    pub fn duration(self) -> Option<Duration> {
        (self.0 > 0).then(|| Duration::from_secs(self.0))
    }
}

impl TryFrom<u64> for LinkSeconds {
    type Error = &'static str;

    fn try_from(seconds: u64) -> Result<Self, Self::Error> {
        if seconds > Self::MAX_SECONDS { Err("a link is valid for 604800 seconds at most") } else { Ok(Self(seconds)) }
    }
}

impl From<LinkSeconds> for u64 {
    fn from(link: LinkSeconds) -> Self {
        link.0
    }
}

/// The object store's location. Prints without credentials.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ArtifactStore(String);

impl ArtifactStore {
    pub(super) fn folder(path: String) -> Self {
        Self(format!("file://{path}"))
    }

    /// The location as given, for the object store only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for ArtifactStore {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        expect_scheme(&text, &["file://", "s3://"], "expected `file://DIR` or `s3://BUCKET/PREFIX`")?;
        Ok(Self(text))
    }
}

/// Empty, or one of `schemes` with something after it.
fn expect_scheme(text: &str, schemes: &[&str], expected: &'static str) -> Result<(), &'static str> {
    let fits = |scheme: &&str| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
    if text.is_empty() || schemes.iter().any(fits) { Ok(()) } else { Err(expected) }
}

macro_rules! print_redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&redact(&self.0)).finish()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&redact(&self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&redact(&self.0))
            }
        }
    )*};
}

print_redacted!(DatabaseUrl, ArtifactStore);

/// Text that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "***" }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.shown()).finish()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

/// What is logged, in env_logger's filter syntax, as in `info,access=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LogFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        env_filter::Builder::new().try_parse(&text).map_err(|error| error.to_string())?;
        Ok(Self(text))
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

from_words!(LogFormat, "expected `text` or `json`", "text" => Text, "json" => Json);

/// Whether PostgreSQL's sessions keep prepared statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum PreparedStatements {
    /// Where no pooler stands between.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

from_words!(PreparedStatements, "expected `auto`, `on` or `off`", "auto" => Auto, "on" => On, "off" => Off);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_prints_without_its_password() {
        let url = DatabaseUrl::try_from("postgres://u:hunter2@h/db".to_owned());
        assert_eq!(format!("{url:?}"), r#"Ok(DatabaseUrl("postgres://u:***@h/db"))"#);
    }
}
