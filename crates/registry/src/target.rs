//! Where a file is, and what is demanded of the one that is there.

use std::sync::Arc;

use super::conditions::{IF_MATCH, IF_NONE_MATCH};
use super::holders::{folder_holder, run_holder, trace_holder};
use super::imports::ModelImport;
use super::transaction::ReadTransaction;
use crate::domain::{Error, File, Name, NodeId, Result, Sha256, VersionRef};

/// Where a file is.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// In a version.
    Version {
        /// The name of the model.
        model: Name,
        /// Which of its versions.
        version: VersionRef,
    },
    /// In a model or a document, or an artifact of a type that a user of ML Metadata made.
    Artifact(NodeId),
    /// In the artifact that holds the files of that run, which is made with the first of them.
    Run(NodeId),
    /// In the artifact that holds the files of the traces of that experiment, which is made with the first of them.
    Traces(NodeId),
    /// In the document of that name which belongs to nothing else, and is made with the first of them.
    Folder(Name),
    /// In the model artifact that an import makes, together with its version and model, when the bytes are here.
    Import(Arc<ModelImport>),
}

impl Target {
    /// The text of a target that an upload keeps until its end.
    ///
    /// Errors: Internal for a version or an import, which none of them keeps so.
    pub(crate) fn stored(&self) -> Result<String> {
        match self {
            Self::Artifact(id) => Ok(format!("artifact:{id}")),
            Self::Run(id) => Ok(format!("run:{id}")),
            Self::Traces(id) => Ok(format!("traces:{id}")),
            Self::Folder(name) => Ok(format!("folder:{name}")),
            Self::Version { .. } | Self::Import(_) => Err(Error::internal("an upload does not keep such a target")),
        }
    }

    /// The target of such a text.
    pub(crate) fn of_stored(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("artifact", id)) => Ok(Self::Artifact(id.parse()?)),
            Some(("run", id)) => Ok(Self::Run(id.parse()?)),
            Some(("traces", id)) => Ok(Self::Traces(id.parse()?)),
            Some(("folder", name)) => Ok(Self::Folder(name.parse()?)),
            _ => Err(Error::internal("the target of an upload cannot be read")),
        }
    }
}

/// What must be true of the file that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing; but other bytes are not replaced.
    #[default]
    None,
    /// Nothing: whatever is there is replaced.
    Any,
    /// There is a file (`If-Match: *`).
    Exists,
    /// There is one with one of these digests (`If-Match`).
    Is(Vec<Sha256>),
    /// There is none (`If-None-Match: *`).
    Absent,
}

impl Precondition {
    /// Whether other bytes are replaced where it holds.
    pub fn allows_to_replace(&self) -> bool {
        matches!(self, Self::Any | Self::Exists | Self::Is(_))
    }

    /// Errors: PreconditionFailed on the header's field.
    pub fn check(&self, file: Option<&File>) -> Result<()> {
        let (holds, field) = match self {
            Self::None | Self::Any => (true, ""),
            Self::Exists => (file.is_some(), IF_MATCH),
            Self::Is(digests) => (file.is_some_and(|file| digests.contains(&file.blob.sha256)), IF_MATCH),
            Self::Absent => (file.is_none(), IF_NONE_MATCH),
        };
        if holds {
            return Ok(());
        }
        let state =
            file.map_or_else(|| "does not exist".to_owned(), |file| format!("has sha256 `{}`", file.blob.sha256));
        Err(Error::precondition_failed(field, format!("the file {state}")))
    }
}

/// The artifact that holds the files of a target whose artifact is made with the first of them, where it has one. No other target has such.
pub(super) fn made_holder(tx: &mut ReadTransaction<'_, '_>, target: &Target) -> Result<Option<NodeId>> {
    match target {
        Target::Run(run) => run_holder(tx, *run),
        Target::Traces(experiment) => trace_holder(tx, *experiment),
        Target::Folder(name) => folder_holder(tx, name),
        Target::Version { .. } | Target::Artifact(_) | Target::Import(_) => Ok(None),
    }
}
