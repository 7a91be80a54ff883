//! Traces: said by clients at their end, completed by spans in OpenTelemetry's protocol, read, searched, labelled, removed.

mod export;
mod measured;
mod old;
mod otlp;
mod otlp_json;
mod received;
mod wire;

use actix_web::Resource;
use actix_web::web::{self, ServiceConfig};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::call::{Call, answer, done, verbatim};
use super::error::Answer;
use super::input::{Input, missing};
use super::runs::experiments;
use super::unimplemented;
use super::wire::{PageLimits, cut, experiment_ref};
use crate::domain::filter::mlflow::{clauses, order_keys};
use crate::domain::search::{Search, Searched};
use crate::domain::trace::{Chosen, TraceId};
use crate::domain::tracking::View;
use crate::domain::{Error, Name, Result};
use crate::registry::tracking::traces::{FoundTrace, TracePage};

pub use wire::{assessment, said, value};

/// Where spans arrive, as OpenTelemetry's protocol has it.
const EXPORT: &str = "/v1/traces";

/// How many traces a page has.
const PAGES: PageLimits = PageLimits { default: 100, most: 500 };

/// How many traces are linked or fetched at once.
const MAX_AT_ONCE: usize = 100;

/// The longest value of a tag, in characters.
const MAX_TAG: usize = 8000;

/// The longest name of a tag, in characters.
const MAX_TAG_KEY: usize = 250;

/// The tag that is a trace's name.
const NAME: &str = "mlflow.traceName";

