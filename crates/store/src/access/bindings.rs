//! Bindings: made, found by whom they are for and where they hold, and removed.

use diesel::prelude::*;

use super::workspaces::role;
use crate::Tx;
use crate::connection::on_each;
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::nodes::MAX_IDS;
use crate::schema::{bindings, principals};
use modelport_domain::access::{Binding, BindingId, BindingScope, Group, PrincipalId, Role, Subject, WorkspaceId};
use modelport_domain::{Error, Millis, NodeId, Result};

const PRINCIPAL: &str = "principal";
const GROUP: &str = "group";
const AUTHENTICATED: &str = "authenticated";
const EVERYONE: &str = "everyone";
const REGISTRY: &str = "registry";
const WORKSPACE: &str = "workspace";
const ROOT: &str = "root";

#[derive(Queryable, Selectable)]
#[diesel(table_name = bindings)]
struct BindingRow {
    id: i64,
    subject_kind: String,
    principal_id: Option<i64>,
    group_issuer: Option<String>,
    group_name: Option<String>,
    role: String,
    scope_kind: String,
    workspace_id: Option<i64>,
    root_id: Option<i64>,
    created_at: i64,
    created_by: Option<i64>,
    expires_at: Option<i64>,
}

impl TryFrom<BindingRow> for Binding {
    type Error = Error;

    fn try_from(row: BindingRow) -> Result<Self> {
        let broken = |what: &str| Error::internal(format!("binding `{}` has no {what}", row.id));
        let subject = match (&*row.subject_kind, row.principal_id, row.group_issuer, row.group_name) {
            (PRINCIPAL, Some(id), _, _) => Subject::Principal(PrincipalId(id)),
            (GROUP, _, Some(issuer), Some(name)) => Subject::Group(Group { issuer, name }),
            (AUTHENTICATED, ..) => Subject::Authenticated,
            (EVERYONE, ..) => Subject::Everyone,
            _ => return Err(broken("subject")),
        };
        let scope = match (&*row.scope_kind, row.workspace_id, row.root_id) {
            (REGISTRY, ..) => BindingScope::Registry,
            (WORKSPACE, Some(id), _) => BindingScope::Workspace(WorkspaceId(id)),
            (ROOT, _, Some(id)) => BindingScope::Root(NodeId(id)),
            _ => return Err(broken("scope")),
        };
        Ok(Self {
            id: BindingId(row.id),
            subject,
            role: role(&row.role)?,
            scope,
            created_at: row.created_at,
            created_by: row.created_by.map(PrincipalId),
            expires_at: row.expires_at,
        })
    }
}

/// The columns that say whom a binding is for.
struct SubjectColumns<'a> {
    kind: &'static str,
    principal_id: Option<i64>,
    group_issuer: Option<&'a str>,
    group_name: Option<&'a str>,
}

impl<'a> From<&'a Subject> for SubjectColumns<'a> {
    fn from(subject: &'a Subject) -> Self {
        let alone = |kind| Self { kind, principal_id: None, group_issuer: None, group_name: None };
        match subject {
            Subject::Principal(id) => Self { principal_id: Some(id.0), ..alone(PRINCIPAL) },
            Subject::Group(group) => {
                Self { group_issuer: Some(&group.issuer), group_name: Some(&group.name), ..alone(GROUP) }
            }
            Subject::Authenticated => alone(AUTHENTICATED),
            Subject::Everyone => alone(EVERYONE),
        }
    }
}

/// The columns that say where a binding holds: its kind, the workspace, the root.
fn scope_columns(scope: BindingScope) -> (&'static str, Option<i64>, Option<i64>) {
    match scope {
        BindingScope::Registry => (REGISTRY, None, None),
        BindingScope::Workspace(id) => (WORKSPACE, Some(id.0), None),
        BindingScope::Root(id) => (ROOT, None, Some(id.0)),
    }
}

/// A binding to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBinding {
    /// For whom.
    pub subject: Subject,
    /// Which role.
    pub role: Role,
    /// Where it holds.
    pub scope: BindingScope,
    /// Who binds it.
    pub created_by: Option<PrincipalId>,
    /// Until when.
    pub expires_at: Option<Millis>,
}

/// What became of a binding that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// It was made.
    New(Binding),
    /// This one gives the same already; it was left as it is.
    Before(BindingId),
}

