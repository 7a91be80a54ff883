//! How webhooks come to be told: each reads the feed of changes from where it was, and enqueues what it is told together with where it
//! is now, so that nothing is told twice without need or forgotten. Writers have nothing to do with it.

use super::events::told;
use crate::context::RequestContext;
use crate::domain::{Actor, PageSize, Result};
use crate::services::Webhooks;
use crate::store::changes;
use crate::store::webhooks::{self, StoredWebhook};

/// How many changes are read at once.
const PAGE: u32 = 200;
/// How many pages of them one webhook reads in a turn, so that others have theirs.
const MAX_PAGES: usize = 20;
/// How many deliveries of one webhook wait at most; the feed keeps what follows.
const MAX_WAITING: i64 = 1000;
/// How many changes get their position at once.
const MAX_ASSIGNED: i64 = 10_000;
/// What jobs that deliver call whoever asked for them.
const ACTOR: &str = "webhooks";

impl Webhooks {
    /// Lets all active webhooks read the feed once. A failure of one is logged, and tried again with the next turn.
    pub async fn follow_feed(&self, context: &RequestContext) -> Result<()> {
        let behind = self.core.read(context, |tx| {
            if !webhooks::any_active(tx)? {
                return Ok(Vec::new());
            }
            let last = changes::last_position(tx)?;
            webhooks::behind(tx, last)
        });
        for webhook in behind.await? {
            let id = webhook.webhook.id;
            if let Err(error) = self.read_feed(context, webhook).await {
                log::warn!(id = id.0, error:%; "a webhook could not read the feed");
            }
        }
        Ok(())
    }

    async fn read_feed(&self, context: &RequestContext, mut webhook: StoredWebhook) -> Result<()> {
        let (id, workspace) = (webhook.webhook.id, webhook.webhook.workspace);
        // What its maker may see now: what they did to their credentials since is no matter, unless they are disabled.
        let actor = Actor::new(ACTOR.to_owned(), format!("webhook-{id}"));
        let sight = &webhook.sight;
        let whose = self.core.jobs().context_of_asker(context, sight, workspace, context.now(), actor).await?;
        for _ in 0..MAX_PAGES {
            if self.core.read(context, move |tx| webhooks::is_waiting(tx, id, MAX_WAITING)).await? {
                return Ok(());
            }
            let from = webhook.position;
            let (page, to) = self.core.history().changes(&whose, from, PageSize::new(PAGE)).await?;
            if to <= from {
                return Ok(());
            }
            let stored = webhook.clone();
            let enqueued = self.core.write(&whose, move |tx| {
                // Another replica was here first, or the webhook is another by now.
                if !webhooks::advance(tx, id, from, to)? {
                    return Ok(None);
                }
                let told = told(tx, &stored.webhook.events, &page)?;
                let payloads: Vec<_> = told.iter().map(|told| told.payload(id)).collect();
                let now = tx.now();
                webhooks::enqueue(tx, &stored, ACTOR, &payloads, now)?;
                Ok(Some(payloads.len()))
            });
            let Some(enqueued) = enqueued.await? else { return Ok(()) };
            if enqueued > 0 {
                self.core.queue.jobs_enqueued();
            }
            webhook.position = to;
        }
        Ok(())
    }

    /// Gives all changes that were committed until now their positions, so that a webhook begins after them.
    pub(super) async fn place_changes(&self, context: &RequestContext) -> Result<()> {
        loop {
            let assigned = self.core.write(context, |tx| changes::assign_positions(tx, MAX_ASSIGNED)).await?;
            if i64::try_from(assigned).is_ok_and(|assigned| assigned < MAX_ASSIGNED) {
                return Ok(());
            }
        }
    }
}
