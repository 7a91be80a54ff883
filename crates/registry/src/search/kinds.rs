//! What a search looks for.

use std::collections::BTreeSet;

use crate::domain::LogicalType;
use crate::store::search::FILE;

/// A kind of what is found. Among those that match equally well, the first kinds are shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchKind {
    /// Registered models, prompts among them.
    Models,
    /// Versions of models.
    Versions,
    /// Experiments.
    Experiments,
    /// Runs.
    Runs,
    /// Serving environments.
    Environments,
    /// Inference services.
    Deployments,
    /// Model and document artifacts, and data sets.
    Artifacts,
    /// Files.
    Files,
    /// Principals.
    People,
}

impl SearchKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Models,
        Self::Versions,
        Self::Experiments,
        Self::Runs,
        Self::Environments,
        Self::Deployments,
        Self::Artifacts,
        Self::Files,
        Self::People,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Versions => "versions",
            Self::Artifacts => "artifacts",
            Self::Experiments => "experiments",
            Self::Runs => "runs",
            Self::Environments => "environments",
            Self::Deployments => "deployments",
            Self::Files => "files",
            Self::People => "people",
        }
    }

    /// The types of such nodes; none of what is no node.
    pub fn types(self) -> &'static [LogicalType] {
        match self {
            Self::Models => &[LogicalType::RegisteredModel],
            Self::Versions => &[LogicalType::ModelVersion],
            Self::Artifacts => &[LogicalType::ModelArtifact, LogicalType::DocArtifact, LogicalType::DataSet],
            Self::Experiments => &[LogicalType::Experiment],
            Self::Runs => &[LogicalType::ExperimentRun],
            Self::Environments => &[LogicalType::ServingEnvironment],
            Self::Deployments => &[LogicalType::InferenceService],
            Self::Files | Self::People => &[],
        }
    }

    /// The kind of a node of that type.
    pub fn of(logical: LogicalType) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.types().contains(&logical))
    }

    /// The numbers by which the store knows these kinds. People are in no text that it searches.
    pub(super) fn numbers(kinds: &[Self]) -> Vec<i64> {
        let of_files = kinds.contains(&Self::Files).then_some(FILE);
        let types = kinds.iter().flat_map(|kind| kind.types()).map(|logical| logical.id());
        types.chain(of_files).collect::<BTreeSet<i64>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_there_once() {
        assert_eq!(SearchKind::numbers(&SearchKind::ALL), [FILE, 11, 12, 13, 14, 15, 18, 19, 20, 21]);
        assert_eq!(SearchKind::numbers(&[SearchKind::Runs, SearchKind::Runs]), [19]);
        assert_eq!(SearchKind::numbers(&[SearchKind::People]), [0_i64; 0]);
    }
}
