//! Filters of what traces are measured by.

use super::super::{Comparison, refused};
use super::parser::Parser;
use super::words::tag;
use crate::Result;
use crate::search::{Clause, Facet, Searched, SpanFacet, Test, TextFacet};
use crate::trace::AssessmentKind;
use crate::trace_metrics::MetricFilter;

/// The metadata that says the run of a trace, which may be linked to it later, too.
const SOURCE_RUN: &str = "mlflow.sourceRun";

impl Parser<'_> {
    /// The one condition of a filter.
    pub(super) fn metric_filter(mut self) -> Result<MetricFilter> {
        let at = self.at();
        let mut path = vec![self.name()?];
        while self.sign(".") {
            path.push(self.name()?);
        }
        if !self.sign("=") {
            return Err(self.refuse("expected ="));
        }
        let value_at = self.at();
        let value = self.text_value()?;
        if self.peek().is_some() {
            return Err(self.refuse("expected the end"));
        }
        let is = |facet| MetricFilter::Trace(Clause { facet, test: Test::Text(Comparison::Equal, value.clone()) });
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        Ok(match parts.as_slice() {
            ["trace", "status"] => is(Facet::Text(TextFacet::Status)),
            ["trace", "tag", name @ ..] if !name.is_empty() => is(tag(Searched::Traces, name.join("."))),
            ["trace", "metadata", name @ ..] if !name.is_empty() => is(match name.join(".") {
                run if run == SOURCE_RUN => Facet::Text(TextFacet::Run),
                name => Facet::Metadata(name),
            }),
            ["span", "name"] => MetricFilter::Span(SpanFacet::Name, value),
            ["span", "type"] => MetricFilter::Span(SpanFacet::Kind, value),
            ["span", "status"] => MetricFilter::Span(SpanFacet::Status, value),
            ["assessment", "name"] => MetricFilter::AssessmentName(value),
            ["assessment", "type"] => match AssessmentKind::named(&value) {
                Some(kind) => MetricFilter::AssessmentKind(kind),
                None => {
                    let known = "none of `feedback`, `expectation` and `issue`";
                    let what = format!("`{}` is {known}", value.escape_debug());
                    return Err(refused(super::FILTER, self.text, value_at, what));
                }
            },
            _ => {
                let known = "`trace.status`, `trace.tag.…`, `trace.metadata.…`, `span.name`, `span.type`, `span.status`, \
                     `assessment.name` and `assessment.type`";
                let what = format!("`{}` is none of {known}", path.join(".").escape_debug());
                return Err(refused(super::FILTER, self.text, at, what));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric_filter;
    use super::*;

    #[test]
    fn conditions_are_on_traces_spans_and_assessments() {
        let clause = |text: &str| match metric_filter(text).unwrap() {
            MetricFilter::Trace(clause) => clause.facet,
            other => panic!("{other:?}"),
        };
        assert_eq!(clause("trace.status = 'OK'"), Facet::Text(TextFacet::Status));
        assert_eq!(clause("trace.tag.`mlflow.traceName` = 'a'"), Facet::Text(TextFacet::Name));
        assert_eq!(clause("trace.metadata.mlflow.sourceRun = 'a'"), Facet::Text(TextFacet::Run));
        assert_eq!(clause("trace.metadata.`a b` = \"a\""), Facet::Metadata("a b".to_owned()));
        assert_eq!(metric_filter("span.type = 'LLM'").unwrap(), MetricFilter::Span(SpanFacet::Kind, "LLM".to_owned()));
        let kind = MetricFilter::AssessmentKind(AssessmentKind::Feedback);
        assert_eq!(metric_filter("assessment.type = 'feedback'").unwrap(), kind);
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "trace.status",
            "trace.status != 'OK'",
            "trace.status = OK",
            "trace.status = 'OK' AND trace.status = 'OK'",
            "trace.name = 'a'",
            "trace.tag = 'a'",
            "span.content = 'a'",
            "assessment.type = 'other'",
            "status = 'OK'",
        ] {
            assert_eq!(metric_filter(bad).unwrap_err().field(), Some("filter"), "{bad}");
        }
    }
}
