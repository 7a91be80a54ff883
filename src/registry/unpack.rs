//! An archive stored as the files in it: all of them in one transaction at the end, or none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};

use super::archive::{Events, Sender, Unpacked, channel, gunzip, untar, unzip};
use super::attach::{Attached, attach};
use super::entities::touch;
use super::files::{Precondition, Target, record_file};
use super::inspection::{keep, left, policy_of};
use super::upload::{HEARTBEAT, Outcome, PutFile, PutResult, abandon, place, settle, taken_for_abandoned};
use super::{Registry, beating};
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::inspect::{Inspection, Siblings};
use crate::domain::policy::Policy;
use crate::domain::{Action, Actor, Error, ErrorKind, FilePath, LogicalType, Millis, NodeId, Result, Sha256};
use crate::store::{Tx, files, inspections, nodes, uploads};

/// What an archive is.
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
    /// Where.
    pub target: Target,
    /// What it is.
    pub packed: Packed,
    /// How many bytes it has, when the client said so.
    pub length: Option<u64>,
    /// What must be true of each of the files that are there.
    pub precondition: Precondition,
    /// Whether a missing model, version or model artifact is made.
    pub create: bool,
}

/// A member whose bytes are stored.
#[derive(Clone)]
struct Staged {
    put: PutFile,
    key: Key,
    stored: Stored,
}

impl Registry {
    /// Stores each file of an archive, as [`Registry::put_file`] does with one: all, or none of them.
    ///
    /// Errors: those of `put_file`, naming the member; InvalidArgument when the archive is broken, empty, or has anything
    /// but files and folders; ResourceExhausted when it passes the bounds. On any of them nothing is kept.
    pub async fn unpack_files<B>(&self, actor: &Actor, unpack: Unpack, body: B) -> Result<Vec<PutResult>>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let held = Held { registry: self.clone(), keys: Arc::default() };
        let result = self.kept(&held, self.unpack_held(actor, unpack, body, &held)).await;
        held.let_go().await;
        result
    }

    async fn unpack_held<B>(&self, actor: &Actor, mut unpack: Unpack, body: B, held: &Held) -> Result<Vec<PutResult>>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (target, create) = (unpack.target.clone(), unpack.create);
        unpack.target = self.store.read(move |tx| settle(tx, &target, create)).await?;
        let packed = Arc::new(AtomicU64::new(0));
        let unpacked = Unpacked::new(self.bounds, Arc::clone(&packed));
        let (sender, events) = channel();
        let counted = body.inspect_ok(|chunk| {
            packed.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let read = async {
            let result = match unpack.packed {
                Packed::Tar => untar(counted, unpacked, &sender).await,
                Packed::TarGz => untar(gunzip(counted), unpacked, &sender).await,
                Packed::Zip => self.unzip_stored(&unpack, counted, unpacked, &sender, held).await,
            };
            if let Err(error) = result {
                // Whoever does not want to know any more has an error of their own.
                let _ = sender.send(Err(error)).await;
            }
            std::future::pending::<()>().await;
        };
        let staged = tokio::select! {
            biased;
            staged = self.stage(&unpack, events, held) => staged?,
            () = read => return Err(Error::internal("the archive has no end")),
        };
        if staged.is_empty() {
            return Err(Error::invalid("body", "the archive has no files"));
        }
        self.link_staged(actor, &unpack.target, staged, held).await
    }

    /// A zip is read from its end, so it is stored as a whole for as long as that takes.
    async fn unzip_stored<B>(
        &self,
        unpack: &Unpack,
        body: B,
        unpacked: Unpacked,
        sender: &Sender,
        held: &Held,
    ) -> Result<()>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (key, now) = (held.new_key(), self.now());
        let row = key.to_string();
        self.store.write(move |tx| uploads::insert(tx, &row, now)).await?;
        let size = BodySize { exact: unpack.length, at_most: Some(self.bounds.bytes) };
        let stored = self.blobs.put(&key, size, body).await?;
        let sender = sender.clone();
        self.in_object(&key, stored.size, move |object| unzip(object, unpacked, &sender)).await
    }

    /// Stores the bytes of each member.
    async fn stage(&self, unpack: &Unpack, mut events: Events, held: &Held) -> Result<Vec<Staged>> {
        let mut staged = Vec::new();
        while let Some((path, size)) = events.member().await? {
            let key = held.new_key();
            let put = PutFile {
                target: unpack.target.clone(),
                path: path.clone(),
                media_type: None,
                length: Some(size),
                sha256: None::<Sha256>,
                precondition: unpack.precondition.clone(),
                create: unpack.create,
            };
            let (put, limit) = self.begin_upload(put, &key).await.map_err(|error| of_member(&path, error))?;
            let size = BodySize { exact: Some(size), at_most: limit };
            let stored = self.blobs.put(&key, size, events.bytes()).await.map_err(|error| of_member(&path, error))?;
            staged.push(Staged { put, key, stored });
        }
        Ok(staged)
    }

    async fn link_staged(
        &self,
        actor: &Actor,
        target: &Target,
        staged: Vec<Staged>,
        held: &Held,
    ) -> Result<Vec<PutResult>> {
        let coming: Siblings = staged.iter().map(|each| (each.put.path.clone(), each.stored.size)).collect();
        let mut arrived = Vec::with_capacity(staged.len());
        for each in staged {
            let path = &each.put.path;
            let seen = self.examine(target, path, &each.key, each.stored, &coming).await;
            let seen = seen.map_err(|error| of_member(path, error))?;
            arrived.push((each, seen));
        }
        let (actor, now, policy, arrived) = (actor.clone(), self.now(), Arc::clone(&self.policy), Arc::new(arrived));
        let members = Arc::clone(&arrived);
        let results = self.store.write(move |tx| link_all(tx, &actor, &members, &policy, now)).await?;
        for ((each, _), result) in arrived.iter().zip(&results) {
            held.forget(&each.key);
            if result.file.blob.key != each.key.as_str() {
                self.drop_object(&each.key).await;
            }
        }
        Ok(results)
    }

    /// Runs the work while saying now and then that all of its uploads are under way.
    async fn kept<T>(&self, held: &Held, work: impl Future<Output = Result<T>>) -> Result<T> {
        let beat = || {
            let (store, now, keys) = (self.store.clone(), self.now(), held.keys());
            async move {
                let beaten = store.write(move |tx| {
                    for key in &keys {
                        uploads::seen(tx, key.as_str(), now)?;
                    }
                    Ok(())
                });
                // A database that is away for a moment does not end the work; the commit will ask it again.
                if let Err(error) = beaten.await {
                    log::warn!(error = error.to_string().as_str(); "uploads could not say that they are under way");
                }
                Ok(())
            }
        };
        beating(HEARTBEAT, beat, work).await
    }
}

