//! What traces are counted and measured by: figures over traces, their spans or their assessments, by dimensions and by time.

use super::search::{Clause, Search, SpanFacet};
use super::trace::AssessmentKind;
use super::{Error, Millis, Result};

/// How many dimensions a measure has at most.
pub const MAX_DIMENSIONS: usize = 5;

/// How many aggregations may be asked for at once.
pub const MAX_AGGREGATIONS: usize = 10;

/// The field of errors about what is aggregated how.
const AGGREGATIONS: &str = "aggregations";

/// Of what figures are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricView {
    /// Of traces.
    Traces,
    /// Of their spans.
    Spans,
    /// Of their assessments that are valid.
    Assessments,
}

/// What is measured or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Traces.
    Traces,
    /// The sessions that traces belong to.
    Sessions,
    /// How many milliseconds a trace took.
    TraceLatency,
    /// The tokens of what was asked.
    InputTokens,
    /// The tokens of what was answered.
    OutputTokens,
    /// The tokens of both.
    TotalTokens,
    /// The tokens read from a cache.
    CacheReadTokens,
    /// The tokens written into a cache.
    CacheCreationTokens,
    /// Spans.
    Spans,
    /// How many milliseconds a span took, without a fraction.
    SpanLatency,
    /// What the question cost.
    InputCost,
    /// What the answer cost.
    OutputCost,
    /// What both cost.
    TotalCost,
    /// Assessments.
    Assessments,
    /// What the value of an assessment counts as.
    AssessmentValue,
}

/// How values become one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Min,
    /// The greatest.
    Max,
    /// The value below which that percentage of them is, interpolated linearly between two of them.
    Percentile(f64),
}

/// What values are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The name of the trace.
    TraceName,
    /// The state of the trace.
    TraceStatus,
    /// The name of the span.
    SpanName,
    /// What kind of thing the span does.
    SpanType,
    /// How the span ended.
    SpanStatus,
    /// The language model that the span called.
    SpanModel,
    /// Who provides that.
    SpanProvider,
    /// Of what the assessment says something.
    AssessmentName,
    /// The value of the assessment, as JSON.
    AssessmentValue,
}

/// What must hold of what is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricFilter {
    /// Of its trace.
    Trace(Clause),
    /// Of the span.
    Span(SpanFacet, String),
    /// Of what the assessment says something.
    AssessmentName(String),
    /// What the assessment says.
    AssessmentKind(AssessmentKind),
}

/// Figures that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsQuery {
    /// The experiments of the traces, and what must hold of these.
    pub search: Search,
    /// What is measured.
    pub measure: Measure,
    /// How, of which there is one at least.
    pub aggregations: Vec<Aggregation>,
    /// What it is grouped by.
    pub dimensions: Vec<Dimension>,
    /// What must hold besides. None of them is about the trace.
    pub filters: Vec<MetricFilter>,
    /// How many seconds of time are one group; all of it, if it is `None`.
    pub interval: Option<i64>,
    /// From when on.
    pub from: Option<Millis>,
    /// Until when, which is included.
    pub until: Option<Millis>,
    /// How many groups at most.
    pub limit: u32,
}

/// The figures of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricGroup {
    /// When its time begins, where it is grouped by time.
    pub time: Option<Millis>,
    /// What it has of each dimension.
    pub dimensions: Vec<String>,
    /// Its figures, one for each aggregation.
    pub values: Vec<Option<f64>>,
}

/// Of how many traces something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Together {
    /// How many traces there are.
    pub all: i64,
    /// Those of them that a first filter holds of.
    pub first: i64,
    /// Those that a second one holds of.
    pub second: i64,
    /// Those that both hold of.
    pub both: i64,
}

/// The names of the measures of each view.
const MEASURES: [(MetricView, &str, Measure); 15] = {
    use MetricView::{Assessments, Spans, Traces};
    [
        (Traces, "trace_count", Measure::Traces),
        (Traces, "session_count", Measure::Sessions),
        (Traces, "latency", Measure::TraceLatency),
        (Traces, "input_tokens", Measure::InputTokens),
        (Traces, "output_tokens", Measure::OutputTokens),
        (Traces, "total_tokens", Measure::TotalTokens),
        (Traces, "cache_read_input_tokens", Measure::CacheReadTokens),
        (Traces, "cache_creation_input_tokens", Measure::CacheCreationTokens),
        (Spans, "span_count", Measure::Spans),
        (Spans, "latency", Measure::SpanLatency),
        (Spans, "input_cost", Measure::InputCost),
        (Spans, "output_cost", Measure::OutputCost),
        (Spans, "total_cost", Measure::TotalCost),
        (Assessments, "assessment_count", Measure::Assessments),
        (Assessments, "assessment_value", Measure::AssessmentValue),
    ]
};

impl MetricView {
    /// The view of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "TRACES" => Some(Self::Traces),
            "SPANS" => Some(Self::Spans),
            "ASSESSMENTS" => Some(Self::Assessments),
            _ => None,
        }
    }

    /// The measure of that name.
    ///
    /// Errors: InvalidArgument that names those that there are.
    pub fn measure(self, name: &str) -> Result<Measure> {
        let own = || MEASURES.iter().filter(|(view, ..)| *view == self);
        own().find(|(_, known, _)| *known == name).map(|(.., measure)| *measure).ok_or_else(|| {
            let known: Vec<&str> = own().map(|(_, known, _)| *known).collect();
            none_of("metric_name", name, &known)
        })
    }
}

