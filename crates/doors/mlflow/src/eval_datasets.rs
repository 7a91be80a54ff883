//! Data sets to evaluate applications on, and their records.

use std::collections::BTreeMap;

use actix_web::{Resource, web};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::call::{Call, answer, done};
use super::error::Answer;
use super::input::Input;
use super::runs::experiments;
use super::wire::{PageLimits, experiment_id, experiment_ref};
use crate::domain::filter::mlflow::{clauses, order_keys};
use crate::domain::search::{Search, Searched};
use crate::domain::trace::{EvalDataset, EvalRecord};
use crate::domain::tracking::View;
use crate::domain::value::check_text;
use crate::domain::{Error, Node, Result};
use crate::registry::tracking::eval_datasets::{EvalDatasetDraft, EvalRecordDraft};
use crate::registry::tracking::experiments::ExperimentRef;

/// How many data sets, or records, a page has.
const PAGES: PageLimits = PageLimits { default: 1000, most: 50_000 };

/// The tag that says who did something.
const USER: &str = "mlflow.user";

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/datasets/create").route(web::post().to(create)),
        web::resource("/mlflow/datasets/search").route(web::post().to(search)).route(web::get().to(search)),
        web::resource("/mlflow/datasets/{dataset_id}").route(web::get().to(get)).route(web::delete().to(delete)),
        web::resource("/mlflow/datasets/{dataset_id}/tags").route(web::patch().to(set_tags)),
        web::resource("/mlflow/datasets/{dataset_id}/tags/{key:.*}").route(web::delete().to(delete_tag)),
        web::resource("/mlflow/datasets/{dataset_id}/records")
            .route(web::get().to(records))
            .route(web::post().to(upsert_records))
            .route(web::delete().to(delete_records)),
        web::resource("/mlflow/datasets/{dataset_id}/experiment-ids").route(web::get().to(experiment_ids)),
        web::resource("/mlflow/datasets/{dataset_id}/add-experiments").route(web::post().to(add_experiments)),
        web::resource("/mlflow/datasets/{dataset_id}/remove-experiments").route(web::post().to(remove_experiments)),
    ]
}

fn refs(input: &Input) -> Result<Vec<ExperimentRef>> {
    input.texts("experiment_ids")?.into_iter().map(experiment_ref).collect()
}

/// What a text of JSON says.
fn parsed<T: serde::de::DeserializeOwned>(input: &Input, name: &str) -> Result<Option<T>> {
    let Some(text) = input.given_text(name)? else { return Ok(None) };
    let parsed = serde_json::from_str(text);
    parsed
        .map(Some)
        .map_err(|error| Error::invalid(name, format!("`{name}` is not the JSON that it should be: {error}")))
}

/// The text of a tag, whatever it was; nothing where it was nothing.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// Tags, as a text of JSON.
fn tags(input: &Input) -> Result<BTreeMap<String, Option<String>>> {
    let tags: Map<String, Json> = parsed(input, "tags")?.unwrap_or_default();
    let tag = |(name, value): (String, Json)| {
        check_text("tags", &name)?;
        let value = text(&value);
        value.as_deref().map_or(Ok(()), |value| check_text("tags", value))?;
        Ok((name, value))
    };
    tags.into_iter().map(tag).collect()
}

async fn create(call: Call) -> Answer {
    let experiments = refs(&call.input)?;
    let tags = tags(&call.input)?;
    let draft = EvalDatasetDraft {
        home: experiments.first().cloned().map_or_else(|| experiment_ref("0"), Ok)?,
        experiments,
        name: call.input.required_text("name")?.to_owned(),
        by: tags.get(USER).cloned().flatten(),
        tags: tags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    };
    let (made, experiments) = call.registry.tracking.create_eval_dataset(&call.context, draft).await?;
    answer(json!({"dataset": dataset(&made, Some(&experiments))}))
}

async fn get(call: Call) -> Answer {
    let found = call.registry.tracking.get_eval_dataset(&call.context, call.segment(0)).await?;
    answer(json!({"dataset": dataset(&found, None)}))
}

async fn delete(call: Call) -> Answer {
    call.registry.tracking.remove_eval_dataset(&call.context, call.segment(0)).await?;
    done()
}

async fn search(call: Call) -> Answer {
    let input = &call.input;
    let asked = input.texts("experiment_ids")?;
    let size = PAGES.size(input.int("max_results")?.filter(|size| *size != 0))?;
    let search = Search {
        of: Searched::EvalDatasets,
        view: View::All,
        clauses: clauses(Searched::EvalDatasets, input.text("filter_string")?.unwrap_or_default())?,
        order: order_keys(Searched::EvalDatasets, &input.texts("order_by")?)?,
        datasets: Vec::new(),
        experiments: experiments(&call, &asked).await?,
    };
    if !asked.is_empty() && search.experiments.is_empty() {
        return done();
    }
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.tracking.search_eval_datasets(&call.context, search, size, token).await?;
    let datasets: Vec<Json> = page.datasets.iter().map(|each| dataset(each, None)).collect();
    answer(json!({"datasets": datasets, "next_page_token": page.next}))
}

