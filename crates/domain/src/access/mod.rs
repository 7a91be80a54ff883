//! Who asks, what they may, and where: principals, workspaces, roles, bindings, and the rights that come of them.

mod binding;
mod handle;
mod permission;
mod principal;
mod quota;
mod rights;
mod session;
mod settings;
mod token;
mod token_limits;
mod token_text;
mod verb;
mod visible;
mod workspace;

#[cfg(test)]
mod tests;

pub use binding::{Binding, BindingId, BindingScope, Subject};
pub use handle::{Handle, PrincipalRef};
pub use permission::{Permission, Permissions, Role};
pub use principal::{Group, Identity, Principal, PrincipalId, PrincipalKind};
pub use quota::{Counted, Exceeded, Quota, Usage};
pub use rights::{Access, Decision, Place, RestrictedRoots, Rights, denied};
pub use session::{KnownSession, Session, SessionState, SessionTimes};
pub use settings::NamedAdmin;
pub use token::{ApiToken, TokenId};
pub use token_limits::TokenLimits;
pub use token_text::{BootstrapToken, TokenText, hash_of_text, is_same_hash};
pub use verb::Verb;
pub use visible::{Visible, Workspaces};
pub use workspace::{Slug, Workspace, WorkspaceId};
