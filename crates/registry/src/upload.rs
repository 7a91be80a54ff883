//! Upload: bytes first, while no transaction is open; then one short transaction that links them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::attach::{Attached, InspectedBytes, attach, evaluate_attached};
use super::context::RequestContext;
use super::entities::create;
use super::files::{Precondition, Target, check_precondition, get_holder, holder};
use super::imports;
use super::inspection::{Inspected, Siblings, known, policy_of};
use super::policy::Policy;
use super::resolve::{check_free_of_reserved_words, made, model_named, resolve};
use super::transaction::{ReadTransaction, WriteTransaction};
use super::{Registry, with_heartbeats_every};
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::{
    ArtifactState, Draft, Error, ErrorKind, File, FilePath, LogicalType, Millis, Name, NodeId, Result, Sha256,
    VersionRef,
};
use crate::store::resumable::Resumable;
use crate::store::{files, nodes, policies, resumable, uploads};

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

/// The outcome of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The path is new.
    Created,
    /// The path had other bytes.
    Replaced,
    /// The path had these bytes already.
    Unchanged,
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
pub(super) enum Ending {
    /// There is none.
    Plain,
    /// The one with this id is marked as finished.
    Marked(String),
    /// This one is made, finished.
    Recorded(Box<Resumable>),
}

impl Registry {
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
        let guard = Guard::new(self, &key);
        let result = self.store_and_finish(context, &put, &key, limit, body).await;
        match result {
            Ok(result) => {
                guard.disarm();
                Ok(result)
            }
            Err(error) => {
                guard.disarm();
                abandon(self, &key).await;
                Err(error)
            }
        }
    }

    /// Checks all that does not depend on the bytes, resolves `latest` and aliases, and announces the upload. Returns the put
    /// with its resolved target, and the largest size that may be stored.
    pub(super) async fn begin_upload(
        &self,
        context: &RequestContext,
        mut put: PutFile,
        key: &Key,
    ) -> Result<(PutFile, Option<u64>)> {
        self.check_store()?;
        check_length(put.length, self.policy.max_file_bytes)?;
        let policy = Arc::clone(&self.policy);
        let (now, key, requested) = (context.now(), key.to_string(), put.clone());
        let (target, limit) = self
            .write(context, move |tx| {
                let target = resolve_target(tx, &requested.target, requested.create)?;
                let limit = limit(tx, &policy, &target)?;
                check_length(requested.length, limit)?;
                check_precondition(tx, &target, &requested.path, &requested.precondition)?;
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
        let stored = self.with_heartbeat(key, self.blobs.put(key, size, body)).await?;
        self.finish_upload(context, put, key, stored, Ending::Plain).await
    }

    /// Makes a file of a complete object: compares the digest, inspects the object, links it in one short transaction, and drops
    /// it if the bytes existed already. On an error the caller still owns the object and removes it.
    ///
    /// The row of a resumable upload has its `ending` in the same transaction.
    pub(super) async fn finish_upload(
        &self,
        context: &RequestContext,
        put: &PutFile,
        key: &Key,
        stored: Stored,
        ending: Ending,
    ) -> Result<PutResult> {
        if let Some(announced) = put.sha256.filter(|announced| *announced != stored.sha256) {
            return Err(Error::digest_mismatch(format!(
                "the bytes have sha256 `{}`, not `{announced}` as announced",
                stored.sha256
            )));
        }
        let objects = [(stored.sha256, key.clone())];
        let seen = self.with_heartbeat(key, async {
            self.check_store()?;
            self.check_existing_blobs(&objects).await?;
            self.inspect_stored(context, &put.target, &put.path, key, stored, &Siblings::new()).await
        });
        let seen = seen.await?;
        let (now, put, row) = (context.now(), put.clone(), key.to_string());
        let bytes = InspectedBytes { stored, seen, policy: Arc::clone(&self.policy) };
        let (result, linked_key) = self
            .write(context, move |tx| {
                let linked = link(tx, &put, &row, &bytes)?;
                match &ending {
                    Ending::Plain => {}
                    Ending::Marked(id) => resumable::finish(tx, id, stored.sha256, now)?,
                    Ending::Recorded(row) => resumable::insert(tx, row)?,
                }
                Ok(linked)
            })
            .await?;
        if linked_key != key.as_str() {
            self.drop_object(key).await;
        }
        Ok(result)
    }

    /// Runs the upload with heartbeats, so that the collector does not take it for abandoned.
    pub(super) async fn with_heartbeat<T>(&self, key: &Key, upload: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (store, now, key) = (self.store.clone(), self.now(), key.to_string());
            // A short outage of the database does not end an upload; the commit checks the row again.
            async move {
                match store.write(move |tx| uploads::seen(tx, &key, now)).await {
                    Ok(false) => Err(upload_expired()),
                    Ok(true) | Err(_) => Ok(()),
                }
            }
        };
        with_heartbeats_every(HEARTBEAT, beat, upload).await
    }

    /// Removes the object and row of an upload that was last seen before `before`. `false` when the upload is still in progress,
    /// or its object is linked.
    ///
    /// The row outlives the object, because only its key leads to an unfinished upload in a bucket.
    pub(super) async fn discard_upload(&self, key: &Key, before: Millis) -> Result<bool> {
        let row = key.to_string();
        if !self.store.write(move |tx| uploads::condemn(tx, &row, before)).await? {
            return Ok(false);
        }
        self.blobs.discard(key).await?;
        let row = key.to_string();
        self.store.write(move |tx| uploads::remove(tx, &row)).await?;
        Ok(true)
    }

    pub(super) async fn drop_object(&self, key: &Key) {
        if let Err(error) = self.blobs.delete(key).await {
            log::warn!(key = key.as_str(), error = error.to_string().as_str(); "object left for the collector");
        }
    }
}

