//! The use cases. Every protocol calls these and nothing below them; nothing here knows HTTP, gRPC or SQL.

pub mod aliases;
pub mod archive;
pub mod artifacts;
mod attach;
pub mod collector;
pub mod conditions;
pub mod context;
pub mod direct;
pub mod download;
pub mod entities;
mod existing_blobs;
pub mod files;
pub mod graph;
pub mod guarded;
pub mod history;
pub mod imports;
pub mod inspection;
mod inventory;
pub mod jobs;
pub mod lineage;
pub mod metrics;
pub mod pack;
pub mod pages;
pub mod policy;
pub mod records;
pub mod register;
pub mod removal;
pub mod resolve;
pub mod resumable;
pub mod serving;
pub mod staged;
mod store_id;
mod transaction;
pub mod unpack;
mod upkeep;
pub mod upload;
pub mod uris;
pub mod verify;
pub mod versions;

// The packages that it uses, by the names of their rooms.
use {modelport_blobs as blobs, modelport_domain as domain, modelport_store as store};

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::blobs::Blobs;
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::store::{PoolStatus, Store};

use policy::Policy;

pub use context::{Clock, RequestContext, wall_clock};

pub use crate::blobs::Presented;
pub use crate::store::nodes::Selection;

/// The field of an error about a failed `If-Match`.
pub const IF_MATCH: &str = "If-Match";

/// The field of an error about a failed `If-None-Match`.
pub const IF_NONE_MATCH: &str = "If-None-Match";

/// The field of an error about a removal that has to be recursive.
pub const RECURSIVE: &str = "recursive";

/// The field of an error about a removal that has to be forced.
pub const FORCE: &str = "force";

/// The registry: its metadata, its bytes, and the rules over both. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    blobs: Blobs,
    clock: Clock,
    public_url: Arc<str>,
    /// The port of the HTTP listener, where URLs begin with what each request was addressed to.
    follows_hosts: Option<u16>,
    policy: Arc<Policy>,
    inspections: Arc<Semaphore>,
    /// For how long clients are sent to the object store to read a file; `None` is never.
    redirect: Option<Duration>,
    resumable_expiry: Duration,
    collected: Arc<collector::Totals>,
    inventory: inventory::LastInventory,
    /// For how long clients get links to send bytes to the object store; `None` is never.
    direct: Option<Duration>,
    queue: Arc<jobs::Queue>,
    /// Where models can be imported from.
    source: Option<Arc<dyn imports::Source>>,
    bounds: archive::Bounds,
    store_id: store_id::StoreId,
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
            follows_hosts: None,
            policy: Arc::new(policy),
            inspections: Arc::new(Semaphore::new(inspection::MAX_CONCURRENT)),
            redirect: None,
            resumable_expiry: resumable::EXPIRY,
            collected: Arc::default(),
            inventory: inventory::LastInventory::default(),
            direct: None,
            queue: Arc::default(),
            source: None,
            bounds: archive::Bounds::default(),
            store_id: store_id::StoreId::default(),
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

    /// The same registry, whose file URLs begin with what each request was addressed to, for clients of the HTTP listener at
    /// that port; with the URL that it was made with only where a request does not say.
    #[must_use]
    pub fn following_hosts(self, http_port: u16) -> Self {
        Self { follows_hosts: Some(http_port), ..self }
    }

    /// Where clients reach this server, without a slash at its end; `None` where that is what each of them says.
    pub fn public_url(&self) -> Option<&str> {
        Some(&*self.public_url).filter(|_| self.follows_hosts.is_none())
    }

    /// Checks the database and the object store concurrently. The object store has to be the one of this database.
    pub async fn health(&self) -> Health {
        let object_store = async {
            self.blobs.check().await?;
            self.check_store_id().await
        };
        let (database, object_store) = tokio::join!(self.store.check(), object_store);
        Health { database, object_store }
    }

    /// The state of the database's connection pools.
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.store.pools()
    }

    fn now(&self) -> Millis {
        (self.clock)()
    }
}

/// Runs `work`, and calls `beat` every `pause` meanwhile; an error of `beat` ends both.
///
/// Both run concurrently, because work that waits while it holds a connection must not hold up the heartbeat.
async fn with_heartbeats_every<T, F>(
    pause: Duration,
    beat: impl Fn() -> F,
    work: impl Future<Output = Result<T>>,
) -> Result<T>
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

/// The error when a name was taken concurrently: a Conflict, which is retried.
fn created_concurrently(error: Error) -> Error {
    if error.kind() == ErrorKind::NameTaken {
        return Error::conflict("it was created concurrently; retry").caused_by(error);
    }
    error
}
