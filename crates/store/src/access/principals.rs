//! Principals: made, found, listed, disabled and forgotten. Their rows and ids are never removed.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::Tx;
use crate::connection::{MultiBackend, on_each};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::nodes::MAX_IDS;
use crate::schema::principals;
use modelport_domain::access::{Handle, Principal, PrincipalId, PrincipalKind, WorkspaceId};
use modelport_domain::{Error, Millis, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = principals)]
struct PrincipalRow {
    id: i64,
    kind: String,
    issuer: String,
    subject: String,
    handle: String,
    display_name: Option<String>,
    email: Option<String>,
    workspace_id: Option<i64>,
    created_at: i64,
    valid_from: i64,
    disabled_at: Option<i64>,
    seen_at: Option<i64>,
}

impl TryFrom<PrincipalRow> for Principal {
    type Error = Error;

    fn try_from(row: PrincipalRow) -> Result<Self> {
        let kind = row.kind.parse();
        let kind = kind.map_err(|error| Error::internal("a principal is of no known kind").caused_by(error))?;
        Ok(Self {
            id: PrincipalId(row.id),
            kind,
            issuer: row.issuer,
            subject: row.subject,
            handle: row.handle,
            display_name: row.display_name,
            email: row.email,
            workspace_id: row.workspace_id.map(WorkspaceId),
            created_at: row.created_at,
            valid_from: row.valid_from,
            disabled_at: row.disabled_at,
            seen_at: row.seen_at,
        })
    }
}

/// A principal to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrincipal {
    /// What it is.
    pub kind: PrincipalKind,
    /// The issuer of its credentials.
    pub issuer: String,
    /// What that calls it.
    pub subject: String,
    /// Its handle.
    pub handle: Handle,
    /// A name to show.
    pub display_name: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// The workspace that it works in.
    pub workspace_id: Option<WorkspaceId>,
}

/// Makes a principal. `None` when its subject or its handle is another's; what was there is left as it is.
///
/// Errors: NotFound when its workspace is gone.
pub fn insert(tx: &mut Tx<'_>, new: &NewPrincipal, now: Millis) -> Result<Option<Principal>> {
    let values = (
        principals::kind.eq(new.kind.name()),
        principals::issuer.eq(&new.issuer),
        principals::subject.eq(&new.subject),
        principals::handle.eq(new.handle.as_str()),
        principals::display_name.eq(new.display_name.as_deref()),
        principals::email.eq(new.email.as_deref()),
        principals::workspace_id.eq(new.workspace_id.map(|id| id.0)),
        principals::created_at.eq(now),
        principals::seen_at.eq(None::<i64>),
    );
    let made = on_each!(tx.conn, conn => {
        diesel::insert_into(principals::table)
            .values(values)
            .on_conflict_do_nothing()
            .returning(PrincipalRow::as_returning())
            .get_result(conn)
            .optional()
    });
    match made {
        Ok(row) => row.map(Principal::try_from).transpose(),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found("the workspace")),
        Err(error) => Err(database_error(error)),
    }
}

/// The principal of that id.
pub fn find(tx: &mut Tx<'_>, id: PrincipalId) -> Result<Option<Principal>> {
    let row = principals::table.find(id.0).select(PrincipalRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Principal::try_from).transpose()
}

/// The principal of that issuer and subject.
pub fn find_by_subject(tx: &mut Tx<'_>, issuer: &str, subject: &str) -> Result<Option<Principal>> {
    let named = principals::table.filter(principals::issuer.eq(issuer).and(principals::subject.eq(subject)));
    let row = named.select(PrincipalRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Principal::try_from).transpose()
}

/// The principal of that handle.
pub fn find_by_handle(tx: &mut Tx<'_>, handle: &Handle) -> Result<Option<Principal>> {
    let named = principals::table.filter(principals::handle.eq(handle.as_str()));
    let row = named.select(PrincipalRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Principal::try_from).transpose()
}

/// Those of these principals that there are.
pub fn find_all(tx: &mut Tx<'_>, ids: &[PrincipalId]) -> Result<Vec<Principal>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let among = principals::id.eq_any(chunk.iter().map(|id| id.0).collect::<Vec<_>>());
        let rows: Vec<PrincipalRow> =
            principals::table.filter(among).select(PrincipalRow::as_select()).load(tx.conn).db()?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

/// Which principals are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PrincipalFilter {
    /// Of that workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// Of that kind.
    pub kind: Option<PrincipalKind>,
}

