//! Webhooks: URLs that are told what happens to the registered models of a workspace. They are the same as behind MLflow's API.

use std::collections::BTreeSet;

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{nullable, read};
use super::enums::{EventName, JobStateName};
use super::errors::{
    AccountReadErrors, CreateWebhookErrors, ListWebhooksErrors, TestWebhookErrors, UpdateWebhookErrors,
};
use super::location::relative;
use super::{Paging, next_token};
use crate::domain::webhook::{Delivery, Webhook, WebhookChanges, WebhookEvent, WebhookId};
use crate::domain::{Error, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::webhooks::Tried;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWebhook {
    /// Its name, for people; several may have the same.
    #[schema(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    name: String,
    /// Where deliveries are sent: a URL that the settings of `[egress]` allow.
    #[schema(format = "uri")]
    url: String,
    /// What it is told.
    #[schema(value_type = Vec<EventName>, min_items = 1)]
    events: Vec<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// What signs the deliveries; nobody reads it again. None are signed where it is not given.
    #[serde(default)]
    #[schema(max_length = 1024)]
    secret: Option<String>,
    /// Whether it is told anything yet; it is where this is not given.
    #[serde(default)]
    active: Option<bool>,
}

/// Changes to a webhook; a member that is absent changes nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateWebhook {
    /// Its name.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
    name: Option<String>,
    /// Where deliveries are sent.
    #[serde(default)]
    #[schema(format = "uri")]
    url: Option<String>,
    /// What it is told: all of it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<EventName>>, min_items = 1)]
    events: Option<Vec<String>>,
    /// What it is for; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    /// What signs the deliveries; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 1024)]
    secret: Option<Option<String>>,
    /// Whether it is told anything. One that becomes active is told what happens from then on.
    #[serde(default)]
    active: Option<bool>,
}

/// Which event an example is of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestWebhook {
    /// The event; the first that the webhook is told where it is not given.
    #[serde(default)]
    #[schema(value_type = Option<EventName>)]
    event: Option<String>,
}

/// A webhook, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where deliveries are sent.
    pub url: String,
    /// What it is told.
    #[schema(value_type = Vec<EventName>)]
    pub events: Vec<&'static str>,
    /// Whether it is told anything.
    pub active: bool,
    /// Whether deliveries are signed.
    pub signed: bool,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
}

/// A page of webhooks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookList {
    /// The webhooks, in the order in which they were made.
    pub items: Vec<WebhookView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

/// How a delivery stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Its id, which the receiver gets, the same with each attempt.
    pub id: String,
    /// What is delivered.
    #[schema(value_type = EventName)]
    pub event: &'static str,
    /// Its state; `succeeded` where the receiver took it.
    #[schema(value_type = JobStateName)]
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i64,
    /// The status that the receiver answered with, where it took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, or why its last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was enqueued.
    pub created_at: i64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryList {
    /// The deliveries, the newest first. Those that ended long ago are forgotten.
    pub items: Vec<DeliveryView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

/// What came of an example.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestedWebhook {
    /// Whether the receiver answered with a status of 200 to 299.
    pub delivered: bool,
    /// The status that it answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Why it could not be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            name: webhook.name.clone(),
            description: webhook.description.clone(),
            url: webhook.url.clone(),
            events: webhook.events.iter().map(|event| event.name()).collect(),
            active: webhook.is_active,
            signed: webhook.has_secret,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.clone(),
            event: delivery.event.name(),
            state: delivery.state.name(),
            attempts: delivery.attempts,
            status: delivery.status,
            error: delivery.error.clone(),
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
        }
    }
}

impl From<Tried> for TestedWebhook {
    fn from(tried: Tried) -> Self {
        match tried {
            Tried::Answered(receipt) => Self {
                delivered: (200..300).contains(&receipt.status),
                status: Some(receipt.status),
                body: Some(receipt.body),
                error: None,
            },
            Tried::Failed(error) => Self { delivered: false, status: None, body: None, error: Some(error) },
        }
    }
}

fn events(names: &[String]) -> Result<BTreeSet<WebhookEvent>> {
    names.iter().map(|name| name.parse()).collect()
}

fn show(webhook: &Webhook) -> HttpResponse {
    HttpResponse::Ok().json(WebhookView::from(webhook))
}

