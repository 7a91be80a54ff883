//! Webhooks: made, changed, tried and removed by whoever manages their workspace; what they are told, and that it arrives.
//!
//! A webhook reads the feed of changes with the sight of whoever made it or changed it last (`feed`); each event is a job (`delivery`).

mod delivery;
mod events;
mod feed;

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::audit_entry::record;
use super::context::{At, RequestContext};
use super::transaction::{ReadTransaction, WriteTransaction};
use super::webhook_sender::{Parcel, Receipt, WebhookSender};
use crate::domain::access::{Permission, WorkspaceId};
use crate::domain::audit::AuditAction;
use crate::domain::webhook::{Delivery, Webhook, WebhookChanges, WebhookEvent, WebhookId};
use crate::domain::{Cursor, Error, NodeId, Page, PageRequest, PageSize, PageToken, Result};
use crate::services::Webhooks;
use crate::store::changes;
use crate::store::webhooks::{self, StoredWebhook};

/// How many webhooks a workspace may have.
const MAX_WEBHOOKS: i64 = 100;

/// How many webhooks a page has where nothing is said.
const PAGE: u32 = 100;

/// What the token of a page is for.
const LIST: &str = "webhooks";

/// What came of sending an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The receiver answered.
    Answered(Receipt),
    /// It did not, and why.
    Failed(String),
}

impl Webhooks {
    /// Makes a webhook in the workspace of the request. It is told what happens from now on.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; InvalidArgument; InvalidState where there are too many.
    pub async fn create_webhook(&self, context: &RequestContext, wanted: WebhookChanges) -> Result<Webhook> {
        self.demand(context).await?;
        wanted.check()?;
        let missing = |field: &str| Error::invalid(field, format!("`{field}` is missing"));
        let (name, url, events) = (
            wanted.name.clone().ok_or_else(|| missing("name"))?,
            wanted.url.clone().ok_or_else(|| missing("url"))?,
            wanted.events.clone().ok_or_else(|| missing("events"))?,
        );
        self.sender()?.check(&url).await?;
        let secret = self.sealed(wanted.secret.as_deref())?.flatten();
        let description = wanted.description.clone().filter(|text| !text.is_empty());
        let is_active = wanted.is_active.unwrap_or(true);
        self.place_changes(context).await?;
        self.core
            .write(context, move |tx| {
                let workspace = managed(tx)?;
                if webhooks::count(tx, workspace)? >= MAX_WEBHOOKS {
                    let message = format!("a workspace has at most {MAX_WEBHOOKS} webhooks");
                    return Err(Error::invalid_state(message));
                }
                let new = Webhook {
                    id: WebhookId(0),
                    workspace,
                    name: name.clone(),
                    description: description.clone(),
                    url: url.clone(),
                    events: events.clone(),
                    is_active,
                    has_secret: secret.is_some(),
                    created_at: tx.now(),
                    updated_at: tx.now(),
                };
                let end = changes::end(tx)?;
                let groups = tx.context().origin().groups.clone();
                let id = webhooks::insert(tx, &new, secret.as_deref(), &groups, end)?;
                let made = Webhook { id, ..new };
                record_change(tx, AuditAction::CreateWebhook, json!({"id": id.0, "after": document(&made)}))?;
                Ok(made)
            })
            .await
    }

    /// A page of the webhooks of the workspace, in the order in which they were made.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace.
    pub async fn list_webhooks(&self, context: &RequestContext, request: PageRequest) -> Result<Page<Webhook>> {
        let after = request.token.as_ref().map(|token| token.cursor_for(&LIST)).transpose()?;
        let after = after.map(|cursor| WebhookId(cursor.id.0));
        let size = request.size.unwrap_or(PageSize::new(PAGE)).get();
        self.core
            .read(context, move |tx| {
                let workspace = managed(tx)?;
                let found = webhooks::list(tx, workspace, after, i64::from(size) + 1)?;
                let more = found.len() > size as usize;
                let items: Vec<Webhook> = found.into_iter().take(size as usize).map(|stored| stored.webhook).collect();
                let next = items
                    .last()
                    .filter(|_| more)
                    .map(|last| PageToken::new(&LIST, Cursor { value: 0, name: String::new(), id: NodeId(last.id.0) }));
                Ok(Page { items, next, total: None })
            })
            .await
    }

    /// The webhook of that id in the workspace of the request.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; NotFound.
    pub async fn get_webhook(&self, context: &RequestContext, id: WebhookId) -> Result<Webhook> {
        Ok(self.stored(context, id).await?.webhook)
    }

    /// Changes a webhook, which has the sight of whoever does that from now on. One that becomes active is told what happens from now on.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; NotFound; InvalidArgument.
    pub async fn change_webhook(
        &self,
        context: &RequestContext,
        id: WebhookId,
        changes: WebhookChanges,
    ) -> Result<Webhook> {
        self.stored(context, id).await?;
        changes.check()?;
        if let Some(url) = &changes.url {
            self.sender()?.check(url).await?;
        }
        let secret = self.sealed(changes.secret.as_deref())?;
        if changes.is_active == Some(true) {
            self.place_changes(context).await?;
        }
        self.core
            .write(context, move |tx| {
                let before = find(tx, id)?;
                let changes = changes.clone();
                let secret = secret.clone().unwrap_or(before.secret);
                let old = before.webhook;
                let new = Webhook {
                    name: changes.name.unwrap_or_else(|| old.name.clone()),
                    description: match changes.description {
                        Some(text) => Some(text).filter(|text| !text.is_empty()),
                        None => old.description.clone(),
                    },
                    url: changes.url.unwrap_or_else(|| old.url.clone()),
                    events: changes.events.unwrap_or_else(|| old.events.clone()),
                    is_active: changes.is_active.unwrap_or(old.is_active),
                    has_secret: secret.is_some(),
                    updated_at: tx.now(),
                    ..old.clone()
                };
                let wakes = new.is_active && !old.is_active;
                let position = if wakes { Some(changes::end(tx)?) } else { None };
                let groups = tx.context().origin().groups.clone();
                webhooks::update(tx, &new, secret.as_deref(), &groups, position)?;
                let details = json!({"id": id.0, "before": document(&old), "after": document(&new)});
                record_change(tx, AuditAction::UpdateWebhook, details)?;
                Ok(new)
            })
            .await
    }

