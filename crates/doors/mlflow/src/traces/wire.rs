//! Traces and assessments as they are written in JSON.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::super::artifacts::trace_root;
use super::super::input::{Input, missing};
use super::super::wire::{cut, experiment_id, experiment_ref};
use super::received::MAX_PREVIEW;
use super::{ARTIFACT_LOCATION, DERIVED, MAX_TAG, MAX_TAG_KEY, NAME, SPANS_LOCATION};
use crate::domain::date::{from_rfc3339, to_rfc3339_millis};
use crate::domain::trace::{Assessment, AssessmentKind, Labels, Said, Tokens, Trace, TraceDraft, TraceId, TraceState};
use crate::domain::tracking::RunId;
use crate::domain::{Error, Millis, Result};
use crate::registry::tracking::experiments::ExperimentRef;
use crate::registry::tracking::traces::FoundTrace;

/// The metadata that is the run of a trace.
const SOURCE_RUN: &str = "mlflow.sourceRun";

/// The metadata that says how many tokens were used, as JSON.
const TOKENS: &str = "mlflow.trace.tokenUsage";

/// The metadata that says how many spans a trace has.
const SIZE: &str = "mlflow.trace.sizeStats";

/// What a trace is as its client says, and its experiment.
///
/// Errors: InvalidArgument.
pub(super) fn draft(info: &Input, now: Millis) -> Result<(ExperimentRef, TraceDraft)> {
    let id: TraceId = info
        .required_text("trace_id")?
        .parse()
        .map_err(|_| Error::invalid("trace_id", "`trace_id` is not up to 100 letters, digits, `-`, `_` and `.`"))?;
    let location = info.nested("trace_location")?.map(|location| location.nested("mlflow_experiment")).transpose()?;
    let location = location.flatten().ok_or_else(|| missing("trace_location.mlflow_experiment"))?;
    let experiment = experiment_ref(location.required_text("experiment_id")?)?;
    let at = time(info, "request_time")?.ok_or_else(|| missing("request_time"))?;
    let state = info.given_text("state")?.map_or(Ok(TraceState::Unspecified), |name| {
        TraceState::named(name).ok_or_else(|| Error::invalid("state", format!("`{}` is no state", name.escape_debug())))
    })?;
    let mut trace = Trace::new(id, at, state);
    let text = |name, most| Ok::<_, Error>(info.text(name)?.map(|text| cut(text, most)));
    trace.duration = info.given_text("execution_duration")?.map(duration).transpose()?;
    trace.client_request_id = text("client_request_id", MAX_TAG_KEY)?;
    trace.request = text("request_preview", MAX_PREVIEW * 10)?;
    trace.response = text("response_preview", MAX_PREVIEW * 10)?;
    label(&mut trace, info.map("trace_metadata")?, info.map("tags")?);
    for item in info.messages("assessments")? {
        trace.assessments.push(said(&item, &trace.id, now)?);
    }
    let run = source_run(&trace);
    Ok((experiment, TraceDraft { trace, run }))
}

/// The run that a trace says to belong to.
pub(super) fn source_run(trace: &Trace) -> Option<RunId> {
    trace.metadata.get(SOURCE_RUN).and_then(|run| run.parse().ok())
}

/// Gives a trace the metadata and the tags that its client says, and what follows from them: its tokens and its name.
pub(super) fn label(
    trace: &mut Trace,
    metadata: impl IntoIterator<Item = (String, String)>,
    tags: impl IntoIterator<Item = (String, String)>,
) {
    let kept = |(name, value): (String, String)| (cut(&name, MAX_TAG_KEY), cut(&value, MAX_TAG));
    trace.metadata = metadata.into_iter().map(kept).collect();
    trace.tags = tags.into_iter().map(kept).collect();
    trace.tokens = tokens(&trace.metadata);
    trace.name = trace.tags.remove(NAME);
    trace.tags.retain(|name, _| !DERIVED.contains(&name.as_str()));
}

