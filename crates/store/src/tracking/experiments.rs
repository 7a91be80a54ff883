//! Experiments by their names, whoever sees them.

use diesel::prelude::*;

use crate::Tx;
use crate::error::DatabaseResult as _;
use crate::schema::nodes;
use modelport_domain::{LogicalType, Name, Result};

/// Whether an experiment of the workspace has the name, if one that the caller does not see: names are unique, and who makes one is told so.
pub fn is_name_taken(tx: &mut Tx<'_>, name: &Name) -> Result<bool> {
    let of_workspace = nodes::workspace_id.eq(tx.access().workspace().0).and(nodes::home_id.is_null());
    let named = nodes::type_id.eq(LogicalType::Experiment.id()).and(nodes::name.eq(name.as_str()));
    let query = nodes::table.filter(of_workspace.and(named)).select(nodes::id);
    Ok(query.first::<i64>(tx.conn).optional().db()?.is_some())
}
