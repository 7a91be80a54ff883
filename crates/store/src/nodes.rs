//! Nodes: inserted, found, listed, changed and removed, each with its properties in a fixed number of statements.

mod candidates;
mod change;
mod filtered;
mod insert;
mod locked;
mod owned;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::connection::{AnyConnection, MultiBackend, keyset};
use super::filter::{self, Filter, name_key, narrow, seen};
use super::schema::{members, nodes};
use super::{Tx, properties};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::access::{Access, Permission, Place, WorkspaceId, denied};
use modelport_domain::{
    Cursor, Draft, Error, ExternalId, LogicalType, Millis, Name, Node, NodeId, NodeKind, Order, OrderBy, Properties,
    Result, Selection,
};

pub use candidates::{count, count_up_to, ids_up_to};
pub use change::{date, increment_revision, increment_revision_of, increment_revisions_named, lock, rename, replace};
pub use locked::{count_change, lock_named};
pub use owned::{children, delete, delete_all, first_children, first_context, owner, place_of, type_of_child};

/// How many ids one statement names at most.
pub(super) const MAX_IDS: usize = 1000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = nodes)]
pub(super) struct NodeRow {
    pub(super) id: i64,
    pub(super) type_id: i64,
    home_id: Option<i64>,
    name: Option<String>,
    external_id: Option<String>,
    uri: Option<String>,
    state: Option<i64>,
    created_at: i64,
    updated_at: i64,
    revision: i64,
    workspace_id: i64,
    root_id: Option<i64>,
}

#[derive(Insertable)]
#[diesel(table_name = nodes, treat_none_as_default_value = false)]
pub(super) struct NewNode<'a> {
    pub(super) kind: i64,
    pub(super) type_id: i64,
    pub(super) home_id: Option<i64>,
    pub(super) name: Option<&'a str>,
    pub(super) external_id: Option<&'a str>,
    pub(super) uri: Option<&'a str>,
    pub(super) state: Option<i64>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) workspace_id: i64,
    /// `None` for the database to find it: that of the home, or else the node itself.
    pub(super) root_id: Option<i64>,
    pub(super) owner_id: Option<i64>,
}

impl From<NodeRow> for Node {
    fn from(row: NodeRow) -> Self {
        Self {
            id: NodeId(row.id),
            type_id: row.type_id,
            home_id: row.home_id.map(NodeId),
            place: Place { workspace: WorkspaceId(row.workspace_id), root: NodeId(row.root_id.unwrap_or(row.id)) },
            name: row.name,
            external_id: row.external_id,
            uri: row.uri,
            state: row.state,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
            properties: Properties::new(),
            custom: Properties::new(),
        }
    }
}

/// Inserts a node, with its properties and as a member of its home: without one into the workspace of the request, as its caller's own.
///
/// Errors: AlreadyExists when the name or external id is taken, NotFound when the home is gone.
pub fn insert(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, draft: &Draft, now: Millis) -> Result<Node> {
    let access = tx.access();
    let owner_id = access.principal().filter(|_| home.is_none()).map(|owner| owner.0);
    let here = access.workspace();
    // SQLite does not return what its trigger finds out.
    let of_home = match (&tx.conn, home) {
        (AnyConnection::Sqlite(_), Some(home)) => place_of(tx, &[home])?.remove(&home),
        _ => None,
    };
    let workspace_id = of_home.map_or(here, |place| place.workspace).0;
    let new = NewNode {
        kind: logical.kind().number(),
        type_id: logical.id(),
        home_id: home.map(|home| home.0),
        name: draft.name.as_ref().map(Name::as_str),
        external_id: draft.external_id.as_ref().map(ExternalId::as_str),
        uri: draft.uri.as_deref(),
        state: draft.state,
        created_at: now,
        updated_at: now,
        workspace_id,
        root_id: of_home.map(|place| place.root.0),
        owner_id,
    };
    // ON CONFLICT DO NOTHING instead of an error: the databases check unique indexes in different orders, and PostgreSQL rejects
    // further queries in a transaction after an error.
    let inserted = match tx.conn {
        AnyConnection::Postgres(conn) => insert::insert_with_properties(conn, &new, draft),
        AnyConnection::Sqlite(conn) => diesel::insert_into(nodes::table)
            .values(&new)
            .on_conflict_do_nothing()
            .returning(NodeRow::as_returning())
            .get_result::<NodeRow>(conn)
            .optional(),
    };
    let row = match inserted {
        Ok(Some(row)) => row,
        Ok(None) => return Err(taken(tx, logical, home, draft)?),
        Err(error) if is_missing_reference(&error) => {
            return Err(Error::not_found(format!("the home of the {}", logical.noun())));
        }
        Err(error) => return Err(database_error(error)),
    };
    let mut node = Node::from(row);
    node.properties.clone_from(&draft.properties);
    node.custom.clone_from(&draft.custom);
    // Round trips cost nothing here.
    if let AnyConnection::Sqlite(_) = tx.conn {
        if let Some(home) = home {
            super::members::insert(tx, home, node.id)?;
        }
        properties::insert(tx, &[&node])?;
    }
    Ok(node)
}

