//! Types and the properties they declare.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::Tx;
use crate::bulk::draw_ids;
use crate::connection::{MultiBackend, on_each};
use crate::error::{DatabaseResult as _, database_error, violated_unique};
use crate::filter::seen;
use crate::nodes::MAX_IDS;
use crate::schema::{nodes, type_properties, types};
use modelport_domain::access::{WorkspaceId, Workspaces};
use modelport_domain::graph::Type;
use modelport_domain::{Error, LogicalType, NodeKind, Result, ValueKind};

#[derive(Queryable, Selectable)]
#[diesel(table_name = types)]
struct TypeRow {
    id: i64,
    kind: i64,
    name: String,
    version: String,
    description: Option<String>,
    external_id: Option<String>,
    base_type: Option<i64>,
    input_type: Option<String>,
    output_type: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = types, treat_none_as_default_value = false)]
struct NewType<'a> {
    id: i64,
    kind: i64,
    name: &'a str,
    version: &'a str,
    description: Option<&'a str>,
    external_id: Option<&'a str>,
    base_type: Option<i64>,
    input_type: Option<&'a str>,
    output_type: Option<&'a str>,
    workspace_id: i64,
}

#[derive(Insertable)]
#[diesel(table_name = type_properties)]
struct NewTypeProperty<'a> {
    type_id: i64,
    name: &'a str,
    data_type: i64,
}

/// Which types are meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Those with these ids, of the workspaces that are seen.
    Ids(&'a [i64]),
    /// Those with these ids, which nodes have that are seen.
    OfNodes(&'a [i64]),
    /// Those of the kind, of the registry's own without those that nothing has yet.
    Kind(NodeKind),
    /// Those of the kind with these names, of every version.
    Names(NodeKind, &'a [&'a str]),
    /// Those of the kind with these ids in another system.
    ExternalIds(NodeKind, &'a [String]),
}

/// These types by id, those that exist, with the properties that they declare. Where they are not asked for by their ids, they are the
/// registry's own and those of the request's workspace.
pub fn load(tx: &mut Tx<'_>, which: Which<'_>) -> Result<BTreeMap<i64, Type>> {
    let query = types::table
        .left_join(type_properties::table)
        .select((TypeRow::as_select(), (type_properties::name, type_properties::data_type).nullable()))
        .into_boxed::<MultiBackend>();
    let query = match (which, tx.access().listed()) {
        (Which::OfNodes(_), _) | (_, None) => query,
        (Which::Ids(_), Some(here)) => match seen_workspaces(tx) {
            None => query,
            Some(seen) => {
                let these: Vec<i64> = seen.into_iter().chain([here]).map(|workspace| workspace.0).collect();
                query.filter(types::workspace_id.is_null().or(types::workspace_id.eq_any(these).assume_not_null()))
            }
        },
        (_, Some(here)) => {
            query.filter(types::workspace_id.is_null().or(types::workspace_id.eq(here.0).assume_not_null()))
        }
    };
    let query = match which {
        // A single id has one generic plan; several are planned each time.
        Which::Ids([id]) | Which::OfNodes([id]) => query.filter(types::id.eq(*id)),
        Which::Ids(ids) | Which::OfNodes(ids) => query.filter(types::id.eq_any(ids.to_vec())),
        Which::Kind(kind) => {
            let own: Vec<i64> = LogicalType::ALL.map(LogicalType::id).to_vec();
            let of_type = nodes::table.filter(nodes::type_id.eq(types::id));
            let query = query.filter(types::kind.eq(kind.number()));
            // Of those that somebody else has where it is hidden, nothing is told either.
            seen!(tx, of_type, of_type => {
                query.filter(types::id.ne_all(own).or(diesel::dsl::exists(of_type.select(nodes::id))))
            })
        }
        Which::Names(kind, names) => {
            query.filter(types::kind.eq(kind.number())).filter(types::name.eq_any(names.to_vec()))
        }
        Which::ExternalIds(kind, ids) => {
            query.filter(types::kind.eq(kind.number())).filter(types::external_id.eq_any(ids.to_vec()))
        }
    };
    let rows: Vec<(TypeRow, Option<(String, i64)>)> = query.load(tx.conn).db()?;
    let mut found = BTreeMap::new();
    for (row, property) in rows {
        let id = row.id;
        let entry = match found.entry(id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(to_type(row)?),
        };
        if let Some((name, number)) = property {
            let kind = ValueKind::from_number(number)
                .ok_or_else(|| Error::internal(format!("property `{name}` of type `{id}` has kind `{number}`")))?;
            entry.properties.insert(name, kind);
        }
    }
    Ok(found)
}

/// The workspaces of which the transaction sees more than single roots; `None` for all.
fn seen_workspaces(tx: &Tx<'_>) -> Option<BTreeSet<WorkspaceId>> {
    if let Some(only) = tx.access().confinement() {
        return Some(BTreeSet::from([only]));
    }
    match &tx.access().visible().open {
        Workspaces::All => None,
        Workspaces::These(these) => Some(these.clone()),
    }
}

fn to_type(row: TypeRow) -> Result<Type> {
    Ok(Type {
        id: row.id,
        kind: NodeKind::from_number(row.kind)
            .ok_or_else(|| Error::internal(format!("type `{}` has kind `{}`", row.id, row.kind)))?,
        name: row.name,
        version: row.version,
        description: row.description,
        external_id: row.external_id,
        base_type: row.base_type,
        input_type: row.input_type,
        output_type: row.output_type,
        properties: BTreeMap::new(),
    })
}

/// Inserts types, whose own ids do not count, and returns their ids in the same order.
///
/// Errors: Conflict when one of that name and version was inserted concurrently, AlreadyExists when an external id is taken.
pub fn insert(tx: &mut Tx<'_>, new: &[&Type]) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(new.len());
    for chunk in new.chunks(MAX_IDS) {
        let drawn = draw_ids(tx, "types", chunk.len())?;
        let workspace = tx.access().workspace();
        let rows: Vec<NewType<'_>> = chunk.iter().zip(&drawn).map(|(each, id)| row(each, *id, workspace)).collect();
        on_each!(tx.conn, conn => diesel::insert_into(types::table).values(&rows).execute(conn)).map_err(taken)?;
        ids.extend(drawn);
    }
    let properties: Vec<_> = new
        .iter()
        .zip(&ids)
        .flat_map(|(each, id)| each.properties.iter().map(|(name, kind)| (*id, name.as_str(), *kind)))
        .collect();
    add_properties(tx, &properties)?;
    Ok(ids)
}

fn row(of: &Type, id: i64, workspace: WorkspaceId) -> NewType<'_> {
    NewType {
        id,
        kind: of.kind.number(),
        name: &of.name,
        version: &of.version,
        description: of.description.as_deref(),
        external_id: of.external_id.as_deref(),
        base_type: of.base_type,
        input_type: of.input_type.as_deref(),
        output_type: of.output_type.as_deref(),
        workspace_id: workspace.0,
    }
}

