//! Imports from another system, whichever it is: what it offers, what is requested, and the report.

pub mod mlflow;

use serde::{Deserialize, Serialize};

use super::{Error, Result};

/// The kind of the jobs that import from Geti.
pub const GETI_IMPORT: &str = "geti.import";

/// The longest id in another system that an import takes, in characters.
const MAX_ID: usize = 128;

/// A project with what can be imported of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteProject {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, in the other system's words.
    pub creation_time: Option<String>,
    /// Its models, grouped by architecture.
    pub groups: Vec<RemoteGroup>,
}

/// The versions of a model of one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its versions.
    pub versions: Vec<RemoteVersion>,
}

/// One version: a trained model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteVersion {
    /// The id of the trained model.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub version: i64,
    /// What was made of it and can be imported.
    pub models: Vec<RemoteModel>,
}

/// A model that can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteModel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What is to be imported: the payload of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The name of the server in the settings.
    pub server: String,
    /// The id of the project.
    pub project: String,
    /// Which of its models; none for every one.
    pub models: Vec<ModelRef>,
}

/// One of a project's models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// The id of the model itself, not of the trained model that it was made from.
    pub id: String,
    /// The id of its group, where the caller knows it: no other group is asked for then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl ImportRequest {
    /// Refuses ids that would lead elsewhere in the other system's paths.
    pub fn check(&self) -> Result<()> {
        check_id("project", &self.project)?;
        for model in &self.models {
            check_id("models.id", &model.id)?;
            model.group.as_deref().map_or(Ok(()), |group| check_id("models.groupId", group))?;
        }
        Ok(())
    }
}

/// Refuses what is no id: 1 to 128 letters, digits, `_` and `-`.
pub fn check_id(field: &str, id: &str) -> Result<()> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if plain && (1..=MAX_ID).contains(&id.len()) {
        return Ok(());
    }
    let shown: String = id.chars().take(MAX_ID).collect();
    Err(Error::invalid(field, format!("`{}` is not 1 to {MAX_ID} letters, digits, `_` or `-`", shown.escape_debug())))
}

/// The report of an import, which is the result of its job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Each requested model.
    pub models: Vec<ImportedModel>,
}

/// The import of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedModel {
    /// Its id in the other system.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// The outcome.
    pub outcome: ImportOutcome,
    /// The registered model that it is a version of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of its model artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The outcome of the import of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportOutcome {
    /// It was imported.
    Imported,
    /// It had been imported before.
    Unchanged,
    /// It could not be downloaded or stored.
    Failed,
}

impl ImportOutcome {
    /// The word under which it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_nowhere_else() {
        for good in ["6571fd53ff9c1d5a1a2b3c4d", "0b7f0a4e-1b7b-4d6e-8b43-6d8c7f0f1a2b", "a_b"] {
            check_id("project", good).unwrap();
        }
        for bad in ["", "..", "a/b", "a?b", "a b", "ä", "%2e", &"a".repeat(129)] {
            assert_eq!(check_id("project", bad).unwrap_err().field(), Some("project"), "{bad}");
        }
    }
}