/// The tokens that metadata says; what is no whole number is none.
fn tokens(metadata: &Labels) -> Tokens {
    let said = metadata.get(TOKENS).and_then(|tokens| serde_json::from_str::<Json>(tokens).ok());
    let of = |name| said.as_ref().and_then(|said| said.get(name)?.as_i64());
    Tokens {
        input: of("input_tokens"),
        output: of("output_tokens"),
        total: of("total_tokens"),
        cache_read: of("cache_read_input_tokens"),
        cache_creation: of("cache_creation_input_tokens"),
    }
}

fn time(input: &Input, name: &str) -> Result<Option<Millis>> {
    let Some(text) = input.given_text(name)? else { return Ok(None) };
    let at = from_rfc3339(text);
    at.map(Some).ok_or_else(|| Error::invalid(name, format!("`{name}` is no time as RFC 3339 has it")))
}

/// Milliseconds, as protocol buffers write durations: seconds with a fraction, and an `s`.
fn duration(text: &str) -> Result<i64> {
    let wrong = || Error::invalid("execution_duration", "`execution_duration` is no duration, such as `1.5s`");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (seconds, fraction) =
        digits.strip_suffix('s').map(|digits| digits.split_once('.').unwrap_or((digits, ""))).ok_or_else(wrong)?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || seconds.len() > 12 || !is_number(seconds) || !is_number(fraction) {
        return Err(wrong());
    }
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    Ok(sign * (number(seconds)? * 1000 + number(&millis)?))
}

fn duration_text(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    format!("{sign}{}.{:03}s", millis / 1000, millis % 1000)
}

/// A trace without its spans.
pub(super) fn info(found: &FoundTrace) -> Json {
    let trace = &found.trace;
    let mut tags = trace.tags.clone();
    tags.extend(trace.name.clone().map(|name| (NAME.to_owned(), name)));
    tags.insert(ARTIFACT_LOCATION.to_owned(), trace_root(&trace.id, &found.experiment));
    if trace.has_spans {
        tags.insert(SPANS_LOCATION.to_owned(), "TRACKING_STORE".to_owned());
    }
    let mut info = json!({
        "trace_id": trace.id.as_str(),
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment_id(&found.experiment)},
        },
        "request_time": to_rfc3339_millis(trace.at),
        "state": trace.state.name(),
        "trace_metadata": trace.metadata,
        "tags": tags,
        "assessments": trace.assessments.iter().map(assessment).collect::<Vec<_>>(),
    });
    set(&mut info, "client_request_id", trace.client_request_id.as_deref());
    set(&mut info, "request_preview", trace.request.as_deref());
    set(&mut info, "response_preview", trace.response.as_deref());
    set(&mut info, "execution_duration", trace.duration.map(duration_text));
    info
}

/// Sets a member, where there is a value.
fn set(message: &mut Json, name: &str, value: Option<impl Into<Json>>) {
    if let (Some(value), Some(members)) = (value, message.as_object_mut()) {
        members.insert(name.to_owned(), value.into());
    }
}

/// A trace with its spans.
pub(super) fn trace(found: &FoundTrace) -> Json {
    let spans: Vec<&Json> = found.spans.iter().map(|span| &span.document).collect();
    json!({"trace_info": info(found), "spans": spans})
}

/// Whether all of its spans are here, as far as anybody knows how many it has.
pub(super) fn is_whole(found: &FoundTrace) -> bool {
    let size = found.trace.metadata.get(SIZE).and_then(|size| serde_json::from_str::<Json>(size).ok());
    let wanted = size.and_then(|size| size.get("num_spans")?.as_u64()).unwrap_or(1);
    u64::try_from(found.spans.len()).is_ok_and(|count| count >= wanted)
}

