//! Runs as messages.

use serde_json::{Value as Json, json};

use super::super::artifacts::run_root;
use super::super::wire::{RUN_NAME, experiment_id, given, lifecycle_stage, metric, tags, tags_of};
use crate::domain::tracking::Role;
use crate::domain::{LogicalType, Node};
use crate::registry::tracking::runs::Run;

/// The tag that names the run that a run is part of, and the property that Kubeflow's users have for it.
const PARENT: (&str, &str) = ("mlflow.parentRunId", "kubeflow.parent_run_id");

/// A run with all that it has.
pub fn run(run: &Run) -> Json {
    let mut all = tags_of(&run.node);
    if let Some(name) = run.node.display_name() {
        all.insert(RUN_NAME.to_owned(), name.into());
    }
    if let Some(parent) = all.get(PARENT.1).filter(|_| !all.contains_key(PARENT.0)).cloned() {
        all.insert(PARENT.0.to_owned(), parent);
    }
    let metrics = run.metrics.iter().map(|latest| metric(&latest.name, latest.point, [])).collect();
    let params = run.parameters.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let uses = |role: Role, logical: LogicalType| {
        run.uses.iter().filter(move |(each, node)| each.role == role && node.logical_type() == Some(logical))
    };
    let datasets = uses(Role::Input, LogicalType::DataSet).map(|(each, node)| {
        let tags: Vec<_> = each.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        json!({"tags": tags, "dataset": dataset(node)})
    });
    let model_inputs = uses(Role::Input, LogicalType::ModelArtifact).map(|(_, node)| json!({"model_id": node.name}));
    let model_outputs = uses(Role::Output, LogicalType::ModelArtifact)
        .map(|(each, node)| json!({"model_id": node.name, "step": each.step}));
    let outputs = given(model_outputs.collect());
    json!({
        "info": run_info(run),
        "data": {"metrics": given(metrics), "params": given(params), "tags": given(tags(&all))},
        "inputs": {"dataset_inputs": given(datasets.collect()), "model_inputs": given(model_inputs.collect())},
        "outputs": outputs.map(|outputs| json!({"model_outputs": outputs})),
    })
}

/// What a run is.
pub fn run_info(run: &Run) -> Json {
    json!({
        "run_id": run.id.as_str(),
        "run_uuid": run.id.as_str(),
        "run_name": run.node.display_name(),
        "experiment_id": experiment_id(&run.experiment),
        "user_id": run.node.text("owner").unwrap_or_default(),
        "status": run.node.text("status").unwrap_or("RUNNING"),
        "start_time": run.started_at(),
        "end_time": run.ended_at(),
        "artifact_uri": artifact_uri(run),
        "lifecycle_stage": lifecycle_stage(run.is_archived()),
    })
}

/// Where a run's files are.
pub fn artifact_uri(run: &Run) -> String {
    run_root(&run.node, &run.id, &run.experiment)
}

fn dataset(node: &Node) -> Json {
    json!({
        "name": node.display_name(),
        "digest": node.text("digest"),
        "source_type": node.text("source_type"),
        "source": node.text("source"),
        "schema": node.text("schema"),
        "profile": node.text("profile"),
    })
}
