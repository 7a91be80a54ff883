//! Where the bytes are kept, as a setting says it. Opens nothing, and never carries credentials.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::{Url, form_urlencoded};

use modelport_domain::{Error, Result};

/// The place of a store: `file://DIR`, absolute or relative, or
/// `s3://bucket/prefix?endpoint=…&region=…&path_style=true`. Displays as it parses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Local(PathBuf),
    /// A bucket.
    S3(S3Location),
}

/// A bucket, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket's name.
    pub bucket: String,
    /// What stands before every key, without slashes at its ends; empty for the bucket's root.
    pub prefix: String,
    /// The server's URL; without one, AWS in the region.
    pub endpoint: Option<String>,
    /// The region; without one, that of the environment, or else `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket stands in the path instead of the host; without a word, yes where there is an endpoint.
    pub path_style: Option<bool>,
}

impl S3Location {
    /// The server for a message: the endpoint, or AWS.
    pub fn server(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("AWS")
    }

    fn parse(text: &str) -> Result<Self> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.contains('@') {
            return Err(refused("credentials in the location are not accepted, the usual AWS variables hold them"));
        }
        let mut location = Self {
            bucket: parse_bucket(bucket)?,
            prefix: parse_prefix(prefix.trim_matches('/'))?,
            endpoint: None,
            region: None,
            path_style: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let repeated = match &*name {
                "endpoint" => location.endpoint.replace(parse_endpoint(&value)?).is_some(),
                "region" => location.region.replace(parse_region(&value)?).is_some(),
                "path_style" => location.path_style.replace(parse_path_style(&value)?).is_some(),
                _ => return Err(refused(format!("`{name}` is not one of `endpoint`, `region`, `path_style`"))),
            };
            if repeated {
                return Err(refused(format!("`{name}` is given twice")));
            }
        }
        Ok(location)
    }
}

fn refused(why: impl fmt::Display) -> Error {
    Error::invalid("location", format!("artifact store: {why}"))
}

fn parse_bucket(name: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sound = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'.'))
        && name.bytes().next().is_some_and(plain)
        && name.bytes().next_back().is_some_and(plain);
    if sound { Ok(name.to_owned()) } else { Err(refused(format!("`{name}` is not a bucket name"))) }
}

fn parse_prefix(prefix: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let sound = prefix.is_empty() || !prefix.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    if sound && prefix.bytes().all(plain) {
        return Ok(prefix.to_owned());
    }
    Err(refused(format!("prefix `{prefix}` is not made of letters, digits, `-`, `_`, `.` and single `/`")))
}

fn parse_endpoint(text: &str) -> Result<String> {
    let unreadable = || refused("`endpoint` is not an `http://` or `https://` URL");
    let url = Url::parse(text).map_err(|_| unreadable())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("`endpoint` has credentials, the usual AWS variables hold them"));
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'&' | b'+' | b'%' | b'#' | b'?'));
    if plain && matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(unreadable())
    }
}

fn parse_region(name: &str) -> Result<String> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(name.to_owned());
    }
    Err(refused(format!("`region` is `{name}`, which is not the name of a region")))
}

fn parse_path_style(text: &str) -> Result<bool> {
    text.parse().map_err(|_| refused(format!("`path_style` is `{text}`, not `true` or `false`")))
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(place) = text.strip_prefix("s3://") {
            return S3Location::parse(place).map(Self::S3);
        }
        match text.strip_prefix("file://") {
            Some("") => Err(refused("`file://` names no folder")),
            Some(folder) if folder.contains(['?', '#', '\0']) => {
                Err(refused(format!("folder `{}` has a `?`, `#` or NUL", folder.escape_debug())))
            }
            Some(folder) => Ok(Self::Local(folder.into())),
            None => Err(refused("expected `file://DIR` or `s3://BUCKET/PREFIX`")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(folder) => write!(f, "file://{}", folder.display()),
            Self::S3(location) => location.fmt(f),
        }
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        let path_style = self.path_style.map(|value| value.to_string());
        let settings = [("endpoint", &self.endpoint), ("region", &self.region), ("path_style", &path_style)];
        let given = settings.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (index, (name, value)) in given.enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_displays_as_it_parses() {
        for text in [
            "file://./data/artifacts",
            "file:///var/lib/modelport",
            "file://data",
            "s3://models",
            "s3://models/some/prefix",
            "s3://models/p?endpoint=http://127.0.0.1:9000&region=eu-west-1&path_style=true",
            "s3://models?path_style=false",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_parts_of_a_bucket_are_read() {
        let text = "s3://models//a/b/?path_style=true&endpoint=https%3A%2F%2Fminio.example%2F&region=us-east-1";
        let expected = S3Location {
            bucket: "models".into(),
            prefix: "a/b".into(),
            endpoint: Some("https://minio.example".into()),
            region: Some("us-east-1".into()),
            path_style: Some(true),
        };
        assert_eq!(text.parse::<Location>().unwrap(), Location::S3(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("", "file://DIR"),
            ("/data", "file://DIR"),
            ("file://", "no folder"),
            ("file:///data?x=1", "`?`"),
            ("s3://", "``"),
            ("s3://Models", "`Models`"),
            ("s3://models:80", "`models:80`"),
            ("s3://models/a//b", "`a//b`"),
            ("s3://models/a/../b", "`a/../b`"),
            ("s3://models?endpiont=http://x", "`endpiont`"),
            ("s3://models?endpoint=minio:9000", "`endpoint`"),
            ("s3://models?endpoint=http://x&endpoint=http://y", "`endpoint` is given twice"),
            ("s3://models?region=", "`region`"),
            ("s3://models?path_style=yes", "`yes`"),
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert!(error.message().contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        for text in ["s3://id:secret@models", "s3://models?endpoint=http://id:secret@minio:9000"] {
            let error = text.parse::<Location>().unwrap_err();
            assert!(error.message().contains("credentials"), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
