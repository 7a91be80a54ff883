//! Files read back: found, listed, opened, removed.

use std::ops::Range;
use std::sync::Arc;

use super::Registry;
use super::entities::{get, touch};
use super::files::{FilePage, FileToken, Precondition, Target, find, missing, page, record_file};
use super::inspection::{check_served, left};
use crate::blobs::{Chunks, Presented};
use crate::domain::{Action, Actor, Error, ErrorKind, File, FilePath, LogicalType, NodeId, PageSize, Result};
use crate::store::files;
use crate::store::files::Holder;

impl Registry {
    /// The file at that path.
    pub async fn get_file(&self, target: &Target, path: &FilePath) -> Result<File> {
        let (target, path) = (target.clone(), path.clone());
        self.store.read(move |tx| find(tx, &target, &path)).await
    }

    /// The file at that path, to be served: one that is quarantined only with `quarantined`.
    ///
    /// Errors: NotFound, PermissionDenied with the reason.
    pub async fn get_served_file(&self, target: &Target, path: &FilePath, quarantined: bool) -> Result<File> {
        let file = self.get_file(target, path).await?;
        check_served(&file, quarantined)?;
        Ok(file)
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

    /// Where the object store gives the file to anybody for a while; `None` where it is read from here.
    pub async fn file_link(&self, file: &File, presented: Presented<'_>) -> Result<Option<String>> {
        match self.redirect {
            Some(valid) => self.blobs.link(&file.blob.key.parse()?, valid, presented).await,
            None => Ok(None),
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
        let policy = Arc::clone(&self.policy);
        self.store
            .write(move |tx| {
                let found = find(tx, &target, &path)?;
                let artifact = touch(tx, LogicalType::ModelArtifact, found.node_id, None, now)?;
                let file = files::find(tx, artifact.id, &path)?;
                precondition.check(file.as_ref())?;
                let Some(file) = file else { return Err(missing(&path)) };
                files::delete(tx, artifact.id, &path)?;
                let artifact = left(tx, &policy, &artifact)?;
                record_file(tx, &actor, now, Action::DeleteFile, &artifact, &file)
            })
            .await
    }
}
