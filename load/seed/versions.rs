//! Models with their versions, and metrics with their points.

use modelport::domain::{LogicalType, MetricPoint, Node, NodeId, Properties, Result, Value};

use crate::bar;
use crate::fill::{BATCH, Fill};

const VERSIONS_OF_A_MODEL: i64 = 100;

/// What the version with a number has; `load/values.py` says the same.
fn custom(i: i64) -> Properties {
    let values = [
        ("stage", Value::String(format!("stage-{}", i % 10))),
        ("dataset", Value::String(format!("dataset/{}", 100_000 + i * 7919 % 50_000))),
        ("commit", Value::String(format!("commit-{}", 10_000_000 + i))),
        ("note", Value::String(format!("as trained on host {}", i % 97))),
        ("epochs", Value::Int(i % 100)),
        ("bytes", Value::Int(i * 7919)),
        ("accuracy", Value::Double((i * 7919 % 10_000) as f64 / 10_000.0)),
        ("loss", Value::Double((i % 1000) as f64 / 8.0)),
        ("quantised", Value::Bool(i % 2 == 1)),
        ("reviewed", Value::Bool(i % 10 == 0)),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn declared(values: &[(&str, &str)]) -> Properties {
    values.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// The id of the first model and that of the first version.
pub(crate) async fn versions(fill: &mut Fill, count: i64) -> Result<(i64, i64)> {
    let models = (count + VERSIONS_OF_A_MODEL - 1) / VERSIONS_OF_A_MODEL;
    let first_model = in_batches(fill, "models", models, LogicalType::RegisteredModel, |fill, i| Node {
        created_at: fill.now + i,
        updated_at: fill.now + i,
        properties: declared(&[("owner", "ada"), ("state", "LIVE")]),
        ..fill.node(LogicalType::RegisteredModel.id(), None, format!("model {i}"))
    })
    .await?;
    let first_version = in_batches(fill, "versions", count, LogicalType::ModelVersion, |fill, i| Node {
        created_at: fill.now + i,
        // Neither names nor times of change are in the order of the ids.
        updated_at: fill.now + count + i * 7919 % count,
        properties: declared(&[("author", "ada"), ("state", "LIVE")]),
        custom: custom(i),
        ..fill.node(
            LogicalType::ModelVersion.id(),
            Some(NodeId(first_model + i / VERSIONS_OF_A_MODEL)),
            format!("v{:07}", i * 7919 % 1_000_003),
        )
    })
    .await?;
    Ok((first_model, first_version))
}

/// A model of many versions, each with the properties of those of other models; its id.
pub(crate) async fn large_model(fill: &mut Fill, count: i64) -> Result<i64> {
    let mut model = fill.node(LogicalType::RegisteredModel.id(), None, "large model".to_owned());
    model.properties = declared(&[("owner", "ada"), ("state", "LIVE")]);
    let model = fill.all(LogicalType::RegisteredModel, vec![model]).await?;
    in_batches(fill, "its versions", count, LogicalType::ModelVersion, |fill, i| Node {
        properties: declared(&[("author", "ada"), ("state", "LIVE")]),
        custom: custom(i),
        ..fill.node(LogicalType::ModelVersion.id(), Some(model), format!("v{i:07}"))
    })
    .await?;
    Ok(model.0)
}

async fn in_batches(
    fill: &mut Fill,
    what: &str,
    count: i64,
    logical: LogicalType,
    node: impl Fn(&Fill, i64) -> Node,
) -> Result<i64> {
    let bar = bar(what, count);
    let mut first = None;
    for start in (0..count).step_by(BATCH as usize) {
        let batch: Vec<Node> = (start..count.min(start + BATCH)).map(|i| node(fill, i)).collect();
        bar.inc(batch.len() as u64);
        let id = fill.all(logical, batch).await?.0;
        assert_eq!(id, *first.get_or_insert(id - start) + start, "ids do not follow each other");
    }
    bar.finish();
    Ok(first.unwrap_or_default())
}

fn curve(points: i64, start: i64) -> Vec<MetricPoint> {
    (0..points).map(|step| MetricPoint { value: 1.0 / (step + 1) as f64, step, at: start + step }).collect()
}

/// A metric with points for every so many versions; the id of the first.
pub(crate) async fn metrics(fill: &mut Fill, version: i64, count: i64, every: i64, points: i64) -> Result<i64> {
    let homes: Vec<i64> = (0..count).step_by(every as usize).map(|i| version + i).collect();
    metrics_of(fill, &homes, points).await
}

async fn metrics_of(fill: &mut Fill, homes: &[i64], points: i64) -> Result<i64> {
    let bar = bar("metrics", homes.len() as i64);
    let mut first = None;
    for chunk in homes.chunks(BATCH as usize / 10) {
        let nodes =
            chunk.iter().map(|home| fill.node(LogicalType::Metric.id(), Some(NodeId(*home)), "loss".to_owned()));
        let nodes: Vec<Node> = nodes.collect();
        let id = fill.nodes(LogicalType::Metric.kind(), nodes, curve(points, fill.now)).await?.0;
        first.get_or_insert(id);
        bar.inc(chunk.len() as u64);
    }
    bar.finish();
    Ok(first.unwrap_or_default())
}

/// An experiment of runs, each with a metric; the experiment's id and that of the first run.
pub(crate) async fn runs(fill: &mut Fill, count: i64, points: i64) -> Result<(i64, i64)> {
    let mut experiment = fill.node(LogicalType::Experiment.id(), None, "measured".to_owned());
    experiment.properties = declared(&[("owner", "ada"), ("state", "LIVE")]);
    let experiment = fill.all(LogicalType::Experiment, vec![experiment]).await?;
    let runs = in_batches(fill, "runs", count, LogicalType::ExperimentRun, |fill, i| Node {
        properties: declared(&[("state", "LIVE"), ("status", "RUNNING")]),
        ..fill.node(LogicalType::ExperimentRun.id(), Some(experiment), format!("run {i}"))
    })
    .await?;
    metrics_of(fill, &(runs..runs + count).collect::<Vec<_>>(), points).await?;
    Ok((experiment.0, runs))
}
