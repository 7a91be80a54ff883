//! Files read back: found, listed, opened, removed.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Registry;
use super::entities::{get, touch};
use super::upload::{Precondition, Target, record_file};
use super::versions::resolve;
use crate::blobs::Chunks;
use crate::domain::{Action, Actor, Error, ErrorKind, File, FilePath, LogicalType, NodeId, PageSize, Result};
use crate::store::files::Holder;
use crate::store::nodes::{self, Selection};
use crate::store::{Tx, files};

/// A page of files, ordered by path.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePage {
    /// The files.
    pub files: Vec<File>,
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

impl Registry {
    /// The file at that path.
    pub async fn get_file(&self, target: &Target, path: &FilePath) -> Result<File> {
        let (target, path) = (target.clone(), path.clone());
        self.store.read(move |tx| find(tx, &target, &path)).await
    }

    /// The bytes of a file, or those of a half-open range within its size.
    pub async fn open_file(&self, file: &File, range: Option<Range<u64>>) -> Result<Chunks> {
        match self.blobs.get(&file.blob.key.parse()?, range).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Either the file went while it was being opened, or the store lost an object that a file needs.
                self.get_file(&Target::Artifact(file.node_id), &file.path).await?;
                Err(Error::internal(format!("the object of blob `{}` is missing", file.blob.sha256)).caused_by(error))
            }
            opened => opened,
        }
    }

    /// The files of an artifact, in pages, ordered by path.
    pub async fn list_artifact_files(
        &self,
        artifact: NodeId,
        size: PageSize,
        token: Option<FileToken>,
    ) -> Result<FilePage> {
        self.store
            .read(move |tx| {
                get(tx, LogicalType::ModelArtifact, artifact)?;
                page(tx, artifact, Holder::Node(artifact), token.as_ref(), size)
            })
            .await
    }

    /// Removes a file; its bytes are collected when nothing else points at them.
    pub async fn delete_file(
        &self,
        actor: &Actor,
        target: &Target,
        path: &FilePath,
        precondition: Precondition,
    ) -> Result<()> {
        let (actor, now, target, path) = (actor.clone(), self.now(), target.clone(), path.clone());
        self.store
            .write(move |tx| {
                let found = find(tx, &target, &path)?;
                let artifact = touch(tx, LogicalType::ModelArtifact, found.node_id, None, now)?;
                let file = files::find(tx, artifact.id, &path)?;
                precondition.check(file.as_ref())?;
                let Some(file) = file else { return Err(missing(&path)) };
                files::delete(tx, artifact.id, &path)?;
                record_file(tx, &actor, now, Action::DeleteFile, &artifact, &file)
            })
            .await
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
    Ok(FilePage { files: found, next })
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
    };
    found.ok_or_else(|| missing(path))
}

fn missing(path: &FilePath) -> Error {
    Error::not_found(format!("file `{path}`"))
}

/// The artifact that files of the version go to: its first model artifact.
pub(super) fn holder(tx: &mut Tx<'_>, version: NodeId) -> Result<Option<NodeId>> {
    let selection = Selection { member_of: Some(version), ..Selection::of(LogicalType::ModelArtifact) };
    Ok(nodes::list(tx, &selection, None, 1)?.pop().map(|artifact| artifact.id))
}
