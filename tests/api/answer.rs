//! What an app answered, as tests read it and snapshots show it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::app::REQUEST_ID;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The size that the body announces.
    pub size: String,
    pub body: Bytes,
}

/// The headers that snapshots show, besides the content type.
const SHOWN: [&str; 12] = [
    "allow",
    "etag",
    "location",
    "last-modified",
    "accept-ranges",
    "content-range",
    "content-disposition",
    "content-security-policy",
    "repr-digest",
    "retry-after",
    "x-content-type-options",
    "x-request-id",
];

impl Answer {
    /// The answer, with what the test calls its request in the place of the id that the server gave it, which is another
    /// one each time.
    pub(super) fn with_known_id(mut self) -> Self {
        let Some(id) = self.header("x-request-id").map(str::to_owned) else { return self };
        assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
        let name = HeaderName::from_static("x-request-id");
        self.headers.insert(name, HeaderValue::from_static(REQUEST_ID));
        if let Ok(text) = str::from_utf8(&self.body)
            && text.contains(&id)
        {
            self.body = text.replace(&id, REQUEST_ID).into();
        }
        self
    }

    /// Fails the test when the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The path that `Location` leads to from a request for `path`: it is relative, so that it holds below any prefix.
    pub fn location_from(&self, path: &str) -> String {
        let location = self.header("location").unwrap();
        assert!(!location.starts_with('/') && !location.contains("://"), "{location}");
        url::Url::parse(&format!("http://host{path}")).unwrap().join(location).unwrap().path().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text()))
    }

    /// A member of the JSON body that is a string.
    #[track_caller]
    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", self.text())).to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The media type, with its parameters.
    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or("-")
    }

    /// The headers that a snapshot shows; the request id is the test's own unless it is missing. The weak ETag of a list is the
    /// digest of its text, in which there may be UUIDs.
    pub fn shown_headers(&self) -> Vec<(&'static str, &str)> {
        let settled = |value| if is_digest_of_text(value) { "W/\"[digest]\"" } else { value };
        let shown = SHOWN.into_iter().filter_map(|name| Some((name, settled(self.header(name)?))));
        shown.filter(|(name, value)| (*name, *value) != ("x-request-id", REQUEST_ID)).collect()
    }

    /// The body for a snapshot: what changes from run to run has a word in its place.
    pub fn shown_body(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(mut body) => {
                settle(&mut body);
                body
            }
            Err(_) if self.body.is_empty() => Value::Null,
            Err(_) => self.text().into(),
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut headers = Map::from_iter([("content-type".to_owned(), self.content_type().into())]);
        headers.extend(self.shown_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        json!({"status": self.status, "headers": headers, "body": self.shown_body()}).serialize(serializer)
    }
}

/// Page tokens are opaque, and UUIDs are new each time.
fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(token) if name.to_lowercase().ends_with("nextpagetoken") && !token.is_empty() => {
                        "[token]".clone_into(token);
                    }
                    member => settle(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::String(text) => *text = without_uuids(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_digest_of_text(tag: &str) -> bool {
    let digest = tag.strip_prefix("W/\"").and_then(|tag| tag.strip_suffix('"'));
    digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn without_uuids(text: &str) -> String {
    let is_uuid = |part: Option<&str>| part.is_some_and(|part| uuid::Uuid::try_parse(part).is_ok());
    match (0..text.len()).find(|at| is_uuid(text.get(*at..at + 36))) {
        Some(at) => format!("{}[uuid]{}", &text[..at], without_uuids(&text[at + 36..])),
        None => text.to_owned(),
    }
}
