//! The context of a request, which every use case takes first: who asks, in which request, when it is, and how the client
//! addresses this server.
//!
//! It has nothing to do with the contexts of ML Metadata, which are nodes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::domain::{Actor, Millis};

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

struct Request {
    actor: Actor,
    clock: Clock,
    base_url: Arc<str>,
}

impl RequestContext {
    pub(crate) fn new(actor: Actor, clock: Clock, base_url: Arc<str>) -> Self {
        Self(Arc::new(Request { actor, clock, base_url }))
    }

    /// Who asks, and in which request.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
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
