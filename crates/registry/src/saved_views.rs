//! What people keep of screens: how one is filtered, ordered and shown. A view is somebody's own, or shared with a workspace.
//!
//! Where nobody says who they are, all views are shared. What a view says is the screen's own, and read by nobody here.

use std::str::FromStr;

use serde_json::{Map, Value as Json};

use super::conditions::Conditions;
use super::context::RequestContext;
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::saved_view::{SavedView, ViewOwner};
use crate::domain::value::check_text;
use crate::domain::{Cursor, Error, Name, NodeId, Page, PageRequest, PageSize, PageToken, Result};
use crate::services::Views;
use crate::store::saved_views;

/// How many views somebody has in a workspace at most, and how many it shares.
pub const MAX_VIEWS: i64 = 500;

/// The largest query, in bytes of JSON.
pub const MAX_QUERY_BYTES: usize = 16 << 10;

/// How many views a page has where nothing is said.
const PAGE: u32 = 100;

/// The name of a screen: small letters, digits and hyphens, of which a letter is the first; 64 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Screen(String);

impl Screen {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Screen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check_text("screen", text)?;
        let is_plain = |each: u8| each.is_ascii_lowercase() || each.is_ascii_digit() || each == b'-';
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if begins && text.len() <= 64 && text.bytes().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("screen `{}` is not 1 to 64 small letters, digits and hyphens", text.escape_debug());
        Err(Error::invalid("screen", message))
    }
}

/// Which view is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewKey {
    /// The screen that it is of.
    pub screen: Screen,
    /// Its name.
    pub name: Name,
    /// Whether it is shared with the workspace, or the caller's own.
    pub is_shared: bool,
}

/// The ETag of a view, which no other view ever has.
pub fn view_tag(view: &SavedView) -> String {
    format!("{}-{}", view.id, view.revision)
}

impl Views {
    /// A page of the caller's own views in the request's workspace and of those that it shares, in the order in which they were made.
    ///
    /// Errors: InvalidArgument when the token belongs to another list.
    pub async fn list_views(
        &self,
        context: &RequestContext,
        screen: Option<Screen>,
        request: PageRequest,
    ) -> Result<Page<SavedView>> {
        let list = ("views", context.access().workspace(), screen.clone());
        let after = request.token.as_ref().map(|token| token.cursor_for(&list)).transpose()?;
        let after = after.map_or(0, |cursor| cursor.id.0);
        let size = request.size.unwrap_or(PageSize::new(PAGE)).get();
        self.core
            .read(context, move |tx| {
                let mut owners: Vec<ViewOwner> = tx.context().access().principal().map(Some).into_iter().collect();
                if sees_shared(tx) {
                    owners.push(None);
                }
                let screen = screen.as_ref().map(Screen::as_str);
                let mut items = saved_views::list(tx, &owners, screen, after, i64::from(size) + 1)?;
                let more = items.len() > size as usize;
                items.truncate(size as usize);
                let next = items
                    .last()
                    .filter(|_| more)
                    .map(|last| PageToken::new(&list, Cursor { value: 0, name: String::new(), id: NodeId(last.id) }));
                Ok(Page { items, next, total: None })
            })
            .await
    }

    /// The view.
    ///
    /// Errors: NotFound.
    pub async fn get_view(&self, context: &RequestContext, key: ViewKey) -> Result<SavedView> {
        self.core.read(context, move |tx| found(tx, &key)?.ok_or_else(|| missing(&key))).await
    }

    /// Makes the view, or gives it another query.
    ///
    /// Errors: PermissionDenied without `write` in the workspace where it is shared, and for nobody that is known; TooLarge; InvalidState where
    /// there are too many; PreconditionFailed.
    pub async fn put_view(
        &self,
        context: &RequestContext,
        key: ViewKey,
        query: Map<String, Json>,
        conditions: Conditions,
    ) -> Result<SavedView> {
        let query = Json::Object(query).to_string();
        if query.len() > MAX_QUERY_BYTES {
            let message = format!("`query` has {} bytes, more than {MAX_QUERY_BYTES}", query.len());
            return Err(Error::too_large(message).on_field("query"));
        }
        check_text("query", &query)?;
        self.core
            .write(context, move |tx| {
                let owner = demand_to_change(tx, &key)?;
                let before = saved_views::find(tx, owner, key.screen.as_str(), key.name.as_str())?;
                conditions.check("view", before.as_ref().map(view_tag).as_deref())?;
                let now = tx.now();
                match before {
                    Some(before) => saved_views::update(tx, &before, &query, now),
                    None if saved_views::count(tx, owner)? >= MAX_VIEWS => {
                        Err(Error::invalid_state(format!("there are {MAX_VIEWS} views already, which is the most")))
                    }
                    None => {
                        let named = (key.screen.as_str(), key.name.as_str());
                        saved_views::insert(tx, owner, named, &query, now)
                    }
                }
            })
            .await
    }

    /// Removes the view.
    ///
    /// Errors: PermissionDenied as [`Views::put_view`]; NotFound; PreconditionFailed.
    pub async fn delete_view(&self, context: &RequestContext, key: ViewKey, conditions: Conditions) -> Result<()> {
        self.core
            .write(context, move |tx| {
                let owner = demand_to_change(tx, &key)?;
                let before = saved_views::find(tx, owner, key.screen.as_str(), key.name.as_str())?;
                let before = before.ok_or_else(|| missing(&key))?;
                conditions.check("view", Some(&view_tag(&before)))?;
                saved_views::delete(tx, &before)
            })
            .await
    }
}

/// Whether the caller sees what the workspace shares: whoever sees single models of it alone does not.
fn sees_shared(tx: &ReadTransaction<'_, '_>) -> bool {
    let access = tx.context().access();
    access.rights().in_workspace(access.workspace()).has(Permission::See)
}

fn found(tx: &mut ReadTransaction<'_, '_>, key: &ViewKey) -> Result<Option<SavedView>> {
    let owner = tx.context().access().principal().filter(|_| !key.is_shared);
    if owner.is_none() && !sees_shared(tx) || owner.is_none() && !key.is_shared && !is_open(tx) {
        return Ok(None);
    }
    saved_views::find(tx, owner, key.screen.as_str(), key.name.as_str())
}

/// Whether there are no accounts.
fn is_open(tx: &ReadTransaction<'_, '_>) -> bool {
    tx.context().access().is_open_to_all()
}

/// Whose view the caller changes.
///
/// Errors: PermissionDenied.
fn demand_to_change(tx: &mut WriteTransaction<'_, '_>, key: &ViewKey) -> Result<ViewOwner> {
    let caller = tx.context().access().principal();
    if !key.is_shared
        && let Some(caller) = caller
    {
        return Ok(Some(caller));
    }
    if !key.is_shared && !is_open(tx) {
        return Err(Error::permission_denied("nobody that is known has views of their own"));
    }
    tx.demand_in_workspace(Permission::Write)?;
    Ok(None)
}

fn missing(key: &ViewKey) -> Error {
    Error::not_found(format!("view `{}` of `{}`", key.name, key.screen.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_named_by_small_letters_digits_and_hyphens() {
        for text in ["models", "a", "runs-2", &"x".repeat(64)] {
            assert_eq!(text.parse::<Screen>().unwrap().as_str(), text);
        }
        for text in ["", "Models", "2", "-a", "a b", "modèles", "a\0", &"x".repeat(65)] {
            assert!(text.parse::<Screen>().is_err(), "{text:?}");
        }
    }
}
