//! What is needed to run a run again, as far as it was recorded, and what is missing.

use std::sync::Arc;

use super::runs::{Run, with_contents};
use crate::context::RequestContext;
use crate::domain::tracking::Role;
use crate::domain::{Error, File, LogicalType, Node, NodeId, Result, Selection, Value};
use crate::services::Tracking;
use crate::store::files::{Among, named};
use crate::store::nodes;
use crate::transaction::ReadTransaction;

/// The names of the files that say what a run needs to be installed.
const ENVIRONMENT: [&str; 3] = ["conda.yaml", "python_env.yaml", "requirements.txt"];
/// How many of these files are listed at most.
const MAX_FILES: u32 = 100;
/// How many data sets are listed at most.
const MAX_DATASETS: u32 = 1000;

/// The code that a run ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// What was run: a file, a notebook, a project.
    pub source: Option<String>,
    /// Which of these it was.
    pub source_type: Option<String>,
    /// Where it is kept.
    pub repository: Option<String>,
    /// Its branch there.
    pub branch: Option<String>,
    /// Its commit there.
    pub commit: Option<String>,
    /// Where it begins.
    pub entry_point: Option<String>,
}

/// The container image that a run ran in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub uri: Option<String>,
    /// Its id.
    pub id: Option<String>,
}

/// A data set that a run read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDataset {
    /// The data set.
    pub dataset: Node,
    /// What tells its contents from others of its name.
    pub digest: Option<String>,
    /// What the run says of it, as names and values.
    pub tags: Vec<(String, String)>,
}

impl ReadDataset {
    /// Whether it is said where it comes from.
    fn has_source(&self) -> bool {
        let said = [self.dataset.text("source"), self.dataset.uri.as_deref()];
        said.into_iter().flatten().any(|said| !said.is_empty())
    }
}

/// Something that is needed to run a run again, and that nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The commit of its code.
    Commit,
    /// Where its code is kept.
    Repository,
    /// What was run: neither an entry point nor a source.
    EntryPoint,
    /// Any data set that it read.
    Datasets,
    /// The digest of one of its data sets.
    DatasetDigest,
    /// Where one of its data sets comes from.
    DatasetSource,
    /// What it needs to be installed: neither such a file nor an image.
    Environment,
}

impl Missing {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Commit,
        Self::Repository,
        Self::EntryPoint,
        Self::Datasets,
        Self::DatasetDigest,
        Self::DatasetSource,
        Self::Environment,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Repository => "repository",
            Self::EntryPoint => "entryPoint",
            Self::Datasets => "datasets",
            Self::DatasetDigest => "datasetDigest",
            Self::DatasetSource => "datasetSource",
            Self::Environment => "environment",
        }
    }
}

/// What is needed to run a run again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reproduction {
    /// The run, with its parameters.
    pub run: Run,
    /// Its code.
    pub code: Code,
    /// The data sets that it read, in the order of their ids, up to a thousand.
    pub datasets: Vec<ReadDataset>,
    /// The logged models that it read.
    pub models: Vec<Arc<Node>>,
    /// The files that say what has to be installed, up to a hundred: its own, and those of the models that it logged.
    pub environment: Vec<File>,
    /// The container image that it ran in.
    pub image: Option<Image>,
}

impl Reproduction {
    /// What is missing.
    pub fn missing(&self) -> Vec<Missing> {
        let is_missing = |missing: &Missing| match missing {
            Missing::Commit => self.code.commit.is_none(),
            Missing::Repository => self.code.repository.is_none(),
            Missing::EntryPoint => self.code.entry_point.is_none() && self.code.source.is_none(),
            Missing::Datasets => self.datasets.is_empty(),
            Missing::DatasetDigest => self.datasets.iter().any(|read| read.digest.is_none()),
            Missing::DatasetSource => self.datasets.iter().any(|read| !read.has_source()),
            Missing::Environment => self.environment.is_empty() && self.image.is_none(),
        };
        Missing::ALL.into_iter().filter(is_missing).collect()
    }
}

