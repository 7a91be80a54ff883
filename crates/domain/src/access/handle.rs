//! Handles: the short names by which people and settings address principals.

use std::fmt;
use std::str::FromStr;

use super::{Identity, PrincipalId, PrincipalKind};
use crate::{Error, Result};

/// The short name of a principal: 1 to 64 lower-case letters, digits, `.`, `_` and `-` that begin with a letter or digit, and are
/// not digits alone, which are ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(String);

impl Handle {
    /// The longest.
    pub const MAX_BYTES: usize = 64;

    /// The handle as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A handle for somebody who is seen for the first time: the part of the e-mail address before its `@`, or the same of the
    /// subject. It holds no address, because the record of changes shows it for ever.
    pub fn suggested(identity: &Identity) -> Self {
        let person = identity.kind == PrincipalKind::User;
        let source = identity.email.as_deref().filter(|_| person).unwrap_or(&identity.subject);
        let local = source.split('@').next().filter(|local| !local.is_empty()).unwrap_or(source);
        let plain: String = local.to_lowercase().chars().map(plain).collect();
        let plain = plain.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        // All of it is ASCII.
        let plain: String = plain.chars().take(Self::MAX_BYTES - Self::ROOM).collect();
        if plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self(format!("{}-{plain}", identity.kind).trim_end_matches('-').to_owned());
        }
        Self(plain)
    }

    /// What is kept free of a suggestion, for what comes before or behind it.
    const ROOM: usize = 20;

    /// The same handle with something behind it that makes it another.
    #[must_use]
    pub fn followed_by(&self, end: impl fmt::Display) -> Self {
        Self(format!("{}-{end}", self.0))
    }
}

fn plain(c: char) -> char {
    match c {
        'a'..='z' | '0'..='9' | '.' | '_' | '-' => c,
        // A service account of a cluster is `namespace/name`.
        '/' => '.',
        _ => '-',
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Handle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii() && plain(char::from(byte)) == char::from(byte));
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || text.contains('/') || !begins || is_number || text.len() > Self::MAX_BYTES {
            return Err(Error::invalid(
                "handle",
                format!(
                    "handle `{}` is not 1 to {} lower-case letters, digits, `.`, `_` or `-`, with a letter or digit first and not \
                     digits alone",
                    text.escape_debug(),
                    Self::MAX_BYTES
                ),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// How people name a principal: by its handle, or by its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrincipalRef {
    /// The principal of that id.
    Id(PrincipalId),
    /// The principal of that handle.
    Handle(Handle),
}

impl FromStr for PrincipalRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(id) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Id(PrincipalId(id))),
            _ => Ok(Self::Handle(text.parse().map_err(|error: Error| error.on_field("principal"))?)),
        }
    }
}

impl fmt::Display for PrincipalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Handle(handle) => handle.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity(kind: PrincipalKind, subject: &str, email: Option<&str>) -> Identity {
        Identity {
            kind,
            issuer: "oidc".to_owned(),
            subject: subject.to_owned(),
            display_name: None,
            email: email.map(str::to_owned),
            groups: Vec::new(),
            issued_at: None,
        }
    }

    #[test]
    fn handles_hold_no_addresses() {
        for (kind, subject, email, expected) in [
            (PrincipalKind::User, "8f3-4c", Some("Alice.Smith@corp.example"), "alice.smith"),
            (PrincipalKind::User, "bob@corp.example", None, "bob"),
            (PrincipalKind::User, "0042", None, "user-0042"),
            (PrincipalKind::User, "@", None, "user"),
            (PrincipalKind::User, "Ärger mit Ümlauten", None, "rger-mit--mlauten"),
            (PrincipalKind::Kubernetes, "team-a/trainer", None, "team-a.trainer"),
            (PrincipalKind::Certificate, "CN=edge 7,O=x", None, "cn-edge-7-o-x"),
        ] {
            let suggested = Handle::suggested(&identity(kind, subject, email));
            assert_eq!(suggested.as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for good in ["a", "team-a.trainer", "0x", "a_b"] {
            assert_eq!(good.parse::<Handle>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "7", "-a", ".a", "a b", "a@b", "a/b", "ä", "a\0", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Handle>().unwrap_err().field(), Some("handle"), "{bad}");
        }
    }

    #[test]
    fn a_principal_is_named_by_id_or_handle() {
        assert_eq!("7".parse::<PrincipalRef>().unwrap(), PrincipalRef::Id(PrincipalId(7)));
        assert_eq!("alice".parse::<PrincipalRef>().unwrap().to_string(), "alice");
        for bad in ["", "+7", "99999999999999999999", "Alice"] {
            assert_eq!(bad.parse::<PrincipalRef>().unwrap_err().field(), Some("principal"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_suggested_is_a_handle(subject: String, email: Option<String>) {
            for kind in PrincipalKind::ALL {
                let suggested = Handle::suggested(&identity(kind, &subject, email.as_deref()));
                prop_assert_eq!(&suggested.to_string().parse::<Handle>().unwrap(), &suggested);
                let longer = suggested.followed_by("0123abcd");
                prop_assert_eq!(&longer.to_string().parse::<Handle>().unwrap(), &longer);
            }
        }
    }
}
