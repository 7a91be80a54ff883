//! Unpacks an archive into files: all of them are linked in one transaction at the end, or none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};

use super::archive::{Events, Sender, Unpacked, channel, gunzip, untar, unzip};
use super::context::RequestContext;
use super::files::check_precondition;
use super::inspection::Siblings;
use super::placement::{limit, resolve_target};
use super::target::{Precondition, Target};
use super::upload::{HEARTBEAT, PutFile, PutResult, abandon, check_length, link_into, staged};
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::{Error, ErrorKind, FilePath, Result, Sha256};
use crate::heartbeats::with_heartbeats_every;
use crate::services::Files;
use crate::store::uploads;

/// The most uploads that one transaction announces.
const MAX_ANNOUNCED: usize = 128;

/// The format of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// A tar.
    Tar,
    /// A tar in gzip.
    TarGz,
    /// A zip, stored or deflated.
    Zip,
}

/// An archive, and where its files are to be stored.
#[derive(Debug, Clone)]
pub struct Unpack {
    /// Where its files go.
    pub target: Target,
    /// Its format.
    pub packed: Packed,
    /// How many bytes it has, when the client said so.
    pub length: Option<u64>,
    /// What must be true of each of the files that are there.
    pub precondition: Precondition,
    /// Whether a missing model, version or model artifact is made.
    pub create: bool,
}

/// A member whose bytes are stored.
struct Member {
    put: PutFile,
    key: Key,
    stored: Stored,
}

impl Files {
    /// Stores each file of an archive, as [`Files::put_file`] does with one: all, or none of them.
    ///
    /// Errors: those of `put_file`, naming the member; InvalidBody when the archive is broken, empty, or has anything
    /// but files and folders; TooLarge when it passes the bounds. On any of them nothing is kept.
    pub async fn unpack_files<B>(&self, context: &RequestContext, unpack: Unpack, body: B) -> Result<Vec<PutResult>>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let pending = PendingUploads::new(self);
        let result = self.with_heartbeats(&pending, self.unpack_pending(context, unpack, body, &pending)).await;
        pending.release().await;
        result
    }

    async fn unpack_pending<B>(
        &self,
        context: &RequestContext,
        mut unpack: Unpack,
        body: B,
        pending: &PendingUploads,
    ) -> Result<Vec<PutResult>>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (target, create) = (unpack.target.clone(), unpack.create);
        unpack.target = self.core.read(context, move |tx| resolve_target(tx, &target, create)).await?;
        let packed = Arc::new(AtomicU64::new(0));
        let unpacked = Unpacked::new(self.core.bounds, Arc::clone(&packed));
        let (sender, events) = channel();
        let counted = body.inspect_ok(|chunk| {
            packed.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let read = async {
            let result = match unpack.packed {
                Packed::Tar => untar(counted, unpacked, &sender).await,
                Packed::TarGz => untar(gunzip(counted), unpacked, &sender).await,
                Packed::Zip => self.unzip_stored(&unpack, counted, unpacked, &sender, pending).await,
            };
            if let Err(error) = result {
                // If the receiver is gone, it has an error of its own.
                let _ = sender.send(Err(error)).await;
            }
            std::future::pending::<()>().await;
        };
        let staged = tokio::select! {
            biased;
            staged = self.stage(context, &unpack, events, pending) => staged?,
            () = read => return Err(Error::internal("the archive has no end")),
        };
        if staged.is_empty() {
            return Err(Error::invalid_body("the archive has no files"));
        }
        self.link_members(context, &unpack, staged, pending).await
    }

    /// Stores a zip as a whole before reading it, because its directory is at its end.
    async fn unzip_stored<B>(
        &self,
        unpack: &Unpack,
        body: B,
        unpacked: Unpacked,
        sender: &Sender,
        pending: &PendingUploads,
    ) -> Result<()>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let key = pending.announced_key().await?;
        let size = BodySize { exact: unpack.length, at_most: Some(self.core.bounds.bytes) };
        let stored = self.core.blobs.put(&key, size, body).await?;
        let sender = sender.clone();
        self.core.inspections().in_object(&key, stored.size, move |object| unzip(object, unpacked, &sender)).await
    }

    /// Stores the bytes of each member.
    async fn stage(
        &self,
        context: &RequestContext,
        unpack: &Unpack,
        mut events: Events,
        pending: &PendingUploads,
    ) -> Result<Vec<Member>> {
        self.core.check_store()?;
        let (target, policy) = (unpack.target.clone(), Arc::clone(&self.core.policy));
        let limit = self.core.read(context, move |tx| limit(tx, &policy, &target)).await?;
        let mut staged = Vec::new();
        while let Some((path, size)) = events.member().await? {
            let put = PutFile {
                target: unpack.target.clone(),
                path: path.clone(),
                media_type: None,
                length: Some(size),
                sha256: None::<Sha256>,
                precondition: unpack.precondition.clone(),
                create: unpack.create,
            };
            self.check_member(context, &put, limit).await.map_err(|error| of_member(&path, error))?;
            let key = pending.announced_key().await?;
            let size = BodySize { exact: Some(size), at_most: limit };
            let stored =
                self.core.blobs.put(&key, size, events.bytes()).await.map_err(|error| of_member(&path, error))?;
            staged.push(Member { put, key, stored });
        }
        Ok(staged)
    }

    /// Refuses early what the member's bytes cannot change.
    async fn check_member(&self, context: &RequestContext, put: &PutFile, limit: Option<u64>) -> Result<()> {
        check_length(put.length, limit)?;
        if put.precondition == Precondition::None {
            return Ok(());
        }
        let put = put.clone();
        self.core.read(context, move |tx| check_precondition(tx, &put.target, &put.path, &put.precondition)).await
    }

    async fn link_members(
        &self,
        context: &RequestContext,
        unpack: &Unpack,
        members: Vec<Member>,
        pending: &PendingUploads,
    ) -> Result<Vec<PutResult>> {
        let coming: Siblings = members.iter().map(|each| (each.put.path.clone(), each.stored.size)).collect();
        let objects: Vec<_> = members.iter().map(|each| (each.stored.sha256, each.key.clone())).collect();
        self.core.check_existing_blobs(&objects).await?;
        let mut all = Vec::with_capacity(members.len());
        for Member { put, key, stored } in members {
            let seen =
                self.core.inspections().inspect_stored(context, &put.target, &put.path, &key, stored, &coming).await;
            let seen = seen.map_err(|error| of_member(&put.path, error))?;
            all.push(staged(&put, &key, stored, seen));
        }
        let (policy, target, create) = (Arc::clone(&self.core.policy), unpack.target.clone(), unpack.create);
        let results =
            self.core.write(context, move |tx| link_into(tx, &policy, (&target, create), &all, of_member)).await?;
        for ((_, key), result) in objects.iter().zip(&results) {
            pending.forget(key);
            if result.file.blob.key != key.as_str() {
                self.drop_object(key).await;
            }
        }
        Ok(results)
    }

    /// Runs the work with heartbeats for all of its uploads.
    async fn with_heartbeats<T>(&self, pending: &PendingUploads, work: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (store, now, keys) = (self.core.store.clone(), self.core.now(), pending.keys());
            async move {
                let beaten = store.write(move |tx| {
                    let keys: Vec<&str> = keys.iter().map(Key::as_str).collect();
                    uploads::record_heartbeats(tx, &keys, now)
                });
                // A short outage of the database does not end the work; the commit checks the rows again.
                if let Err(error) = beaten.await {
                    log::warn!(error = error.to_string().as_str(); "the heartbeat of uploads failed");
                }
                Ok(())
            }
        };
        with_heartbeats_every(HEARTBEAT, beat, work).await
    }
}

