//! Models and versions as answers show them.

use serde_json::{Value as Json, json};

use crate::domain::{Properties, Value};
use crate::registry::numbered::{NumberedModel, NumberedVersion};
use crate::wire::{given, tags};

/// The tag of a version that has another name than its number: that name.
const NAME: &str = "modelport.version";

/// A registered model. What upstream leaves out where it is empty is left out.
pub fn model(shown: &NumberedModel) -> Json {
    let NumberedModel { model, aliases, latest } = shown;
    let aliases = aliases.iter().map(|(alias, number)| json!({"alias": alias, "version": number.to_string()}));
    json!({
        "name": model.name,
        "creation_timestamp": model.created_at,
        "last_updated_timestamp": model.updated_at,
        "description": model.text("description").filter(|text| !text.is_empty()),
        "latest_versions": given(latest.iter().map(version).collect()),
        "tags": given(tags(&model.custom)),
        "aliases": given(aliases.collect()),
    })
}

/// A version.
pub fn version(shown: &NumberedVersion) -> Json {
    let node = &shown.version;
    json!({
        "name": shown.model,
        "version": shown.number.to_string(),
        "creation_timestamp": node.created_at,
        "last_updated_timestamp": node.updated_at,
        "current_stage": shown.stage.name(),
        "description": node.text("description").unwrap_or_default(),
        "source": shown.source.as_deref().unwrap_or_default(),
        "run_id": shown.run.as_deref().unwrap_or_default(),
        "status": "READY",
        "run_link": node.text("run_link").unwrap_or_default(),
        "tags": given(tags(&tags_of(shown))),
        "aliases": given(shown.aliases.iter().map(|alias| json!(alias)).collect()),
    })
}

/// The tags of a version, with its name where that says more than its number.
fn tags_of(shown: &NumberedVersion) -> Properties {
    let mut tags = shown.version.custom.clone();
    let name = shown.version.name.as_deref().filter(|name| **name != shown.number.to_string());
    tags.extend(name.map(|name| (NAME.to_owned(), Value::from(name))));
    tags
}