/// Binds a role, in the place of the same binding where that has expired.
///
/// Errors: NotFound when the principal, the workspace or the root is gone.
pub fn insert(tx: &mut Tx<'_>, new: &NewBinding, now: Millis) -> Result<Bound> {
    let (subject, scope) = (SubjectColumns::from(&new.subject), scope_columns(new.scope));
    if let Some(same) = find_same(tx, new)? {
        if same.expires_at.is_none_or(|ends| now < ends) {
            return Ok(Bound::Before(same.id));
        }
        delete(tx, same.id)?;
    }
    let values = (
        bindings::subject_kind.eq(subject.kind),
        bindings::principal_id.eq(subject.principal_id),
        bindings::group_issuer.eq(subject.group_issuer),
        bindings::group_name.eq(subject.group_name),
        bindings::role.eq(new.role.name()),
        bindings::scope_kind.eq(scope.0),
        bindings::workspace_id.eq(scope.1),
        bindings::root_id.eq(scope.2),
        bindings::created_at.eq(now),
        bindings::created_by.eq(new.created_by.map(|id| id.0)),
        bindings::expires_at.eq(new.expires_at),
    );
    let made = on_each!(tx.conn, conn => {
        diesel::insert_into(bindings::table)
            .values(values)
            .on_conflict_do_nothing()
            .returning(BindingRow::as_returning())
            .get_result::<BindingRow>(conn)
            .optional()
    });
    match made {
        Ok(Some(row)) => Ok(Bound::New(row.try_into()?)),
        Ok(None) => match find_same(tx, new)? {
            Some(same) => Ok(Bound::Before(same.id)),
            None => Err(Error::conflict("the same binding was made and removed meanwhile")),
        },
        Err(error) if is_missing_reference(&error) => {
            Err(Error::not_found("the principal, the workspace or the model that is to be bound"))
        }
        Err(error) => Err(database_error(error)),
    }
}

fn find_same(tx: &mut Tx<'_>, new: &NewBinding) -> Result<Option<Binding>> {
    let filter = BindingFilter { subject: Some(new.subject.clone()), scope: Some(new.scope), role: Some(new.role) };
    Ok(list(tx, &filter, None, 1)?.pop())
}

/// The binding of that id.
pub fn find(tx: &mut Tx<'_>, id: BindingId) -> Result<Option<Binding>> {
    let row = bindings::table.find(id.0).select(BindingRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Binding::try_from).transpose()
}

/// Removes a binding. `false` when there is none.
pub fn delete(tx: &mut Tx<'_>, id: BindingId) -> Result<bool> {
    Ok(diesel::delete(bindings::table.find(id.0)).execute(tx.conn).db()? > 0)
}

/// Removes the bindings for a principal, and returns how many those were.
pub fn delete_of_principal(tx: &mut Tx<'_>, id: PrincipalId) -> Result<usize> {
    diesel::delete(bindings::table.filter(bindings::principal_id.eq(id.0))).execute(tx.conn).db()
}

/// All bindings that hold for somebody at that time: their own, those of their groups, and those for everybody. `None` is
/// somebody unknown.
pub fn of(tx: &mut Tx<'_>, principal: Option<PrincipalId>, groups: &[Group], now: Millis) -> Result<Vec<Binding>> {
    let mut kinds = vec![EVERYONE];
    if principal.is_some() {
        kinds.push(AUTHENTICATED);
    }
    // No id is negative: nobody has no bindings.
    let own = bindings::principal_id.eq(principal.map_or(-1, |id| id.0)).assume_not_null();
    let mut rows: Vec<BindingRow> = bindings::table
        .filter(bindings::subject_kind.eq_any(kinds).or(own))
        .filter(bindings::expires_at.is_null().or(bindings::expires_at.gt(now).assume_not_null()))
        .select(BindingRow::as_select())
        .load(tx.conn)
        .db()?;
    let mut rest = groups;
    while let Some(first) = rest.first() {
        let together = rest.iter().take_while(|group| group.issuer == first.issuer).count().min(MAX_IDS);
        let (chunk, others) = rest.split_at(together);
        let names: Vec<&str> = chunk.iter().map(|group| &*group.name).collect();
        let of_groups: Vec<BindingRow> = bindings::table
            .filter(bindings::group_issuer.eq(&first.issuer).and(bindings::group_name.eq_any(names)))
            .filter(bindings::expires_at.is_null().or(bindings::expires_at.gt(now).assume_not_null()))
            .select(BindingRow::as_select())
            .load(tx.conn)
            .db()?;
        rows.extend(of_groups);
        rest = others;
    }
    rows.into_iter().map(Binding::try_from).collect()
}

