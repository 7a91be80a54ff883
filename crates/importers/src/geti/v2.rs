//! Geti 2.x: organizations, workspaces, projects, model groups, trained models and what was made of them.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use super::client::Session;
use super::error::GetiResult;
use super::project::{Model, ModelGroup, Project, TrainedModel, category};
use super::wire::{GroupList, GroupV2, OptimizedModel, ProjectPage, ProjectV2, TrainedModelV2};

/// The largest page of projects (Geti 2.11: outside 1 to 100 is 400).
const PAGE: usize = 100;
/// The maximum number of concurrent requests.
const MAX_CONCURRENT: usize = 4;

/// What is known of a trained model's training.
const TRAINING: [&str; 6] = [
    "architecture",
    "training_dataset_info",
    "training_framework",
    "creation_date",
    "previous_revision_id",
    "previous_trained_revision_id",
];
/// What a model has from its trained model.
const INHERITED: [&str; 5] =
    ["architecture", "labels", "training_dataset_info", "training_framework", "previous_revision_id"];
/// What a model has of its own, over what it has from its trained model.
const OWN: [&str; 11] = [
    "precision",
    "size",
    "target_device",
    "target_device_type",
    "has_xai_head",
    "optimization_type",
    "optimization_methods",
    "optimization_objectives",
    "performance",
    "latency",
    "fps_throughput",
];

/// All projects with their models.
pub(super) async fn list_projects(session: &Session, workspace: &str) -> GetiResult<Vec<Project>> {
    let projects = projects(session, workspace).await?;
    stream::iter(projects)
        .map(|project| async move {
            let base = format!("{workspace}/projects/{}", project.id);
            with_groups(session, &base, project, None).await
        })
        .buffered(MAX_CONCURRENT)
        .try_collect()
        .await
}

/// All projects. `next_page` is there for the last page too, so that only the count tells the end (Geti 2.11).
async fn projects(session: &Session, workspace: &str) -> GetiResult<Vec<ProjectV2>> {
    let mut found: Vec<ProjectV2> = Vec::new();
    loop {
        let path = format!("{workspace}/projects?limit={PAGE}&skip={}", found.len());
        let page: ProjectPage = session.get(&path).await?;
        let is_last = page.projects.is_empty();
        // A project that is made meanwhile moves the others to the next page.
        let new = page.projects.into_iter().filter(|new| !found.iter().any(|known| known.id == new.id));
        let new: Vec<_> = new.collect();
        found.extend(new);
        if is_last || found.len() >= page.project_counts {
            return Ok(found);
        }
    }
}

/// One project with its models.
pub(super) async fn project(
    session: &Session,
    workspace: &str,
    project: &str,
    groups: Option<&[&str]>,
) -> GetiResult<Project> {
    let base = format!("{workspace}/projects/{project}");
    let project: ProjectV2 = session.get(&base).await?;
    with_groups(session, &base, project, groups).await
}

async fn with_groups(session: &Session, base: &str, project: ProjectV2, only: Option<&[&str]>) -> GetiResult<Project> {
    let all: GroupList = session.get(&format!("{base}/model_groups")).await?;
    let mut groups = Vec::new();
    for group in all.model_groups {
        if only.is_some_and(|only| !only.contains(&group.id.as_str())) {
            continue;
        }
        groups.push(model_group(session, base, group).await?);
    }
    let category = category(project.pipeline.tasks.iter().map(|task| task.task_type.as_str()));
    Ok(Project { id: project.id, name: project.name, creation_time: project.creation_time, category, groups })
}

async fn model_group(session: &Session, base: &str, group: GroupV2) -> GetiResult<ModelGroup> {
    let known = group.models.iter().filter(|model| !model.purge_info.is_purged);
    let paths: Vec<_> = known.map(|model| format!("{base}/model_groups/{}/models/{}", group.id, model.id)).collect();
    let details: Vec<TrainedModelV2> = stream::iter(paths)
        .map(|path| async move { session.get::<TrainedModelV2>(&path).await })
        .buffered(MAX_CONCURRENT)
        .try_collect()
        .await?;
    let kept = details.into_iter().filter(|detail| !detail.purge_info.is_purged);
    let versions = kept.map(|detail| trained(&group, detail)).collect();
    Ok(ModelGroup { id: group.id, name: group.name, versions })
}

fn trained(group: &GroupV2, detail: TrainedModelV2) -> TrainedModel {
    let pick = |names: &[&str]| -> Map<String, Value> {
        let known = names.iter().filter_map(|name| Some(((*name).to_owned(), detail.rest.get(*name)?.clone())));
        known.filter(|(_, value)| !value.is_null()).collect()
    };
    let inherited = pick(&INHERITED);
    let models = detail.optimized_models.iter().filter(|model| is_ready(model));
    let models = models.map(|optimized| model(group, &detail, &inherited, optimized)).collect();
    let previous = ["previous_revision_id", "previous_trained_revision_id"];
    let previous = previous.iter().find_map(|name| detail.rest.get(*name)?.as_str()).map(ToOwned::to_owned);
    TrainedModel {
        training: pick(&TRAINING),
        previous,
        id: detail.id,
        name: detail.name,
        version: detail.version,
        models,
    }
}

/// Only OpenVINO, as the edge registry; what is not ready, has failed or was no improvement has no file (Geti 2.11).
fn is_ready(model: &OptimizedModel) -> bool {
    model.model_format.eq_ignore_ascii_case("openvino") && model.model_status == "SUCCESS"
}

fn model(group: &GroupV2, detail: &TrainedModelV2, inherited: &Map<String, Value>, model: &OptimizedModel) -> Model {
    let mut properties = inherited.clone();
    for name in OWN {
        let value = model.rest.get(name).or_else(|| detail.rest.get(name));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            properties.insert(name.to_owned(), value.clone());
        }
    }
    let score = score(model.rest.get("performance")).or_else(|| score(detail.rest.get("performance")));
    let date = model.rest.get("creation_date").or_else(|| detail.rest.get("creation_date"));
    let known = [
        ("score", score.map(Value::from)),
        ("created_date", date.cloned()),
        ("model_template_id", group.model_template_id.clone().map(Value::from)),
        ("task_id", group.task_id.clone().map(Value::from)),
    ];
    properties.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Model { id: model.id.clone(), name: model.name.clone(), properties }
}

/// The score is a number, or an object with a `value`; anomaly models may have a local and a global one instead
/// (Geti 2.11), of which the global one is for the whole image.
fn score(performance: Option<&Value>) -> Option<f64> {
    let performance = performance?;
    ["score", "global_score", "local_score"].iter().find_map(|name| {
        let score = performance.get(name)?;
        score.as_f64().or_else(|| score.get("value")?.as_f64())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::score;

    #[test]
    fn a_score_has_many_shapes() {
        for (performance, expected) in [
            (json!({"score": 0.5}), Some(0.5)),
            (json!({"score": {"value": 0.25, "metric_type": "accuracy"}}), Some(0.25)),
            (json!({"score": null}), None),
            (json!({"local_score": {"value": 0.1}, "global_score": {"value": 0.9}}), Some(0.9)),
            (json!({"local_score": {"value": 0.1}, "global_score": null}), Some(0.1)),
            (json!({}), None),
        ] {
            assert_eq!(score(Some(&performance)), expected, "{performance}");
        }
    }
}
