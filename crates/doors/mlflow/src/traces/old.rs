//! Traces as clients before 3.0 say and read them (`StartTrace`, `EndTrace`, `GetTraceInfo`, `SearchTraces` of version 2.0): begun at
//! their start, with an id that the server makes, and completed at their end.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::wire::{info, label, source_run};
use super::{find, id};
use crate::call::{Call, answer};
use crate::domain::Error;
use crate::domain::trace::{Trace, TraceDraft, TraceState};
use crate::error::Answer;
use crate::input::missing;
use crate::registry::tracking::traces::FoundTrace;
use crate::wire::{experiment_id, experiment_ref, given};

/// Begins a trace.
pub async fn start(call: &Call) -> Answer {
    let input = &call.input;
    let experiment = experiment_ref(input.required_text("experiment_id")?)?;
    let id = format!("tr-{}", Uuid::new_v4().simple()).parse()?;
    let mut trace = Trace::new(id, input.required_int("timestamp_ms")?, TraceState::InProgress);
    label(&mut trace, input.pairs("request_metadata")?, input.pairs("tags")?);
    let run = source_run(&trace);
    let made = call.registry.tracking.put_trace(&call.context, experiment, TraceDraft { trace, run }).await?;
    answer(json!({"trace_info": old_info(&made)}))
}

/// Ends a trace.
pub async fn end(call: Call) -> Answer {
    let (input, id) = (&call.input, id(&call)?);
    let end = input.required_int("timestamp_ms")?;
    let state = match input.given_text("status")? {
        None | Some("TRACE_STATUS_UNSPECIFIED") => TraceState::Unspecified,
        Some(name) => TraceState::named(name)
            .ok_or_else(|| Error::invalid("status", format!("`{}` is no status", name.escape_debug())))?,
    };
    let mut said = Trace::new(id.clone(), 0, state);
    label(&mut said, input.pairs("request_metadata")?, input.pairs("tags")?);
    let change = move |draft: &mut TraceDraft| {
        let (trace, said) = (&mut draft.trace, said.clone());
        trace.duration =
            Some(end.checked_sub(trace.at).ok_or_else(|| Error::invalid("timestamp_ms", "it is no time"))?);
        trace.state = said.state;
        trace.name = said.name.or(trace.name.take());
        (trace.tags, trace.metadata, trace.tokens) = (said.tags, said.metadata, said.tokens);
        draft.run = source_run(&draft.trace);
        Ok(())
    };
    let changed = call.registry.tracking.change_trace(&call.context, &id, change).await?;
    answer(json!({"trace_info": old_info(&changed)}))
}

/// A trace without its spans.
pub async fn get(call: Call) -> Answer {
    let found = call.registry.tracking.get_trace(&call.context, &id(&call)?, false).await?;
    answer(json!({"trace_info": old_info(&found)}))
}

/// A page of traces.
pub async fn search(call: Call) -> Answer {
    let within = call.input.texts("experiment_ids")?;
    if within.is_empty() {
        return Err(missing("experiment_ids").into());
    }
    let page = find(&call, &within).await?;
    let traces = page.traces.iter().map(old_info).collect();
    answer(json!({"traces": given(traces), "next_page_token": page.next}))
}

/// A trace as those clients know it.
fn old_info(found: &FoundTrace) -> Json {
    let trace = &found.trace;
    let shown = info(found);
    let pairs = |name: &str| {
        let members = shown.get(name).and_then(Json::as_object).into_iter().flatten();
        members.map(|(key, value)| json!({"key": key, "value": value})).collect()
    };
    let status = match trace.state {
        TraceState::Unspecified => "TRACE_STATUS_UNSPECIFIED",
        state => state.name(),
    };
    json!({
        "request_id": trace.id.as_str(),
        "experiment_id": experiment_id(&found.experiment),
        "timestamp_ms": trace.at,
        "execution_time_ms": trace.duration.unwrap_or(0),
        "status": status,
        "request_metadata": given(pairs("trace_metadata")),
        "tags": given(pairs("tags")),
    })
}
