//! The slugs of workspaces that principals and tokens name by their ids.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use crate::domain::access::{ApiToken, Principal, Slug, WorkspaceId};
use crate::domain::{Error, Result};
use crate::store::Tx;
use crate::store::access::workspaces;

/// Something with the slugs of the workspaces that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithSlugs<T> {
    value: T,
    slugs: BTreeMap<WorkspaceId, Slug>,
}

impl<T> Deref for WithSlugs<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> WithSlugs<T> {
    /// The slug of a workspace that it names; `None` when that is gone.
    pub fn slug(&self, id: WorkspaceId) -> Option<&Slug> {
        self.slugs.get(&id)
    }
}

/// What names workspaces.
pub(super) trait NamesWorkspaces {
    fn workspaces(&self) -> impl Iterator<Item = WorkspaceId>;
}

impl NamesWorkspaces for Principal {
    fn workspaces(&self) -> impl Iterator<Item = WorkspaceId> {
        self.workspace_id.into_iter()
    }
}

impl NamesWorkspaces for ApiToken {
    fn workspaces(&self) -> impl Iterator<Item = WorkspaceId> {
        self.limits.workspaces.iter().flatten().copied()
    }
}

/// Things with the slugs of the workspaces that they name, in one statement.
pub(super) fn with_slugs<T: NamesWorkspaces>(tx: &mut Tx<'_>, items: Vec<T>) -> Result<Vec<WithSlugs<T>>> {
    let ids: BTreeSet<WorkspaceId> = items.iter().flat_map(NamesWorkspaces::workspaces).collect();
    let found = workspaces::find_all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let slugs: BTreeMap<WorkspaceId, Slug> = found.into_iter().map(|found| (found.id, found.slug)).collect();
    let named = |value: T| {
        let own = value.workspaces().filter_map(|id| Some((id, slugs.get(&id)?.clone()))).collect();
        WithSlugs { value, slugs: own }
    };
    Ok(items.into_iter().map(named).collect())
}

/// The same of one thing.
pub(super) fn with_slug<T: NamesWorkspaces>(tx: &mut Tx<'_>, item: T) -> Result<WithSlugs<T>> {
    with_slugs(tx, vec![item])?.pop().ok_or_else(|| Error::internal("one thing became none"))
}
