//! Experiments.

use std::collections::BTreeMap;

use actix_web::{Resource, web};
use serde_json::json;

use super::call::{Call, answer, done};
use super::error::Answer;
use super::input::Input;
use super::wire::{PageLimits, check_key, experiment, experiment_id, experiment_named, experiment_ref, given, tag};
use crate::domain::filter::mlflow::{clauses, order_keys};
use crate::domain::search::{Search, Searched};
use crate::domain::tracking::View;
use crate::domain::value::find_named;
use crate::domain::{Change, Draft, Error, Name, Node, Properties, Result, Value};
use crate::registry::tracking::change::NodeChanges;
use crate::registry::tracking::experiments::ExperimentRef;

/// The longest name, in characters.
const MAX_NAME: usize = 500;

/// The longest value of a tag, in characters.
const MAX_TAG: usize = 20_000;

/// How many experiments a page has.
const PAGES: PageLimits = PageLimits { default: 1000, most: 50_000 };

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/experiments/create").route(web::post().to(create)),
        web::resource("/mlflow/experiments/get").route(web::get().to(get)),
        web::resource("/mlflow/experiments/get-by-name").route(web::get().to(get_by_name)),
        web::resource("/mlflow/experiments/search").route(web::post().to(search)).route(web::get().to(search)),
        web::resource("/mlflow/experiments/delete").route(web::post().to(delete)),
        web::resource("/mlflow/experiments/restore").route(web::post().to(restore)),
        web::resource("/mlflow/experiments/update").route(web::post().to(update)),
        web::resource("/mlflow/experiments/set-experiment-tag").route(web::post().to(set_tag)),
        web::resource("/mlflow/experiments/delete-experiment-tag").route(web::post().to(delete_tag)),
        web::resource("/mlflow/experiments/search-datasets").route(web::post().to(search_datasets)),
    ]
}

/// Whether things that are deleted are wanted.
pub fn view(input: &Input, name: &str) -> Result<View> {
    let Some(text) = input.given_text(name)? else { return Ok(View::Active) };
    let name_of = |view| match view {
        View::Active => "ACTIVE_ONLY",
        View::Archived => "DELETED_ONLY",
        View::All => "ALL",
    };
    find_named(&[View::Active, View::Archived, View::All], name_of, name, text)
}

/// The changes that tags are, whose values `fitting` cuts or refuses where they are too long.
pub fn tagged(pairs: &[(String, String)], fitting: fn(&str) -> Result<String>) -> Result<NodeChanges> {
    let mut changes = NodeChanges::default();
    for (key, value) in pairs {
        check_key("key", key)?;
        changes.set(&tag(key), Change::Set(Value::String(fitting(value)?)));
    }
    Ok(changes)
}

/// The value of a tag of an experiment.
///
/// Errors: InvalidArgument where it is too long.
fn fitting(value: &str) -> Result<String> {
    let chars = value.chars().count();
    if chars > MAX_TAG {
        return Err(Error::invalid("value", format!("`value` has {chars} characters, more than {MAX_TAG}")));
    }
    Ok(value.to_owned())
}

/// Where the files of an experiment are to be.
///
/// Errors: InvalidArgument where it is no plain place.
fn location(input: &Input) -> Result<Option<&str>> {
    let Some(location) = input.given_text("artifact_location")? else { return Ok(None) };
    let decoded = percent_encoding::percent_decode_str(location).decode_utf8_lossy();
    let is_plain = !location.contains(['#', '?']) && !decoded.split(['/', '\\']).any(|part| part == "..");
    if !is_plain {
        let message = format!("`artifact_location` is `{location}`, which has a fragment, a query or `..`");
        return Err(Error::invalid("artifact_location", message));
    }
    Ok(Some(location))
}

fn name(input: &Input, field: &str) -> Result<Name> {
    let name = input.required_text(field)?;
    let chars = name.chars().count();
    if chars > MAX_NAME {
        return Err(Error::invalid(field, format!("`{field}` has {chars} characters, more than {MAX_NAME}")));
    }
    name.parse().map_err(|error: Error| error.on_field(field))
}

