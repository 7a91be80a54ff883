//! What the services of one registry share: its stores, its settings, and what its parts tell each other in this process.
//!
//! Knows no subject. `existing_blobs` and `transaction` add what every service does with the stores.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::access_cache::AccessCache;
use super::archive::Bounds;
use super::audit_queue::AuditQueue;
use super::collected::Totals;
use super::context::Clock;
use super::import_source::ImportSource;
use super::options::RegistryOptions;
use super::policy::Policy;
use super::queue::Queue;
use super::quota_cache::KnownQuotas;
use super::store_id::StoreId;
use super::tensor_cache::TensorCache;
use super::webhook_sender::WebhookSender;
use crate::blobs::Blobs;
use crate::domain::access::{NamedAdmin, SessionTimes};
use crate::domain::{Inventory, Millis, Result};
use crate::store::Store;

/// How many inspections run at once; each keeps a few megabytes, and one of them may keep a core busy.
const MAX_INSPECTIONS: usize = 8;

/// What the services of one registry share.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Clock,
    /// What URLs begin with where a request does not say, without a slash at its end.
    pub(crate) public_url: Arc<str>,
    /// The port of the HTTP listener, where URLs begin with what each request was addressed to.
    pub(crate) follows_hosts: Option<u16>,
    /// Whether they begin with `https://` then.
    pub(crate) is_tls: bool,
    pub(crate) policy: Arc<Policy>,
    /// For how long clients are sent to the object store to read a file; `None` is never.
    pub(crate) redirect: Option<Duration>,
    /// For how long clients get links to send bytes to the object store; `None` is never.
    pub(crate) direct: Option<Duration>,
    pub(crate) resumable_expiry: Duration,
    pub(crate) bounds: Bounds,
    /// Where models can be imported from.
    pub(crate) source: Option<Arc<dyn ImportSource>>,
    pub(crate) tracking_servers: Vec<String>,
    /// Bounds the inspections that run at once.
    pub(crate) inspections: Arc<Semaphore>,
    /// What this process remembers of the tensors of files.
    pub(crate) tensors: TensorCache,
    pub(crate) queue: Queue,
    /// What this process is called among those that serve the registry, and when it started.
    pub(crate) replica: (String, Millis),
    /// What this process has collected.
    pub(crate) collected: Totals,
    /// What this process counted last, and when.
    pub(crate) inventory: Mutex<Option<(Millis, Inventory)>>,
    pub(crate) store_id: StoreId,
    /// Who is an administrator because the settings say so.
    pub(crate) admins: Vec<NamedAdmin>,
    pub(crate) max_token_lifetime: Duration,
    pub(crate) session_times: SessionTimes,
    /// What this process remembers of who may do what.
    pub(crate) access: AccessCache,
    /// What workspaces may hold, as it was read last.
    pub(crate) quotas: Arc<KnownQuotas>,
    pub(crate) is_audit_strict: bool,
    /// What is still to be written into the audit trail.
    pub(crate) audit_queue: AuditQueue,
    /// What sends to webhooks, in a process that does.
    pub(crate) webhook_sender: Option<Arc<dyn WebhookSender>>,
    pub(crate) webhook_pause: Duration,
}

impl Core {
    /// The core of a registry over these stores.
    pub(crate) fn new(store: Store, blobs: Blobs, options: RegistryOptions) -> Self {
        let RegistryOptions {
            clock,
            public_url,
            follows_hosts,
            is_tls,
            policy,
            redirect,
            direct_uploads,
            resumable_expiry,
            unpack_bounds,
            imports_from,
            tracking_servers,
            admins,
            max_token_lifetime,
            session_times,
            is_audit_strict,
            webhook_sender,
            webhook_pause,
        } = options;
        Self {
            replica: (uuid::Uuid::new_v4().simple().to_string(), clock()),
            store,
            blobs,
            clock,
            public_url: public_url.trim_end_matches('/').into(),
            follows_hosts,
            is_tls,
            policy: Arc::new(policy),
            redirect,
            direct: direct_uploads,
            resumable_expiry,
            bounds: unpack_bounds,
            source: imports_from,
            tracking_servers,
            inspections: Arc::new(Semaphore::new(MAX_INSPECTIONS)),
            tensors: TensorCache::default(),
            queue: Queue::default(),
            collected: Totals::default(),
            inventory: Mutex::default(),
            store_id: StoreId::default(),
            admins,
            max_token_lifetime,
            session_times,
            access: AccessCache::default(),
            quotas: Arc::default(),
            is_audit_strict,
            audit_queue: AuditQueue::default(),
            webhook_sender,
            webhook_pause,
        }
    }

    /// What time it is, for work that no request asked for.
    pub(crate) fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Asks the object store for its id, where that matters. Errors: Unavailable where it is another database's.
    pub(crate) async fn check_store_id(&self) -> Result<()> {
        self.store_id.check(&self.store, &self.blobs).await
    }

    /// Refuses work on a store that was found to be another database's.
    pub(crate) fn check_store(&self) -> Result<()> {
        self.store_id.check_known(&self.blobs)
    }
}
