//! What the native API shows of the differences of two versions, runs or revisions.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::content_differences::{CardDifferenceView, TensorDifferencesView};
use super::enums::{DifferenceName, FileDifferenceName, Verdict};
use super::inspection::FindingView;
use super::wire::{NodeView, id_and_name, plain_number, plain_value};
use crate::domain::{File, LogicalType};
use crate::registry::compare::{
    Compared, Contents, Difference, Differences, FileChange, FileDifference, FileDifferences, FindingDifferences,
    FoundIn, Side,
};
use crate::registry::listed::HeldFiles;

/// What one of two things has under a name, and the other otherwise or not at all.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// The name.
    pub name: String,
    /// What became of it.
    #[schema(value_type = DifferenceName)]
    pub change: &'static str,
    /// What the one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub a: Option<Json>,
    /// What the other has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub b: Option<Json>,
}

/// What two things differ in, of what has names.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferencesView {
    /// The differences in the order of their names, the first thousand of them.
    pub items: Vec<DifferenceView>,
    /// How many names stand for the same in both.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
}

impl DifferencesView {
    /// The differences of values that are shown so.
    pub fn new<T>(of: &Differences<T>, show: impl Fn(&T) -> Json) -> Self {
        let item = |Difference { name, a, b }: &Difference<T>| {
            let change = match (a, b) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(_), Some(_)) => "changed",
            };
            DifferenceView { name: name.clone(), change, a: a.as_ref().map(&show), b: b.as_ref().map(&show) }
        };
        Self { items: of.items.iter().map(item).collect(), same: of.same, truncated: of.truncated }
    }
}

/// A file of one of two versions that are compared.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedFileView {
    /// Its path below the artifact.
    pub path: String,
    /// How many bytes it has.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The id of the artifact that holds it.
    pub artifact_id: String,
}

impl From<&File> for ComparedFileView {
    fn from(file: &File) -> Self {
        Self {
            path: file.path.to_string(),
            size: file.blob.size,
            sha256: file.blob.sha256.to_string(),
            artifact_id: file.node_id.to_string(),
        }
    }
}

/// A file that two versions do not have alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileDifferenceView {
    /// What became of it.
    #[schema(value_type = FileDifferenceName)]
    pub change: &'static str,
    /// The file of the one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<ComparedFileView>,
    /// The file of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<ComparedFileView>,
}

impl From<&FileDifference> for FileDifferenceView {
    fn from(of: &FileDifference) -> Self {
        let change = match of.change {
            FileChange::Added => "added",
            FileChange::Removed => "removed",
            FileChange::Changed => "changed",
            FileChange::Renamed => "renamed",
        };
        Self { change, a: of.a.as_ref().map(ComparedFileView::from), b: of.b.as_ref().map(ComparedFileView::from) }
    }
}

/// Which files two versions do not have alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileDifferencesView {
    /// The files in the order of their paths, the first thousand of them.
    pub items: Vec<FileDifferenceView>,
    /// How many were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many have other bytes.
    pub changed: u64,
    /// How many have the same bytes at another path.
    pub renamed: u64,
    /// How many are the same.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
    /// Whether a version has more than 10000 files, so that in this answer those with the last paths are left out.
    pub partial: bool,
}

impl From<&FileDifferences> for FileDifferencesView {
    fn from(of: &FileDifferences) -> Self {
        let FileDifferences { items, added, removed, changed, renamed, same, truncated, partial } = of;
        Self {
            items: items.iter().map(FileDifferenceView::from).collect(),
            added: *added,
            removed: *removed,
            changed: *changed,
            renamed: *renamed,
            same: *same,
            truncated: *truncated,
            partial: *partial,
        }
    }
}

/// A finding, and the file that it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundInView {
    /// The path of the file in its version.
    pub path: String,
    /// The finding.
    #[serde(flatten)]
    pub finding: FindingView,
}

impl From<&FoundIn> for FoundInView {
    fn from(found: &FoundIn) -> Self {
        Self { path: found.path.to_string(), finding: FindingView::from(&found.finding) }
    }
}

