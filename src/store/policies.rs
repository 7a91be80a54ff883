//! What registered models say of what may be stored, and which properties of an artifact inspection has set.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::error::is_missing_reference;
use super::inspections::{facts, read, write};
use super::schema::{learned, policies};
use crate::domain::inspect::Description;
use crate::domain::policy::ModelPolicy;
use crate::domain::{Error, NodeId, Result};

/// What the model says; `None` when it says nothing.
pub fn find(tx: &mut Tx<'_>, model: NodeId) -> Result<Option<ModelPolicy>> {
    let document: Option<String> =
        policies::table.find(model.0).select(policies::document).first(tx.conn).optional()?;
    document.map(|document| read(&document)).transpose()
}

/// Keeps what the model says, instead of what it said before.
///
/// Errors: NotFound when the model is gone.
pub fn set(tx: &mut Tx<'_>, model: NodeId, policy: &ModelPolicy) -> Result<()> {
    let document = write(policy)?;
    let set = on_each!(tx.conn, conn => {
        diesel::insert_into(policies::table)
            .values((policies::model_id.eq(model.0), policies::document.eq(&document)))
            .on_conflict(policies::model_id)
            .do_update()
            .set(policies::document.eq(&document))
            .execute(conn)
    });
    match set {
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found(format!("registered model `{model}`"))),
        Err(error) => Err(error.into()),
    }
}

/// Forgets what the model says.
pub fn delete(tx: &mut Tx<'_>, model: NodeId) -> Result<()> {
    diesel::delete(policies::table.find(model.0)).execute(tx.conn)?;
    Ok(())
}

/// The properties that inspection set on the node.
pub fn learned(tx: &mut Tx<'_>, node: NodeId) -> Result<Description> {
    let row: Option<(String, String)> =
        learned::table.find(node.0).select((learned::declared, learned::custom)).first(tx.conn).optional()?;
    let Some((declared, custom)) = row else { return Ok(Description::default()) };
    Ok(Description { declared: facts::read(&declared)?, custom: facts::read(&custom)? })
}

/// Keeps which properties inspection set on the node.
pub fn learn(tx: &mut Tx<'_>, node: NodeId, set: &Description) -> Result<()> {
    let (declared, custom) = (facts::write(&set.declared)?, facts::write(&set.custom)?);
    on_each!(tx.conn, conn => {
        diesel::insert_into(learned::table)
            .values((learned::node_id.eq(node.0), learned::declared.eq(&declared), learned::custom.eq(&custom)))
            .on_conflict(learned::node_id)
            .do_update()
            .set((learned::declared.eq(&declared), learned::custom.eq(&custom)))
            .execute(conn)
    })?;
    Ok(())
}
