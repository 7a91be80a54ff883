//! Principals that a search finds.

use super::slugs::{WithSlugs, with_slugs};
use crate::domain::Result;
use crate::domain::access::{Permission, Principal};
use crate::store::access::principals;
use crate::transaction::ReadTransaction;

/// Up to `limit` principals whose handle, name or address has a text in it, or begins so, those first that were made last: of those that the
/// caller may list, which are none without `manage` or `audit` in the registry or in the request's workspace.
pub(crate) fn find_people(
    tx: &mut ReadTransaction<'_, '_>,
    text: &str,
    at_start: bool,
    limit: i64,
) -> Result<Vec<WithSlugs<Principal>>> {
    let access = tx.context().access().clone();
    let (rights, here) = (access.rights(), access.workspace());
    let workspace = if rights.in_registry().has(Permission::Audit) || rights.in_registry().has(Permission::Manage) {
        None
    } else if rights.in_workspace(here).has(Permission::Audit) || rights.in_workspace(here).has(Permission::Manage) {
        Some(here)
    } else {
        return Ok(Vec::new());
    };
    let found = principals::search(tx, workspace, text, at_start, limit)?;
    with_slugs(tx, found)
}
