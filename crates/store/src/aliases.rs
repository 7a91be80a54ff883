//! Aliases: movable names of a model's versions.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::Tx;
use super::connection::on_each;
use super::schema::aliases;
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::{Alias, Error, NodeId, Result};

#[derive(Insertable)]
#[diesel(table_name = aliases)]
struct NewAlias<'a> {
    model_id: i64,
    name: &'a str,
    version_id: i64,
}

/// Points the alias at the version, wherever it pointed before.
///
/// Errors: NotFound when the model or version is gone.
pub fn set(tx: &mut Tx<'_>, model: NodeId, alias: &Alias, version: NodeId) -> Result<()> {
    let new = NewAlias { model_id: model.0, name: alias.as_str(), version_id: version.0 };
    let set = on_each!(tx.conn, conn => {
        diesel::insert_into(aliases::table)
            .values(&new)
            .on_conflict((aliases::model_id, aliases::name))
            .do_update()
            .set(aliases::version_id.eq(excluded(aliases::version_id)))
            .execute(conn)
    });
    match set {
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found(format!("model version `{version}`"))),
        Err(error) => Err(database_error(error)),
    }
}

/// Removes all aliases of the version.
pub fn delete_of_version(tx: &mut Tx<'_>, version: NodeId) -> Result<()> {
    diesel::delete(aliases::table.filter(aliases::version_id.eq(version.0))).execute(tx.conn).db()?;
    Ok(())
}

/// Removes the alias. `false` when there was none.
pub fn delete(tx: &mut Tx<'_>, model: NodeId, alias: &Alias) -> Result<bool> {
    Ok(diesel::delete(aliases::table.find((model.0, alias.as_str()))).execute(tx.conn).db()? > 0)
}

/// The version that the alias points at.
pub fn find(tx: &mut Tx<'_>, model: NodeId, alias: &Alias) -> Result<Option<NodeId>> {
    let id = aliases::table
        .find((model.0, alias.as_str()))
        .select(aliases::version_id)
        .first::<i64>(tx.conn)
        .optional()
        .db()?;
    Ok(id.map(NodeId))
}

/// The model's aliases with the versions that they point at, in alphabetical order.
pub fn of_model(tx: &mut Tx<'_>, model: NodeId) -> Result<Vec<(Alias, NodeId)>> {
    let rows: Vec<(String, i64)> = aliases::table
        .filter(aliases::model_id.eq(model.0))
        .order(aliases::name)
        .select((aliases::name, aliases::version_id))
        .load(tx.conn)
        .db()?;
    rows.into_iter().map(|(name, version)| Ok((name.parse()?, NodeId(version)))).collect()
}

/// The names of the version's aliases, in alphabetical order.
pub fn of_version(tx: &mut Tx<'_>, version: NodeId) -> Result<Vec<String>> {
    aliases::table
        .filter(aliases::version_id.eq(version.0))
        .order(aliases::name)
        .select(aliases::name)
        .load(tx.conn)
        .db()
}
