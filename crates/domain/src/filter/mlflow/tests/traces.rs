//! Filters and orders of traces, and of data sets to evaluate on.

use super::*;
use crate::search::SpanFacet;
use crate::trace::AssessmentKind::{Expectation, Feedback};

fn of_traces(text: &str) -> Clause {
    parsed(Searched::Traces, text).remove(0)
}

#[test]
fn paths_name_what_traces_have() {
    let assessment = |kind, name: &str| Facet::Assessment(kind, name.to_owned());
    for (clause, facet) in [
        ("status = 'OK'", Facet::Text(TextFacet::Status)),
        ("trace.name LIKE 'a%'", Facet::Text(TextFacet::Name)),
        ("tags.`mlflow.traceName` = 'a'", Facet::Text(TextFacet::Name)),
        ("attributes.request_id IN ('a')", Facet::Text(TextFacet::Id)),
        ("client_request_id = 'a'", Facet::Text(TextFacet::ClientRequest)),
        ("attribute.run_id = 'a'", Facet::Text(TextFacet::Run)),
        ("timestamp_ms > 1", Facet::Number(NumberFacet::StartTime)),
        ("trace.execution_time < 1.5", Facet::Number(NumberFacet::Duration)),
        ("end_time >= 1", Facet::Number(NumberFacet::EndTime)),
        ("tag.a IS NULL", own_tag("a")),
        ("metadata.`mlflow.modelId` = 'a'", Facet::Metadata("mlflow.modelId".to_owned())),
        ("request_metadata.a.b != 'a'", Facet::Metadata("a.b".to_owned())),
        ("span.type = 'LLM'", Facet::Span(SpanFacet::Kind)),
        ("trace.text LIKE '%a%'", Facet::Span(SpanFacet::Content)),
        ("span.content ILIKE '%a%'", Facet::Span(SpanFacet::Content)),
        ("feedback.a > 1", assessment(Feedback, "a")),
        ("expectation.`a b` = 'a'", assessment(Expectation, "a b")),
    ] {
        assert_eq!(of_traces(clause).facet, facet, "{clause}");
    }
    assert_eq!(of_traces("feedback.a <= 1").test, Test::Double(Comparison::LessOrEqual, 1.0));
    assert_eq!(of_traces("feedback.a = 'true'").test, text(Equal, "true"));
    assert_eq!(of_traces("feedback.a IS NOT NULL").test, Test::Present);
}

#[test]
fn what_is_compared_otherwise_is_refused() {
    for bad in [
        "nothing = 'a'",
        "run.status = 'a'",
        "status > 'OK'",
        "timestamp_ms > '1'",
        "feedback.a > '1'",
        "feedback.a = 1",
        "feedback.a IN ('a')",
        "span.nothing = 'a'",
        "span.content = 'a'",
        "trace.text = 'a'",
        "metrics.a > 1",
        "tags.a IN ('a')",
        "name RLIKE 'a'",
    ] {
        problem(Searched::Traces, bad);
    }
    for bad in ["metadata.a = 'a'", "span.name = 'a'", "feedback.a = 'a'", "trace.status = 'OK'"] {
        problem(Searched::Runs, bad);
    }
    for bad in ["dataset_id = 'a'", "tags.a IS NULL", "created_time > 'a'", "feedback.a = 'a'"] {
        problem(Searched::EvalDatasets, bad);
    }
}

#[test]
fn traces_and_data_sets_are_ordered() {
    for (key, facet) in [
        ("timestamp", Facet::Number(NumberFacet::StartTime)),
        ("attributes.status DESC", Facet::Text(TextFacet::Status)),
        ("tags.a", own_tag("a")),
        ("metadata.a", Facet::Metadata("a".to_owned())),
    ] {
        assert_eq!(order(Searched::Traces, key).facet, facet, "{key}");
    }
    assert_eq!(order(Searched::EvalDatasets, "last_update_time").facet, Facet::Number(NumberFacet::UpdatedAt));
    for (of, bad) in [
        (Searched::Traces, "text"),
        (Searched::Traces, "run_id"),
        (Searched::Traces, "span.name"),
        (Searched::Traces, "feedback.a"),
        (Searched::EvalDatasets, "created_by"),
        (Searched::EvalDatasets, "tags.a"),
    ] {
        assert!(order_keys(of, &[bad]).is_err(), "{bad}");
    }
}