/// The first `limit` principals after that one, in the order of their ids.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &PrincipalFilter,
    after: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<Principal>> {
    let mut query = principals::table
        .filter(principals::id.gt(after.map_or(0, |id| id.0)))
        .order(principals::id)
        .limit(limit)
        .select(PrincipalRow::as_select())
        .into_boxed();
    if let Some(workspace) = filter.workspace_id {
        query = query.filter(principals::workspace_id.eq(workspace.0));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(principals::kind.eq(kind.name()));
    }
    let rows: Vec<PrincipalRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Principal::try_from).collect()
}

/// Up to `limit` principals, those first that were made last, whose handle, name or address has a text in it, of which ASCII letters are in
/// lower case; with `at_start` one of them begins so.
pub fn search(
    tx: &mut Tx<'_>,
    workspace: Option<WorkspaceId>,
    text: &str,
    at_start: bool,
    limit: i64,
) -> Result<Vec<Principal>> {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = if at_start { format!("{escaped}%") } else { format!("%{escaped}%") };
    let like = |column: &str| {
        sql::<Bool>(&format!("lower(coalesce({column}, '')) LIKE "))
            .bind::<Text, _>(pattern.clone())
            .sql(" ESCAPE '\\'")
    };
    let named = like("principals.handle").or(like("principals.display_name")).or(like("principals.email"));
    let mut query = principals::table
        .filter(named)
        .order(principals::id.desc())
        .limit(limit)
        .select(PrincipalRow::as_select())
        .into_boxed::<MultiBackend>();
    if let Some(workspace) = workspace {
        query = query.filter(principals::workspace_id.eq(workspace.0));
    }
    let rows: Vec<PrincipalRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Principal::try_from).collect()
}

/// Disables the principal since that time, or enables it. `false` when there is none.
pub fn set_disabled(tx: &mut Tx<'_>, id: PrincipalId, since: Option<Millis>) -> Result<bool> {
    Ok(diesel::update(principals::table.find(id.0)).set(principals::disabled_at.eq(since)).execute(tx.conn).db()? > 0)
}

/// Makes credentials count no longer that were issued before then. `false` when there is no such principal.
pub fn set_valid_from(tx: &mut Tx<'_>, id: PrincipalId, from: Millis) -> Result<bool> {
    Ok(diesel::update(principals::table.find(id.0)).set(principals::valid_from.eq(from)).execute(tx.conn).db()? > 0)
}

/// Sets the workspace that the principal works in. `false` when there is no such principal.
///
/// Errors: NotFound when the workspace is gone.
pub fn set_workspace(tx: &mut Tx<'_>, id: PrincipalId, workspace: Option<WorkspaceId>) -> Result<bool> {
    let set = principals::workspace_id.eq(workspace.map(|id| id.0));
    match diesel::update(principals::table.find(id.0)).set(set).execute(tx.conn) {
        Ok(changed) => Ok(changed > 0),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found("the workspace")),
        Err(error) => Err(database_error(error)),
    }
}

/// Sets what the issuer of its credentials says of a principal.
pub fn set_names(tx: &mut Tx<'_>, id: PrincipalId, display_name: Option<&str>, email: Option<&str>) -> Result<()> {
    let set = (principals::display_name.eq(display_name), principals::email.eq(email));
    diesel::update(principals::table.find(id.0)).set(set).execute(tx.conn).db()?;
    Ok(())
}

/// Removes everything that says who somebody was, and disables them. The row stays, because records name its id.
pub fn forget(tx: &mut Tx<'_>, id: PrincipalId, now: Millis) -> Result<()> {
    let nobody = format!("forgotten-{id}");
    let set = (
        principals::subject.eq(&nobody),
        principals::handle.eq(&nobody),
        principals::display_name.eq(None::<String>),
        principals::email.eq(None::<String>),
        principals::workspace_id.eq(None::<i64>),
        principals::valid_from.eq(now),
        principals::disabled_at.eq(now),
        principals::seen_at.eq(None::<i64>),
    );
    diesel::update(principals::table.find(id.0)).set(set).execute(tx.conn).db()?;
    Ok(())
}

/// Records that these principals were seen.
pub fn record_seen(tx: &mut Tx<'_>, ids: &[PrincipalId], now: Millis) -> Result<()> {
    for chunk in ids.chunks(MAX_IDS) {
        let among = principals::id.eq_any(chunk.iter().map(|id| id.0).collect::<Vec<_>>());
        diesel::update(principals::table.filter(among)).set(principals::seen_at.eq(now)).execute(tx.conn).db()?;
    }
    Ok(())
}