/// Removes the object and row of a failed upload, unless its object was linked after all.
pub(super) async fn abandon(registry: &Registry, key: &Key) {
    if let Err(error) = registry.discard_upload(key, Millis::MAX).await {
        log::warn!(key = key.as_str(), error = error.to_string().as_str(); "upload left for the collector");
    }
}

/// Abandons the upload when its future is dropped, as it is when the client goes away.
pub(super) struct Guard {
    registry: Registry,
    key: Option<Key>,
}

impl Guard {
    pub(super) fn new(registry: &Registry, key: &Key) -> Self {
        Self { registry: registry.clone(), key: Some(key.clone()) }
    }

    /// The upload ended regularly: there is nothing to abandon.
    pub(super) fn disarm(mut self) {
        self.key = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let (Some(key), Ok(runtime)) = (self.key.take(), tokio::runtime::Handle::try_current()) {
            let registry = self.registry.clone();
            runtime.spawn(async move { abandon(&registry, &key).await });
        }
    }
}

pub(super) fn upload_expired() -> Error {
    Error::unavailable("the upload received nothing for so long that it was given up")
}

pub(super) fn check_length(length: Option<u64>, limit: Option<u64>) -> Result<()> {
    match (length, limit) {
        (Some(length), Some(limit)) if length > limit => {
            Err(Error::too_large(format!("the file has {length} bytes, more than the limit of {limit}")))
        }
        _ => Ok(()),
    }
}

/// The largest file that the target's policy allows.
pub(super) fn limit(tx: &mut ReadTransaction<'_, '_>, base: &Policy, target: &Target) -> Result<Option<u64>> {
    let policy = match target {
        Target::Artifact(id) => {
            let artifact = get_holder(tx, *id)?;
            policy_of(tx, base, &artifact)?
        }
        Target::Version { model, .. } => match model_named(tx, model) {
            Ok(model) => policies::find(tx, model.id)?.map_or_else(|| base.clone(), |said| base.with(&said)),
            Err(error) if error.kind() == ErrorKind::NotFound => base.clone(),
            Err(error) => return Err(error),
        },
        Target::Import(_) => base.clone(),
    };
    Ok(policy.max_file_bytes)
}

