//! Who asks: what a credential proves, and the principal that it stands for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::WorkspaceId;
use crate::value::find_named;
use crate::{Error, Millis, Result};

/// The id of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrincipalId(pub i64);

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A service account of this registry.
    Service,
    /// A service account of a Kubernetes cluster.
    Kubernetes,
    /// Whoever has a client certificate.
    Certificate,
}

impl PrincipalKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Service, Self::Kubernetes, Self::Certificate];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Kubernetes => "kubernetes",
            Self::Certificate => "certificate",
        }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PrincipalKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(&Self::ALL, Self::name, "kind", text)
    }
}

/// A group of people or machines, as an issuer of identities names it. Groups of different issuers are different groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// The name that the settings give the issuer.
    pub issuer: String,
    /// The group's own name.
    pub name: String,
}

/// What a credential proves of who presents it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it is.
    pub kind: PrincipalKind,
    /// The name that the settings give the issuer of the credential; empty for this registry itself.
    pub issuer: String,
    /// What the issuer calls it for ever.
    pub subject: String,
    /// A name to show.
    pub display_name: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// The names of its groups at that issuer.
    pub groups: Vec<String>,
    /// When the credential was issued; older ones may have been revoked together.
    pub issued_at: Option<Millis>,
}

/// Somebody or something that was granted roles, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its id, which the record of changes and the audit trail name.
    pub id: PrincipalId,
    /// What it is.
    pub kind: PrincipalKind,
    /// See [`Identity::issuer`].
    pub issuer: String,
    /// See [`Identity::subject`].
    pub subject: String,
    /// The short name by which people and settings address it; unique.
    pub handle: String,
    /// A name to show.
    pub display_name: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// The workspace that it works in where a request names none.
    pub workspace_id: Option<WorkspaceId>,
    /// When it was first seen or made.
    pub created_at: Millis,
    /// Credentials that were issued before then count no longer.
    pub valid_from: Millis,
    /// Since when it may do nothing.
    pub disabled_at: Option<Millis>,
    /// When it was last seen, about to the hour.
    pub seen_at: Option<Millis>,
}
