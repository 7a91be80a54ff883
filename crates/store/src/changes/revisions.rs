//! What the record says of one revision of a node.

use diesel::prelude::*;

use super::{ChangeRow, records};
use crate::Tx;
use crate::connection::MultiBackend;
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::schema::changes;
use modelport_domain::{Action, ChangeRecord, NodeId, Result};

/// The last change that left the node at that revision; `None` where there is none, or it is not visible.
pub fn at_revision(tx: &mut Tx<'_>, node: NodeId, revision: i64) -> Result<Option<ChangeRecord>> {
    let mut query = changes::table
        .filter(changes::node_id.eq(node.0).and(changes::revision.eq(revision)))
        .order(changes::id.desc())
        .limit(1)
        .select(ChangeRow::as_select())
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("changes"));
    let rows = query.load::<ChangeRow>(tx.conn).db()?;
    Ok(records(tx, rows)?.pop())
}

/// Whether files of the node changed after that revision.
pub fn has_changed_files_since(tx: &mut Tx<'_>, node: NodeId, revision: i64) -> Result<bool> {
    let actions = [Action::PutFile, Action::DeleteFile].map(Action::name);
    let later = changes::table.filter(changes::node_id.eq(node.0).and(changes::revision.gt(revision)));
    let found: Option<i64> =
        later.filter(changes::action.eq_any(actions)).select(changes::id).first(tx.conn).optional().db()?;
    Ok(found.is_some())
}
