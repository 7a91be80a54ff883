//! Imports from another tracking server: what is asked for, and the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The kind of the jobs that import from another tracking server.
pub const MLFLOW_IMPORT: &str = "mlflow.import";

/// The most experiments, and the most models, that one import names.
const MAX_NAMES: usize = 1000;

/// The most remarks that a report has. How many there were is counted besides.
const MAX_REMARKS: usize = 1000;

/// What is to be imported: the payload of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MlflowImport {
    /// The name of the server in the settings; empty where a command names it by its address.
    pub source: String,
    /// The experiments by their names, with their runs and logged models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<String>,
    /// The registered models and prompts by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Whether it is only said what there is.
    #[serde(default)]
    pub dry_run: bool,
}

impl MlflowImport {
    /// Refuses more names than one import takes.
    pub fn check(&self) -> Result<()> {
        for (field, names) in [("experiments", &self.experiments), ("models", &self.models)] {
            if names.len() > MAX_NAMES {
                return Err(Error::invalid(field, format!("more than {MAX_NAMES} {field} are named")));
            }
        }
        Ok(())
    }

    /// Whether everything is asked for: neither experiments nor models are named.
    pub fn is_of_all(&self) -> bool {
        self.experiments.is_empty() && self.models.is_empty()
    }
}

/// What an import is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportedKind {
    /// Experiments.
    Experiment,
    /// Runs.
    Run,
    /// Logged models.
    LoggedModel,
    /// Registered models.
    RegisteredModel,
    /// Prompts.
    Prompt,
    /// Versions of registered models and prompts.
    ModelVersion,
    /// Files.
    File,
}

impl ImportedKind {
    /// All of them, in the order in which they are imported.
    pub const ALL: [Self; 7] = [
        Self::Experiment,
        Self::Run,
        Self::LoggedModel,
        Self::RegisteredModel,
        Self::Prompt,
        Self::ModelVersion,
        Self::File,
    ];

    /// The word for several of them.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Experiment => "experiments",
            Self::Run => "runs",
            Self::LoggedModel => "logged models",
            Self::RegisteredModel => "registered models",
            Self::Prompt => "prompts",
            Self::ModelVersion => "versions",
            Self::File => "files",
        }
    }

    /// The word for one of them.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Experiment => "experiment",
            Self::Run => "run",
            Self::LoggedModel => "logged model",
            Self::RegisteredModel => "registered model",
            Self::Prompt => "prompt",
            Self::ModelVersion => "version",
            Self::File => "file",
        }
    }
}

/// What became of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is here now.
    Imported,
    /// It was here, and is as it is there now.
    Updated,
    /// It was here as it is there.
    Unchanged,
    /// It stays there, wholly or in part.
    Left,
}

/// How many of a kind became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// They are here now; with a dry run, they would be.
    pub imported: u64,
    /// They were here, and are as they are there now.
    pub updated: u64,
    /// They were here as they are there.
    pub unchanged: u64,
    /// They stay there, wholly or in part.
    pub left: u64,
}

/// A remark on one thing: why it stays, or what is different here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRemark {
    /// What it is.
    pub kind: ImportedKind,
    /// Its name or its id.
    pub id: String,
    /// The remark.
    pub message: String,
}

/// The report of an import, which is the result of its job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MlflowReport {
    /// How many of each kind became what.
    pub counts: BTreeMap<ImportedKind, ImportCounts>,
    /// How many bytes were fetched.
    pub bytes: u64,
    /// Remarks on single things; the first thousand.
    pub remarks: Vec<ImportRemark>,
    /// How many remarks there were.
    pub remarked: u64,
}

impl MlflowReport {
    /// Counts one thing.
    pub fn count(&mut self, kind: ImportedKind, became: Became) {
        let counts = self.counts.entry(kind).or_default();
        let counter = match became {
            Became::Imported => &mut counts.imported,
            Became::Updated => &mut counts.updated,
            Became::Unchanged => &mut counts.unchanged,
            Became::Left => &mut counts.left,
        };
        *counter += 1;
    }

    /// Keeps a remark, as long as they are not too many.
    pub fn remark(&mut self, remark: ImportRemark) {
        self.remarked += 1;
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push(remark);
        }
    }

    /// How many things stay there, wholly or in part.
    pub fn left(&self) -> u64 {
        self.counts.values().map(|counts| counts.left).sum()
    }
}
