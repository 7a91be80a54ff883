//! Upload: bytes first, while no transaction is open; then one short transaction that links them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use modelport_inspect::Inspection;

use super::context::RequestContext;
use super::files::check_precondition;
use super::inspection::{Inspected, Siblings, known};
use super::link::{Linked, Outcome, Place, StagedBlob, take, upload_expired};
use super::placement::{find_or_create_artifact, limit, resolve_target};
use super::policy::Policy;
use super::quotas::check_room;
use super::target::{Precondition, Target};
use super::transaction::WriteTransaction;
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::{Error, File, FilePath, Millis, NodeId, Result, Sha256};
use crate::heartbeats::with_heartbeats_every;
use crate::services::Files;
use crate::store::resumable::Resumable;
use crate::store::{files, multipart, nodes, resumable, uploads};

/// How often an upload sends a heartbeat.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// A file to store, without its bytes.
#[derive(Debug, Clone)]
pub struct PutFile {
    /// The version or artifact.
    pub target: Target,
    /// Its path.
    pub path: FilePath,
    /// Its media type; guessed from the path when the client did not say.
    pub media_type: Option<String>,
    /// How many bytes, when the client said so.
    pub length: Option<u64>,
    /// Their digest, when the client said so.
    pub sha256: Option<Sha256>,
    /// What must be true of the file that is there.
    pub precondition: Precondition,
    /// Whether to create a missing model, version or model artifact.
    pub create: bool,
}

/// A stored file, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct PutResult {
    /// The outcome.
    pub outcome: Outcome,
    /// The file.
    pub file: File,
    /// Its inspection.
    pub inspection: Option<Inspected>,
    /// The version and its model, where the artifact belongs to one.
    pub version: Option<(NodeId, NodeId)>,
}

/// What to do with the row of a resumable upload in the transaction that links its bytes.
#[derive(Clone)]
pub(super) enum ResumableUpdate {
    /// There is none.
    NoRow,
    /// The one with this id is marked as finished.
    MarkFinished(String),
    /// The one with this id and key, whose parts were put together, is marked as finished with what they came to.
    FinishParts { id: String, key: String },
    /// This one is made, finished.
    InsertFinished(Box<Resumable>),
}

