//! What may be done, and the roles that bundle it.

use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::str::FromStr;

use crate::value::find_named;
use crate::{Error, Result};

/// One thing that may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Read metadata, lists and histories.
    See,
    /// Read bytes, links to them and archives of them.
    Download,
    /// Make and change versions, artifacts, runs, metrics, files and tags.
    Write,
    /// Make a model, an experiment or a serving environment in a workspace.
    Create,
    /// Set aliases, change states and deployments.
    Promote,
    /// Remove anything.
    Delete,
    /// Bind roles, set policies and quotas, have webhooks, read quarantined files.
    Manage,
    /// Read the audit trail.
    Audit,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::See, Self::Download, Self::Write, Self::Create, Self::Promote, Self::Delete, Self::Manage, Self::Audit];

    /// Its name, as tokens and answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Download => "download",
            Self::Write => "write",
            Self::Create => "create",
            Self::Promote => "promote",
            Self::Delete => "delete",
            Self::Manage => "manage",
            Self::Audit => "audit",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(&Self::ALL, Self::name, "permission", text).map_err(|error| error.on_field("permissions"))
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// Every permission.
    pub const ALL: Self = Self(u8::MAX);
    /// What is left of any in an archived workspace, in which nothing is made or changed.
    pub const OF_ARCHIVED: Self =
        Self::of(&[Permission::See, Permission::Download, Permission::Manage, Permission::Audit]);

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut bits, mut rest) = (0, permissions);
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = others;
        }
        Self(bits)
    }

    /// Whether it is in the set.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether the set has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set has all of those.
    pub const fn has_all(self, those: Self) -> bool {
        self.0 & those.0 == those.0
    }

    /// Those of the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, |set, permission| set | Self::of(&[permission]))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Permissions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A named bundle of permissions, which bindings grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sees metadata.
    Viewer,
    /// Sees metadata and reads bytes.
    Reader,
    /// Reads, makes models, experiments and environments, and owns those.
    Contributor,
    /// Reads, makes and changes.
    Writer,
    /// Writes, promotes and removes.
    Maintainer,
    /// Does everything within the binding's scope.
    Admin,
    /// Sees metadata and the audit trail, and reads no bytes.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Viewer, Self::Reader, Self::Contributor, Self::Writer, Self::Maintainer, Self::Admin, Self::Auditor];

    /// Its name, as bindings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Reader => "reader",
            Self::Contributor => "contributor",
            Self::Writer => "writer",
            Self::Maintainer => "maintainer",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// What it grants.
    pub const fn permissions(self) -> Permissions {
        use Permission::{Audit, Create, Delete, Download, Promote, See, Write};
        match self {
            Self::Viewer => Permissions::of(&[See]),
            Self::Reader => Permissions::of(&[See, Download]),
            Self::Contributor => Permissions::of(&[See, Download, Create]),
            Self::Writer => Permissions::of(&[See, Download, Create, Write]),
            Self::Maintainer => Permissions::of(&[See, Download, Create, Write, Promote, Delete]),
            Self::Admin => Permissions::ALL,
            Self::Auditor => Permissions::of(&[See, Audit]),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(&Self::ALL, Self::name, "role", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_what_was_put_in() {
        for permission in Permission::ALL {
            let set = Permissions::of(&[permission]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [permission]);
            assert!(Permissions::ALL.has(permission) && !Permissions::NONE.has(permission));
        }
        let some = Permissions::of(&[Permission::See, Permission::Audit]);
        assert_eq!(some & Role::Viewer.permissions(), Permissions::of(&[Permission::See]));
        assert_eq!(Permissions::of(&[Permission::See]) | Permissions::of(&[Permission::Audit]), some);
    }

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().unwrap(), role);
        }
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse::<Permission>().unwrap(), permission);
        }
        assert_eq!("owner".parse::<Role>().unwrap_err().field(), Some("role"));
        assert_eq!("read".parse::<Permission>().unwrap_err().field(), Some("permissions"));
    }

    #[test]
    fn an_auditor_reads_no_bytes() {
        assert!(!Role::Auditor.permissions().has(Permission::Download));
    }
}
