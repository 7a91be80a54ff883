//! What is needed to run a run again.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::enums::MissingName;
use super::errors::ReadErrors;
use super::wire::{FileView, NodeView};
use crate::domain::NodeId;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::RequestContext;
use crate::registry::tracking::reproduction::{Code, Image, Missing, ReadDataset, Reproduction};

/// The code that a run ran, by the tags that MLflow's client sets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeView {
    /// What was run: a file, a notebook, a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which of these it was: `LOCAL`, `NOTEBOOK`, `PROJECT`, `JOB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its branch there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Its commit there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
}

impl From<&Code> for CodeView {
    fn from(of: &Code) -> Self {
        let Code { source, source_type, repository, branch, commit, entry_point } = of.clone();
        Self { source, source_type, repository, branch, commit, entry_point }
    }
}

/// A data set that a run read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadDatasetView {
    /// The data set itself; where it comes from is among its properties.
    #[serde(flatten)]
    pub dataset: NodeView,
    /// What tells its contents from others of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the run says of it: `mlflow.data.context` is what it was read for.
    pub tags: BTreeMap<String, String>,
}

impl From<&ReadDataset> for ReadDatasetView {
    fn from(read: &ReadDataset) -> Self {
        Self {
            dataset: NodeView::new(&read.dataset),
            digest: read.digest.clone(),
            tags: read.tags.iter().cloned().collect(),
        }
    }
}

/// The container image that a run ran in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImageView {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl From<&Image> for ImageView {
    fn from(image: &Image) -> Self {
        Self { uri: image.uri.clone(), id: image.id.clone() }
    }
}

/// What is needed to run a run again, as far as it was recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReproductionView {
    /// The run.
    pub run: NodeView,
    /// The id by which MLflow's API knows it.
    pub run_id: String,
    /// The id of its experiment.
    pub experiment_id: String,
    /// The name of its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The code that it ran.
    pub code: CodeView,
    /// Its parameters, by their names.
    pub parameters: BTreeMap<String, String>,
    /// The data sets that it read, in the order of their ids, up to a thousand.
    pub datasets: Vec<ReadDatasetView>,
    /// The logged models that it read.
    pub models: Vec<NodeView>,
    /// The files that say what has to be installed, up to a hundred: `conda.yaml`, `python_env.yaml` and `requirements.txt` among its own files and those of
    /// the models that it logged.
    pub environment: Vec<FileView>,
    /// The container image that it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageView>,
    /// What nobody recorded.
    #[schema(value_type = Vec<MissingName>)]
    pub missing: Vec<&'static str>,
}

impl ReproductionView {
    fn new(context: &RequestContext, of: &Reproduction) -> Self {
        let Reproduction { run, code, datasets, models, environment, image } = of;
        Self {
            run: NodeView::new(&run.node),
            run_id: run.id.to_string(),
            experiment_id: run.experiment.id.to_string(),
            experiment: run.experiment.display_name().map(ToOwned::to_owned),
            code: CodeView::from(code),
            parameters: run.parameters.iter().cloned().collect(),
            datasets: datasets.iter().map(ReadDatasetView::from).collect(),
            models: models.iter().map(|model| NodeView::new(model)).collect(),
            environment: environment.iter().map(|file| FileView::new(context, file, None)).collect(),
            image: image.as_ref().map(ImageView::from),
            missing: of.missing().into_iter().map(Missing::name).collect(),
        }
    }
}

/// Shows what is needed to run a run again, whichever API made it, as far as it was recorded, and what is missing.
///
/// The code and the image are what the tags say that MLflow's client sets: `mlflow.source.git.commit`, `mlflow.project.entryPoint`,
/// `mlflow.docker.image.uri` and the like.
#[utoipa::path(
    get, path = "/runs/{id}/reproduce", operation_id = "getReproduction", tag = "experiments",
    params(("id" = String, Path, description = "Id of the run.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "What is needed.", body = ReproductionView),
        ReadErrors,
    ),
)]
pub async fn get_reproduction(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    let needed = caller.registry.tracking.get_reproduction(&caller.context, id).await?;
    Ok(HttpResponse::Ok().json(ReproductionView::new(&caller.context, &needed)))
}