/// The error for the unique key that is taken: the name, or else the external id.
fn taken(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, draft: &Draft) -> Result<Error> {
    // What is hidden has its name, too. Whoever may give names learns that, and nobody else.
    let access = tx.access().clone();
    let held = access.rights().in_workspace(access.workspace());
    if home.is_none() && !held.has(Permission::Create) && !held.has(Permission::Write) {
        return Ok(denied(Permission::Create, "this workspace"));
    }
    tx.act_for(&Access::unrestricted());
    let found = find_taken_in_its_workspace(tx, logical, home, draft, access.workspace());
    tx.act_for(&access);
    found
}

/// Looks where the node was to be: in the workspace of what it belongs to, or else in that of the request.
fn find_taken_in_its_workspace(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
    own: WorkspaceId,
) -> Result<Error> {
    let place = home.map(|home| Ok::<_, Error>(place_of(tx, &[home])?.remove(&home))).transpose()?.flatten();
    let workspace = place.map_or(own, |place| place.workspace);
    tx.act_for(&Access::unrestricted().in_workspace(workspace));
    find_taken(tx, logical, home, draft)
}

fn find_taken(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, draft: &Draft) -> Result<Error> {
    if let Some(name) = &draft.name
        && find_named(tx, logical, home, name)?.is_some()
    {
        return Ok(Error::name_taken(format!("{} `{name}` already exists", logical.noun())));
    }
    match &draft.external_id {
        Some(id) if find_external(tx, logical.kind(), id)?.is_some() => {
            Ok(Error::already_exists(format!("external id `{id}` is taken")).on_field("externalId"))
        }
        _ => Ok(Error::conflict(format!("the {} was created concurrently; retry", logical.noun()))),
    }
}

