//! Runs: started, read, ended, searched, and what they log.

mod log;
pub mod names;
mod wire;

use actix_web::{Resource, web};
use serde_json::json;
use uuid::Uuid;

use self::wire::run_info;
use super::call::{Call, answer, done};
use super::error::Answer;
use super::experiments::{tagged, values, view};
use super::input::{Input, missing};
use super::wire::{PageLimits, RUN_NAME, cut, experiment_ref, given, tag};
use crate::domain::filter::mlflow::{clauses, order_keys};
use crate::domain::search::{Search, Searched};
use crate::domain::tracking::RunId;
use crate::domain::value::find_named;
use crate::domain::{Error, ErrorKind, Name, NodeId, Result, Value};
use crate::registry::tracking::change::NodeChanges;
use crate::registry::tracking::experiments::ExperimentRef;
use crate::registry::tracking::runs::{Run, RunDraft, RunPage};

pub use self::wire::run;

/// The longest value of a run's tag, in characters.
const MAX_TAG: usize = 8000;

/// How many runs a page has.
const PAGES: PageLimits = PageLimits { default: 1000, most: 50_000 };

/// The states of a run, in the order of their numbers from 1 on.
const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// The operations.
pub fn resources() -> Vec<Resource> {
    let mut all = vec![
        web::resource("/mlflow/runs/create").route(web::post().to(create)),
        web::resource("/mlflow/runs/get").route(web::get().to(get)),
        web::resource("/mlflow/runs/update").route(web::post().to(update)),
        web::resource("/mlflow/runs/delete").route(web::post().to(delete)),
        web::resource("/mlflow/runs/restore").route(web::post().to(restore)),
        web::resource("/mlflow/runs/search").route(web::post().to(search)),
        web::resource("/mlflow/runs/delete-tag").route(web::post().to(delete_tag)),
    ];
    all.extend(log::resources());
    all
}

/// The id of the run that a request is about, under its newer or older name.
pub fn run_id(input: &Input) -> Result<RunId> {
    let id = input.given_text("run_id")?.or(input.given_text("run_uuid")?);
    id.ok_or_else(|| missing("run_id"))?.parse()
}

/// The value of a run's tag, which is cut where it is too long.
pub fn fitting(value: &str) -> Result<String> {
    Ok(cut(value, MAX_TAG))
}

/// The name that a run is to have.
fn named(text: &str) -> Result<Name> {
    text.parse().map_err(|error: Error| error.on_field("run_name"))
}

async fn create(call: Call) -> Answer {
    let input = &call.input;
    let mut pairs = input.pairs("tags")?;
    let named_by_tag = pairs.iter().find(|(key, _)| key == RUN_NAME).map(|(_, name)| name.clone());
    pairs.retain(|(key, _)| key != RUN_NAME);
    let name = match (input.given_text("run_name")?, named_by_tag.filter(|name| !name.is_empty())) {
        (Some(name), Some(by_tag)) if name != by_tag => {
            let message = format!(
                "Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values (run_name='{name}', \
                 {RUN_NAME}='{by_tag}')."
            );
            return Err(Error::invalid("run_name", message).into());
        }
        (Some(name), _) => named(name)?,
        (None, Some(by_tag)) => named(&by_tag)?,
        (None, None) => named(&names::generate())?,
    };
    let changes = tagged(&pairs, fitting)?;
    let mut properties = values(changes.properties);
    if let Some(user) = input.given_text("user_id")? {
        properties.entry("owner".to_owned()).or_insert_with(|| user.into());
    }
    let draft = RunDraft {
        experiment: experiment_ref(input.required_text("experiment_id")?)?,
        id: RunId::from_bits(Uuid::new_v4().as_u128()),
        name,
        start: input.int("start_time")?,
        properties,
        custom: values(changes.custom),
    };
    let made = call.registry.tracking.create_run(&call.context, draft).await?;
    answer(json!({"run": run(&made)}))
}