impl Measure {
    /// The view that it belongs to.
    pub fn view(self) -> MetricView {
        MEASURES.iter().find(|(.., measure)| *measure == self).map_or(MetricView::Traces, |(view, ..)| *view)
    }

    /// Whether it is only counted.
    pub fn is_count(self) -> bool {
        matches!(self, Self::Traces | Self::Sessions | Self::Spans | Self::Assessments)
    }

    /// The aggregation of that name, where this is so aggregated.
    ///
    /// Errors: InvalidArgument.
    pub fn aggregation(self, name: &str, percentile: Option<f64>) -> Result<Aggregation> {
        let is_summed = !matches!(self, Self::TraceLatency | Self::SpanLatency | Self::AssessmentValue);
        let known: &[&str] = match (self.is_count(), is_summed) {
            (true, _) => &["COUNT"],
            (false, true) => &["SUM", "AVG", "MIN", "MAX", "PERCENTILE"],
            (false, false) => &["AVG", "MIN", "MAX", "PERCENTILE"],
        };
        if !known.contains(&name) {
            return Err(none_of(AGGREGATIONS, name, known));
        }
        match (name, percentile) {
            ("PERCENTILE", Some(percentile)) if (0.0..=100.0).contains(&percentile) => {
                Ok(Aggregation::Percentile(percentile))
            }
            ("PERCENTILE", _) => {
                let message = "`percentile_value` is no number from 0 to 100, which PERCENTILE needs";
                Err(Error::invalid(AGGREGATIONS, message))
            }
            (_, Some(_)) => Err(Error::invalid(AGGREGATIONS, "`percentile_value` is for PERCENTILE alone")),
            ("SUM", None) => Ok(Aggregation::Sum),
            ("AVG", None) => Ok(Aggregation::Average),
            ("MIN", None) => Ok(Aggregation::Min),
            ("MAX", None) => Ok(Aggregation::Max),
            (_, None) => Ok(Aggregation::Count),
        }
    }

    /// The dimension of that name, where this is grouped by it.
    ///
    /// Errors: InvalidArgument.
    pub fn dimension(self, name: &str) -> Result<Dimension> {
        let known: &[(&str, Dimension)] = match self {
            Self::Traces => &[("trace_name", Dimension::TraceName), ("trace_status", Dimension::TraceStatus)],
            Self::Sessions => &[],
            Self::TraceLatency
            | Self::InputTokens
            | Self::OutputTokens
            | Self::TotalTokens
            | Self::CacheReadTokens
            | Self::CacheCreationTokens => &[("trace_name", Dimension::TraceName)],
            Self::Spans => &[
                ("span_name", Dimension::SpanName),
                ("span_type", Dimension::SpanType),
                ("span_status", Dimension::SpanStatus),
                ("span_model_name", Dimension::SpanModel),
                ("span_model_provider", Dimension::SpanProvider),
            ],
            Self::SpanLatency => &[("span_name", Dimension::SpanName), ("span_status", Dimension::SpanStatus)],
            Self::InputCost | Self::OutputCost | Self::TotalCost => {
                &[("span_model_name", Dimension::SpanModel), ("span_model_provider", Dimension::SpanProvider)]
            }
            Self::Assessments => {
                &[("assessment_name", Dimension::AssessmentName), ("assessment_value", Dimension::AssessmentValue)]
            }
            Self::AssessmentValue => &[("assessment_name", Dimension::AssessmentName)],
        };
        known.iter().find(|(known, _)| *known == name).map(|(_, dimension)| *dimension).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
            none_of("dimensions", name, &known)
        })
    }
}

fn none_of(field: &str, name: &str, known: &[&str]) -> Error {
    let name = name.escape_debug();
    let message = match known {
        [] => format!("`{name}` of `{field}`: there is none"),
        known => format!("`{name}` of `{field}` is none of `{}`", known.join("`, `")),
    };
    Error::invalid(field, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_has_a_name_in_one_view_alone() {
        for (view, name, measure) in MEASURES {
            assert_eq!((view.measure(name).unwrap(), measure.view()), (measure, view));
        }
        assert!(MetricView::Assessments.measure("latency").is_err());
    }

    #[test]
    fn measures_are_aggregated_and_grouped_as_they_may_be() {
        assert_eq!(Measure::Traces.aggregation("COUNT", None).unwrap(), Aggregation::Count);
        assert_eq!(Measure::InputTokens.aggregation("SUM", None).unwrap(), Aggregation::Sum);
        assert_eq!(Measure::SpanLatency.aggregation("PERCENTILE", Some(99.5)).unwrap(), Aggregation::Percentile(99.5));
        for (measure, name, percentile) in [
            (Measure::Traces, "AVG", None),
            (Measure::TraceLatency, "SUM", None),
            (Measure::TraceLatency, "COUNT", None),
            (Measure::TraceLatency, "PERCENTILE", None),
            (Measure::TraceLatency, "PERCENTILE", Some(100.5)),
            (Measure::TraceLatency, "PERCENTILE", Some(f64::NAN)),
            (Measure::TraceLatency, "AVG", Some(50.0)),
        ] {
            assert_eq!(measure.aggregation(name, percentile).unwrap_err().field(), Some(AGGREGATIONS), "{name}");
        }
        assert_eq!(Measure::Spans.dimension("span_model_name").unwrap(), Dimension::SpanModel);
        for (measure, name) in [(Measure::Sessions, "trace_name"), (Measure::SpanLatency, "span_type")] {
            assert_eq!(measure.dimension(name).unwrap_err().field(), Some("dimensions"), "{name}");
        }
    }
}
