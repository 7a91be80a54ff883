//! The use cases. Every protocol calls these and nothing below them; nothing here knows HTTP, gRPC or SQL.

pub mod aliases;
pub mod archive;
pub mod artifacts;
mod attach;
pub mod collector;
pub mod direct;
pub mod download;
pub mod entities;
pub mod files;
pub mod graph;
pub mod history;
pub mod imports;
pub mod inspection;
pub mod jobs;
pub mod lineage;
pub mod metrics;
pub mod pack;
pub mod pages;
pub mod records;
pub mod register;
pub mod removal;
mod resolve;
pub mod resumable;
pub mod serving;
pub mod staged;
pub mod unpack;
mod upkeep;
pub mod upload;
pub mod verify;
pub mod versions;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;

use crate::blobs::Blobs;
use crate::domain::policy::Policy;
use crate::domain::{Action, Actor, Error, ErrorKind, Millis, Node, Result, change};
use crate::store::{PoolStatus, Store, Tx, changes};

pub use crate::blobs::Presented;
pub use crate::store::nodes::Selection;

/// The field of an error about a version that the caller no longer has the current one of.
pub const IF_MATCH: &str = "If-Match";

/// The field of an error about something that is there, where the caller wants nothing to be.
pub const IF_NONE_MATCH: &str = "If-None-Match";

/// The field of an error that another system made, on whose answer ours depends.
pub const UPSTREAM: &str = "upstream";

/// The field of an error about something that goes only together with what it owns.
pub const RECURSIVE: &str = "recursive";

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// The wall clock.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Millis::try_from(elapsed.as_millis()).unwrap_or(Millis::MAX)
    })
}

/// The registry: its metadata, its bytes, and the rules over both. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    blobs: Blobs,
    clock: Clock,
    public_url: Arc<str>,
    policy: Arc<Policy>,
    inspections: Arc<Semaphore>,
    /// For how long clients are sent to the object store to read a file; `None` is never.
    redirect: Option<Duration>,
    resumable_expiry: Duration,
    collected: Arc<collector::Totals>,
    /// For how long clients get links to send bytes to the object store; `None` is never.
    direct: Option<Duration>,
    queue: Arc<jobs::Queue>,
    /// Where models can be imported from.
    source: Option<Arc<dyn imports::Source>>,
    bounds: archive::Bounds,
}

/// Whether the services below can be used.
#[derive(Debug)]
pub struct Health {
    /// The database's answer.
    pub database: Result<()>,
    /// The object store's answer.
    pub object_store: Result<()>,
}

impl Registry {
    /// A registry over an open store and open blobs.
    ///
    /// `public_url` is what file URLs begin with, without a slash at its end; `policy` is what holds for files of models
    /// that say nothing else.
    pub fn new(store: Store, blobs: Blobs, clock: Clock, public_url: &str, policy: Policy) -> Self {
        Self {
            store,
            blobs,
            clock,
            public_url: public_url.trim_end_matches('/').into(),
            policy: Arc::new(policy),
            inspections: Arc::new(Semaphore::new(inspection::AT_ONCE)),
            redirect: None,
            resumable_expiry: resumable::EXPIRY,
            collected: Arc::default(),
            direct: None,
            queue: Arc::default(),
            source: None,
            bounds: archive::Bounds::default(),
        }
    }

    /// Sends clients to the object store to read files, where it is one that they can reach, by links that are valid for
    /// so long.
    #[must_use]
    pub fn redirecting(self, valid: Option<Duration>) -> Self {
        Self { redirect: valid, ..self }
    }

    /// The same registry, whose resumable uploads expire so long after their last byte.
    #[must_use]
    pub fn with_resumable_expiry(self, resumable_expiry: Duration) -> Self {
        Self { resumable_expiry, ..self }
    }

    /// The same registry, which unpacks no archive beyond these bounds.
    #[must_use]
    pub fn unpacking_within(self, bounds: archive::Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// The largest file that is accepted, in bytes.
    pub fn max_file_bytes(&self) -> Option<u64> {
        self.policy.max_file_bytes
    }

    /// Where clients reach this server, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Really asks the database and the object store, both at once.
    pub async fn health(&self) -> Health {
        let (database, object_store) = tokio::join!(self.store.check(), self.blobs.check());
        Health { database, object_store }
    }

    /// How the database's connections stand.
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.store.pools()
    }

    fn now(&self) -> Millis {
        (self.clock)()
    }
}

/// Does `work`, however long it takes, and `beat` now and then meanwhile, whose error ends both.
///
/// Both go on together: work that was given its turn at the database and does not use it would keep the beat from its own.
async fn beating<T, F>(pause: Duration, beat: impl Fn() -> F, work: impl Future<Output = Result<T>>) -> Result<T>
where
    F: Future<Output = Result<()>>,
{
    let beats = async {
        let mut pauses = tokio::time::interval(pause);
        pauses.tick().await;
        loop {
            pauses.tick().await;
            beat().await?;
        }
    };
    tokio::select! {
        done = work => done,
        ended = beats => ended,
    }
}

/// A node for the record of changes, with what the node itself does not show.
fn document(node: &Node, detail: Option<(&str, serde_json::Value)>) -> serde_json::Value {
    let mut document = change::document(node);
    if let (Some((name, value)), Some(members)) = (detail, document.as_object_mut()) {
        members.insert(name.to_owned(), value);
    }
    document
}

/// What it means that a name is taken which was free a moment ago: the use case begins anew.
fn somebody_else_made_it(error: Error) -> Error {
    if error.kind() == ErrorKind::AlreadyExists && error.field() == Some("name") {
        return Error::new(ErrorKind::Conflict, "somebody else made it at the same time").caused_by(error);
    }
    error
}

/// Records one change of one node, with what the node itself does not show.
fn record(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: Millis,
    action: Action,
    node: &Node,
    detail: Option<(&str, serde_json::Value)>,
) -> Result<()> {
    let document = document(node, detail);
    changes::append(
        tx,
        actor,
        now,
        &[changes::NewChange { action, node_id: node.id, revision: node.revision, document }],
    )
}
