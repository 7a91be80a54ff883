//! Accounts: who presents credentials and what they may, and whoever changes that: workspaces, principals, bindings, tokens and sessions.
//!
//! Nobody grants more than they hold. Every change raises the epoch and is in the audit trail, in the same transaction.

mod authentication;
mod bindings;
mod bootstrap;
pub(super) mod demands;
mod explain;
mod found;
mod principals;
mod quotas;
mod rights;
mod roots;
mod session_renewal;
mod sessions;
mod slugs;
mod tokens;
mod workspaces;

pub(crate) use authentication::still_counts;
pub use authentication::{Authenticated, MAX_SUBJECT_BYTES};
pub use bindings::{BindingView, BindingsWanted, NewBinding, ScopeRef, SubjectRef};
pub use bootstrap::Bootstrap;
pub use explain::{Explanation, OwnAccount, Reason, Reasons, Seers};
pub(crate) use found::find_people;
pub use principals::{NewServiceAccount, PrincipalChange, PrincipalsWanted};
pub use quotas::WorkspaceQuota;
pub use roots::{RootAccess, RootChange};
pub use sessions::NewSession;
pub use slugs::WithSlugs;
pub use tokens::{MadeToken, NewToken, Rotation};
pub use workspaces::{NewWorkspace, WorkspaceChange};

use std::hash::Hash;

use super::context::RequestContext;
use super::transaction::WriteTransaction;
use crate::domain::{Cursor, Error, NodeId, Page, PageRequest, PageSize, PageToken, Result};
use crate::services::Accounts;

/// The longest title or name that people give, in characters.
const MAX_TITLE_CHARS: usize = 256;

impl Accounts {
    /// Changes who may do what. Whatever this process remembers of it is old afterwards.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut WriteTransaction<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.core.write(context, work).await;
        // Also when it failed: it may have been committed.
        self.core.access.changed();
        done
    }
}

/// Refuses a title or name that cannot be stored or shown.
fn check_title(field: &str, text: &str) -> Result<()> {
    crate::domain::value::check_text(field, text)?;
    let chars = text.chars().count();
    if chars > MAX_TITLE_CHARS {
        return Err(Error::invalid(field, format!("`{field}` has {chars} characters, more than {MAX_TITLE_CHARS}")));
    }
    Ok(())
}

/// A page of a list that is ordered by id: where it begins, and how many items it has.
struct ListPage {
    after: Option<i64>,
    size: u32,
}

impl ListPage {
    /// Errors: InvalidArgument when the token belongs to another list.
    fn of(query: &impl Hash, request: &PageRequest) -> Result<Self> {
        let cursor = request.token.as_ref().map(|token| token.cursor_for(query)).transpose()?;
        let size = request.size.unwrap_or(PageSize::new(PageSize::MAX)).get();
        Ok(Self { after: cursor.map(|cursor| cursor.id.0), size })
    }

    /// How many items to read: one more, which tells that there are more.
    fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    fn page<T>(&self, query: &impl Hash, mut items: Vec<T>, id: impl Fn(&T) -> i64) -> Page<T> {
        let more = items.len() > self.size as usize;
        items.truncate(self.size as usize);
        let next = items.last().filter(|_| more).map(|last| {
            let cursor = Cursor { value: 0, name: String::new(), id: NodeId(id(last)) };
            PageToken::new(query, cursor)
        });
        Page { items, next, total: None }
    }
}
