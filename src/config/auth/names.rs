//! Names in the settings of authentication: of administrators, of issuers, of headers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::access::Identity;

/// What stands before an administrator that is a group. No issuer has that name.
const GROUP: &str = "group";
/// The name of the issuer of those whom the proxy names.
pub(super) const PROXY: &str = "proxy";
/// The name of the issuer of those whom the certificates of clients name.
pub(super) const CERTIFICATE: &str = "certificate";
/// The names that no issuer of tokens has, `group` besides.
pub(super) const RESERVED: [&str; 3] = [PROXY, CERTIFICATE, "listener"];

/// Who always is an administrator: `ISSUER:SUBJECT`, or everybody in `group:ISSUER:GROUP`.
///
/// Names of issuers have no colon, so what stands behind one may have: `k8s:ml/trainer`, `group:k8s:system:serviceaccounts:ml`.
/// A group without its issuer would be that of every issuer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Admin {
    /// One principal.
    Subject {
        /// The name of its issuer.
        issuer: String,
        /// What that calls it.
        subject: String,
    },
    /// Everybody in a group.
    Group {
        /// The name of its issuer.
        issuer: String,
        /// What that calls it.
        group: String,
    },
}

impl Admin {
    /// The name of the issuer.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Subject { issuer, .. } | Self::Group { issuer, .. } => issuer,
        }
    }

    /// Whether somebody is meant by it.
    pub fn is(&self, identity: &Identity) -> bool {
        identity.issuer == self.issuer()
            && match self {
                Self::Subject { subject, .. } => identity.subject == *subject,
                Self::Group { group, .. } => identity.groups.contains(group),
            }
    }
}

impl TryFrom<String> for Admin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let expected = || {
            format!("`{text}` is neither `ISSUER:SUBJECT` nor `group:ISSUER:GROUP`, with an issuer of `auth.issuers`")
        };
        let (first, rest) = text.split_once(':').ok_or_else(expected)?;
        let (issuer, name) = if first == GROUP { rest.split_once(':').ok_or_else(expected)? } else { (first, rest) };
        if !is_issuer_name(issuer) || name.is_empty() || name.trim() != name {
            return Err(expected());
        }
        let (issuer, name) = (issuer.to_owned(), name.to_owned());
        if first == GROUP {
            Ok(Self::Group { issuer, group: name })
        } else {
            Ok(Self::Subject { issuer, subject: name })
        }
    }
}

impl From<Admin> for String {
    fn from(admin: Admin) -> Self {
        admin.to_string()
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject { issuer, subject } => write!(f, "{issuer}:{subject}"),
            Self::Group { issuer, group } => write!(f, "{GROUP}:{issuer}:{group}"),
        }
    }
}

/// Whether an issuer may have that name, which variables of the environment have to be able to say in lower case.
pub(super) fn is_issuer_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 63
        && name.bytes().all(plain)
        && name != GROUP
}

/// The name of a header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(String);

impl HeaderName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HeaderName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let name = text.to_ascii_lowercase();
        if !plain || matches!(name.as_str(), "authorization" | "cookie" | "host") {
            return Err("expected the name of a header of its own, as in `kubeflow-userid`");
        }
        Ok(Self(name))
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::PrincipalKind;

    fn identity(issuer: &str, subject: &str, groups: &[&str]) -> Identity {
        Identity {
            kind: PrincipalKind::User,
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            display_name: None,
            email: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            issued_at: None,
        }
    }

    #[test]
    fn an_administrator_is_a_subject_or_a_group_of_an_issuer() {
        let admin = |text: &str| Admin::try_from(text.to_owned());
        for (text, one, other) in [
            (
                "oidc:alice@example.org",
                identity("oidc", "alice@example.org", &[]),
                identity("lab", "alice@example.org", &[]),
            ),
            ("oidc:urn:x:1", identity("oidc", "urn:x:1", &[]), identity("oidc", "urn", &[])),
            ("group:oidc:admins", identity("oidc", "1", &["admins"]), identity("lab", "1", &["admins"])),
            (
                "group:k8s:system:serviceaccounts:ml",
                identity("k8s", "ml/a", &["system:serviceaccounts:ml"]),
                identity("k8s", "x/a", &[]),
            ),
            ("k8s:ml/trainer", identity("k8s", "ml/trainer", &[]), identity("k8s", "ml/trainer2", &[])),
        ] {
            let admin = admin(text).unwrap();
            assert!(admin.is(&one) && !admin.is(&other), "{text}");
            assert_eq!(String::from(admin), text);
        }
        for wrong in
            ["", "alice", ":alice", "oidc:", "group:admins", "group:oidc:", "Oidc:a", "group:group:x", "oidc: a"]
        {
            assert!(admin(wrong).unwrap_err().contains("group:ISSUER:GROUP"), "{wrong}");
        }
    }

    #[test]
    fn headers_have_names_of_their_own() {
        assert_eq!(HeaderName::try_from("Kubeflow-UserId".to_owned()).unwrap().as_str(), "kubeflow-userid");
        for wrong in ["", "a b", "a:", "Authorization", "cookie", "é"] {
            assert!(HeaderName::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