/// Which findings two versions do not have alike. That the file was renamed makes no other finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingDifferencesView {
    /// Those that only the other version has, the heaviest first, up to a thousand.
    pub new: Vec<FoundInView>,
    /// Those that only the one version has, likewise.
    pub gone: Vec<FoundInView>,
    /// How many both have.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
}

impl From<&FindingDifferences> for FindingDifferencesView {
    fn from(of: &FindingDifferences) -> Self {
        Self {
            new: of.new.iter().map(FoundInView::from).collect(),
            gone: of.gone.iter().map(FoundInView::from).collect(),
            same: of.same,
            truncated: of.truncated,
        }
    }
}

/// What is known of all files of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldFilesView {
    /// How many there are.
    pub count: u64,
    /// How many bytes they have together.
    pub size: u64,
    /// The heaviest verdict on one of them; absent where none was inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Verdict>)]
    pub verdict: Option<&'static str>,
    /// Their formats.
    pub formats: Vec<String>,
    /// How many are quarantined.
    pub quarantined: u64,
}

impl From<&HeldFiles> for HeldFilesView {
    fn from(held: &HeldFiles) -> Self {
        let HeldFiles { files, bytes, verdict, formats, quarantined } = held;
        Self { count: *files, size: *bytes, verdict: *verdict, formats: formats.clone(), quarantined: *quarantined }
    }
}

/// One of two versions or runs that are compared.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedView {
    /// The version or run itself.
    #[serde(flatten)]
    pub node: NodeView,
    /// The name of its model, if it is a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The id of its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The name of its experiment, if it is a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The id of its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_id: Option<String>,
    /// The number of a version, by which protocols without names know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// The names of the aliases that point at a version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What is known of the files of a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<HeldFilesView>,
}

impl From<&Side> for ComparedView {
    fn from(side: &Side) -> Self {
        let is_version = side.node.logical_type() == Some(LogicalType::ModelVersion);
        let (home_id, home) = id_and_name(side.home.as_ref());
        let (model, experiment) = if is_version { (home, None) } else { (None, home) };
        let (model_id, experiment_id) = if is_version { (home_id, None) } else { (None, home_id) };
        Self {
            node: NodeView::new(&side.node),
            model,
            model_id,
            experiment,
            experiment_id,
            number: side.number,
            aliases: side.aliases.clone(),
            files: side.held.as_ref().map(HeldFilesView::from),
        }
    }
}

/// Two versions or two runs, and what they differ in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffView {
    /// The one.
    pub a: ComparedView,
    /// The other.
    pub b: ComparedView,
    /// The properties that their type declares.
    pub properties: DifferencesView,
    /// Their free properties.
    pub custom_properties: DifferencesView,
    /// The latest values of their metrics. What is no number is a text.
    pub metrics: DifferencesView,
    /// Their parameters.
    pub parameters: DifferencesView,
    /// The files of two versions; absent of runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileDifferencesView>,
    /// What the files of two versions say about themselves, under the names of the properties that it becomes: the format, the number of
    /// parameters, the types of their data, inputs and outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<DifferencesView>,
    /// What is wrong with the files of two versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<FindingDifferencesView>,
    /// What the tensors of two versions differ in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensors: Option<TensorDifferencesView>,
    /// What the cards of two versions differ in; absent where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardDifferenceView>,
}

impl From<&Compared> for DiffView {
    fn from(compared: &Compared) -> Self {
        let Compared { a, b, properties, custom, metrics, parameters, contents, tensors, card } = compared;
        let contents = contents.as_ref();
        Self {
            a: ComparedView::from(a),
            b: ComparedView::from(b),
            properties: DifferencesView::new(properties, plain_value),
            custom_properties: DifferencesView::new(custom, plain_value),
            metrics: DifferencesView::new(metrics, |point| plain_number(point.value)),
            parameters: DifferencesView::new(parameters, |value| value.clone().into()),
            files: contents.map(|Contents { files, .. }| FileDifferencesView::from(files)),
            facts: contents.map(|Contents { facts, .. }| DifferencesView::new(facts, plain_value)),
            findings: contents.map(|Contents { findings, .. }| FindingDifferencesView::from(findings)),
            tensors: tensors.as_ref().map(TensorDifferencesView::from),
            card: card.as_ref().map(CardDifferenceView::from),
        }
    }
}
