//! The policies of registered models, and which properties of an artifact inspection has set.

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tx;
use super::connection::on_each;
use super::inspections::{facts, read, write};
use super::schema::{learned, policies};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::{Error, NodeId, Properties, Result};

/// Properties of an artifact that inspection has set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Description {
    /// Properties that its type declares.
    pub declared: Properties,
    /// Custom properties.
    pub custom: Properties,
}

/// The policy of a model, as passed to [`set`]; `None` when it has none.
pub fn find<P: DeserializeOwned>(tx: &mut Tx<'_>, model: NodeId) -> Result<Option<P>> {
    let document: Option<String> =
        policies::table.find(model.0).select(policies::document).first(tx.conn).optional().db()?;
    document.map(|document| read(&document)).transpose()
}

/// Sets the policy of a model.
///
/// Errors: NotFound when the model is gone.
pub fn set(tx: &mut Tx<'_>, model: NodeId, policy: &impl Serialize) -> Result<()> {
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
        Err(error) => Err(database_error(error)),
    }
}

/// Deletes the policy of a model.
pub fn delete(tx: &mut Tx<'_>, model: NodeId) -> Result<()> {
    diesel::delete(policies::table.find(model.0)).execute(tx.conn).db()?;
    Ok(())
}

/// The properties that inspection set on the node.
pub fn learned(tx: &mut Tx<'_>, node: NodeId) -> Result<Description> {
    let row: Option<(String, String)> =
        learned::table.find(node.0).select((learned::declared, learned::custom)).first(tx.conn).optional().db()?;
    let Some((declared, custom)) = row else { return Ok(Description::default()) };
    Ok(Description { declared: facts::read(&declared)?, custom: facts::read(&custom)? })
}

/// Records which properties inspection set on the node.
pub fn learn(tx: &mut Tx<'_>, node: NodeId, set: &Description) -> Result<()> {
    let (declared, custom) = (facts::write(&set.declared)?, facts::write(&set.custom)?);
    on_each!(tx.conn, conn => {
        diesel::insert_into(learned::table)
            .values((learned::node_id.eq(node.0), learned::declared.eq(&declared), learned::custom.eq(&custom)))
            .on_conflict(learned::node_id)
            .do_update()
            .set((learned::declared.eq(&declared), learned::custom.eq(&custom)))
            .execute(conn)
    })
    .db()?;
    Ok(())
}
