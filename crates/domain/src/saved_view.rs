//! What people keep of screens: how one is filtered, ordered and shown.

use crate::Millis;
use crate::access::PrincipalId;

/// Whose a view is; `None` where it is shared with the workspace.
pub type ViewOwner = Option<PrincipalId>;

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// Its id, by which lists are ordered.
    pub id: i64,
    /// Whose it is.
    pub owner: ViewOwner,
    /// The screen that it is of.
    pub screen: String,
    /// Its name, unique among those of its screen and owner.
    pub name: String,
    /// How the screen is to be: a JSON object.
    pub query: String,
    /// How often it was written.
    pub revision: i64,
    /// When it was made.
    pub created_at: Millis,
    /// When it was changed last.
    pub updated_at: Millis,
}
