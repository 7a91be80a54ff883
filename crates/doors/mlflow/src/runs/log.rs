//! What runs log: metrics, parameters, tags, data sets and models.

use std::collections::BTreeSet;

use actix_web::{Resource, web};

use super::super::call::{Call, done};
use super::super::error::Answer;
use super::super::experiments::tagged;
use super::super::input::Input;
use super::super::wire::{RUN_NAME, check_key, cut, tag};
use super::{fitting, named, run_id};
use crate::domain::tracking::{LoggedModelId, Role};
use crate::domain::{Error, MetricPoint, Name, Properties, Result, Value};
use crate::registry::metrics::NamedPoint;
use crate::registry::tracking::batch::Batch;
use crate::registry::tracking::inputs::{DatasetInput, ModelUse};
use crate::registry::tracking::logged_models::ModelPoint;

/// How many of each a batch has at most, and all of them together.
const MAX_METRICS: usize = 1000;
const MAX_PARAMS: usize = 100;
const MAX_TAGS: usize = 100;
const MAX_TOTAL: usize = 1000;

/// The longest value of a parameter, in characters.
const MAX_PARAM: usize = 6000;

/// How many data sets and models one request names.
const MAX_USES: usize = 1000;

/// The tag with all that was said of a run's models by `runs/log-model`.
const MODEL_HISTORY: &str = "mlflow.log-model.history";

/// What it says of each.
const MODEL_MEMBERS: [&str; 4] = ["artifact_path", "flavors", "run_id", "utc_time_created"];

pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/runs/log-metric").route(web::post().to(log_metric)),
        web::resource("/mlflow/runs/log-parameter").route(web::post().to(log_parameter)),
        web::resource("/mlflow/runs/set-tag").route(web::post().to(set_tag)),
        web::resource("/mlflow/runs/log-batch").route(web::post().to(log_batch)),
        web::resource("/mlflow/runs/log-inputs").route(web::post().to(log_inputs)),
        web::resource("/mlflow/runs/outputs").route(web::post().to(log_outputs)),
        web::resource("/mlflow/runs/log-model").route(web::post().to(log_model)),
    ]
}

/// A point, and what it says of a logged model.
fn point(input: &Input) -> Result<(NamedPoint, Option<ModelPoint>)> {
    let key = input.required_text("key")?;
    check_key("key", key)?;
    let point = MetricPoint {
        value: input.required_double("value")?,
        step: input.int("step")?.unwrap_or(0),
        at: input.required_int("timestamp")?,
    };
    if point.at < 0 {
        return Err(Error::invalid("timestamp", format!("`timestamp` {} is before the epoch", point.at)));
    }
    let dataset = match (input.given_text("dataset_name")?, input.given_text("dataset_digest")?) {
        (None, None) => None,
        (name, digest) => Some((name.unwrap_or_default().to_owned(), digest.unwrap_or_default().to_owned())),
    };
    let model = input.given_text("model_id")?.map(str::parse::<LoggedModelId>).transpose()?;
    let of_model = model.map(|model| ModelPoint { model, name: key.to_owned(), dataset, point });
    let named = NamedPoint { name: key.parse()?, value: point.value, step: point.step, at: Some(point.at) };
    Ok((named, of_model))
}

fn parameter(key: &str, value: &str) -> Result<(Name, String)> {
    check_key("key", key)?;
    Ok((key.parse()?, cut(value, MAX_PARAM)))
}

/// Adds tags to a batch; one of them is the run's name.
fn add_tags(batch: &mut Batch, mut pairs: Vec<(String, String)>) -> Result<()> {
    if let Some((_, name)) = pairs.iter().rev().find(|(key, _)| key == RUN_NAME) {
        batch.name = Some(named(name)?);
    }
    pairs.retain(|(key, _)| key != RUN_NAME);
    batch.changes = tagged(&pairs, fitting)?;
    Ok(())
}

async fn log(call: &Call, batch: Batch) -> Answer {
    call.registry.tracking.log(&call.context, &run_id(&call.input)?, batch).await?;
    done()
}

async fn log_metric(call: Call) -> Answer {
    let (point, of_model) = point(&call.input)?;
    let batch = Batch { points: vec![point], model_points: of_model.into_iter().collect(), ..Batch::default() };
    log(&call, batch).await
}

async fn log_parameter(call: Call) -> Answer {
    let value = call.input.text("value")?.unwrap_or_default();
    let parameters = vec![parameter(call.input.required_text("key")?, value)?];
    log(&call, Batch { parameters, ..Batch::default() }).await
}

