//! Messages as GraphQL's schema has them: names in camel case, integers of 64 bits as texts, what is not there as null, lists as lists.

use serde_json::{Map, Value as Json, json};

use crate::domain::Node;
use crate::input::camel;
use crate::registry::numbered::NumberedVersion;
use crate::registry::tracking::runs::Run;
use crate::{models, runs, wire};

/// The lists of a run, by the message that has each.
const LISTS_OF_RUN: [(&str, &str); 6] = [
    ("data", "metrics"),
    ("data", "params"),
    ("data", "tags"),
    ("inputs", "datasetInputs"),
    ("inputs", "modelInputs"),
    ("outputs", "modelOutputs"),
];

/// An experiment.
pub fn experiment(node: &Node) -> Json {
    let mut shown = in_graphql(wire::experiment(node));
    fill(&mut shown, &[("tags", json!([])), ("effectiveTraceArchivalRetention", Json::Null)]);
    shown
}

/// A run, its experiment, and those of these versions that came out of it.
pub fn run_with(run: &Run, versions: &[NumberedVersion]) -> Json {
    let mut shown = in_graphql(runs::run(run));
    fill(&mut shown, &[("inputs", json!({})), ("outputs", json!({}))]);
    for (message, list) in LISTS_OF_RUN {
        shown.get_mut(message).into_iter().for_each(|message| fill(message, &[(list, json!([]))]));
    }
    shown.pointer_mut("/data/metrics").into_iter().for_each(numbers_or_null);
    let versions = versions.iter().filter(|version| version.run.as_deref() == Some(run.id.as_str()));
    let versions = versions.map(|version| in_graphql(models::version(version)));
    if let Json::Object(members) = &mut shown {
        members.insert("experiment".to_owned(), experiment(&run.experiment));
        members.insert("modelVersions".to_owned(), versions.collect());
    }
    shown
}

/// Points of metrics.
pub fn points(points: Vec<Json>) -> Json {
    let mut shown = in_graphql(points.into());
    numbers_or_null(&mut shown);
    shown
}

/// A message with the names and the numbers that GraphQL's schema has.
fn in_graphql(message: Json) -> Json {
    match message {
        Json::Object(members) => {
            members.into_iter().map(|(name, value)| (camel(&name), in_graphql(value))).collect::<Map<_, _>>().into()
        }
        Json::Array(items) => items.into_iter().map(in_graphql).collect(),
        Json::Number(number) if !number.is_f64() => number.to_string().into(),
        other => other,
    }
}

/// Gives a message what it lacks, or has as null.
fn fill(message: &mut Json, members: &[(&str, Json)]) {
    let Json::Object(message) = message else { return };
    for (name, value) in members {
        let member = message.entry(*name).or_insert(Json::Null);
        if member.is_null() {
            member.clone_from(value);
        }
    }
}

/// Makes null what is no number among the values of metrics: GraphQL has no NaN either.
fn numbers_or_null(metrics: &mut Json) {
    for metric in metrics.as_array_mut().into_iter().flatten() {
        if let Some(value) = metric.get_mut("value").filter(|value| !value.is_number()) {
            *value = Json::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_integers_are_those_of_graphql() {
        let message = json!({
            "run_id": "a",
            "start_time": 1_700_000_000_000_i64,
            "end_time": null,
            "tags": [{"key": "a_b", "value": "c_d"}],
            "value": 1.0,
            "is_it": true,
        });
        let expected = json!({
            "runId": "a",
            "startTime": "1700000000000",
            "endTime": null,
            "tags": [{"key": "a_b", "value": "c_d"}],
            "value": 1.0,
            "isIt": true,
        });
        assert_eq!(in_graphql(message), expected);
    }

    #[test]
    fn nan_is_null_among_metrics_alone() {
        let metric = |value: f64| wire::metric("NaN", crate::domain::MetricPoint { value, step: -3, at: 5 }, []);
        let shown = points(vec![metric(f64::NAN), metric(0.5), metric(f64::INFINITY)]);
        let expected = |value: Json| json!({"key": "NaN", "value": value, "timestamp": "5", "step": "-3"});
        assert_eq!(shown, json!([expected(Json::Null), expected(json!(0.5)), expected(json!(f64::MAX))]));
    }

    #[test]
    fn what_is_not_there_is_null_and_lists_are_lists() {
        let mut message = json!({"tags": null, "metrics": [1], "name": "a"});
        fill(&mut message, &[("tags", json!([])), ("metrics", json!([])), ("source", Json::Null)]);
        assert_eq!(message, json!({"tags": [], "metrics": [1], "name": "a", "source": null}));
    }
}
