//! The body of a delivery (`mlflow/webhooks/types.py`).

use serde_json::{Map, Value as Json, json};

use crate::domain::date::to_rfc3339_millis;
use crate::domain::webhook::{Occurrence, WebhookEvent};

/// The tags by which MLflow tells prompts, which are not told as tags.
const OF_PROMPTS: [&str; 2] = ["mlflow.prompt.is_prompt", "_mlflow_prompt_type"];

/// The tag that is the text of a prompt's version.
const PROMPT_TEXT: &str = "mlflow.prompt.text";

/// What is told of an event, as JSON.
pub fn payload(told: &Occurrence) -> Json {
    json!({
        "entity": told.event.entity(),
        "action": told.event.action(),
        "timestamp": to_rfc3339_millis(told.at),
        "data": data(told),
        "workspace": told.workspace,
    })
}

fn data(told: &Occurrence) -> Json {
    let tags = || -> Map<String, Json> {
        told.tags.iter().map(|(key, value)| (key.clone(), Json::String(value.clone()))).collect()
    };
    let tags_of_prompt = || {
        let mut tags = tags();
        OF_PROMPTS.iter().chain([&PROMPT_TEXT]).for_each(|hidden| drop(tags.remove(*hidden)));
        tags
    };
    let (name, version) = (&told.model, &told.version);
    match told.event {
        WebhookEvent::ModelCreated => json!({"name": name, "tags": tags(), "description": told.description}),
        WebhookEvent::VersionCreated => json!({
            "name": name,
            "version": version,
            "source": told.source.as_deref().unwrap_or_default(),
            "run_id": told.run,
            "tags": tags(),
            "description": told.description,
        }),
        WebhookEvent::VersionTagSet | WebhookEvent::PromptVersionTagSet => {
            json!({"name": name, "version": version, "key": told.key, "value": told.value})
        }
        WebhookEvent::VersionTagDeleted | WebhookEvent::PromptVersionTagDeleted => {
            json!({"name": name, "version": version, "key": told.key})
        }
        WebhookEvent::AliasCreated | WebhookEvent::PromptAliasCreated => {
            json!({"name": name, "alias": told.key, "version": version})
        }
        WebhookEvent::AliasDeleted | WebhookEvent::PromptAliasDeleted => json!({"name": name, "alias": told.key}),
        WebhookEvent::PromptCreated => {
            json!({"name": name, "tags": tags_of_prompt(), "description": told.description})
        }
        WebhookEvent::PromptVersionCreated => json!({
            "name": name,
            "version": version,
            "template": told.tags.get(PROMPT_TEXT),
            "tags": tags_of_prompt(),
            "description": told.description,
        }),
        WebhookEvent::PromptTagSet => json!({"name": name, "key": told.key, "value": told.value}),
        WebhookEvent::PromptTagDeleted => json!({"name": name, "key": told.key}),
    }
}