async fn set_tag(call: Call) -> Answer {
    let pair = (call.input.required_text("key")?.to_owned(), call.input.text("value")?.unwrap_or_default().to_owned());
    let mut batch = Batch::default();
    add_tags(&mut batch, vec![pair])?;
    log(&call, batch).await
}

fn check_count(field: &str, count: usize, most: usize) -> Result<()> {
    if count > most {
        let message = format!("A batch logging request can contain at most {most} {field}. Got {count} {field}.");
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

async fn log_batch(call: Call) -> Answer {
    let (metrics, params) = (call.input.messages("metrics")?, call.input.pairs("params")?);
    let pairs = call.input.pairs("tags")?;
    check_count("metrics", metrics.len(), MAX_METRICS)?;
    check_count("params", params.len(), MAX_PARAMS)?;
    check_count("tags", pairs.len(), MAX_TAGS)?;
    let total = metrics.len() + params.len() + pairs.len();
    check_count("metrics, params and tags", total, MAX_TOTAL)?;
    let mut batch = Batch::default();
    for each in &metrics {
        let (point, of_model) = point(each)?;
        batch.points.push(point);
        batch.model_points.extend(of_model);
    }
    let mut keys = BTreeSet::new();
    for (key, value) in &params {
        if !keys.insert(key) {
            return Err(
                Error::invalid("params", format!("Duplicate parameter keys have been submitted: ['{key}']")).into()
            );
        }
        batch.parameters.push(parameter(key, value)?);
    }
    add_tags(&mut batch, pairs)?;
    log(&call, batch).await
}

async fn log_inputs(call: Call) -> Answer {
    let id = run_id(&call.input)?;
    let inputs = call.input.messages("datasets")?;
    let models = call.input.messages("models")?;
    check_count("datasets", inputs.len(), MAX_USES)?;
    check_count("models", models.len(), MAX_USES)?;
    let datasets = inputs.iter().map(dataset).collect::<Result<Vec<_>>>()?;
    let models = models.iter().map(|model| used(model, Role::Input)).collect::<Result<Vec<_>>>()?;
    call.registry.tracking.log_uses(&call.context, &id, datasets, models).await?;
    done()
}

async fn log_outputs(call: Call) -> Answer {
    let id = run_id(&call.input)?;
    let models = call.input.messages("models")?;
    check_count("models", models.len(), MAX_USES)?;
    let models = models.iter().map(|model| used(model, Role::Output)).collect::<Result<Vec<_>>>()?;
    call.registry.tracking.log_uses(&call.context, &id, Vec::new(), models).await?;
    done()
}

fn used(input: &Input, role: Role) -> Result<ModelUse> {
    let model = input.required_text("model_id")?.parse()?;
    Ok(ModelUse { model, role, step: input.int("step")?.unwrap_or(0) })
}

fn dataset(input: &Input) -> Result<DatasetInput> {
    let dataset = input.nested("dataset")?.ok_or_else(|| super::super::input::missing("dataset"))?;
    let mut properties = Properties::new();
    for (name, is_required) in [("source_type", true), ("source", true), ("schema", false), ("profile", false)] {
        let value = if is_required { Some(dataset.required_text(name)?) } else { dataset.text(name)? };
        properties.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    }
    let tags = input.pairs("tags")?;
    tags.iter().try_for_each(|(key, _)| check_key("key", key))?;
    Ok(DatasetInput {
        name: dataset.required_text("name")?.parse()?,
        digest: dataset.required_text("digest")?.to_owned(),
        properties,
        tags,
    })
}

/// What older clients say of the models of a run is kept in a tag, one after the other.
async fn log_model(call: Call) -> Answer {
    let id = run_id(&call.input)?;
    let model: serde_json::Value = serde_json::from_str(call.input.required_text("model_json")?)
        .map_err(|error| Error::invalid("model_json", format!("`model_json` is not JSON: {error}")))?;
    if let Some(member) = MODEL_MEMBERS.iter().find(|member| model.get(**member).is_none()) {
        return Err(Error::invalid("model_json", format!("`model_json` has no `{member}`")).into());
    }
    let run = call.registry.tracking.get_run(&call.context, &id).await?;
    let there = run.node.custom.get(MODEL_HISTORY).and_then(Value::as_str).unwrap_or("[]");
    let mut history: Vec<serde_json::Value> = serde_json::from_str(there).unwrap_or_default();
    history.push(model);
    let mut batch = Batch::default();
    let text = serde_json::Value::from(history).to_string();
    batch.changes.set(&tag(MODEL_HISTORY), crate::domain::Change::Set(text.as_str().into()));
    log(&call, batch).await
}