/// The node with that id, of any type.
pub fn find(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<Node>> {
    let row = row(tx, id)?;
    one(tx, row)
}

/// The node with that id, of any type, without its properties.
pub fn find_bare(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<Node>> {
    Ok(row(tx, id)?.map(Node::from))
}

fn row(tx: &mut Tx<'_>, id: NodeId) -> Result<Option<NodeRow>> {
    seen!(tx, nodes::table.find(id.0), nodes => nodes.select(NodeRow::as_select()).first(tx.conn)).optional().db()
}

/// Those of these nodes that exist, ordered by id.
pub fn find_all(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let loaded = seen!(tx, nodes::table.filter(nodes::id.eq_any(ids)), nodes => {
            nodes.select(NodeRow::as_select()).load::<NodeRow>(tx.conn)
        });
        rows.extend(loaded.db()?);
    }
    rows.sort_by_key(|row| row.id);
    hydrate(tx, rows)
}

/// The one node of the selection; `None` when there is none or more than one.
pub fn find_only(tx: &mut Tx<'_>, selection: &Selection) -> Result<Option<Node>> {
    let mut found = list(tx, selection, None, 2)?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The node of that type with that name in that home.
pub fn find_named(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, name: &Name) -> Result<Option<Node>> {
    let row = row_named(tx, logical, home, name)?;
    one(tx, row)
}

/// As [`find_named`], without its properties.
pub fn find_named_bare(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    home: Option<NodeId>,
    name: &Name,
) -> Result<Option<Node>> {
    Ok(row_named(tx, logical, home, name)?.map(Node::from))
}

fn row_named(tx: &mut Tx<'_>, logical: LogicalType, home: Option<NodeId>, name: &Name) -> Result<Option<NodeRow>> {
    let query = nodes::table
        .filter(nodes::type_id.eq(logical.id()).and(nodes::name.eq(name.as_str())))
        .select(NodeRow::as_select())
        .into_boxed::<MultiBackend>();
    let mut query = match home {
        Some(home) => query.filter(nodes::home_id.eq(home.0)),
        None => query.filter(nodes::home_id.is_null()).filter(nodes::workspace_id.eq(tx.access().workspace().0)),
    };
    narrow!(query, tx.visible("nodes"));
    query.first(tx.conn).optional().db()
}

/// The node of that kind with that id in another system.
pub fn find_external(tx: &mut Tx<'_>, kind: NodeKind, external_id: &ExternalId) -> Result<Option<Node>> {
    let row = nodes::table
        .filter(nodes::kind.eq(kind.number()).and(nodes::external_id.eq(external_id.as_str())))
        .filter(nodes::workspace_id.eq(tx.access().workspace().0));
    let row = seen!(tx, row, nodes => nodes.select(NodeRow::as_select()).first(tx.conn)).optional().db()?;
    one(tx, row)
}

/// The nodes of the selection, in no order.
fn matching<'a>(tx: &Tx<'_>, selection: &Selection) -> nodes::BoxedQuery<'a, MultiBackend> {
    narrowed(tx, selection, selection.filter.as_ref().map(|expr| Filter::of(tx, expr)))
}

/// The nodes of the selection but for its filter, of which this is the SQL.
fn narrowed<'a>(tx: &Tx<'_>, selection: &Selection, filter: Option<Filter>) -> nodes::BoxedQuery<'a, MultiBackend> {
    chosen(tx, selection, filter, false)
}

/// The same; `by_ids` is whether the first of them are wanted in the order of their ids.
fn chosen<'a>(
    tx: &Tx<'_>,
    selection: &Selection,
    filter: Option<Filter>,
    by_ids: bool,
) -> nodes::BoxedQuery<'a, MultiBackend> {
    let mut query = nodes::table.into_boxed::<MultiBackend>();
    // What is in a context is where that is, or was brought there from elsewhere.
    let is_of_workspace = selection.home.is_none() && selection.member_of.is_none();
    narrow!(query, if is_of_workspace { tx.listed("nodes") } else { tx.visible("nodes") });
    if let Some(kind) = selection.kind {
        query = query.filter(nodes::kind.eq(kind.number()));
    }
    query = match selection.types.as_slice() {
        [] if selection.kind.is_some() => query,
        [one] if by_ids && selection.home.is_some() => query.filter(Filter::of_type_in_home(*one)),
        [one] => query.filter(nodes::type_id.eq(*one)),
        many => query.filter(nodes::type_id.eq_any(many.to_vec())),
    };
    if let Some(home) = selection.home {
        query = query.filter(nodes::home_id.eq(home.0));
    }
    if let Some(context) = selection.member_of {
        let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
        query = query.filter(nodes::id.eq_any(members));
        // Whoever sees a member sees by that nothing of what else it belongs to.
        narrow!(query, tx.sees(context));
    }
    if let Some(name) = &selection.name {
        // A name that may repeat is stored after a UUID and a colon.
        let repeatable = sql::<Bool>("((nodes.home_id IS NULL OR nodes.type_id = ")
            .bind::<BigInt, _>(LogicalType::DataSet.id())
            .sql(") AND nodes.kind = 1 AND substr(nodes.name, 37, 1) = ':' AND substr(nodes.name, 38) = ")
            .bind::<Text, _>(name.as_str().to_owned())
            .sql(")");
        query = query.filter(nodes::name.eq(name.as_str().to_owned()).assume_not_null().or(repeatable));
    }
    if let Some(external_id) = &selection.external_id {
        query = query.filter(nodes::external_id.eq(external_id.as_str().to_owned()));
    }
    if let Some(filter) = filter {
        query = query.filter(filter);
    }
    query
}

