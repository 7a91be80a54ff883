//! The context of a request, which every use case takes first: who asks, in which request, when it is, and how the client
//! addresses this server.
//!
//! It has nothing to do with the contexts of ML Metadata, which are nodes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Registry;
use crate::domain::{Actor, Job, Millis};

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
    /// Who asks, and in which request.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// What time it is. It goes on while the request is answered; a transaction has one time for all that it writes.
    pub fn now(&self) -> Millis {
        (self.0.clock)()
    }

    /// What URLs of this server begin with for the client, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }
}

impl Registry {
    /// The context of work that `actor` asks for. URLs begin with the one that the registry was made with.
    pub fn context(&self, actor: Actor) -> RequestContext {
        self.context_under(actor, Arc::clone(&self.public_url))
    }

    /// The context of a request to the HTTP listener, which its client addressed as `host`, with or without a port.
    pub fn context_at(&self, actor: Actor, host: Option<&str>) -> RequestContext {
        match host.filter(|_| self.follows_hosts.is_some()) {
            Some(host) => self.context_under(actor, format!("http://{host}").into()),
            None => self.context(actor),
        }
    }

    /// The context of a request to another listener, which its client addressed as `host`, without a port.
    pub fn context_elsewhere(&self, actor: Actor, host: Option<&str>) -> RequestContext {
        let host = host.zip(self.follows_hosts).map(|(host, port)| format!("{host}:{port}"));
        self.context_at(actor, host.as_deref())
    }

    /// The context of what the server does by itself, such as upkeep.
    pub fn own_context(&self) -> RequestContext {
        self.context(Actor::system())
    }

    /// The context of work on a job: of whoever asked for it. The record of changes names the job.
    pub fn job_context(&self, job: &Job) -> RequestContext {
        self.context(Actor::new(job.actor.clone(), format!("job-{}", job.id)))
    }

    fn context_under(&self, actor: Actor, base_url: Arc<str>) -> RequestContext {
        RequestContext(Arc::new(Request { actor, clock: Arc::clone(&self.clock), base_url }))
    }
}
