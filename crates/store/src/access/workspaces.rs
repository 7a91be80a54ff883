//! Workspaces: made, found, listed, changed and removed.

use diesel::prelude::*;

use crate::Tx;
use crate::connection::on_each;
use crate::error::{DatabaseResult as _, database_error, violated_unique};
use crate::nodes::MAX_IDS;
use crate::schema::{nodes, principals, types, workspaces};
use modelport_domain::access::{PrincipalId, PrincipalKind, Role, Slug, Workspace, WorkspaceId};
use modelport_domain::{Change, Error, Millis, NodeId, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
struct WorkspaceRow {
    id: i64,
    slug: String,
    title: Option<String>,
    created_at: i64,
    archived_at: Option<i64>,
    owner_role: Option<String>,
}

impl TryFrom<WorkspaceRow> for Workspace {
    type Error = Error;

    fn try_from(row: WorkspaceRow) -> Result<Self> {
        Ok(Self {
            id: WorkspaceId(row.id),
            slug: row.slug.parse()?,
            title: row.title,
            created_at: row.created_at,
            archived_at: row.archived_at,
            owner_role: row.owner_role.as_deref().map(role).transpose()?,
        })
    }
}

/// The role that a row names.
pub(super) fn role(name: &str) -> Result<Role> {
    name.parse().map_err(|error| Error::internal(format!("a row has the unknown role `{name}`")).caused_by(error))
}

/// Which workspaces somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All.
    All,
    /// Some.
    Some {
        /// These.
        workspaces: Vec<WorkspaceId>,
        /// Those of these roots.
        roots: Vec<NodeId>,
        /// Those in which they own a root.
        owner: Option<PrincipalId>,
    },
}

/// Makes a workspace.
///
/// Errors: NameTaken when its slug is another's.
pub fn insert(
    tx: &mut Tx<'_>,
    slug: &Slug,
    title: Option<&str>,
    owner_role: Option<Role>,
    now: Millis,
) -> Result<Workspace> {
    let new = (
        workspaces::slug.eq(slug.as_str()),
        workspaces::title.eq(title),
        workspaces::created_at.eq(now),
        workspaces::owner_role.eq(owner_role.map(Role::name)),
    );
    let made = on_each!(tx.conn, conn => {
        diesel::insert_into(workspaces::table)
            .values(new)
            .returning(WorkspaceRow::as_returning())
            .get_result(conn)
    });
    match made {
        Ok(row) => row.try_into(),
        Err(error) if violated_unique(&error).is_some() => {
            Err(Error::name_taken(format!("there is a workspace `{slug}` already")).on_field("slug"))
        }
        Err(error) => Err(database_error(error)),
    }
}

/// The workspace of that id.
pub fn find(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Option<Workspace>> {
    let row = workspaces::table.find(id.0).select(WorkspaceRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Workspace::try_from).transpose()
}

/// The workspace of that slug.
pub fn find_by_slug(tx: &mut Tx<'_>, slug: &Slug) -> Result<Option<Workspace>> {
    let named = workspaces::table.filter(workspaces::slug.eq(slug.as_str()));
    let row = named.select(WorkspaceRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Workspace::try_from).transpose()
}

/// Those of these workspaces that there are.
pub fn find_all(tx: &mut Tx<'_>, ids: &[WorkspaceId]) -> Result<Vec<Workspace>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let among = workspaces::id.eq_any(chunk.iter().map(|id| id.0).collect::<Vec<_>>());
        let rows: Vec<WorkspaceRow> =
            workspaces::table.filter(among).select(WorkspaceRow::as_select()).load(tx.conn).db()?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

/// The first `limit` workspaces that somebody sees after that one, in the order of their ids.
pub fn list(tx: &mut Tx<'_>, seen: &Seen, after: Option<WorkspaceId>, limit: i64) -> Result<Vec<Workspace>> {
    let query = workspaces::table
        .filter(workspaces::id.gt(after.map_or(0, |id| id.0)))
        .order(workspaces::id)
        .limit(limit)
        .select(WorkspaceRow::as_select())
        .into_boxed();
    let query = match seen {
        Seen::All => query,
        Seen::Some { workspaces: these, roots, owner } => {
            let these: Vec<i64> = these.iter().map(|id| id.0).collect();
            let roots: Vec<i64> = roots.iter().map(|id| id.0).collect();
            let of_roots = nodes::table.filter(nodes::id.eq_any(roots)).select(nodes::workspace_id);
            // No id is negative: nobody owns nothing.
            let owner = owner.map_or(-1, |id| id.0);
            let of_owner = nodes::table.filter(nodes::owner_id.eq(owner)).select(nodes::workspace_id);
            let among = workspaces::id.eq_any(these);
            query.filter(among.or(workspaces::id.eq_any(of_roots)).or(workspaces::id.eq_any(of_owner)))
        }
    };
    let rows: Vec<WorkspaceRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Workspace::try_from).collect()
}

/// What is to be changed of a workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkspacePatch {
    /// What people call it.
    pub title: Change<String>,
    /// What owners have in it.
    pub owner_role: Change<Role>,
    /// Since when it is archived.
    pub archived_at: Change<Millis>,
}

/// Changes a workspace.
///
/// Errors: NotFound.
pub fn update(tx: &mut Tx<'_>, id: WorkspaceId, patch: &WorkspacePatch) -> Result<Workspace> {
    let mut workspace = find(tx, id)?.ok_or_else(|| not_found(id))?;
    patch.title.clone().apply(&mut workspace.title);
    patch.owner_role.clone().apply(&mut workspace.owner_role);
    patch.archived_at.clone().apply(&mut workspace.archived_at);
    let set = (
        workspaces::title.eq(workspace.title.as_deref()),
        workspaces::owner_role.eq(workspace.owner_role.map(Role::name)),
        workspaces::archived_at.eq(workspace.archived_at),
    );
    diesel::update(workspaces::table.find(id.0)).set(set).execute(tx.conn).db()?;
    Ok(workspace)
}

/// What is in a workspace that keeps it from being removed, in words; `None` when it is empty.
pub fn contents(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Option<&'static str>> {
    use diesel::dsl::{exists, select};
    let has_nodes: bool = select(exists(nodes::table.filter(nodes::workspace_id.eq(id.0)))).get_result(tx.conn).db()?;
    if has_nodes {
        return Ok(Some("models, experiments, environments or other nodes"));
    }
    let has_types: bool = select(exists(types::table.filter(types::workspace_id.eq(id.0)))).get_result(tx.conn).db()?;
    if has_types {
        return Ok(Some("types of nodes"));
    }
    let accounts = principals::workspace_id.eq(id.0).and(principals::kind.eq(PrincipalKind::Service.name()));
    let has_accounts: bool = select(exists(principals::table.filter(accounts))).get_result(tx.conn).db()?;
    Ok(has_accounts.then_some("service accounts"))
}

/// Removes a workspace with its bindings. `false` when there is none.
pub fn delete(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<bool> {
    Ok(diesel::delete(workspaces::table.find(id.0)).execute(tx.conn).db()? > 0)
}

fn not_found(id: WorkspaceId) -> Error {
    Error::not_found(format!("workspace `{id}`"))
}