async fn get(call: Call) -> Answer {
    answer(json!({"run": run(&find(&call).await?)}))
}

/// The run that a request asks for.
///
/// Errors: InvalidArgument; NotFound.
pub async fn find(call: &Call) -> Result<Run> {
    call.registry.tracking.get_run(&call.context, &run_id(&call.input)?).await
}

/// The status that a run is to have, by its name or its number.
fn status(input: &Input) -> Result<Option<&'static str>> {
    if let Ok(Some(number)) = input.int("status") {
        let at = number.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let found = at.and_then(|at| STATUSES.get(at).copied());
        return found
            .map(Some)
            .ok_or_else(|| Error::invalid("status", format!("status `{number}` is none of a run's")));
    }
    let Some(name) = input.given_text("status")? else { return Ok(None) };
    find_named(&STATUSES, |status| status, "status", name).map(Some)
}

async fn update(call: Call) -> Answer {
    let input = &call.input;
    let id = run_id(input)?;
    let mut changes = NodeChanges::default();
    if let Some(status) = status(input)? {
        changes.declare("status", status);
    }
    if let Some(end) = input.int("end_time")? {
        changes.declare("end_time_since_epoch", Value::Int(end));
    }
    let name = input.given_text("run_name")?.map(named).transpose()?;
    let changed = call.registry.tracking.change_run(&call.context, &id, name, changes).await?;
    answer(json!({"run_info": run_info(&changed)}))
}

async fn delete(call: Call) -> Answer {
    call.registry.tracking.set_run_archived(&call.context, &run_id(&call.input)?, true).await?;
    done()
}

async fn restore(call: Call) -> Answer {
    call.registry.tracking.set_run_archived(&call.context, &run_id(&call.input)?, false).await?;
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let (id, key) = (run_id(&call.input)?, call.input.required_text("key")?);
    if key == RUN_NAME {
        return Err(Error::invalid("key", format!("the tag `{RUN_NAME}` is the run's name, which stays")).into());
    }
    let removed = call.registry.tracking.remove_run_tag(&call.context, &id, tag(key)).await;
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Either there is no such run, or it has no such tag.
            call.registry.tracking.get_run(&call.context, &id).await?;
            Err(Error::new(error.kind(), format!("No tag with name: {key} in run with id {id}")).into())
        }
        removed => {
            removed?;
            done()
        }
    }
}

async fn search(call: Call) -> Answer {
    let page = find_page(&call).await?;
    answer(json!({"runs": given(page.runs.iter().map(run).collect()), "next_page_token": page.next}))
}

/// The page of runs that a request asks for.
///
/// Errors: InvalidArgument.
pub async fn find_page(call: &Call) -> Result<RunPage> {
    let input = &call.input;
    let size = PAGES.size(input.int("max_results")?)?;
    let search = Search {
        of: Searched::Runs,
        experiments: experiments(call, &input.texts("experiment_ids")?).await?,
        view: view(input, "run_view_type")?,
        clauses: clauses(Searched::Runs, input.text("filter")?.unwrap_or_default())?,
        order: order_keys(Searched::Runs, &input.texts("order_by")?)?,
        datasets: Vec::new(),
    };
    if search.experiments.is_empty() {
        return Ok(RunPage { runs: Vec::new(), next: None });
    }
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    call.registry.tracking.search_runs(&call.context, search, size, token).await
}

/// The nodes of the experiments with these ids. The default one is none before it is made.
pub async fn experiments(call: &Call, ids: &[&str]) -> Result<Vec<NodeId>> {
    let mut found = Vec::new();
    for id in ids {
        match experiment_ref(id)? {
            ExperimentRef::Id(id) => found.push(id),
            ExperimentRef::Named(name) | ExperimentRef::Made(name) => {
                match call.registry.tracking.get_experiment(&call.context, &ExperimentRef::Named(name)).await {
                    Ok(experiment) => found.push(experiment.id),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(found)
}