/// Which bindings are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BindingFilter {
    /// For whom.
    pub subject: Option<Subject>,
    /// Where they hold: just there, neither wider nor narrower.
    pub scope: Option<BindingScope>,
    /// Which role.
    pub role: Option<Role>,
}

/// The first `limit` bindings after that one, in the order of their ids, expired ones too.
pub fn list(tx: &mut Tx<'_>, filter: &BindingFilter, after: Option<BindingId>, limit: i64) -> Result<Vec<Binding>> {
    let mut query = bindings::table
        .filter(bindings::id.gt(after.map_or(0, |id| id.0)))
        .order(bindings::id)
        .limit(limit)
        .select(BindingRow::as_select())
        .into_boxed();
    if let Some(subject) = &filter.subject {
        query = query.filter(bindings::subject_kind.eq(SubjectColumns::from(subject).kind));
        match subject {
            Subject::Principal(id) => query = query.filter(bindings::principal_id.eq(id.0)),
            Subject::Group(group) => {
                let named = bindings::group_issuer.eq(&group.issuer).and(bindings::group_name.eq(&group.name));
                query = query.filter(named);
            }
            Subject::Authenticated | Subject::Everyone => {}
        }
    }
    match filter.scope {
        None => {}
        Some(BindingScope::Registry) => query = query.filter(bindings::scope_kind.eq(REGISTRY)),
        Some(BindingScope::Workspace(id)) => query = query.filter(bindings::workspace_id.eq(id.0)),
        Some(BindingScope::Root(id)) => query = query.filter(bindings::root_id.eq(id.0)),
    }
    if let Some(role) = filter.role {
        query = query.filter(bindings::role.eq(role.name()));
    }
    let rows: Vec<BindingRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Binding::try_from).collect()
}

/// The first `limit` bindings after that one that hold at that time for a root, in the order of their ids: those of the root, of
/// its workspace and of the registry. Of the latter two only admins' reach a root that is restricted.
pub fn reaching(
    tx: &mut Tx<'_>,
    (workspace, root, is_restricted): (WorkspaceId, NodeId, bool),
    now: Millis,
    after: Option<BindingId>,
    limit: i64,
) -> Result<Vec<Binding>> {
    let wide = bindings::scope_kind.eq(REGISTRY).or(bindings::workspace_id.eq(workspace.0).assume_not_null());
    let mut query = bindings::table
        .filter(bindings::id.gt(after.map_or(0, |id| id.0)))
        .filter(bindings::expires_at.is_null().or(bindings::expires_at.gt(now).assume_not_null()))
        .order(bindings::id)
        .limit(limit)
        .select(BindingRow::as_select())
        .into_boxed();
    let own = bindings::root_id.eq(root.0).assume_not_null();
    query = match is_restricted {
        false => query.filter(wide.or(own)),
        true => query.filter(wide.and(bindings::role.eq(Role::Admin.name())).or(own)),
    };
    let rows: Vec<BindingRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(Binding::try_from).collect()
}

/// Whether anybody is bound as an administrator of the registry at that time.
pub fn any_admin(tx: &mut Tx<'_>, now: Millis) -> Result<bool> {
    let admin = bindings::scope_kind.eq(REGISTRY).and(bindings::role.eq(Role::Admin.name()));
    let holds = bindings::expires_at.is_null().or(bindings::expires_at.gt(now).assume_not_null());
    diesel::select(diesel::dsl::exists(bindings::table.filter(admin).filter(holds))).get_result(tx.conn).db()
}

/// Whether anybody who is not disabled is bound as an administrator of the registry without an end.
pub fn any_lasting_admin(tx: &mut Tx<'_>) -> Result<bool> {
    let admin = bindings::scope_kind.eq(REGISTRY).and(bindings::role.eq(Role::Admin.name()));
    let lasting = bindings::table.filter(admin).filter(bindings::expires_at.is_null());
    let disabled = principals::table.filter(principals::disabled_at.is_not_null()).select(principals::id.nullable());
    let counts = bindings::principal_id.is_null().or(bindings::principal_id.ne_all(disabled).assume_not_null());
    diesel::select(diesel::dsl::exists(lasting.filter(counts))).get_result(tx.conn).db()
}
