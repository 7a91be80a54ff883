//! What people keep of screens, of the workspace of the request.

use diesel::prelude::*;

use super::Tx;
use super::connection::{MultiBackend, on_each};
use super::schema::saved_views;
use crate::error::DatabaseResult as _;
use modelport_domain::access::PrincipalId;
use modelport_domain::saved_view::{SavedView, ViewOwner};
use modelport_domain::{Error, Millis, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = saved_views)]
struct ViewRow {
    id: i64,
    owner_id: i64,
    screen: String,
    name: String,
    query: String,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl From<ViewRow> for SavedView {
    fn from(row: ViewRow) -> Self {
        Self {
            id: row.id,
            owner: Some(PrincipalId(row.owner_id)).filter(|owner| owner.0 != SHARED),
            screen: row.screen,
            name: row.name,
            query: row.query,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The owner of what is shared, as it is stored.
const SHARED: i64 = 0;

fn stored(owner: ViewOwner) -> i64 {
    owner.map_or(SHARED, |owner| owner.0)
}

/// The view of that owner, screen and name.
pub fn find(tx: &mut Tx<'_>, owner: ViewOwner, screen: &str, name: &str) -> Result<Option<SavedView>> {
    let row = saved_views::table
        .filter(saved_views::workspace_id.eq(tx.access().workspace().0))
        .filter(saved_views::owner_id.eq(stored(owner)))
        .filter(saved_views::screen.eq(screen).and(saved_views::name.eq(name)))
        .select(ViewRow::as_select())
        .first(tx.conn)
        .optional()
        .db()?;
    Ok(row.map(SavedView::from))
}

/// The first `limit` views of these owners after the one with that id, in the order in which they were made; of one screen alone where that
/// is given.
pub fn list(
    tx: &mut Tx<'_>,
    owners: &[ViewOwner],
    screen: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<SavedView>> {
    let owners: Vec<i64> = owners.iter().copied().map(stored).collect();
    let mut query = saved_views::table
        .filter(saved_views::workspace_id.eq(tx.access().workspace().0))
        .filter(saved_views::owner_id.eq_any(owners))
        .filter(saved_views::id.gt(after))
        .order(saved_views::id)
        .limit(limit)
        .select(ViewRow::as_select())
        .into_boxed::<MultiBackend>();
    if let Some(screen) = screen {
        query = query.filter(saved_views::screen.eq(screen.to_owned()));
    }
    let rows: Vec<ViewRow> = query.load(tx.conn).db()?;
    tx.loaded.add(rows.iter().map(|row| row.query.len()).sum())?;
    Ok(rows.into_iter().map(SavedView::from).collect())
}

/// How many views an owner has in the workspace.
pub fn count(tx: &mut Tx<'_>, owner: ViewOwner) -> Result<i64> {
    let own = saved_views::table
        .filter(saved_views::workspace_id.eq(tx.access().workspace().0))
        .filter(saved_views::owner_id.eq(stored(owner)));
    own.count().get_result(tx.conn).db()
}

/// Makes a view.
///
/// Errors: Conflict when one of that name was made concurrently.
pub fn insert(
    tx: &mut Tx<'_>,
    owner: ViewOwner,
    (screen, name): (&str, &str),
    query: &str,
    now: Millis,
) -> Result<SavedView> {
    let new = (
        saved_views::workspace_id.eq(tx.access().workspace().0),
        saved_views::owner_id.eq(stored(owner)),
        saved_views::screen.eq(screen),
        saved_views::name.eq(name),
        saved_views::query.eq(query),
        saved_views::revision.eq(1_i64),
        saved_views::created_at.eq(now),
        saved_views::updated_at.eq(now),
    );
    let row: Option<ViewRow> = on_each!(tx.conn, conn => {
        diesel::insert_into(saved_views::table)
            .values(new)
            .on_conflict_do_nothing()
            .returning(ViewRow::as_returning())
            .get_result(conn)
            .optional()
            .db()?
    });
    row.map(SavedView::from).ok_or_else(changed)
}

/// Gives a view another query.
///
/// Errors: Conflict when it was changed since it was read.
pub fn update(tx: &mut Tx<'_>, view: &SavedView, query: &str, now: Millis) -> Result<SavedView> {
    let target = saved_views::table.filter(saved_views::id.eq(view.id).and(saved_views::revision.eq(view.revision)));
    let revision = view.revision + 1;
    let set = (saved_views::query.eq(query), saved_views::revision.eq(revision), saved_views::updated_at.eq(now));
    match diesel::update(target).set(set).execute(tx.conn).db()? {
        0 => Err(changed()),
        _ => Ok(SavedView { query: query.to_owned(), revision, updated_at: now, ..view.clone() }),
    }
}

/// Removes a view.
///
/// Errors: Conflict when it was changed since it was read.
pub fn delete(tx: &mut Tx<'_>, view: &SavedView) -> Result<()> {
    let target = saved_views::table.filter(saved_views::id.eq(view.id).and(saved_views::revision.eq(view.revision)));
    match diesel::delete(target).execute(tx.conn).db()? {
        0 => Err(changed()),
        _ => Ok(()),
    }
}

/// Removes all views of a principal, wherever they are.
pub fn delete_of_principal(tx: &mut Tx<'_>, owner: PrincipalId) -> Result<()> {
    diesel::delete(saved_views::table.filter(saved_views::owner_id.eq(owner.0))).execute(tx.conn).db()?;
    Ok(())
}

fn changed() -> Error {
    Error::conflict("the view was changed concurrently; retry")
}
