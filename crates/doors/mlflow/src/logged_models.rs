//! Logged models: made by runs, filled with files, finalized, tagged, searched.

use actix_web::{Resource, web};
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::artifacts::model_root;
use super::call::{Call, answer, done};
use super::error::Answer;
use super::input::{Input, missing};
use super::runs::{experiments, names};
use super::wire::{PageLimits, cut, experiment_id, experiment_ref, given, metric, tags};
use crate::domain::filter::mlflow::{clauses, logged_model_order};
use crate::domain::search::{OrderKey, Search, Searched};
use crate::domain::tracking::{LoggedModelId, View};
use crate::domain::{ArtifactState, Error, Properties, Result, Value};
use crate::registry::tracking::logged_models::{Finalized, LoggedModel, LoggedModelDraft};

/// The tag that says which versions were made of a logged model. It follows from them: what clients write there is not kept.
const VERSIONS: &str = "mlflow.modelVersions";

/// The longest key of a tag, in characters.
const MAX_TAG_KEY: usize = 250;

/// The longest value of a parameter, in characters.
const MAX_PARAM: usize = 6000;

/// How many models a page has.
const PAGES: PageLimits = PageLimits { default: 100, most: 10_000 };

const PENDING: &str = "LOGGED_MODEL_PENDING";
const READY: &str = "LOGGED_MODEL_READY";
const UPLOAD_FAILED: &str = "LOGGED_MODEL_UPLOAD_FAILED";

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/logged-models").route(web::post().to(create)),
        web::resource("/mlflow/logged-models/search").route(web::post().to(search)),
        web::resource("/mlflow/logged-models/{model_id}")
            .route(web::get().to(get))
            .route(web::patch().to(finalize))
            .route(web::delete().to(delete)),
        web::resource("/mlflow/logged-models/{model_id}/tags").route(web::patch().to(set_tags)),
        web::resource("/mlflow/logged-models/{model_id}/tags/{tag_key:.*}").route(web::delete().to(delete_tag)),
        web::resource("/mlflow/logged-models/{model_id}/params").route(web::post().to(log_params)),
    ]
}

async fn create(call: Call) -> Answer {
    let input = &call.input;
    let name = input.given_text("name")?.map_or_else(names::generate, ToOwned::to_owned);
    let draft = LoggedModelDraft {
        experiment: experiment_ref(input.required_text("experiment_id")?)?,
        id: LoggedModelId::from_bits(Uuid::new_v4().as_u128()),
        name,
        kind: input.given_text("model_type")?.map(ToOwned::to_owned),
        source_run: input.given_text("source_run_id")?.map(str::parse).transpose()?,
        params: params(input)?,
        custom: tagged(input)?,
    };
    let made = call.registry.tracking.create_logged_model(&call.context, draft).await?;
    answer(json!({"model": model(&made)}))
}

/// The parameters of a request. Stock loggers rely on long values being cut.
fn params(input: &Input) -> Result<Vec<(String, String)>> {
    let params = input.pairs("params")?;
    Ok(params.into_iter().map(|(key, value)| (key, cut(&value, MAX_PARAM))).collect())
}

/// The tags of a request, but for what follows from something else.
fn tagged(input: &Input) -> Result<Properties> {
    let mut tags = Properties::new();
    for (key, value) in input.pairs("tags")?.into_iter().filter(|(key, _)| key != VERSIONS) {
        let chars = key.chars().count();
        if chars > MAX_TAG_KEY {
            let message = format!("the key of a tag has {chars} characters, more than {MAX_TAG_KEY}");
            return Err(Error::invalid("tags", message));
        }
        tags.insert(key, Value::String(value));
    }
    Ok(tags)
}

fn id(call: &Call) -> Result<LoggedModelId> {
    call.segment(0).parse()
}

async fn get(call: Call) -> Answer {
    let removed = call.input.bool("allow_deleted")?;
    let found = call.registry.tracking.get_logged_model(&call.context, &id(&call)?, removed).await?;
    answer(json!({"model": model(&found)}))
}

async fn finalize(call: Call) -> Answer {
    let finalized = finalized(&call.input)?;
    let changed = call.registry.tracking.finalize_logged_model(&call.context, &id(&call)?, finalized).await?;
    answer(json!({"model": model(&changed)}))
}

/// How a model ended: by the name of its status, as stock clients say it, or by its number.
fn finalized(input: &Input) -> Result<Finalized> {
    let name = match input.int("status") {
        Ok(Some(2)) => READY,
        Ok(Some(3)) => UPLOAD_FAILED,
        Ok(Some(_)) => "",
        Ok(None) => return Err(missing("status")),
        Err(_) => input.required_text("status")?,
    };
    match name {
        READY => Ok(Finalized::Ready),
        UPLOAD_FAILED => Ok(Finalized::Failed),
        _ => Err(Error::invalid("status", format!("`status` is neither `{READY}` nor `{UPLOAD_FAILED}`"))),
    }
}

