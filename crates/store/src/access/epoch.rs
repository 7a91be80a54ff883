//! The epoch of access, which counts explicit changes, and what everybody's rights depend on besides their bindings.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use diesel::prelude::*;

use super::workspaces::role;
use crate::Tx;
use crate::error::DatabaseResult as _;
use crate::schema::{access_epoch, bindings, restricted_roots, workspaces};
use modelport_domain::access::{Group, Permissions, RestrictedRoots, Role, WorkspaceId};
use modelport_domain::{NodeId, Result};

/// The epoch. What was loaded in the same transaction is as of it.
pub fn current(tx: &mut Tx<'_>) -> Result<i64> {
    access_epoch::table.select(access_epoch::epoch).first(tx.conn).db()
}

/// Raises the epoch, and returns the new one. Whoever else raises it waits until this transaction ends, so that changes of who may
/// do what are seen by those that check them.
pub fn raise(tx: &mut Tx<'_>) -> Result<i64> {
    diesel::update(access_epoch::table)
        .set(access_epoch::epoch.eq(access_epoch::epoch + 1))
        .returning(access_epoch::epoch)
        .get_result(tx.conn)
        .db()
}

/// What everybody's rights depend on, as of one epoch.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// The epoch.
    pub epoch: i64,
    /// The restricted roots.
    pub restricted: RestrictedRoots,
    /// What owners have of their roots, in workspaces where that is not what admins have.
    pub owners: Arc<BTreeMap<WorkspaceId, Permissions>>,
    /// The workspaces that are archived.
    pub archived: Arc<BTreeSet<WorkspaceId>>,
    /// The groups that some binding names.
    pub groups: Arc<HashSet<Group>>,
}

/// Loads what everybody's rights depend on.
pub fn shared(tx: &mut Tx<'_>) -> Result<Shared> {
    let epoch = current(tx)?;
    let restricted: Vec<i64> = restricted_roots::table.select(restricted_roots::root_id).load(tx.conn).db()?;
    let differs = workspaces::archived_at
        .is_not_null()
        .or(workspaces::owner_role.is_null())
        .or(workspaces::owner_role.ne(Role::Admin.name()).assume_not_null());
    let special: Vec<(i64, Option<i64>, Option<String>)> = workspaces::table
        .filter(differs)
        .select((workspaces::id, workspaces::archived_at, workspaces::owner_role))
        .load(tx.conn)
        .db()?;
    let groups: Vec<(Option<String>, Option<String>)> = bindings::table
        .filter(bindings::group_name.is_not_null())
        .select((bindings::group_issuer, bindings::group_name))
        .distinct()
        .load(tx.conn)
        .db()?;
    let (mut owners, mut archived) = (BTreeMap::new(), BTreeSet::new());
    for (id, archived_at, owner_role) in special {
        let held = owner_role.as_deref().map(role).transpose()?.map_or(Permissions::NONE, Role::permissions);
        if held != Permissions::ALL {
            owners.insert(WorkspaceId(id), held);
        }
        if archived_at.is_some() {
            archived.insert(WorkspaceId(id));
        }
    }
    let groups = groups.into_iter().filter_map(|(issuer, name)| Some(Group { issuer: issuer?, name: name? })).collect();
    Ok(Shared {
        epoch,
        restricted: Arc::new(restricted.into_iter().map(NodeId).collect()),
        owners: Arc::new(owners),
        archived: Arc::new(archived),
        groups: Arc::new(groups),
    })
}