impl Tracking {
    /// What is needed to run a run again, archived or not.
    ///
    /// Errors: NotFound.
    pub async fn get_reproduction(&self, context: &RequestContext, id: NodeId) -> Result<Reproduction> {
        self.core
            .read_long(context, move |tx| {
                let missing = || Error::not_found(format!("{} `{id}`", LogicalType::ExperimentRun.noun()));
                let node = nodes::find(tx, id)?.ok_or_else(missing)?;
                if node.logical_type() != Some(LogicalType::ExperimentRun) {
                    return Err(missing());
                }
                let run = with_contents(tx, vec![node])?.pop().ok_or_else(missing)?;
                Ok(Reproduction {
                    code: code(&run.node),
                    datasets: datasets(tx, &run)?,
                    models: models(&run),
                    environment: environment(tx, &run)?,
                    image: image(&run.node),
                    run,
                })
            })
            .await
    }
}

/// A tag of a run that is a text, and not an empty one.
fn tag(run: &Node, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match run.custom.get(*name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    })
}

/// The code, by the tags that MLflow's client sets.
fn code(run: &Node) -> Code {
    Code {
        source: tag(run, &["mlflow.source.name"]),
        source_type: tag(run, &["mlflow.source.type"]),
        repository: tag(run, &["mlflow.source.git.repoURL", "mlflow.gitRepoURL"]),
        branch: tag(run, &["mlflow.source.git.branch", "mlflow.gitBranchName"]),
        commit: tag(run, &["mlflow.source.git.commit"]),
        entry_point: tag(run, &["mlflow.project.entryPoint"]),
    }
}

fn image(run: &Node) -> Option<Image> {
    let image = Image { uri: tag(run, &["mlflow.docker.image.uri"]), id: tag(run, &["mlflow.docker.image.id"]) };
    (image.uri.is_some() || image.id.is_some()).then_some(image)
}

/// The data sets that are members of the run, whichever API attached them.
fn datasets(tx: &mut ReadTransaction<'_, '_>, run: &Run) -> Result<Vec<ReadDataset>> {
    let selection = Selection { member_of: Some(run.node.id), ..Selection::of(LogicalType::DataSet) };
    let found = nodes::list(tx, &selection, None, MAX_DATASETS)?;
    let read = |dataset: Node| {
        let used = run.uses.iter().find(|(used, _)| used.artifact == dataset.id && used.role == Role::Input);
        let digest = dataset.text("digest").filter(|digest| !digest.is_empty()).map(ToOwned::to_owned);
        ReadDataset { digest, tags: used.map(|(used, _)| used.tags.clone()).unwrap_or_default(), dataset }
    };
    Ok(found.into_iter().map(read).collect())
}

/// The logged models that a run read.
fn models(run: &Run) -> Vec<Arc<Node>> {
    let is_model = |node: &Node| node.logical_type() == Some(LogicalType::ModelArtifact);
    let read = run.uses.iter().filter(|(used, node)| used.role == Role::Input && is_model(node));
    read.map(|(_, node)| Arc::clone(node)).collect()
}

/// The files that say what has to be installed: those of the run, and of the models that it logged.
fn environment(tx: &mut ReadTransaction<'_, '_>, run: &Run) -> Result<Vec<File>> {
    let mut found = named(tx, Among::Members(run.node.id), ENVIRONMENT, MAX_FILES)?;
    let made = run.uses.iter().filter(|(used, _)| used.role == Role::Output);
    let made: Vec<NodeId> = made.map(|(used, _)| used.artifact).collect();
    if !made.is_empty() {
        found.extend(named(tx, Among::Nodes(&made), ENVIRONMENT, MAX_FILES)?);
    }
    found.sort_by(|one, other| (one.node_id, &one.path).cmp(&(other.node_id, &other.path)));
    found.dedup_by(|one, other| (one.node_id, &one.path) == (other.node_id, &other.path));
    found.truncate(MAX_FILES as usize);
    Ok(found)
}
