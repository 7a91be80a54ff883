//! The body of a delivery (`mlflow/webhooks/types.py`).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::domain::date::to_rfc3339_millis;
use crate::domain::webhook::{Occurrence, WebhookEvent};

/// The tag that is the text of a prompt's version.
const PROMPT_TEXT: &str = "mlflow.prompt.text";

/// The tags of a prompt that MLflow keeps for itself and does not show.
const HIDDEN: [&str; 3] = ["mlflow.prompt.is_prompt", "_mlflow_prompt_type", PROMPT_TEXT];

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
    let tags_of_prompt =
        || told.tags.iter().filter(|(key, _)| !HIDDEN.contains(&key.as_str())).collect::<BTreeMap<_, _>>();
    let (name, version) = (&told.model, &told.version);
    match told.event {
        WebhookEvent::ModelCreated => json!({"name": name, "tags": told.tags, "description": told.description}),
        WebhookEvent::VersionCreated => json!({
            "name": name,
            "version": version,
            "source": told.source.as_deref().unwrap_or_default(),
            "run_id": told.run,
            "tags": told.tags,
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