/// The error, with the member that it is about.
fn of_member(path: &FilePath, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::Locked => error,
        _ => error.at_place(format_args!("member `{path}`")).or_on_field("body"),
    }
}

/// The pending uploads of one request. Abandons the rest when it is dropped, as when the client goes away.
struct PendingUploads {
    files: Files,
    keys: Mutex<BTreeSet<Key>>,
    /// Keys of `keys` that are announced and have no bytes yet.
    unused: Mutex<Vec<Key>>,
}

impl PendingUploads {
    fn new(files: &Files) -> Self {
        Self { files: files.clone(), keys: Mutex::default(), unused: Mutex::default() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeSet<Key>) -> T) -> T {
        act(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key of an announced upload. Uploads are announced in growing batches: that saves a transaction per member, and leaves
    /// few unused rows.
    async fn announced_key(&self) -> Result<Key> {
        if let Some(key) = self.unused().pop() {
            return Ok(key);
        }
        let count = self.keys().len().clamp(1, MAX_ANNOUNCED);
        let (keys, now): (Vec<Key>, _) = ((0..count).map(|_| self.new_key()).collect(), self.files.core.now());
        let rows = keys.clone();
        self.files
            .core
            .store
            .write(move |tx| uploads::insert_all(tx, &rows.iter().map(Key::as_str).collect::<Vec<_>>(), now))
            .await?;
        let mut unused = self.unused();
        *unused = keys;
        unused.pop().ok_or_else(|| Error::internal("no key was announced"))
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Key>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the rows of unused keys. If that fails, the collector removes them.
    async fn delete_unused_rows(&self) {
        let unused = std::mem::take(&mut *self.unused());
        if unused.is_empty() {
            return;
        }
        let rows = unused.clone();
        let withdrawn = self
            .files
            .core
            .store
            .write(move |tx| uploads::take_all(tx, &rows.iter().map(Key::as_str).collect::<Vec<_>>()));
        if let Err(error) = withdrawn.await {
            log::warn!(error = error.to_string().as_str(); "uploads left for the collector");
        }
        unused.iter().for_each(|key| self.forget(key));
    }

    fn new_key(&self) -> Key {
        let key = Key::new_upload();
        self.with(|keys| keys.insert(key.clone()));
        key
    }

    fn keys(&self) -> Vec<Key> {
        self.with(|keys| keys.iter().cloned().collect())
    }

    fn forget(&self, key: &Key) {
        self.with(|keys| keys.remove(key));
    }

    /// Abandons all pending uploads.
    async fn release(self) {
        self.delete_unused_rows().await;
        while let Some(key) = self.with(|keys| keys.last().cloned()) {
            abandon(&self.files, &key).await;
            self.forget(&key);
        }
    }
}

impl Drop for PendingUploads {
    fn drop(&mut self) {
        let keys = self.with(std::mem::take);
        if let (false, Ok(runtime)) = (keys.is_empty(), tokio::runtime::Handle::try_current()) {
            let files = self.files.clone();
            runtime.spawn(async move {
                for key in keys {
                    abandon(&files, &key).await;
                }
            });
        }
    }
}
