//! Figures over traces, their spans and their assessments, and how two filters of traces belong together.

use serde_json::{Map, Value as Json, json};

use crate::call::{Call, answer, verbatim};
use crate::domain::date::to_rfc3339_millis;
use crate::domain::filter::mlflow::{clauses, metric_filter};
use crate::domain::search::{Search, Searched};
use crate::domain::trace_metrics::{
    Aggregation, MAX_AGGREGATIONS, MAX_DIMENSIONS, MetricFilter, MetricGroup, MetricView, MetricsQuery, Together,
};
use crate::domain::tracking::View;
use crate::domain::{Error, NodeId, Result};
use crate::error::Answer;
use crate::input::{Input, missing};
use crate::runs::experiments;
use crate::wire::PageLimits;

/// How many groups are answered.
const GROUPS: PageLimits = PageLimits { default: 1000, most: 1000 };

/// The longest interval of time, in seconds: ten years.
const MAX_INTERVAL: i64 = 10 * 366 * 86_400;

/// How many conditions a query may have.
const MAX_FILTERS: usize = 20;

/// What is added to each count where few traces would say too much (Jeffreys prior).
const SMOOTHING: f64 = 0.5;

/// The figures that a request asks for.
pub async fn query(call: Call) -> Answer {
    let input = &call.input;
    let within = input.texts("experiment_ids")?;
    if within.is_empty() {
        return Err(missing("experiment_ids").into());
    }
    let view = input.required_text("view_type")?;
    let view = MetricView::named(view).ok_or_else(|| {
        let message = format!("`{}` is none of `TRACES`, `SPANS`, `ASSESSMENTS`", view.escape_debug());
        Error::invalid("view_type", message)
    })?;
    let name = input.required_text("metric_name")?;
    let query = asked(input, view, name, experiments(&call, &within).await?)?;
    let names: Vec<&str> = input.texts("dimensions")?;
    let labels: Vec<String> = query.aggregations.iter().map(label).collect();
    let groups = call.registry.tracking.measure_traces(&call.context, query).await?;
    let points: Vec<Json> = groups.iter().filter_map(|group| point(name, &names, &labels, group)).collect();
    verbatim(&json!({"data_points": points}))
}

fn asked(input: &Input, view: MetricView, name: &str, experiments: Vec<NodeId>) -> Result<MetricsQuery> {
    let measure = view.measure(name)?;
    let mut aggregations = Vec::new();
    for each in input.messages("aggregations")? {
        let percentile = each.has("percentile_value")?.then(|| each.required_double("percentile_value")).transpose()?;
        let aggregation = measure.aggregation(each.required_text("aggregation_type")?, percentile)?;
        if !aggregations.contains(&aggregation) {
            aggregations.push(aggregation);
        }
    }
    if aggregations.is_empty() {
        return Err(missing("aggregations"));
    }
    let at_most = |field: &str, count: usize, most: usize| match count > most {
        true => Err(Error::invalid(field, format!("`{field}` has {count}, more than {most}"))),
        false => Ok(()),
    };
    at_most("aggregations", aggregations.len(), MAX_AGGREGATIONS)?;
    let mut dimensions = Vec::new();
    for name in input.texts("dimensions")? {
        let dimension = measure.dimension(name)?;
        if dimensions.contains(&dimension) {
            return Err(Error::invalid("dimensions", format!("`{name}` is there twice")));
        }
        dimensions.push(dimension);
    }
    at_most("dimensions", dimensions.len(), MAX_DIMENSIONS)?;
    let texts = input.texts("filters")?;
    at_most("filters", texts.len(), MAX_FILTERS)?;
    let (mut conditions, mut filters) = (Vec::new(), Vec::new());
    for text in texts {
        let (of, filter) = match metric_filter(text).map_err(|error| error.on_field("filters"))? {
            MetricFilter::Trace(clause) => {
                conditions.push(clause);
                continue;
            }
            filter @ MetricFilter::Span(..) => (MetricView::Spans, filter),
            filter => (MetricView::Assessments, filter),
        };
        if of != view {
            let message = format!("`{}` is for another `view_type`", text.escape_debug());
            return Err(Error::invalid("filters", message));
        }
        filters.push(filter);
    }
    let interval = input.int("time_interval_seconds")?.filter(|seconds| *seconds != 0);
    if interval.is_some_and(|seconds| !(1..=MAX_INTERVAL).contains(&seconds)) {
        let message = format!("`time_interval_seconds` is not between 1 and {MAX_INTERVAL}");
        return Err(Error::invalid("time_interval_seconds", message));
    }
    let (from, until) = (input.int("start_time_ms")?, input.int("end_time_ms")?);
    if interval.is_some() && (from.is_none() || until.is_none()) {
        let field = if from.is_none() { "start_time_ms" } else { "end_time_ms" };
        let message = "`start_time_ms` and `end_time_ms` have to be given with `time_interval_seconds`";
        return Err(Error::invalid(field, message));
    }
    let size = GROUPS.size(input.int("max_results")?.filter(|size| *size != 0))?;
    let search = searched(experiments, conditions);
    Ok(MetricsQuery { search, measure, aggregations, dimensions, filters, interval, from, until, limit: size.get() })
}

fn searched(experiments: Vec<NodeId>, clauses: Vec<crate::domain::search::Clause>) -> Search {
    Search { of: Searched::Traces, view: View::All, clauses, order: Vec::new(), datasets: Vec::new(), experiments }
}