fn wanted(call: &Call) -> Result<ExperimentRef> {
    experiment_ref(call.input.required_text("experiment_id")?)
}

/// What changes set.
pub fn values(changes: BTreeMap<String, Change<Value>>) -> Properties {
    let set = |(name, change)| match change {
        Change::Set(value) => Some((name, value)),
        Change::Keep | Change::Clear => None,
    };
    changes.into_iter().filter_map(set).collect()
}

async fn create(call: Call) -> Answer {
    let name = name(&call.input, "name")?;
    let changes = tagged(&call.input.pairs("tags")?, fitting)?;
    let location = location(&call.input)?;
    let draft = Draft { properties: values(changes.properties), custom: values(changes.custom), ..Draft::named(name) };
    let made =
        call.registry.tracking.create_experiment(&call.context, draft.with("artifact_location", location)).await?;
    answer(json!({"experiment_id": experiment_id(&made)}))
}

async fn get(call: Call) -> Answer {
    answer(json!({"experiment": experiment(&find(&call).await?)}))
}

/// The experiment that a request asks for.
///
/// Errors: InvalidArgument; NotFound.
pub async fn find(call: &Call) -> Result<Node> {
    call.registry.tracking.get_experiment(&call.context, &wanted(call)?).await
}

async fn get_by_name(call: Call) -> Answer {
    let wanted = experiment_named(call.input.required_text("experiment_name")?.parse()?);
    let found = call.registry.tracking.get_experiment(&call.context, &wanted).await?;
    answer(json!({"experiment": experiment(&found)}))
}

async fn search(call: Call) -> Answer {
    let input = &call.input;
    let search = Search {
        of: Searched::Experiments,
        experiments: Vec::new(),
        view: view(input, "view_type")?,
        clauses: clauses(Searched::Experiments, input.text("filter")?.unwrap_or_default())?,
        order: order_keys(Searched::Experiments, &input.texts("order_by")?)?,
        datasets: Vec::new(),
    };
    let size = PAGES.size(input.int("max_results")?)?;
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.tracking.search_experiments(&call.context, search, size, token).await?;
    answer(json!({
        "experiments": given(page.nodes.iter().map(experiment).collect()),
        "next_page_token": page.next,
    }))
}

async fn delete(call: Call) -> Answer {
    call.registry.tracking.set_experiment_archived(&call.context, wanted(&call)?, true).await?;
    done()
}

async fn restore(call: Call) -> Answer {
    call.registry.tracking.set_experiment_archived(&call.context, wanted(&call)?, false).await?;
    done()
}

async fn update(call: Call) -> Answer {
    let changes = NodeChanges { name: Some(name(&call.input, "new_name")?), ..NodeChanges::default() };
    call.registry.tracking.change_experiment(&call.context, wanted(&call)?, changes).await?;
    done()
}

async fn set_tag(call: Call) -> Answer {
    let pair = (call.input.required_text("key")?.to_owned(), call.input.text("value")?.unwrap_or_default().to_owned());
    let changes = tagged(&[pair], fitting)?;
    call.registry.tracking.change_experiment(&call.context, wanted(&call)?, changes).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let tag = tag(call.input.required_text("key")?);
    call.registry.tracking.remove_experiment_tag(&call.context, wanted(&call)?, tag).await?;
    done()
}

async fn search_datasets(call: Call) -> Answer {
    let wanted = call.input.texts("experiment_ids")?.into_iter().map(experiment_ref).collect::<Result<Vec<_>>>()?;
    let used = call.registry.tracking.list_datasets(&call.context, wanted).await?;
    let summary = |used: &crate::registry::tracking::inputs::UsedDataset| {
        let context = used.tags.iter().find(|(name, _)| name == "mlflow.data.context").map(|(_, value)| value);
        json!({
            "experiment_id": experiment_id(&used.experiment),
            "name": used.dataset.display_name(),
            "digest": used.dataset.text("digest"),
            "context": context,
        })
    };
    answer(json!({"dataset_summaries": given(used.iter().map(summary).collect())}))
}
