//! What is sent to webhooks: the policy that it passes, what sends it, the runner of deliveries, and the reader of the feed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::keys;
use crate::config::{Destination, Settings};
use crate::domain::Result;
use crate::domain::webhook::DELIVERY;
use crate::egress::{Allowed, Egress, EgressOptions};
use crate::identity::Keyring;
use crate::jobs::{Runner, RunnerOptions};
use crate::registry::Registry;
use crate::webhooks::{Keys, Sender, SenderOptions};

/// Where requests outward may go that clients can cause.
fn egress(settings: &Settings) -> Egress {
    let allowed = |destination: &Destination| match destination {
        Destination::Network(network) => Allowed::Network(*network),
        Destination::Host(name) => Allowed::Host(name.clone()),
    };
    let said = &settings.egress;
    Egress::new(EgressOptions { allow: said.allow.0.iter().map(allowed).collect(), public: said.public })
}

/// What sends deliveries.
pub(super) fn sender(settings: &Settings) -> Result<Arc<Sender>> {
    let timeout = Duration::from_secs(settings.webhooks.timeout_seconds.get().into());
    Sender::new(SenderOptions { egress: egress(settings), keys: keys_of(settings), timeout }).map(Arc::new)
}

/// The keys that seal secrets, which are looked for when the first secret is sealed or opened.
fn keys_of(settings: &Settings) -> Keys {
    let (settings, known) = (settings.clone(), Mutex::new(None::<Keyring>));
    Arc::new(move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = &*known {
            return Ok(keys.clone());
        }
        let keys = keys::of_webhooks(&settings)?;
        *known = Some(keys.clone());
        Ok(keys)
    })
}

/// The runner of deliveries. It is not that of other jobs, which so never wait for receivers.
pub(super) fn runner(registry: Registry, settings: &Settings) -> Runner {
    let said = &settings.webhooks;
    let options = RunnerOptions {
        workers: said.workers,
        lease: Duration::from_secs(settings.jobs.lease_seconds.get().into()),
        attempts: said.attempts.get(),
        backoff: Duration::from_secs(said.backoff_seconds.into()),
        retention: Duration::from_secs(said.keep_seconds.into()),
    };
    Runner::new(registry, options).with_handler(DELIVERY, |running| async move {
        let registry = running.registry.clone();
        registry.webhooks.deliver(&registry.own_context(), running).await
    })
}

/// Lets webhooks read the feed of changes again and again.
pub(super) async fn follow_feed(registry: &Registry, settings: &Settings) {
    if settings.webhooks.workers == 0 {
        return;
    }
    let pause = Duration::from_millis(settings.webhooks.poll_ms.get());
    // An outage of the database is logged once.
    let mut is_unavailable = false;
    loop {
        match registry.webhooks.follow_feed(&registry.own_context()).await {
            Ok(()) => is_unavailable = false,
            Err(error) if !is_unavailable => {
                log::warn!(error:%; "webhooks could not read the feed");
                is_unavailable = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(pause).await;
    }
}