/// What a client says of a trace, at this time unless it says another.
///
/// Errors: InvalidArgument.
pub fn said(input: &Input, trace: &TraceId, now: Millis) -> Result<Assessment> {
    let (kind, mut said) = value(input)?.ok_or_else(|| missing("assessment.feedback"))?;
    let source = input.nested("source")?.unwrap_or_default();
    let text = |input: &Input, name| Ok::<_, Error>(input.given_text(name)?.map(ToOwned::to_owned));
    said.source_kind = text(&source, "source_type")?;
    said.source = text(&source, "source_id")?;
    said.rationale = text(input, "rationale")?;
    said.span = text(input, "span_id")?;
    said.metadata = input.map("metadata")?;
    let at = time(input, "create_time")?;
    let id = text(input, "assessment_id")?.unwrap_or_else(|| format!("a-{}", Uuid::new_v4().simple()));
    Ok(Assessment {
        id,
        trace: trace.clone(),
        kind,
        name: input.required_text("assessment_name")?.to_owned(),
        is_valid: !input.has("valid")? || input.bool("valid")?,
        overrides: text(input, "overrides")?,
        created_at: at.unwrap_or(now),
        updated_at: now,
        said,
    })
}

/// The value that a client says, and why there is none.
///
/// Errors: InvalidArgument.
pub fn value(input: &Input) -> Result<Option<(AssessmentKind, Said)>> {
    if let Some(feedback) = input.nested("feedback")? {
        let value = feedback.json("value")?.cloned().unwrap_or_default();
        let error = feedback.json("error")?.or(input.json("error")?).cloned();
        return Ok(Some((AssessmentKind::Feedback, Said { value, error, ..Said::default() })));
    }
    if let Some(expectation) = input.nested("expectation")? {
        let value = match expectation.nested("serialized_value")? {
            Some(serialized) => serde_json::from_str(serialized.required_text("value")?)
                .map_err(|_| Error::invalid("expectation", "`serialized_value` of `expectation` is not JSON"))?,
            None => expectation.json("value")?.cloned().unwrap_or_default(),
        };
        return Ok(Some((AssessmentKind::Expectation, Said { value, ..Said::default() })));
    }
    if let Some(issue) = input.nested("issue")? {
        let value = issue.text("issue_name")?.unwrap_or_default().into();
        return Ok(Some((AssessmentKind::Issue, Said { value, ..Said::default() })));
    }
    Ok(None)
}

/// An assessment.
pub fn assessment(assessment: &Assessment) -> Json {
    let said = &assessment.said;
    let mut source = Map::new();
    source.insert("source_type".to_owned(), said.source_kind.as_deref().unwrap_or("SOURCE_TYPE_UNSPECIFIED").into());
    source.extend(said.source.as_deref().map(|id| ("source_id".to_owned(), id.into())));
    let mut shown = json!({
        "assessment_id": assessment.id,
        "assessment_name": assessment.name,
        "trace_id": assessment.trace.as_str(),
        "source": source,
        "create_time": to_rfc3339_millis(assessment.created_at),
        "last_update_time": to_rfc3339_millis(assessment.updated_at),
        "metadata": said.metadata,
        "valid": assessment.is_valid,
    });
    let value = match (assessment.kind, &said.value) {
        (AssessmentKind::Issue, name) => json!({"issue_name": name}),
        (AssessmentKind::Expectation, value @ (Json::Null | Json::Array(_) | Json::Object(_))) => {
            json!({"serialized_value": {"serialization_format": "JSON_FORMAT", "value": value.to_string()}})
        }
        (_, value) => json!({"value": value}),
    };
    set(&mut shown, assessment.kind.name(), Some(value));
    if let Some(feedback) = shown.get_mut(AssessmentKind::Feedback.name()) {
        set(feedback, "error", said.error.clone());
    }
    set(&mut shown, "rationale", said.rationale.as_deref());
    set(&mut shown, "span_id", said.span.as_deref());
    set(&mut shown, "overrides", assessment.overrides.as_deref());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_with_a_fraction() {
        for (text, millis) in [("1.5s", 1500), ("0s", 0), ("12.034567s", 12_034), ("-0.250s", -250)] {
            assert_eq!(duration(text).unwrap(), millis, "{text}");
        }
        for bad in ["", "s", "1", "1.5", "1.s5", "x1s", "9999999999999s", "1e3s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(duration_text(-1250), "-1.250s");
        assert_eq!(duration_text(61_007), "61.007s");
    }
}
