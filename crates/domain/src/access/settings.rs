//! Whom the settings make administrators, whatever is bound.

use std::fmt;
use std::str::FromStr;

use super::{Group, Identity};
use crate::{Error, Result};

/// Somebody who is always an administrator of the registry, because the settings say so: `ISSUER:SUBJECT`, or
/// `group:ISSUER:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NamedAdmin {
    /// Whom that issuer calls so for ever.
    Subject {
        /// The name that the settings give the issuer.
        issuer: String,
        /// See [`Identity::subject`].
        subject: String,
    },
    /// Everybody in that group.
    Group(Group),
}

impl NamedAdmin {
    /// Whether it is this one.
    pub fn is(&self, issuer: &str, subject: &str, groups: &[Group]) -> bool {
        match self {
            Self::Subject { issuer: by, subject: called } => by == issuer && called == subject,
            Self::Group(group) => groups.contains(group),
        }
    }

    /// Whether it is whom this identity is.
    pub fn is_identity(&self, identity: &Identity) -> bool {
        let Identity { issuer, subject, groups, .. } = identity;
        match self {
            Self::Subject { .. } => self.is(issuer, subject, &[]),
            Self::Group(group) => group.issuer == *issuer && groups.contains(&group.name),
        }
    }
}

impl FromStr for NamedAdmin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const GROUP: &str = "group:";
        let (kind, rest) = text.strip_prefix(GROUP).map_or((false, text), |rest| (true, rest));
        match rest.split_once(':') {
            Some((issuer, name)) if !issuer.is_empty() && !name.is_empty() => {
                let (issuer, name) = (issuer.to_owned(), name.to_owned());
                Ok(if kind { Self::Group(Group { issuer, name }) } else { Self::Subject { issuer, subject: name } })
            }
            _ => Err(Error::invalid(
                "auth.admins",
                format!("administrator `{}` is neither `ISSUER:SUBJECT` nor `group:ISSUER:NAME`", text.escape_debug()),
            )),
        }
    }
}

impl fmt::Display for NamedAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject { issuer, subject } => write!(f, "{issuer}:{subject}"),
            Self::Group(Group { issuer, name }) => write!(f, "group:{issuer}:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_named_with_their_issuer() {
        for text in ["oidc:alice@corp.example", "oidc:a:b", "group:oidc:platform/admins"] {
            assert_eq!(text.parse::<NamedAdmin>().unwrap().to_string(), text);
        }
        for bad in ["", "alice", ":alice", "oidc:", "group:admins", "group::admins"] {
            assert_eq!(bad.parse::<NamedAdmin>().unwrap_err().field(), Some("auth.admins"), "{bad}");
        }
        let group = Group { issuer: "oidc".to_owned(), name: "admins".to_owned() };
        let named: NamedAdmin = "group:oidc:admins".parse().unwrap();
        assert!(named.is("oidc", "alice", std::slice::from_ref(&group)));
        assert!(!named.is("oidc", "alice", &[Group { issuer: "other".to_owned(), ..group }]));
    }
}