impl Files {
    /// Streams a file in.
    ///
    /// Errors: NotFound when a parent is missing and not to be made; PreconditionFailed; DigestMismatch, and InvalidBody
    /// for another length than announced; AlreadyExists when the path has other bytes and no precondition allowed to replace
    /// them; TooLarge when it is too large. On any of them nothing is kept.
    pub async fn put_file<B, E>(&self, context: &RequestContext, put: PutFile, body: B) -> Result<PutResult>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        let key = Key::new_upload();
        let (put, limit) = self.begin_upload(context, put, &key).await?;
        self.with_guard(&key, self.store_and_finish(context, &put, &key, limit, body)).await
    }

    /// Checks all that does not depend on the bytes, resolves `latest` and aliases, and announces the upload. Returns the put
    /// with its resolved target, and the largest size that may be stored.
    pub(super) async fn begin_upload(
        &self,
        context: &RequestContext,
        mut put: PutFile,
        key: &Key,
    ) -> Result<(PutFile, Option<u64>)> {
        self.core.check_store()?;
        check_length(put.length, self.core.policy.max_file_bytes)?;
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let (now, key, requested) = (context.now(), key.to_string(), put.clone());
        let (target, limit) = self
            .core
            .write(context, move |tx| {
                let target = resolve_target(tx, &requested.target, requested.create)?;
                let limit = limit(tx, &policy, &target)?;
                check_length(requested.length, limit)?;
                check_precondition(tx, &target, &requested.path, &requested.precondition)?;
                check_room(tx, &quotas, (&target, &requested.path), requested.length)?;
                uploads::insert(tx, &key, now)?;
                Ok((target, limit))
            })
            .await?;
        put.target = target;
        Ok((put, limit))
    }

    async fn store_and_finish<B, E>(
        &self,
        context: &RequestContext,
        put: &PutFile,
        key: &Key,
        limit: Option<u64>,
        body: B,
    ) -> Result<PutResult>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        let size = BodySize { exact: put.length, at_most: limit };
        let stored = self.with_heartbeat(key, self.core.blobs.put(key, size, body)).await?;
        self.finish_upload(context, put, key, stored, ResumableUpdate::NoRow).await
    }

    /// Makes a file of a complete object: compares the digest, inspects the object, links it in one short transaction, and drops
    /// it if the bytes existed already. On an error the caller still owns the object and removes it.
    ///
    /// The row of a resumable upload has its `update` in the same transaction.
    pub(super) async fn finish_upload(
        &self,
        context: &RequestContext,
        put: &PutFile,
        key: &Key,
        stored: Stored,
        update: ResumableUpdate,
    ) -> Result<PutResult> {
        check_digest(put.sha256, stored)?;
        let objects = [(stored.sha256, key.clone())];
        let seen = self.with_heartbeat(key, async {
            self.core.check_store()?;
            self.core.check_existing_blobs(&objects).await?;
            self.core.inspections().inspect_stored(context, &put.target, &put.path, key, stored, &Siblings::new()).await
        });
        let seen = seen.await?;
        let (now, policy, put) = (context.now(), Arc::clone(&self.core.policy), put.clone());
        let staged = [staged(&put, key, stored, seen)];
        let result = self
            .core
            .write(context, move |tx| {
                let linked = link_into(tx, &policy, (&put.target, put.create), &staged, |_, error| error)?.pop();
                match &update {
                    ResumableUpdate::NoRow => {}
                    ResumableUpdate::MarkFinished(id) => resumable::finish(tx, id, stored.sha256, now)?,
                    ResumableUpdate::FinishParts { id, key } => finish_parts(tx, (id, key), stored, now)?,
                    ResumableUpdate::InsertFinished(row) => resumable::insert(tx, row)?,
                }
                linked.ok_or_else(|| Error::internal("a file that was linked is not there"))
            })
            .await?;
        if result.file.blob.key != key.as_str() {
            self.drop_object(key).await;
        }
        Ok(result)
    }

    /// Runs the upload with heartbeats, so that the collector does not take it for abandoned.
    pub(super) async fn with_heartbeat<T>(&self, key: &Key, upload: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (store, now, key) = (self.core.store.clone(), self.core.now(), key.to_string());
            // A short outage of the database does not end an upload; the commit checks the row again.
            async move {
                match store.write(move |tx| uploads::record_heartbeat(tx, &key, now)).await {
                    Ok(false) => Err(upload_expired()),
                    Ok(true) | Err(_) => Ok(()),
                }
            }
        };
        with_heartbeats_every(HEARTBEAT, beat, upload).await
    }

    /// Runs the upload, whose row is there. When it fails, or its future is dropped, its object and row are removed.
    pub(super) async fn with_guard<T>(&self, key: &Key, upload: impl Future<Output = Result<T>>) -> Result<T> {
        let guard = Guard::new(self, key);
        let result = upload.await;
        guard.disarm();
        if result.is_err() {
            abandon(self, key).await;
        }
        result
    }

    /// Removes the object and row of an upload that was last seen before `before`. `false` when the upload is still in progress,
    /// or its object is linked.
    ///
    /// The row outlives the object, because only its key leads to an unfinished upload in a bucket.
    pub(super) async fn discard_upload(&self, key: &Key, before: Millis) -> Result<bool> {
        let row = key.to_string();
        if !self.core.store.write(move |tx| uploads::condemn(tx, &row, before)).await? {
            return Ok(false);
        }
        self.core.blobs.discard(key).await?;
        let row = key.to_string();
        self.core.store.write(move |tx| uploads::remove(tx, &row)).await?;
        Ok(true)
    }

    pub(super) async fn drop_object(&self, key: &Key) {
        if let Err(error) = self.core.blobs.delete(key).await {
            log::warn!(key = key.as_str(), error = error.to_string().as_str(); "object left for the collector");
        }
    }
}

/// Removes the object and row of a failed upload, unless its object was linked after all.
pub(super) async fn abandon(files: &Files, key: &Key) {
    if let Err(error) = files.discard_upload(key, Millis::MAX).await {
        log::warn!(key = key.as_str(), error = error.to_string().as_str(); "upload left for the collector");
    }
}

/// Abandons the upload when its future is dropped, as it is when the client goes away.
pub(super) struct Guard {
    files: Files,
    key: Option<Key>,
}

impl Guard {
    pub(super) fn new(files: &Files, key: &Key) -> Self {
        Self { files: files.clone(), key: Some(key.clone()) }
    }

