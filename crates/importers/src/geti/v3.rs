//! Geti 3.x: flat paths, no pages, no tokens; a variant is what Geti 2 calls an optimized model (Geti 3).

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};

use super::client::Session;
use super::error::GetiResult;
use super::project::{Model, ModelGroup, Project, TrainedModel, category};
use super::wire::{ModelV3, ProjectV3, VariantV3};

/// The maximum number of concurrent requests.
const MAX_CONCURRENT: usize = 4;

/// All projects with their models.
pub(super) async fn list_projects(session: &Session) -> GetiResult<Vec<Project>> {
    let projects: Vec<ProjectV3> = session.get("/api/projects").await?;
    let with_models = |project| async move { with_models(session, project).await };
    stream::iter(projects).map(with_models).buffered(MAX_CONCURRENT).try_collect().await
}

/// One project with its models.
pub(super) async fn project(session: &Session, project: &str) -> GetiResult<Project> {
    let project: ProjectV3 = session.get(&format!("/api/projects/{project}")).await?;
    with_models(session, project).await
}

async fn with_models(session: &Session, project: ProjectV3) -> GetiResult<Project> {
    let mut models: Vec<ModelV3> = session.get(&format!("/api/projects/{}/models", project.id)).await?;
    models.sort_by(|left, right| (started(left), &left.id).cmp(&(started(right), &right.id)));
    let mut groups: BTreeMap<String, Vec<TrainedModel>> = BTreeMap::new();
    for model in models {
        let versions = groups.entry(model.architecture.clone()).or_default();
        // Models have no numbers here: they are counted by when their training began, purged ones included.
        let version = i64::try_from(versions.len()).unwrap_or(i64::MAX).saturating_add(1);
        versions.push(trained(&project, model, version));
    }
    let groups = groups.into_iter().map(|(name, versions)| {
        let id = format!("{}-{}", project.id, name.replace(|each: char| !each.is_ascii_alphanumeric(), "_"));
        ModelGroup { id, name, versions }
    });
    let task_type = project.task.get("task_type").and_then(Value::as_str);
    Ok(Project {
        groups: groups.collect(),
        category: category(task_type.into_iter()),
        id: project.id,
        name: project.name,
        creation_time: project.created_at,
    })
}

fn started(model: &ModelV3) -> &str {
    model.training_info.as_ref().and_then(|info| info.get("start_time")?.as_str()).unwrap_or_default()
}

fn trained(project: &ProjectV3, model: ModelV3, version: i64) -> TrainedModel {
    let info = model.training_info.clone().unwrap_or_default();
    let labels = info.get("label_schema_revision").and_then(|schema| schema.get("labels"));
    let labels = labels.or_else(|| project.task.get("labels")).cloned();
    let mut training = info.clone();
    training.remove("label_schema_revision");
    let ready = |variant: &&VariantV3| {
        !model.files_deleted && !variant.files_deleted && variant.format.eq_ignore_ascii_case("openvino")
    };
    let to_model = |variant: &VariantV3| {
        let mut properties = Map::new();
        let known = [
            ("architecture", Some(json!(model.architecture))),
            ("precision", Some(json!([variant.precision.to_ascii_uppercase()]))),
            ("size", variant.weights_size.map(Value::from)),
            ("labels", labels.clone()),
            ("created_date", info.get("end_time").or_else(|| info.get("start_time")).cloned()),
            ("training_dataset_info", info.get("dataset_revision_id").map(|id| json!({"dataset_revision_id": id}))),
            ("previous_revision_id", model.parent_revision.clone().map(Value::from)),
        ];
        properties.extend(
            known
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_null())?))),
        );
        // The subset that nothing was trained or tuned on.
        let tested = variant.evaluations.iter().find(|each| each.subset == "testing");
        if let Some(metric) = tested.and_then(|each| each.metrics.iter().find(|metric| metric.value.is_some())) {
            properties.insert("score".to_owned(), json!(metric.value));
            properties.insert("score_metric".to_owned(), json!(metric.name));
        }
        let name = format!("{} OpenVINO {}", model.name, variant.precision.to_ascii_uppercase());
        Model { id: variant.id.clone(), name, properties }
    };
    let models = model.variants.iter().filter(ready).map(to_model).collect();
    TrainedModel { models, training, version, previous: model.parent_revision, id: model.id, name: model.name }
}
