//! Aliases: movable names of a model's versions.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::Tx;
use super::connection::{MultiBackend, among, on_each};
use super::nodes::MAX_IDS;
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

/// The same of the first `limit` after the alias `after`.
pub fn after(tx: &mut Tx<'_>, model: NodeId, after: Option<&str>, limit: u32) -> Result<Vec<(String, NodeId)>> {
    let mut query = aliases::table
        .filter(aliases::model_id.eq(model.0))
        .order(aliases::name)
        .limit(i64::from(limit))
        .select((aliases::name, aliases::version_id))
        .into_boxed::<MultiBackend>();
    if let Some(after) = after {
        query = query.filter(aliases::name.gt(after));
    }
    let rows: Vec<(String, i64)> = query.load(tx.conn).db()?;
    Ok(rows.into_iter().map(|(name, version)| (name, NodeId(version))).collect())
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

/// The aliases of each of these models, with the versions that they point at, in alphabetical order.
pub fn of_models(tx: &mut Tx<'_>, models: &[NodeId]) -> Result<HashMap<NodeId, Vec<(String, NodeId)>>> {
    let mut found: HashMap<NodeId, Vec<(String, NodeId)>> = HashMap::new();
    for chunk in models.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = aliases::table
            .select((aliases::model_id, aliases::name, aliases::version_id))
            .order((aliases::model_id, aliases::name));
        let rows: Vec<(i64, String, i64)> =
            among!(query, aliases::model_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (model, name, version) in rows {
            found.entry(NodeId(model)).or_default().push((name, NodeId(version)));
        }
    }
    Ok(found)
}

/// The names of the aliases of each of these versions, in alphabetical order.
pub fn of_versions(tx: &mut Tx<'_>, versions: &[NodeId]) -> Result<HashMap<NodeId, Vec<String>>> {
    let mut found: HashMap<NodeId, Vec<String>> = HashMap::new();
    for chunk in versions.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = aliases::table.select((aliases::version_id, aliases::name)).order(aliases::name);
        let rows: Vec<(i64, String)> =
            among!(query, aliases::version_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (version, name) in rows {
            found.entry(NodeId(version)).or_default().push(name);
        }
    }
    Ok(found)
}