/// Checks that the target exists or may be created, and replaces `latest` and aliases by the version's name.
pub(super) fn resolve_target(tx: &mut ReadTransaction<'_, '_>, target: &Target, create: bool) -> Result<Target> {
    match target {
        Target::Artifact(id) => {
            get_holder(tx, *id)?;
            Ok(target.clone())
        }
        Target::Version { model, version: VersionRef::Named(name) } if create => {
            match resolve(tx, model, &VersionRef::Named(name.clone())) {
                Err(error) if error.kind() == ErrorKind::NotFound => check_free_of_reserved_words(name)?,
                Err(error) => return Err(error),
                Ok(_) => {}
            }
            Ok(target.clone())
        }
        Target::Import(_) => Ok(target.clone()),
        Target::Version { model, version } => {
            let (_, found) = resolve(tx, model, version)?;
            let name = found.name.unwrap_or_default().parse()?;
            Ok(Target::Version { model: model.clone(), version: VersionRef::Named(name) })
        }
    }
}

/// Links stored bytes to a path. Returns the key of the file's blob, which is an older one if the bytes existed already.
fn link(
    tx: &mut WriteTransaction<'_, '_>,
    put: &PutFile,
    key: &str,
    bytes: &InspectedBytes,
) -> Result<(PutResult, String)> {
    if !uploads::take(tx, key)? {
        return Err(upload_expired());
    }
    let (artifact, version) = find_or_create_artifact(tx, put)?;
    nodes::lock(tx, &[artifact])?;
    let Attached { outcome, mut file, replaced } = attach(tx, put, artifact, key, bytes.stored)?;
    if outcome != Outcome::Unchanged {
        evaluate_attached(tx, (&mut file, replaced.as_ref()), bytes)?;
    }
    let inspection = known(tx, std::slice::from_ref(&file))?.into_values().next();
    let key = file.blob.key.clone();
    Ok((PutResult { outcome, file, inspection, version }, key))
}

/// The artifact that the file goes to, created with its version and model if they are missing and the put allows it.
pub(super) fn find_or_create_artifact(
    tx: &mut WriteTransaction<'_, '_>,
    put: &PutFile,
) -> Result<(NodeId, Option<(NodeId, NodeId)>)> {
    let (model, version) = match &put.target {
        Target::Artifact(id) => {
            let artifact = get_holder(tx, *id)?;
            let home = artifact.home_id.map(|home| nodes::find(tx, home)).transpose()?.flatten();
            return Ok((*id, home.and_then(|home| Some((home.id, home.home_id?)))));
        }
        Target::Import(import) => {
            let (artifact, version, model) = imports::create_imported(tx, import)?;
            return Ok((artifact, Some((version, model))));
        }
        Target::Version { model, version } => (model, version),
    };
    let named = |name: &Name, state: &str| Draft::named(name.clone()).with("state", Some(state));
    let found_model = match model_named(tx, model) {
        Err(error) if error.kind() == ErrorKind::NotFound && put.create => {
            made(create(tx, LogicalType::RegisteredModel, None, &named(model, "LIVE")))?
        }
        found => found?,
    };
    let found_version = match (resolve(tx, model, version), version) {
        (Ok((_, version)), _) => version,
        (Err(error), VersionRef::Named(name)) if error.kind() == ErrorKind::NotFound && put.create => {
            made(create(tx, LogicalType::ModelVersion, Some(found_model.id), &named(name, "LIVE")))?
        }
        (Err(error), _) => return Err(error),
    };
    // Without the lock two uploads into a new version would each make its artifact.
    nodes::lock(tx, &[found_version.id])?;
    let in_place = files::find_in(tx, found_version.id, &put.path)?.map(|file| file.node_id);
    let artifact = match in_place.map_or_else(|| holder(tx, found_version.id), |id| Ok(Some(id)))? {
        Some(id) => id,
        None if put.create => {
            let draft = Draft { state: Some(ArtifactState::Live.number()), ..Draft::named(model.clone()) };
            made(create(tx, LogicalType::ModelArtifact, Some(found_version.id), &draft))?.id
        }
        None => return Err(Error::not_found(format!("a model artifact of version `{version}`"))),
    };
    Ok((artifact, Some((found_version.id, found_model.id))))
}
