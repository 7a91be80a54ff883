//! Secrets in texts that clients need and the record of changes must not keep: passwords and tokens in URLs and connection
//! strings.

use std::borrow::Cow;

use serde_json::Value as Json;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// The text with [`MASK`] for what gives access: who a URL logs in as (`https://user:password@host`), and the values of
/// parameters that sign or authorise (`X-Amz-Signature`, `X-Goog-Credential`, `sig`, `access_token`, `AccountKey`).
///
/// Masking what is masked changes nothing.
pub fn mask(text: &str) -> Cow<'_, str> {
    let is_suspicious = text.bytes().any(|byte| matches!(byte, b'=' | b'@'));
    if !is_suspicious {
        return Cow::Borrowed(text);
    }
    match without_parameters(&without_logins(text)) {
        masked if masked == text => Cow::Borrowed(text),
        masked => Cow::Owned(masked),
    }
}

/// Whether a text in a document may stand where [`mask_document`] left [`MASK`] for a secret.
pub fn may_be_masked(document: &Json) -> bool {
    match document {
        Json::String(text) => text == MASK || text.contains("***@") || text.contains("=***"),
        Json::Array(items) => items.iter().any(may_be_masked),
        Json::Object(members) => members.values().any(may_be_masked),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Masks every text in a document, and those whose name says that they are secrets as a whole.
pub fn mask_document(document: &mut Json) {
    mask_json(document, false);
}

fn mask_json(value: &mut Json, is_secret: bool) {
    match value {
        Json::String(text) if is_secret && !text.is_empty() => MASK.clone_into(text),
        Json::String(text) => {
            if let Cow::Owned(masked) = mask(text) {
                *text = masked;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask_json(item, is_secret)),
        Json::Object(members) => {
            for (name, member) in members.iter_mut() {
                mask_json(member, is_secret || names_a_secret(name));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// What a property's name ends in whose text is a secret as a whole.
const WHOLE: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "secretkey",
    "secretaccesskey",
    "privatekey",
    "apikey",
    "accesskey",
    "accesstoken",
    "authtoken",
    "sharedaccesssignature",
];

/// What a parameter's name ends in whose value is a secret: of AWS, Google, Azure, Alibaba, Tencent, OAuth, GitLab.
const ENDINGS: [&str; 11] = [
    "signature",
    "credential",
    "token",
    "password",
    "passwd",
    "secret",
    "accesskey",
    "accesskeyid",
    "accountkey",
    "apikey",
    "secretkey",
];

/// The names of parameters that are one themselves.
const NAMES: [&str; 9] =
    ["sig", "key", "pwd", "pass", "auth", "authorization", "jwt", "googleaccessid", "sharedaccesskey"];

fn names_a_secret(property: &str) -> bool {
    let plain = plain(property);
    WHOLE.iter().any(|ending| plain.ends_with(ending))
}

fn authorises(parameter: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(parameter).decode_utf8_lossy();
    let plain = plain(&decoded);
    NAMES.contains(&plain.as_str()) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// A name without its case and what joins its words.
fn plain(name: &str) -> String {
    name.chars().filter(|each| each.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Masks what stands before the host of each URL. A user name alone, as in `ssh://git@host`, is not a secret; in an
/// HTTP URL it may be a token.
fn without_logins(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end =
            after.find(|each: char| matches!(each, '/' | '?' | '#' | '"' | '\'' | '<' | '>') || each.is_whitespace());
        let (authority, following) = after.split_at(end.unwrap_or(after.len()));
        let is_web = ["http://", "https://"].iter().any(|scheme| ends_with_ignoring_case(before, scheme));
        match authority.rsplit_once('@') {
            Some((login, host)) if !login.is_empty() && (is_web || login.contains(':')) => {
                masked.push_str(MASK);
                masked.push('@');
                masked.push_str(host);
            }
            _ => masked.push_str(authority),
        }
        rest = following;
    }
    masked.push_str(rest);
    masked
}

fn ends_with_ignoring_case(text: &str, ending: &str) -> bool {
    let start = text.len().checked_sub(ending.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// Masks the values of parameters that authorise: `name=value` at the start or after `?`, `&`, `;` or `#`.
fn without_parameters(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let end = rest.find(is_separator).unwrap_or(rest.len());
        let (part, following) = rest.split_at(end);
        match part.split_once('=') {
            Some((name, value)) if !value.is_empty() && authorises(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(part),
        }
        let Some(separator) = following.chars().next() else { return masked };
        masked.push(separator);
        rest = following.get(separator.len_utf8()..).unwrap_or_default();
    }
}

fn is_separator(each: char) -> bool {
    matches!(each, '?' | '&' | ';' | '#' | '"' | '\'' | '<' | '>') || each.is_whitespace()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_gives_access_is_masked() {
        for (text, masked) in [
            ("https://user:PASS@host/x?a=1", "https://***@host/x?a=1"),
            ("https://user:p@ss@host:8080/x", "https://***@host:8080/x"),
            ("https://ghp_abc@github.com/o/r", "https://***@github.com/o/r"),
            ("HTTPS://u:p@h", "HTTPS://***@h"),
            ("s3://KEY:SECRET@bucket/key", "s3://***@bucket/key"),
            ("git+https://u:p@h/a b https://v:q@h/c", "git+https://***@h/a b https://***@h/c"),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20&X-Amz-Date=1\
                 &X-Amz-Security-Token=FQo&X-Amz-Signature=abc",
                "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=***&X-Amz-Date=1\
                 &X-Amz-Security-Token=***&X-Amz-Signature=***",
            ),
            (
                "https://h/k?AWSAccessKeyId=AK&Signature=s&Expires=1",
                "https://h/k?AWSAccessKeyId=***&Signature=***&Expires=1",
            ),
            (
                "https://a.blob.core.windows.net/c/b?sv=2022-11-02&se=2030&sr=b&sp=r&sig=ab%2Bc%3D",
                "https://a.blob.core.windows.net/c/b?sv=2022-11-02&se=2030&sr=b&sp=r&sig=***",
            ),
            (
                "https://storage.googleapis.com/b/o?X-Goog-Credential=x%40y&X-Goog-Expires=1&X-Goog-Signature=1f",
                "https://storage.googleapis.com/b/o?X-Goog-Credential=***&X-Goog-Expires=1&X-Goog-Signature=***",
            ),
            (
                "https://h/o?GoogleAccessId=a@b&Expires=1&Signature=x",
                "https://h/o?GoogleAccessId=***&Expires=1&Signature=***",
            ),
            ("https://h/o?alt=media&key=AIza", "https://h/o?alt=media&key=***"),
            ("https://h/#access_token=abc&state=1", "https://h/#access_token=***&state=1"),
            ("https://h/?X%2DAmz%2DSignature=abc", "https://h/?X%2DAmz%2DSignature=***"),
            ("https://h/?x-amz-signature=abc", "https://h/?x-amz-signature=***"),
            ("https://h/?private_token=a;b=2", "https://h/?private_token=***;b=2"),
            (
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9v==;EndpointSuffix=core.windows.net",
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***;EndpointSuffix=core.windows.net",
            ),
            ("see https://u:p@h/a, then sig=x", "see https://***@h/a, then sig=***"),
        ] {
            assert_eq!(mask(text), masked);
            assert_eq!(mask(masked), masked, "masking again changes nothing");
        }
    }

    #[test]
    fn what_gives_none_stays() {
        for text in [
            "",
            "s3://bucket/path/model.bin",
            "https://host/a@b/c",
            "https://host/x?versionId=3&tokenizer=bert&keys=1&design=2",
            "ssh://git@github.com/o/r",
            "a@b.example, c = d",
            "x = y; key",
            "hf://org/model@main",
            "https://host/?sig=",
            "://@",
            "ünï://ü@ü",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn a_document_is_masked_through_and_through() {
        let mut document = json!({
            "uri": "https://u:p@h",
            "revision": 3,
            "customProperties": {
                "link": {"string": "https://h/?sig=abc"},
                "db_password": {"string": "hunter2"},
                "deep": {"struct": {"a": ["https://u:p@h", {"AWS_SECRET_ACCESS_KEY": "s", "n": 1}]}},
                "pad_token": {"string": "<pad>"},
                "empty_secret": {"string": ""},
            },
        });
        assert!(!may_be_masked(&document));
        mask_document(&mut document);
        assert!(may_be_masked(&document));
        for (name, is_masked) in [("link", true), ("db_password", true), ("deep", true), ("pad_token", false)] {
            assert_eq!(may_be_masked(&document["customProperties"][name]), is_masked, "{name}");
        }
        assert!(!may_be_masked(&json!("***bold***\n\n***\n")));
        let masked = json!({
            "uri": "https://***@h",
            "revision": 3,
            "customProperties": {
                "link": {"string": "https://h/?sig=***"},
                "db_password": {"string": "***"},
                "deep": {"struct": {"a": ["https://***@h", {"AWS_SECRET_ACCESS_KEY": "***", "n": 1}]}},
                "pad_token": {"string": "<pad>"},
                "empty_secret": {"string": ""},
            },
        });
        assert_eq!(document, masked);
    }
}