/// Makes a webhook of the workspace, which sees what whoever made it or changed it last sees. Needs `manage` in the workspace.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = CreateWebhook,
    responses(
        (status = 201, description = "Made.", body = WebhookView, headers(("Location" = String, description = "The webhook."))),
        CreateWebhookErrors,
    ),
)]
pub async fn create_webhook(
    caller: Caller,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body: CreateWebhook = read(body)?;
    let wanted = WebhookChanges {
        name: Some(body.name),
        description: body.description,
        url: Some(body.url),
        events: Some(events(&body.events)?),
        is_active: body.active,
        secret: body.secret,
    };
    let made = caller.registry.webhooks.create_webhook(&caller.context, wanted).await?;
    let location = relative(&request, &format!("webhooks/{}", made.id));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(WebhookView::from(&made)))
}

/// Lists the webhooks of the workspace. Needs `manage` in it.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(Paging),
    responses((status = 200, description = "A page.", body = WebhookList), ListWebhooksErrors),
)]
pub async fn list_webhooks(caller: Caller, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller.registry.webhooks.list_webhooks(&caller.context, paging.request()?).await?;
    let items = page.items.iter().map(WebhookView::from).collect();
    Ok(HttpResponse::Ok().json(WebhookList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Shows a webhook. Needs `manage` in the workspace.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(("id" = String, Path, description = "Id of the webhook.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 200, description = "The webhook.", body = WebhookView), AccountReadErrors),
)]
pub async fn get_webhook(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    Ok(show(&caller.registry.webhooks.get_webhook(&caller.context, id.parse()?).await?))
}

/// Changes a webhook, which sees what whoever does that sees from then on. Needs `manage` in the workspace.
#[utoipa::path(
    patch, path = "/webhooks/{id}", operation_id = "updateWebhook", tag = "webhooks",
    params(("id" = String, Path, description = "Id of the webhook.", pattern = "^[1-9][0-9]{0,17}$")),
    request_body = UpdateWebhook,
    responses((status = 200, description = "The webhook.", body = WebhookView), UpdateWebhookErrors),
)]
pub async fn update_webhook(
    caller: Caller,
    id: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (id, body): (WebhookId, UpdateWebhook) = (id.parse()?, read(body)?);
    let changes = WebhookChanges {
        name: body.name,
        description: body.description.map(Option::unwrap_or_default),
        url: body.url,
        events: body.events.as_deref().map(events).transpose()?,
        is_active: body.active,
        secret: body.secret.map(Option::unwrap_or_default),
    };
    Ok(show(&caller.registry.webhooks.change_webhook(&caller.context, id, changes).await?))
}

/// Removes a webhook. What it was not told yet it is not told. Needs `manage` in the workspace.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("id" = String, Path, description = "Id of the webhook.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 204, description = "Removed."), AccountReadErrors),
)]
pub async fn delete_webhook(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    caller.registry.webhooks.delete_webhook(&caller.context, id.parse()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends an example of an event to a webhook, at once and once, and says what came of it. Needs `manage` in the workspace.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = String, Path, description = "Id of the webhook.", pattern = "^[1-9][0-9]{0,17}$")),
    request_body = TestWebhook,
    responses((status = 200, description = "What came of it.", body = TestedWebhook), TestWebhookErrors),
)]
pub async fn test_webhook(
    caller: Caller,
    id: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (id, body): (WebhookId, TestWebhook) = (id.parse()?, read(body)?);
    let event = body.event.as_deref().map(str::parse).transpose().map_err(|error: Error| error.on_field("event"))?;
    let tried = caller.registry.webhooks.test_webhook(&caller.context, id, event).await?;
    Ok(HttpResponse::Ok().json(TestedWebhook::from(tried)))
}

/// Lists the deliveries to a webhook, the newest first. Needs `manage` in the workspace.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "webhooks",
    params(("id" = String, Path, description = "Id of the webhook.", pattern = "^[1-9][0-9]{0,17}$"), Paging),
    responses((status = 200, description = "A page.", body = DeliveryList), AccountReadErrors),
)]
pub async fn list_deliveries(caller: Caller, id: Path<String>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let id: WebhookId = id.parse()?;
    let broken = || Error::invalid("nextPageToken", "the page token is broken");
    let before = paging.next_page_token()?.map(|token| token.parse().map_err(|_| broken())).transpose()?;
    let (found, next) = caller.registry.webhooks.webhook_deliveries(&caller.context, id, before, paging.size()).await?;
    let items = found.iter().map(DeliveryView::from).collect();
    let next_page_token = next.map(|job: i64| job.to_string()).unwrap_or_default();
    Ok(HttpResponse::Ok().json(DeliveryList { items, next_page_token }))
}