/// Adds properties to types that exist.
///
/// Errors: Conflict when one of them was added concurrently.
pub fn add_properties(tx: &mut Tx<'_>, properties: &[(i64, &str, ValueKind)]) -> Result<()> {
    for chunk in properties.chunks(MAX_IDS) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|(type_id, name, kind)| NewTypeProperty { type_id: *type_id, name, data_type: kind.number() })
            .collect();
        let inserted =
            on_each!(tx.conn, conn => diesel::insert_into(type_properties::table).values(&rows).execute(conn));
        inserted.map_err(taken)?;
    }
    Ok(())
}

/// Stores the type's external id and base type.
///
/// Errors: AlreadyExists when the external id is taken.
pub fn update(tx: &mut Tx<'_>, changed: &Type) -> Result<()> {
    diesel::update(types::table.find(changed.id))
        .set((types::external_id.eq(changed.external_id.as_deref()), types::base_type.eq(changed.base_type)))
        .execute(tx.conn)
        .map_err(taken)?;
    Ok(())
}

fn taken(error: diesel::result::Error) -> Error {
    match violated_unique(&error) {
        Some(constraint) if constraint.contains("external_id") => {
            Error::already_exists("the external id of the type is taken").on_field("external_id")
        }
        Some(_) => Error::conflict("the type was put concurrently; retry").caused_by(error),
        None => database_error(error),
    }
}