/// The first `limit` nodes of the selection after the cursor, in its order.
pub fn list(tx: &mut Tx<'_>, selection: &Selection, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>> {
    let limit = limit.into();
    let few = candidates::list(tx, selection, after, limit)?;
    let found = few.map_or_else(|| filtered::list(tx, selection, after, limit), |few| Ok(Some(few)))?;
    let mut found = match found {
        Some(found) => found,
        None => {
            let filter = selection.filter.as_ref().map(|expr| Filter::of(tx, expr));
            let query = chosen(tx, selection, filter, selection.order.by == OrderBy::Id);
            bare(tx, in_order(query, selection.order, after).limit(limit))?
        }
    };
    fill(tx, &mut found)?;
    Ok(found)
}

/// The query's nodes after the cursor, in that order.
fn in_order<'a>(
    query: nodes::BoxedQuery<'a, MultiBackend>,
    Order { by, descending }: Order,
    after: Option<&'a Cursor>,
) -> nodes::BoxedQuery<'a, MultiBackend> {
    let time = after.map(|cursor| (cursor.value, cursor.id.0));
    match by {
        OrderBy::CreateTime => keyset!(query, nodes::created_at, nodes::id, time, descending),
        OrderBy::UpdateTime => keyset!(query, nodes::updated_at, nodes::id, time, descending),
        OrderBy::Name => {
            let name = after.map(|cursor| (cursor.name.as_str(), cursor.id.0));
            keyset!(query, name_key(), nodes::id, name, descending)
        }
        OrderBy::Id => match (after, descending) {
            (None, false) => query.order(nodes::id.asc()),
            (None, true) => query.order(nodes::id.desc()),
            (Some(Cursor { id, .. }), false) => query.filter(nodes::id.gt(id.0)).order(nodes::id.asc()),
            (Some(Cursor { id, .. }), true) => query.filter(nodes::id.lt(id.0)).order(nodes::id.desc()),
        },
    }
}

/// The nodes of a query, without their properties.
fn bare(tx: &mut Tx<'_>, query: nodes::BoxedQuery<'_, MultiBackend>) -> Result<Vec<Node>> {
    tx.check_deadline()?;
    let rows = query.select(NodeRow::as_select()).load::<NodeRow>(tx.conn).map_err(filter::query_error)?;
    Ok(rows.into_iter().map(Node::from).collect())
}

/// The ids of the first `limit` nodes of the selection, in order, of `among` alone where that is given.
pub fn list_ids(tx: &mut Tx<'_>, selection: &Selection, among: Option<&[NodeId]>, limit: u32) -> Result<Vec<NodeId>> {
    let mut found: Vec<i64> = Vec::new();
    let filter = selection.filter.as_ref().map(|expr| Filter::of(tx, expr).prepared_if_repeated(tx));
    let all = |tx: &Tx<'_>| {
        narrowed(tx, selection, filter.clone()).select(nodes::id).order(nodes::id).limit(i64::from(limit))
    };
    match among {
        None => found = all(tx).load(tx.conn).db()?,
        Some(among) => {
            for chunk in among.chunks(MAX_IDS) {
                let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
                found.extend(all(tx).filter(nodes::id.eq_any(ids)).load::<i64>(tx.conn).db()?);
            }
        }
    }
    Ok(found.into_iter().map(NodeId).collect())
}

fn one(tx: &mut Tx<'_>, row: Option<NodeRow>) -> Result<Option<Node>> {
    Ok(hydrate(tx, row.into_iter().collect())?.pop())
}

pub(super) fn hydrate(tx: &mut Tx<'_>, rows: Vec<NodeRow>) -> Result<Vec<Node>> {
    tx.check_deadline()?;
    let mut nodes: Vec<_> = rows.into_iter().map(Node::from).collect();
    fill(tx, &mut nodes)?;
    Ok(nodes)
}

/// Loads the properties of nodes.
fn fill(tx: &mut Tx<'_>, nodes: &mut [Node]) -> Result<()> {
    properties::load(tx, nodes)?;
    super::metrics::load(tx, nodes)
}