async fn set_tags(call: Call) -> Answer {
    let tags = tags(&call.input)?;
    call.registry.tracking.change_eval_dataset_tags(&call.context, call.segment(0), tags).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let key = percent_decode_str(call.segment(1)).decode_utf8();
    let key = key.map_err(|_| Error::invalid("key", "the path is not UTF-8"))?.into_owned();
    let removed = [(key, None)].into_iter().collect();
    call.registry.tracking.change_eval_dataset_tags(&call.context, call.segment(0), removed).await?;
    done()
}

async fn experiment_ids(call: Call) -> Answer {
    let found = call.registry.tracking.list_eval_dataset_experiments(&call.context, call.segment(0)).await?;
    answer(json!({"experiment_ids": found.iter().map(experiment_id).collect::<Vec<_>>()}))
}

async fn add_experiments(call: Call) -> Answer {
    change_experiments(call, true).await
}

async fn remove_experiments(call: Call) -> Answer {
    change_experiments(call, false).await
}

async fn change_experiments(call: Call, used: bool) -> Answer {
    let experiments = refs(&call.input)?;
    let tracking = &call.registry.tracking;
    let changed = tracking.change_eval_dataset_experiments(&call.context, call.segment(0), experiments, used);
    let (changed, experiments) = changed.await?;
    answer(json!({"dataset": dataset(&changed, Some(&experiments))}))
}

async fn upsert_records(call: Call) -> Answer {
    let records: Vec<Map<String, Json>> = parsed(&call.input, "records")?.unwrap_or_default();
    let draft = |mut document: Map<String, Json>| {
        let by = document.get("tags").and_then(|tags| tags.get(USER)).and_then(text);
        // What the server says of it.
        for name in ["dataset_record_id", "dataset_id", "created_time", "last_update_time"] {
            document.remove(name);
        }
        EvalRecordDraft { document, by }
    };
    let drafts = records.into_iter().map(draft).collect();
    let done = call.registry.tracking.upsert_eval_records(&call.context, call.segment(0), drafts).await?;
    answer(json!({"inserted_count": done.inserted, "updated_count": done.updated}))
}

async fn records(call: Call) -> Answer {
    let size = PAGES.size(call.input.int("max_results")?.filter(|size| *size != 0))?;
    let (tracking, token) = (&call.registry.tracking, call.input.given_text("page_token")?);
    let (found, next) = tracking.list_eval_records(&call.context, call.segment(0), size, token).await?;
    let records: Vec<Json> = found.iter().map(|each| record(each, call.segment(0))).collect();
    answer(json!({"records": Json::Array(records).to_string(), "next_page_token": next}))
}

async fn delete_records(call: Call) -> Answer {
    let ids = call.input.texts("dataset_record_ids")?.into_iter().map(ToOwned::to_owned).collect();
    let deleted = call.registry.tracking.remove_eval_records(&call.context, call.segment(0), ids).await?;
    answer(json!({"deleted_count": deleted}))
}

/// A data set, with the experiments that use it where these are known.
fn dataset(dataset: &EvalDataset, experiments: Option<&[Node]>) -> Json {
    let digest = hex::encode(Sha256::digest(format!("{}:{}", dataset.name, dataset.updated_at)));
    let fields = dataset.fields.clone().map(|mut fields| {
        if let Some(members) = fields.as_object_mut() {
            members.insert("version".to_owned(), "1.0".into());
        }
        fields.to_string()
    });
    json!({
        "dataset_id": dataset.id,
        "name": dataset.name,
        "tags": json!(dataset.tags).to_string(),
        "schema": fields,
        "profile": (dataset.records > 0).then(|| json!({"num_records": dataset.records}).to_string()),
        "digest": digest.get(..8),
        "created_time": dataset.created_at,
        "last_update_time": dataset.updated_at,
        "created_by": dataset.created_by,
        "last_updated_by": dataset.updated_by,
        "experiment_ids": experiments.map(|all| all.iter().map(experiment_id).collect::<Vec<_>>()),
    })
}

fn record(record: &EvalRecord, dataset: &str) -> Json {
    let mut shown = record.document.clone();
    let own = json!({
        "dataset_record_id": record.id,
        "dataset_id": dataset,
        "created_time": record.created_at,
        "last_update_time": record.updated_at,
    });
    if let Json::Object(own) = own {
        shown.extend(own);
    }
    Json::Object(shown)
}