/// Links the members, and judges them once all are there: they may refer to each other.
fn link_all(
    tx: &mut Tx<'_>,
    actor: &Actor,
    members: &[(Staged, Inspection)],
    base: &Policy,
    now: Millis,
) -> Result<Vec<PutResult>> {
    let Some((first, _)) = members.first() else { return Ok(Vec::new()) };
    let (artifact, version) = place(tx, actor, &first.put, now)?;
    let mut linked: Vec<Attached> = Vec::with_capacity(members.len());
    let mut holders: BTreeMap<NodeId, Policy> = BTreeMap::new();
    for (each, _) in members {
        let path = &each.put.path;
        if !uploads::take(tx, each.key.as_str())? {
            return Err(taken_for_abandoned());
        }
        let in_place = version.map(|(version, _)| files::find_in(tx, version, path)).transpose()?.flatten();
        // An artifact that is named takes its own files, whatever its version has elsewhere.
        let named = matches!(each.put.target, Target::Artifact(_));
        let holder = in_place.filter(|_| !named).map_or(artifact, |file| file.node_id);
        if let Entry::Vacant(unlocked) = holders.entry(holder) {
            nodes::lock(tx, &[holder])?;
            if let Some(node) = nodes::find(tx, holder)? {
                unlocked.insert(policy_of(tx, base, &node)?);
            }
        }
        let stored = attach(tx, &each.put, holder, each.key.as_str(), each.stored, now);
        linked.push(stored.map_err(|error| of_member(path, error))?);
    }
    for (one, (each, seen)) in linked.iter_mut().zip(members) {
        if let (true, Some(policy)) = (one.outcome != Outcome::Unchanged, holders.get(&one.file.node_id)) {
            keep(tx, policy, &mut one.file, seen).map_err(|error| of_member(&each.put.path, error))?;
        }
    }
    for holder in holders.keys() {
        let mut changed = linked.iter().filter(|one| one.outcome != Outcome::Unchanged && one.file.node_id == *holder);
        if let Some(first) = changed.next() {
            let before = touch(tx, LogicalType::ModelArtifact, *holder, None, now)?;
            let node = left(tx, base, &before)?;
            for one in std::iter::once(first).chain(changed) {
                record_file(tx, actor, now, Action::PutFile, &node, &one.file)?;
            }
        }
    }
    let files: Vec<_> = linked.iter().map(|one| one.file.clone()).collect();
    let mut known = inspections::of_files(tx, &files)?;
    let result = |one: Attached| {
        let inspection = known.remove(&(one.file.node_id, one.file.path.clone()));
        PutResult { outcome: one.outcome, file: one.file, inspection, version }
    };
    Ok(linked.into_iter().map(result).collect())
}

/// The error, with the member that it is about.
fn of_member(path: &FilePath, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Conflict => error,
        // It comes from the archive and has named the member already.
        _ if error.field() == Some("body") && error.message().contains("member `") => error,
        kind => {
            let field = error.field().unwrap_or("body").to_owned();
            Error::new(kind, format!("member `{path}`: {}", error.message())).on_field(&field)
        }
    }
}

/// The uploads of one request. Abandons those that are left when it is dropped, as it is when the client goes away.
struct Held {
    registry: Registry,
    keys: Arc<Mutex<Vec<Key>>>,
}

impl Held {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Key>) -> T) -> T {
        act(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn new_key(&self) -> Key {
        let key = Key::new_upload();
        self.with(|keys| keys.push(key.clone()));
        key
    }

    fn keys(&self) -> Vec<Key> {
        self.with(|keys| keys.clone())
    }

    fn forget(&self, key: &Key) {
        self.with(|keys| keys.retain(|kept| kept != key));
    }

    /// Abandons what is left.
    async fn let_go(self) {
        while let Some(key) = self.with(|keys| keys.last().cloned()) {
            abandon(&self.registry, &key).await;
            self.forget(&key);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let keys = self.with(std::mem::take);
        if let (false, Ok(runtime)) = (keys.is_empty(), tokio::runtime::Handle::try_current()) {
            let registry = self.registry.clone();
            runtime.spawn(async move {
                for key in keys {
                    abandon(&registry, &key).await;
                }
            });
        }
    }
}
