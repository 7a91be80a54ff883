//! Files as uploads and downloads see them: where they are, what is demanded of them, and their pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::entities::get;
use super::imports::{Arrival, check_absent};
use super::inspection::known;
use super::resolve::resolve;
use super::{IF_MATCH, record};
use crate::domain::{
    Action, Actor, Error, ErrorKind, File, FilePath, LogicalType, Millis, Name, Node, NodeId, PageSize, Result, Sha256,
    VersionRef,
};
use crate::store::files::Holder;
use crate::store::inspections::Inspected;
use crate::store::nodes::{self, Selection};
use crate::store::{Tx, files};

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
    /// In a model artifact.
    Artifact(NodeId),
    /// In the model artifact that an import makes, together with its version and model, when the bytes are here.
    Arrival(Arc<Arrival>),
}

/// What must be true of the file that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing; but other bytes are not replaced.
    #[default]
    None,
    /// There is a file (`If-Match: *`).
    Exists,
    /// There is one with one of these digests (`If-Match`).
    Is(Vec<Sha256>),
    /// There is none (`If-None-Match: *`).
    Absent,
}

impl Precondition {
    /// Errors: FailedPrecondition on the header's field.
    pub fn check(&self, file: Option<&File>) -> Result<()> {
        let (holds, field) = match self {
            Self::None => (true, ""),
            Self::Exists => (file.is_some(), IF_MATCH),
            Self::Is(digests) => (file.is_some_and(|file| digests.contains(&file.blob.sha256)), IF_MATCH),
            Self::Absent => (file.is_none(), super::IF_NONE_MATCH),
        };
        if holds {
            return Ok(());
        }
        let state =
            file.map_or_else(|| "does not exist".to_owned(), |file| format!("has sha256 `{}`", file.blob.sha256));
        Err(Error::new(ErrorKind::FailedPrecondition, format!("the file {state}")).on_field(field))
    }
}

/// A page of files, ordered by path.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePage {
    /// The files.
    pub files: Vec<File>,
    /// What is known of their bytes, where anything is.
    pub inspections: BTreeMap<(NodeId, FilePath), Inspected>,
    /// What continues the list; `None` at the end.
    pub next: Option<FileToken>,
}

/// The opaque token of a page of files, tied to the node whose files are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToken {
    of: NodeId,
    path: FilePath,
    node: NodeId,
}

impl FileToken {
    /// The token as text.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}/{}", self.of, self.node, self.path))
    }

    /// The token from its text.
    pub fn decode(text: &str) -> Result<Self> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (of, rest) = text.split_once('/')?;
            let (node, path) = rest.split_once('/')?;
            Some(Self { of: of.parse().ok()?, path: path.parse().ok()?, node: node.parse().ok()? })
        };
        read().ok_or_else(|| Error::invalid("nextPageToken", format!("page token `{}` is broken", text.escape_debug())))
    }
}

/// A page of the files of `holder`, for the list of `of`.
pub(super) fn page(
    tx: &mut Tx<'_>,
    of: NodeId,
    holder: Holder,
    token: Option<&FileToken>,
    size: PageSize,
) -> Result<FilePage> {
    if token.is_some_and(|token| token.of != of) {
        return Err(Error::invalid("nextPageToken", "page token belongs to another query"));
    }
    let after = token.map(|token| (&token.path, token.node));
    let mut found = files::list(tx, holder, after, size.get() + 1)?;
    let more = found.len() > size.get() as usize;
    found.truncate(size.get() as usize);
    let next = found.last().filter(|_| more).map(|last| FileToken { of, path: last.path.clone(), node: last.node_id });
    Ok(FilePage { inspections: known(tx, &found)?, files: found, next })
}

/// The file at that path, inside a transaction.
pub(super) fn find(tx: &mut Tx<'_>, target: &Target, path: &FilePath) -> Result<File> {
    let found = match target {
        Target::Version { model, version } => {
            let (_, version) = resolve(tx, model, version)?;
            files::find_in(tx, version.id, path)?
        }
        Target::Artifact(id) => {
            get(tx, LogicalType::ModelArtifact, *id)?;
            files::find(tx, *id, path)?
        }
        Target::Arrival(arrival) => {
            check_absent(tx, arrival)?;
            None
        }
    };
    found.ok_or_else(|| missing(path))
}

pub(super) fn missing(path: &FilePath) -> Error {
    Error::not_found(format!("file `{path}`"))
}

/// The artifact that files of the version go to: its first model artifact.
pub(super) fn holder(tx: &mut Tx<'_>, version: NodeId) -> Result<Option<NodeId>> {
    let selection = Selection { member_of: Some(version), ..Selection::of(LogicalType::ModelArtifact) };
    Ok(nodes::list(tx, &selection, None, 1)?.pop().map(|artifact| artifact.id))
}

/// Records what was done with a file, among the changes of its artifact.
pub(super) fn record_file(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: Millis,
    action: Action,
    artifact: &Node,
    file: &File,
) -> Result<()> {
    let mut detail = serde_json::json!({
        "path": file.path.as_str(),
        "sha256": file.blob.sha256.to_string(),
        "size": file.blob.size,
        "mediaType": file.media_type,
    });
    if let (Some(reason), Some(members)) = (&file.quarantine, detail.as_object_mut()) {
        members.insert("quarantine".to_owned(), reason.as_str().into());
    }
    record(tx, actor, now, action, artifact, Some(("file", detail)))
}