async fn delete(call: Call) -> Answer {
    call.registry.tracking.remove_logged_model(&call.context, &id(&call)?).await?;
    done()
}

async fn set_tags(call: Call) -> Answer {
    let tags = tagged(&call.input)?;
    call.registry.tracking.set_logged_model_tags(&call.context, &id(&call)?, tags).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let key = percent_decode_str(call.segment(1)).decode_utf8();
    let key = key.map_err(|_| Error::invalid("tag_key", "the path is not UTF-8"))?;
    call.registry.tracking.remove_logged_model_tag(&call.context, &id(&call)?, &key).await?;
    done()
}

async fn log_params(call: Call) -> Answer {
    let params = params(&call.input)?;
    call.registry.tracking.log_logged_model_params(&call.context, &id(&call)?, params).await?;
    done()
}

async fn search(call: Call) -> Answer {
    let input = &call.input;
    let ids = input.texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(missing("experiment_ids").into());
    }
    let size = PAGES.size(input.int("max_results")?.filter(|size| *size != 0))?;
    let search = Search {
        of: Searched::LoggedModels,
        view: View::Active,
        clauses: clauses(Searched::LoggedModels, input.text("filter")?.unwrap_or_default())?,
        order: input.messages("order_by")?.iter().map(order_key).collect::<Result<_>>()?,
        datasets: input.messages("datasets")?.iter().map(dataset).collect::<Result<_>>()?,
        experiments: experiments(&call, &ids).await?,
    };
    if search.experiments.is_empty() {
        return done();
    }
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.tracking.search_logged_models(&call.context, search, size, token).await?;
    answer(json!({"models": given(page.models.iter().map(model).collect()), "next_page_token": page.next}))
}

fn dataset(input: &Input) -> Result<(String, Option<String>)> {
    let digest = input.given_text("dataset_digest")?.map(ToOwned::to_owned);
    Ok((input.required_text("dataset_name")?.to_owned(), digest))
}

fn order_key(input: &Input) -> Result<OrderKey> {
    let ascending = !input.has("ascending")? || input.bool("ascending")?;
    let digest = input.given_text("dataset_digest")?;
    let dataset = input.given_text("dataset_name")?.map(|name| (name, digest));
    logged_model_order(input.required_text("field_name")?, ascending, dataset)
}

/// A logged model with all that it has.
fn model(model: &LoggedModel) -> Json {
    let mut custom = model.node.custom.clone();
    custom.remove(VERSIONS);
    let version = |(name, number): &(String, i64)| json!({"name": name, "version": number.to_string()});
    let versions: Vec<Json> = model.versions.iter().map(version).collect();
    if !versions.is_empty() {
        custom.insert(VERSIONS.to_owned(), Value::String(json!(versions).to_string()));
    }
    let metrics = model.metrics.iter().map(|each| {
        let (name, digest) = &each.dataset;
        let dataset = [("dataset_name", name), ("dataset_digest", digest)];
        let dataset = dataset.into_iter().filter(|(_, text)| !text.is_empty());
        let more = [("model_id", model.id.as_str()), ("run_id", each.run.as_str())].into_iter();
        let more = more.chain(dataset.map(|(member, text)| (member, text.as_str())));
        metric(&each.name, each.point, more.map(|(member, text)| (member, text.into())))
    });
    let params = model.params.iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({
        "info": {
            "model_id": model.id.as_str(),
            "experiment_id": experiment_id(&model.experiment),
            "name": model.node.text("model_source_name"),
            "creation_timestamp_ms": model.node.created_at,
            "last_updated_timestamp_ms": model.node.updated_at,
            "artifact_uri": model_root(&model.id, &model.experiment),
            "status": status(model),
            "model_type": model.node.text("model_source_class").unwrap_or_default(),
            "source_run_id": model.source_run.as_ref().map(|run| run.as_str()),
            "tags": given(tags(&custom)),
            "registrations": given(versions),
        },
        "data": {"params": given(params.collect()), "metrics": given(metrics.collect())},
    })
}

/// The status of a model. One that is removed counts as one that could be used.
fn status(model: &LoggedModel) -> &'static str {
    let is = |state: ArtifactState| model.node.state == Some(state.number());
    if is(ArtifactState::Pending) {
        PENDING
    } else if is(ArtifactState::Abandoned) {
        UPLOAD_FAILED
    } else {
        READY
    }
}