    /// The upload ended regularly: there is nothing to abandon.
    pub(super) fn disarm(mut self) {
        self.key = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let (Some(key), Ok(runtime)) = (self.key.take(), tokio::runtime::Handle::try_current()) {
            let files = self.files.clone();
            runtime.spawn(async move { abandon(&files, &key).await });
        }
    }
}

pub(super) fn check_length(length: Option<u64>, limit: Option<u64>) -> Result<()> {
    match (length, limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(Error::too_large(format!("the file has {length} bytes, more than the limit of {limit}")))
        }
        _ => Ok(()),
    }
}

/// Compares the digest of the stored bytes with the announced one. Errors: DigestMismatch.
pub(super) fn check_digest(announced: Option<Sha256>, stored: Stored) -> Result<()> {
    match announced.filter(|announced| *announced != stored.sha256) {
        Some(announced) => {
            let message = format!("the bytes have sha256 `{}`, not `{announced}` as announced", stored.sha256);
            Err(Error::digest_mismatch(message))
        }
        None => Ok(()),
    }
}

/// Marks an upload in parts as finished, and lets its parts expire.
///
/// Errors: Unavailable where it was given up meanwhile.
fn finish_parts(tx: &mut WriteTransaction<'_, '_>, (id, key): (&str, &str), whole: Stored, now: Millis) -> Result<()> {
    let length = i64::try_from(whole.size).unwrap_or(i64::MAX);
    if !uploads::take_all(tx, &[key])? || !multipart::finish(tx, id, (length, whole.sha256), now)? {
        return Err(upload_expired());
    }
    multipart::expire_parts(tx, id, now.saturating_sub(1))
}

/// The staged bytes of a put.
pub(super) fn staged(put: &PutFile, key: &Key, stored: Stored, seen: Inspection) -> StagedBlob {
    let guessed = || mime_guess::from_path(put.path.as_str()).first_or_octet_stream().essence_str().to_owned();
    StagedBlob {
        path: put.path.clone(),
        media_type: put.media_type.clone().unwrap_or_else(guessed),
        precondition: put.precondition.clone(),
        key: key.clone(),
        stored,
        seen,
    }
}

/// Links staged bytes to their paths in the target, which is made with its parents where `create` allows it. A path that an
/// artifact of a version has stays in that artifact.
///
/// Errors: as those of [`Taken::link`](super::link::Taken::link); NotFound when the target is not there and not to be made.
pub(super) fn link_into(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    (target, create): (&Target, bool),
    staged: &[StagedBlob],
    about: impl Fn(&FilePath, Error) -> Error,
) -> Result<Vec<PutResult>> {
    let Some(first) = staged.first() else { return Ok(Vec::new()) };
    let taken = take(tx, staged)?;
    let (place, version) = find_or_create_artifact(tx, target, &first.path, create)?;
    let paths: Vec<&str> = staged.iter().map(|blob| blob.path.as_str()).collect();
    // An artifact that is named takes its own files, whatever its version has elsewhere.
    let is_named = matches!(target, Target::Artifact(_) | Target::Run(_) | Target::Traces(_) | Target::Folder(_));
    let in_place = match version {
        Some((version, _)) if !is_named && staged.len() > 1 => files::holders_in(tx, version, &paths)?,
        _ => BTreeMap::new(),
    };
    let place_of = |path: &&str| in_place.get(*path).map_or(place, |holder| Place::Found(*holder));
    let places: Vec<Place> = paths.iter().map(place_of).collect();
    let found = places.iter().filter_map(|place| match place {
        Place::Found(holder) => Some(*holder),
        Place::Made(_) => None,
    });
    let found: Vec<NodeId> = found.collect::<BTreeSet<_>>().into_iter().collect();
    if !found.is_empty() {
        nodes::lock(tx, &found)?;
    }
    let linked = taken.link(tx, base, &places, about)?;
    let files: Vec<File> = linked.iter().map(|each| each.file.clone()).collect();
    let mut inspections = known(tx, &files)?;
    let result = |Linked { outcome, file, .. }: Linked| {
        let inspection = inspections.remove(&(file.node_id, file.path.clone()));
        PutResult { outcome, file, inspection, version }
    };
    Ok(linked.into_iter().map(result).collect())
}