/// What upstream calls the figures of an aggregation.
fn label(aggregation: &Aggregation) -> String {
    match aggregation {
        Aggregation::Count => "COUNT".to_owned(),
        Aggregation::Sum => "SUM".to_owned(),
        Aggregation::Average => "AVG".to_owned(),
        Aggregation::Min => "MIN".to_owned(),
        Aggregation::Max => "MAX".to_owned(),
        // As Python writes doubles.
        Aggregation::Percentile(percentile) => format!("P{percentile:?}"),
    }
}

fn point(metric: &str, names: &[&str], labels: &[String], group: &MetricGroup) -> Option<Json> {
    let mut dimensions = Map::new();
    if let Some(time) = group.time {
        dimensions.insert("time_bucket".to_owned(), time_bucket(time).into());
    }
    dimensions
        .extend(names.iter().zip(&group.dimensions).map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
    let values: Map<String, Json> =
        labels.iter().zip(&group.values).filter_map(|(label, value)| Some((label.clone(), (*value)?.into()))).collect();
    // What nothing is known of is no point.
    (!values.is_empty()).then(|| json!({"metric_name": metric, "dimensions": dimensions, "values": values}))
}

/// A time of whole seconds, as Python writes them.
fn time_bucket(time: i64) -> String {
    let text = to_rfc3339_millis(time);
    let text = text.strip_suffix('Z').unwrap_or(&text);
    format!("{}+00:00", text.strip_suffix(".000").unwrap_or(text))
}

/// How two filters belong together: their normalized pointwise mutual information.
pub async fn correlation(call: Call) -> Answer {
    let input = &call.input;
    let within = input.texts("experiment_ids")?;
    if within.is_empty() {
        return Err(missing("experiment_ids").into());
    }
    let experiments = experiments(&call, &within).await?;
    let read = |field: &str, text: &str| {
        let found = clauses(Searched::Traces, text).map_err(|error| error.on_field(field))?;
        Ok::<_, Error>(searched(experiments.clone(), found))
    };
    let first = read("filter_string1", input.required_text("filter_string1")?)?;
    let second = read("filter_string2", input.required_text("filter_string2")?)?;
    let base = read("base_filter", input.text("base_filter")?.unwrap_or_default())?;
    let counts = call.registry.tracking.count_traces_together(&call.context, base, first, second).await?;
    let (plain, smoothed) = together(counts);
    answer(json!({
        "npmi": plain,
        "npmi_smoothed": smoothed,
        "filter1_count": counts.first,
        "filter2_count": counts.second,
        "joint_count": counts.both,
        "total_count": counts.all,
    }))
}

/// How much two filters belong together, from -1 (never) to 1 (always), as it is and smoothed; `None` where one of them holds of nothing.
#[expect(clippy::cast_precision_loss, reason = "nobody has so many traces")]
fn together(counts: Together) -> (Option<f64>, Option<f64>) {
    if counts.first == 0 || counts.second == 0 {
        return (None, None);
    }
    let neither = counts.all - counts.first - counts.second + counts.both;
    let cells =
        [counts.both, counts.first - counts.both, counts.second - counts.both, neither].map(|count| count as f64);
    let [both, only_first, only_second, neither] = cells;
    let information = |smoothing: f64| {
        let [both, only_first, only_second, neither] =
            [both + smoothing, only_first + smoothing, only_second + smoothing, neither + smoothing];
        let all = both + only_first + only_second + neither;
        let mutual = both.ln() + all.ln() - (both + only_first).ln() - (both + only_second).ln();
        (mutual / (all.ln() - both.ln())).clamp(-1.0, 1.0)
    };
    if only_first == 0.0 && only_second == 0.0 && neither == 0.0 {
        return (Some(1.0), Some(1.0));
    }
    let plain = if both == 0.0 { -1.0 } else { information(0.0) };
    (Some(plain), Some(information(SMOOTHING)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_belong_together_as_upstream_counts_it() {
        let of = |all, first, second, both| together(Together { all, first, second, both });
        let near = |found: (Option<f64>, Option<f64>), plain: f64, smoothed: f64| {
            let (found, found_smoothed) = (found.0.unwrap(), found.1.unwrap());
            assert!(
                (found - plain).abs() < 1e-9 && (found_smoothed - smoothed).abs() < 1e-9,
                "{found} {found_smoothed}"
            );
        };
        assert_eq!(of(10, 0, 5, 0), (None, None));
        assert_eq!(of(5, 5, 5, 5), (Some(1.0), Some(1.0)));
        assert_eq!(of(10, 5, 5, 0).0, Some(-1.0));
        // As `calculate_npmi_from_counts(10, 20, 15, 100)` has it.
        near(of(100, 20, 15, 10), PLAIN, SMOOTHED);
    }

    const PLAIN: f64 = 0.522_878_745_280_337_8;
    const SMOOTHED: f64 = 0.509_868_999_183_141_2;

    #[test]
    fn figures_and_times_are_named_as_upstream_does() {
        assert_eq!(label(&Aggregation::Percentile(50.0)), "P50.0");
        assert_eq!(label(&Aggregation::Percentile(99.9)), "P99.9");
        assert_eq!(time_bucket(1_700_000_000_000), "2023-11-14T22:13:20+00:00");
    }
}