/// The tags that follow from where spans and files are.
const DERIVED: [&str; 4] =
    [SPANS_LOCATION, ARTIFACT_LOCATION, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"];
const SPANS_LOCATION: &str = "mlflow.trace.spansLocation";
const ARTIFACT_LOCATION: &str = "mlflow.artifactLocation";

/// The route at the server's root: OpenTelemetry's (OTLP/HTTP).
pub fn routes(service: &mut ServiceConfig) {
    service.service(web::resource(EXPORT).route(web::post().to(export::export)));
}

/// Whether the route of that pattern decodes bodies that are encoded: that of spans does, at the server's root and below the pages.
pub fn decodes(pattern: &str) -> bool {
    pattern.ends_with(EXPORT)
}

/// The operations.
pub fn resources() -> Vec<Resource> {
    let other = || web::to(unimplemented::answer);
    vec![
        web::resource("/mlflow/traces")
            .route(web::post().to(start))
            .route(web::get().to(old::search))
            .default_service(other()),
        web::resource("/mlflow/traces/search").route(web::post().to(search)),
        web::resource("/mlflow/traces/get").route(web::get().to(get)),
        web::resource("/mlflow/traces/batchGet").route(web::get().to(get_all)),
        web::resource("/mlflow/traces/batchGetInfos").route(web::post().to(get_infos)),
        web::resource("/mlflow/traces/delete-traces").route(web::post().to(delete)),
        web::resource("/mlflow/traces/link-to-run").route(web::post().to(link_to_run)),
        web::resource("/mlflow/traces/link-prompts").route(web::post().to(link_prompts)),
        web::resource("/mlflow/traces/metrics").route(web::post().to(measured::query)),
        web::resource("/mlflow/traces/calculate-filter-correlation").route(web::post().to(measured::correlation)),
        web::resource("/mlflow/traces/{trace_id}")
            .route(web::get().to(get_info))
            .route(web::patch().to(old::end))
            .default_service(other()),
        web::resource("/mlflow/traces/{trace_id}/info").route(web::get().to(old::get)),
        web::resource("/mlflow/traces/{trace_id}/tags")
            .route(web::patch().to(set_tag))
            .route(web::delete().to(delete_tag)),
    ]
}

/// The trace that a path names.
pub fn id(call: &Call) -> Result<TraceId> {
    let id = percent_decode_str(call.segment(0)).decode_utf8();
    id.map_err(|_| Error::invalid("trace_id", "the path is not UTF-8"))?.parse()
}

async fn start(call: Call) -> Answer {
    // The operation of the API's version 2 has no such field.
    let Some(trace) = call.input.nested("trace")? else { return old::start(&call).await };
    let info = trace.nested("trace_info")?.ok_or_else(|| missing("trace.trace_info"))?;
    let (experiment, draft) = wire::draft(&info, call.context.now())?;
    let stored = call.registry.tracking.put_trace(&call.context, experiment, draft).await?;
    verbatim(&json!({"trace": {"trace_info": wire::info(&stored)}}))
}

async fn get_info(call: Call) -> Answer {
    let found = call.registry.tracking.get_trace(&call.context, &id(&call)?, false).await?;
    verbatim(&json!({"trace": {"trace_info": wire::info(&found)}}))
}

async fn get(call: Call) -> Answer {
    let id: TraceId = call.input.required_text("trace_id")?.parse()?;
    let found = call.registry.tracking.get_trace(&call.context, &id, true).await?;
    if !call.input.bool("allow_partial")? && !wire::is_whole(&found) {
        let message = format!("trace `{id}` with all of its spans: they are not here, or not yet");
        return Err(Error::not_found(message).into());
    }
    verbatim(&json!({"trace": wire::trace(&found)}))
}

async fn get_all(call: Call) -> Answer {
    let found = many(&call, true).await?;
    let traces: Vec<_> = found.iter().filter(|each| each.trace.has_spans).map(wire::trace).collect();
    verbatim(&json!({"traces": traces}))
}

async fn get_infos(call: Call) -> Answer {
    let found = many(&call, false).await?;
    verbatim(&json!({"trace_infos": found.iter().map(wire::info).collect::<Vec<_>>()}))
}

async fn many(call: &Call, with_spans: bool) -> Result<Vec<FoundTrace>> {
    let ids = ids(&call.input, "trace_ids")?;
    let within = match call.input.has("experiment_ids")? {
        true => Some(experiments(call, &call.input.texts("experiment_ids")?).await?),
        false => None,
    };
    call.registry.tracking.get_traces(&call.context, ids, within, with_spans).await
}

/// The traces that a list names; what is no id is that of none.
fn ids(input: &Input, name: &str) -> Result<Vec<TraceId>> {
    let ids = input.texts(name)?;
    if ids.is_empty() {
        return Err(missing(name));
    }
    if ids.len() > MAX_AT_ONCE {
        let message = format!("`{name}` has {} traces, more than {MAX_AT_ONCE}", ids.len());
        return Err(Error::invalid(name, message));
    }
    Ok(ids.into_iter().filter_map(|id| id.parse().ok()).collect())
}

async fn search(call: Call) -> Answer {
    let input = &call.input;
    let locations = input.messages("locations")?;
    if locations.is_empty() {
        return Err(missing("locations").into());
    }
    let mut within: Vec<String> = Vec::new();
    for location in &locations {
        if let Some(experiment) = location.nested("mlflow_experiment")? {
            within.push(experiment.required_text("experiment_id")?.to_owned());
        }
    }
    let page = find(&call, &within.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let mut members = json!({"traces": page.traces.iter().map(wire::info).collect::<Vec<_>>()});
    if let (Some(next), Some(members)) = (page.next, members.as_object_mut()) {
        members.insert("next_page_token".to_owned(), next.into());
    }
    verbatim(&members)
}

/// A page of the traces of these experiments that a request asks for.
async fn find(call: &Call, within: &[&str]) -> Result<TracePage> {
    let input = &call.input;
    let size = PAGES.size(input.int("max_results")?.filter(|size| *size != 0))?;
    let search = Search {
        of: Searched::Traces,
        view: View::All,
        clauses: clauses(Searched::Traces, input.text("filter")?.unwrap_or_default())?,
        order: order_keys(Searched::Traces, &input.texts("order_by")?)?,
        datasets: Vec::new(),
        experiments: experiments(call, within).await?,
    };
    let token = input.given_text("page_token")?.map(ToOwned::to_owned);
    call.registry.tracking.search_traces(&call.context, search, size, token).await
}

async fn delete(call: Call) -> Answer {
    let input = &call.input;
    let experiment = experiment_ref(input.required_text("experiment_id")?)?;
    let named = input.texts("request_ids")?;
    let (until, most) = (input.int("max_timestamp_millis")?, input.int("max_traces")?);
    if until.is_some() != named.is_empty() {
        let message = "either `max_timestamp_millis` or `request_ids` has to be given, and not both";
        return Err(Error::invalid("request_ids", message).into());
    }
    if most.is_some_and(|most| most <= 0) {
        return Err(Error::invalid("max_traces", "`max_traces` is not positive").into());
    }
    let ids: Vec<TraceId> = named.iter().filter_map(|id| id.parse().ok()).collect();
    if !named.is_empty() && ids.is_empty() {
        return answer(json!({"traces_deleted": 0}));
    }
    let chosen = Chosen { until, ids };
    let deleted = call.registry.tracking.delete_traces(&call.context, experiment, chosen, most).await?;
    answer(json!({"traces_deleted": deleted}))
}

async fn link_to_run(call: Call) -> Answer {
    let ids = ids(&call.input, "trace_ids")?;
    let run = call.input.required_text("run_id")?.parse()?;
    call.registry.tracking.link_traces(&call.context, ids, &run).await?;
    done()
}

async fn link_prompts(call: Call) -> Answer {
    let id: TraceId = call.input.required_text("trace_id")?.parse()?;
    let versions = call.input.messages("prompt_versions")?;
    if versions.is_empty() {
        return Err(missing("prompt_versions").into());
    }
    if versions.len() > MAX_AT_ONCE {
        let message = format!("`prompt_versions` has {}, more than {MAX_AT_ONCE}", versions.len());
        return Err(Error::invalid("prompt_versions", message).into());
    }
    let mut prompts = Vec::new();
    for version in versions {
        let number = version.int("version")?.filter(|number| *number > 0);
        let number = number.ok_or_else(|| Error::invalid("version", "`version` of a prompt is no number from 1 on"))?;
        prompts.push(format!("{}/{number}", version.required_text("name")?.parse::<Name>()?));
    }
    call.registry.tracking.link_prompts(&call.context, &id, prompts).await?;
    done()
}

/// The name of a tag that clients may change.
fn tag_name(input: &Input) -> Result<String> {
    let name = input.required_text("key")?;
    if DERIVED.contains(&name) {
        return Err(Error::invalid("key", format!("tag `{name}` is not changed by clients")));
    }
    Ok(cut(name, MAX_TAG_KEY))
}

async fn set_tag(call: Call) -> Answer {
    let (id, name) = (id(&call)?, tag_name(&call.input)?);
    let value = cut(call.input.text("value")?.unwrap_or_default(), MAX_TAG);
    let tracking = &call.registry.tracking;
    match name.as_str() {
        NAME => tracking.rename_trace(&call.context, &id, Some(value)).await?,
        name => tracking.set_trace_tag(&call.context, &id, name, &value).await?,
    }
    done()
}

async fn delete_tag(call: Call) -> Answer {
    let (id, name) = (id(&call)?, tag_name(&call.input)?);
    let tracking = &call.registry.tracking;
    match name.as_str() {
        NAME => tracking.rename_trace(&call.context, &id, None).await?,
        name => tracking.remove_trace_tag(&call.context, &id, name).await?,
    }
    done()
}