    /// Removes a webhook. What it was not told yet it is not told.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; NotFound.
    pub async fn delete_webhook(&self, context: &RequestContext, id: WebhookId) -> Result<()> {
        self.core
            .write(context, move |tx| {
                let before = find(tx, id)?.webhook;
                webhooks::delete(tx, id)?;
                record_change(tx, AuditAction::DeleteWebhook, json!({"id": id.0, "before": document(&before)}))
            })
            .await
    }

    /// Sends an example of an event, or of the first that the webhook is told, at once and once.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; NotFound.
    pub async fn test_webhook(
        &self,
        context: &RequestContext,
        id: WebhookId,
        event: Option<WebhookEvent>,
    ) -> Result<Tried> {
        let (stored, slug) = self
            .core
            .read(context, move |tx| {
                let stored = find(tx, id)?;
                let slug = events::slug(tx, stored.webhook.workspace)?;
                Ok((stored, slug))
            })
            .await?;
        let Some(event) = event.or_else(|| stored.webhook.events.first().copied()) else {
            return Err(Error::invalid("event", "the webhook is told of no event that this release knows"));
        };
        let example = events::example(event, context.now(), slug);
        let delivery = uuid::Uuid::new_v4().to_string();
        let parcel = Parcel {
            url: &stored.webhook.url,
            secret: stored.secret.as_deref(),
            delivery: &delivery,
            occurrence: &example,
        };
        match self.sender()?.send(parcel).await {
            Ok(receipt) => Ok(Tried::Answered(receipt)),
            Err(error) => Ok(Tried::Failed(error.message().to_owned())),
        }
    }

    /// Up to `size` deliveries of a webhook, the newest first, from before the one that is given; and what to give for the next.
    ///
    /// Errors: PermissionDenied without `manage` in the workspace; NotFound.
    pub async fn webhook_deliveries(
        &self,
        context: &RequestContext,
        id: WebhookId,
        before: Option<i64>,
        size: PageSize,
    ) -> Result<(Vec<Delivery>, Option<i64>)> {
        self.core
            .read(context, move |tx| {
                find(tx, id)?;
                let found = webhooks::deliveries(tx, id, before, size.get().into())?;
                let next = found.last().filter(|_| found.len() >= size.get() as usize).map(|(job, _)| *job);
                Ok((found.into_iter().filter_map(|(_, delivery)| delivery).collect(), next))
            })
            .await
    }

    async fn stored(&self, context: &RequestContext, id: WebhookId) -> Result<StoredWebhook> {
        self.core.read(context, move |tx| find(tx, id)).await
    }

    /// Before anything outside is asked because of a request.
    async fn demand(&self, context: &RequestContext) -> Result<()> {
        self.core.read(context, |tx| managed(tx)).await.map(drop)
    }

    fn sender(&self) -> Result<Arc<dyn WebhookSender>> {
        self.core.webhook_sender.clone().ok_or_else(|| Error::unimplemented("this process sends nothing to webhooks"))
    }

    /// The secret as it is to be stored: `None` stays, an empty one is removed.
    fn sealed(&self, secret: Option<&str>) -> Result<Option<Option<String>>> {
        match secret {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(secret) => Ok(Some(Some(self.sender()?.seal(secret)?))),
        }
    }
}

/// The workspace of the request, of whoever manages it.
fn managed(tx: &ReadTransaction<'_, '_>) -> Result<WorkspaceId> {
    tx.demand_in_workspace(Permission::Manage)?;
    Ok(tx.context().access().workspace())
}

/// The webhook of that id in the workspace of the request, of whoever manages that.
fn find(tx: &mut ReadTransaction<'_, '_>, id: WebhookId) -> Result<StoredWebhook> {
    let workspace = managed(tx)?;
    let found = webhooks::find(tx, id)?.filter(|found| found.webhook.workspace == workspace);
    found.ok_or_else(|| Error::not_found(format!("webhook `{id}`")))
}

/// A webhook for the audit trail. Of the URL it has the host alone: the rest may be a secret.
fn document(webhook: &Webhook) -> Json {
    let (scheme, rest) = webhook.url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let events: Vec<&str> = webhook.events.iter().map(|event| event.name()).collect();
    json!({
        "name": webhook.name,
        "url": format!("{scheme}://{host}"),
        "events": events,
        "active": webhook.is_active,
        "signed": webhook.has_secret,
    })
}

fn record_change(tx: &mut WriteTransaction<'_, '_>, action: AuditAction, details: Json) -> Result<()> {
    let at = At { workspace: Some(tx.context().access().workspace()), root: None };
    record(tx, action, at, details)
}
