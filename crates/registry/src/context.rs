//! The context of a request, which every use case takes first: who asks, in which request, when it is, and how the client
//! addresses this server.
//!
//! It has nothing to do with the contexts of ML Metadata, which are nodes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::access::{Access, Group, KnownSession, TokenId, WorkspaceId};
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::{Actor, Millis, NodeId};

/// The clock; tests inject their own.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// The wall clock.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX)
    })
}

/// On whose behalf a use case runs, and what it needs to know of the request. Cheap to clone.
#[derive(Clone)]
pub struct RequestContext(Arc<Request>);

/// What is known of a request besides who asks: for the audit trail, and for who wants to know why they may do something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The token that was presented, where it was one of this registry.
    pub token: Option<TokenId>,
    /// The session of the browser that was presented.
    pub session: Option<Arc<KnownSession>>,
    /// The groups that the credentials name, of those that matter.
    pub groups: Vec<Group>,
    /// Where the rules of a cluster make them a writer.
    pub writer_in: Option<WorkspaceId>,
    /// The protocol.
    pub door: Option<&'static str>,
    /// The client's address.
    pub peer: Option<String>,
    /// What the client says that it is.
    pub agent: Option<String>,
}

/// Where something was done, or refused, as the audit trail says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) workspace: Option<WorkspaceId>,
    pub(super) root: Option<NodeId>,
}

struct Request {
    actor: Actor,
    access: Access,
    /// When it was found out what they may do.
    since: Millis,
    origin: Origin,
    clock: Clock,
    base_url: Arc<str>,
}

impl RequestContext {
    pub(crate) fn new(actor: Actor, access: Access, clock: Clock, base_url: Arc<str>) -> Self {
        let since = clock();
        Self(Arc::new(Request { actor, access, since, origin: Origin::default(), clock, base_url }))
    }

    /// Who asks, and in which request.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// The same request, of which this is known besides.
    #[must_use]
    pub fn with_origin(&self, origin: Origin) -> Self {
        let Request { actor, access, since, clock, base_url, .. } = &*self.0;
        let (actor, access) = (actor.clone(), access.clone());
        let (clock, base_url) = (Arc::clone(clock), Arc::clone(base_url));
        Self(Arc::new(Request { actor, access, since: *since, origin, clock, base_url }))
    }

    /// What whoever asks may see and do, and in which workspace.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// An entry of the audit trail about what the request does, with who asks and whence.
    pub(crate) fn audit_entry(&self, now: Millis, action: AuditAction, outcome: Outcome) -> AuditEntry {
        let origin = self.origin();
        AuditEntry {
            principal_id: self.access().principal(),
            token_id: origin.token,
            door: origin.door.map(str::to_owned),
            request_id: self.actor().request_id().map(str::to_owned),
            peer: origin.peer.as_deref().map(shortened),
            agent: origin.agent.as_deref().map(shortened),
            ..AuditEntry::new(now, action, outcome)
        }
    }

    /// What else is known of the request.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The context of somebody else's work, at the same clock.
    pub(crate) fn of_another(&self, actor: Actor, access: Access, origin: Origin) -> Self {
        let (clock, base_url) = (Arc::clone(&self.0.clock), Arc::clone(&self.0.base_url));
        Self(Arc::new(Request { actor, access, since: clock(), origin, clock, base_url }))
    }

    /// The same in another workspace.
    pub(crate) fn in_workspace(&self, workspace: WorkspaceId) -> Self {
        let Request { actor, access, since, origin, clock, base_url } = &*self.0;
        let (access, clock, base_url) = (access.in_workspace(workspace), Arc::clone(clock), Arc::clone(base_url));
        Self(Arc::new(Request { actor: actor.clone(), access, since: *since, origin: origin.clone(), clock, base_url }))
    }

    /// The same with what was just found out that they may do.
    pub(crate) fn with_access(&self, access: Access) -> Self {
        self.of_another(self.actor().clone(), access, self.origin().clone())
    }

    /// When it was found out what they may do.
    pub(crate) fn since(&self) -> Millis {
        self.0.since
    }

    /// What time it is. Time passes while the request is answered; a transaction has one time for all that it writes.
    pub fn now(&self) -> Millis {
        (self.0.clock)()
    }

    /// What URLs of this server begin with for the client, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }
}

/// The longest text of a client's that an entry of the audit trail keeps, in bytes.
const MAX_TEXT: usize = 256;

/// The beginning of a text, as far as an entry keeps it.
fn shortened(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
