//! Webhooks: URLs that are told what happens to registered models and prompts (`mlflow/protos/webhooks.proto`).

use std::collections::BTreeSet;

use actix_web::{Resource, web};
use serde_json::{Value as Json, json};

use super::call::{Call, answer, done};
use super::error::Answer;
use super::input::{Input, missing};
use super::wire::{PageLimits, given};
use crate::domain::webhook::{Webhook, WebhookChanges, WebhookEvent, WebhookId};
use crate::domain::{Error, PageRequest, PageToken, Result};
use crate::registry::webhooks::Tried;

/// How many webhooks a page has.
const PAGES: PageLimits = PageLimits { default: 100, most: 1000 };

/// The numbers of entities and actions, which protocol buffers in JSON may write in place of their names.
const ENTITIES: [&str; 11] = [
    "ENTITY_UNSPECIFIED",
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
    "BUDGET_POLICY",
];
const ACTIONS: [&str; 6] = ["ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"];
const STATUSES: [&str; 3] = ["", "ACTIVE", "DISABLED"];

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/webhooks").route(web::post().to(create)).route(web::get().to(list)),
        web::resource("/mlflow/webhooks/{webhook_id}")
            .route(web::get().to(get))
            .route(web::patch().to(update))
            .route(web::delete().to(delete)),
        web::resource("/mlflow/webhooks/{webhook_id}/test").route(web::post().to(test)),
    ]
}

fn shown(webhook: &Webhook) -> Json {
    let event = |event: &WebhookEvent| json!({"entity": event.entity().to_uppercase(), "action": event.action().to_uppercase()});
    json!({
        "webhook_id": webhook.id.to_string(),
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "events": webhook.events.iter().map(event).collect::<Vec<_>>(),
        "status": if webhook.is_active { "ACTIVE" } else { "DISABLED" },
        "creation_timestamp": webhook.created_at,
        "last_updated_timestamp": webhook.updated_at,
    })
}

/// A member of an enumeration, by its name or its number.
fn word(input: &Input, field: &str, numbered: &[&'static str]) -> Result<Option<&'static str>> {
    let Some(value) = input.json(field)?.filter(|value| !value.is_null()) else { return Ok(None) };
    let found = match value {
        Json::String(text) => numbered.iter().find(|name| *name == text),
        Json::Number(number) => {
            number.as_u64().and_then(|number| usize::try_from(number).ok()).and_then(|number| numbered.get(number))
        }
        _ => None,
    };
    match found.filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(*name)),
        None => {
            let shown: String = value.to_string().chars().take(100).collect();
            Err(Error::invalid(field, format!("{shown} is no value of `{field}`")))
        }
    }
}

fn event(input: &Input) -> Result<WebhookEvent> {
    let entity = word(input, "entity", &ENTITIES)?.ok_or_else(|| missing("entity"))?;
    let action = word(input, "action", &ACTIONS)?.ok_or_else(|| missing("action"))?;
    let name = format!("{entity}.{action}").to_lowercase();
    name.parse().map_err(|_| Error::invalid("events", format!("`{name}` never happens on this server")))
}

fn events(input: &Input) -> Result<Option<BTreeSet<WebhookEvent>>> {
    let events: BTreeSet<WebhookEvent> = input.messages("events")?.iter().map(event).collect::<Result<_>>()?;
    Ok(Some(events).filter(|events| !events.is_empty()))
}

/// What a request says of a webhook. An empty name or URL says nothing, as with upstream.
fn changes(input: &Input) -> Result<WebhookChanges> {
    let text = |field: &str| Ok::<_, Error>(input.text(field)?.map(ToOwned::to_owned));
    let given = |field: &str| Ok::<_, Error>(input.given_text(field)?.map(ToOwned::to_owned));
    Ok(WebhookChanges {
        name: given("name")?,
        description: text("description")?,
        url: given("url")?,
        events: events(input)?,
        is_active: word(input, "status", &STATUSES)?.map(|status| status == "ACTIVE"),
        secret: text("secret")?,
    })
}

fn id(call: &Call) -> Result<WebhookId> {
    call.segment(0).parse()
}

async fn create(call: Call) -> Answer {
    for field in ["name", "url"] {
        call.input.required_text(field)?;
    }
    let wanted = changes(&call.input)?;
    let made = call.registry.webhooks.create_webhook(&call.context, wanted).await?;
    answer(json!({"webhook": shown(&made)}))
}

async fn list(call: Call) -> Answer {
    let size = Some(PAGES.size(call.input.int("max_results")?.filter(|size| *size != 0))?);
    let token = call.input.given_text("page_token")?.map(PageToken::decode).transpose()?;
    let request = PageRequest { size, token, with_total: false };
    let page = call.registry.webhooks.list_webhooks(&call.context, request).await?;
    answer(json!({
        "webhooks": given(page.items.iter().map(shown).collect()),
        "next_page_token": page.next.map(|token| token.encode()),
    }))
}

async fn get(call: Call) -> Answer {
    let found = call.registry.webhooks.get_webhook(&call.context, id(&call)?).await?;
    answer(json!({"webhook": shown(&found)}))
}

async fn update(call: Call) -> Answer {
    let (id, changes) = (id(&call)?, changes(&call.input)?);
    let changed = call.registry.webhooks.change_webhook(&call.context, id, changes).await?;
    answer(json!({"webhook": shown(&changed)}))
}

async fn delete(call: Call) -> Answer {
    call.registry.webhooks.delete_webhook(&call.context, id(&call)?).await?;
    done()
}

async fn test(call: Call) -> Answer {
    let event = call.input.nested("event")?.as_ref().map(event).transpose()?;
    let result = match call.registry.webhooks.test_webhook(&call.context, id(&call)?, event).await? {
        Tried::Answered(receipt) => json!({
            "success": (200..300).contains(&receipt.status),
            "response_status": receipt.status,
            "response_body": receipt.body,
        }),
        Tried::Failed(why) => json!({"success": false, "error_message": why}),
    };
    answer(json!({"result": result}))
}
