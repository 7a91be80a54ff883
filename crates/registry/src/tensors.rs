//! The tensors of stored files, from their headers, which are read by ranges and remembered.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use modelport_inspect::{NoTensors, Source, Tensor, Tensors, list_tensors};
use sha2::Digest as _;

use super::context::RequestContext;
use super::inspection::{ServedFile, check_served};
use super::resolve::resolve;
use super::stored_object::{StoredObject, source_error};
use super::target::Target;
use super::tensor_cache::{Header, Known};
use super::tensor_table::{TensorPage, TensorQuery, TensorTable};
use super::transaction::ReadTransaction;
use crate::blobs::Key;
use crate::domain::audit::AuditAction;
use crate::domain::{Error, File, FilePath, NodeId, Result, Sha256};
use crate::services::Files;
use crate::store::files;

/// How many bytes the tensors of a model in several files may take in memory.
const MAX_BYTES: usize = 64 << 20;
/// How many files of a model are read beside each other.
const BESIDE: usize = 4;

/// A source that counts what is read of it.
struct Counted<'a> {
    source: &'a dyn Source,
    /// How many bytes.
    read: Cell<u64>,
}

impl Source for Counted<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(at, buf)?;
        self.read.set(self.read.get().saturating_add(read as u64));
        Ok(read)
    }
}

impl Files {
    /// A page of the tensors that a file describes in its header; of an index, those of all the files that it names, which are beside it.
    /// Reading them is reading bytes: it takes the permission to download, and is recorded.
    ///
    /// Errors: NotFound; PermissionDenied and Quarantined as of downloads; InvalidState where the file is of no format with such a header,
    /// where it is broken or describes too much, or where a file that it names is not there; InvalidArgument where the token is of other
    /// bytes.
    pub async fn list_tensors(
        &self,
        context: &RequestContext,
        target: &Target,
        path: &FilePath,
        quarantined: bool,
        query: TensorQuery,
    ) -> Result<TensorPage> {
        let file = self.get_served_file(context, target, path, quarantined).await?;
        let (digest, table) = match self.header(context, &file).await? {
            Known::Table(table) => (digest_of([&file]), table),
            Known::Shards(shards) => {
                let shards = self.shards(context, target, &file, shards, quarantined).await?;
                self.joined(context, &file, shards).await?
            }
            Known::Nothing(why) => return Err(no_tensors(&file, &why)),
        };
        // A large table takes a while.
        match tokio::task::spawn_blocking(move || table.page(digest, &query)).await {
            Ok(page) => page,
            Err(error) => Err(Error::internal("listing tensors panicked").caused_by(error)),
        }
    }

    /// What the header of a file says; that it was read is recorded, whether it was remembered or not.
    pub(super) async fn header(&self, context: &RequestContext, file: &ServedFile) -> Result<Known> {
        let digest = digest_of([file]);
        let header = match self.core.tensors.get(&digest) {
            Some(header) => header,
            None => {
                let permit = Arc::clone(&self.core.tensors.readers).acquire_owned().await;
                let permit = permit.map_err(|_| Error::unavailable("the server is shutting down"))?;
                match self.core.tensors.get(&digest) {
                    // Whoever had the permit before has read it.
                    Some(header) => header,
                    None => {
                        let (path, key): (_, Key) = (file.path.clone(), file.blob.key.parse()?);
                        let look = move |object: &StoredObject| {
                            let _permit = permit;
                            read_header(&path, object)
                        };
                        let header = self.core.inspections().in_object(&key, file.blob.size, look).await?;
                        self.core.tensors.put(digest, header.clone());
                        header
                    }
                }
            }
        };
        self.record_read(context, AuditAction::Download, file, header.read).await?;
        Ok(header.known)
    }

    /// The files that an index names, by its names for them.
    async fn shards(
        &self,
        context: &RequestContext,
        target: &Target,
        index: &ServedFile,
        shards: Arc<BTreeMap<String, String>>,
        quarantined: bool,
    ) -> Result<Vec<(Arc<str>, ServedFile)>> {
        let (target, artifact, index) = (target.clone(), index.node_id, index.path.clone());
        self.core
            .read(context, move |tx| {
                let paths: Vec<&str> = shards.values().map(String::as_str).collect();
                let found = match &target {
                    Target::Version { model, version } => {
                        let (_, version) = resolve(tx, model, version)?;
                        files_in(tx, version.id, &paths)?
                    }
                    _ => files::among(tx, artifact, paths)?,
                };
                let mut named: Vec<(Arc<str>, File)> = Vec::new();
                for (name, path) in shards.iter() {
                    let missing = || {
                        let message = format!("`{index}` names `{}`, which is not there", name.escape_debug());
                        Error::invalid_state(message).on_field("path")
                    };
                    // Two names may be of one file.
                    let file = found.get(path).cloned().ok_or_else(missing)?;
                    named.push((Arc::from(name.as_str()), file));
                }
                let (names, files): (Vec<_>, Vec<_>) = named.into_iter().unzip();
                Ok(names.into_iter().zip(check_served(tx, files, quarantined)?).collect())
            })
            .await
    }

    /// The tensors of all files that an index names, each with the name that the index has for its file.
    async fn joined(
        &self,
        context: &RequestContext,
        index: &ServedFile,
        shards: Vec<(Arc<str>, ServedFile)>,
    ) -> Result<(Sha256, Arc<TensorTable>)> {
        let digest = digest_of([index].into_iter().chain(shards.iter().map(|(_, file)| file)));
        let known = self.core.tensors.get(&digest);
        if let Some(Header { known: Known::Table(table), .. }) = known {
            for (_, file) in &shards {
                let read = self.core.tensors.get(&digest_of([file])).map_or(0, |header| header.read);
                self.record_read(context, AuditAction::Download, file, read).await?;
            }
            return Ok((digest, table));
        }
        let tables = shards.into_iter().map(|(name, file)| self.shard(context, name, file));
        let mut tables = stream::iter(tables).buffered(BESIDE);
        let (mut tensors, mut bytes) = (Vec::new(), 0);
        while let Some((name, table)) = tables.try_next().await? {
            bytes += table.size_in_memory();
            if bytes > MAX_BYTES {
                let message = format!("the files that `{}` names describe more tensors than are listed", index.path);
                return Err(Error::invalid_state(message).on_field("path"));
            }
            let of_shard = |tensor: &Tensor| Tensor { file: Some(Arc::clone(&name)), ..tensor.clone() };
            tensors.extend(table.tensors().iter().map(of_shard));
        }
        drop(tables);
        let table = Arc::new(TensorTable::new(tensors));
        self.core.tensors.put(digest, Header { known: Known::Table(Arc::clone(&table)), read: 0 });
        Ok((digest, table))
    }

    /// The tensors of a file that an index calls `name`.
    async fn shard(
        &self,
        context: &RequestContext,
        name: Arc<str>,
        file: ServedFile,
    ) -> Result<(Arc<str>, Arc<TensorTable>)> {
        match self.header(context, &file).await? {
            Known::Table(table) => Ok((name, table)),
            Known::Shards(_) => Err(no_tensors(&file, &NoTensors::Format)),
            Known::Nothing(why) => Err(no_tensors(&file, &why)),
        }
    }
}

/// Reads a header.
fn read_header(path: &FilePath, source: &dyn Source) -> Result<Header> {
    let source = Counted { source, read: Cell::new(0) };
    let known = match list_tensors(path.as_str(), &source).map_err(source_error)? {
        Ok(Tensors::Here(tensors)) => Known::Table(Arc::new(TensorTable::new(tensors))),
        Ok(Tensors::Shards(shards)) => Known::Shards(Arc::new(shards)),
        Err(why) => Known::Nothing(why),
    };
    // Some of it may have been read more than once.
    Ok(Header { known, read: source.read.get().min(source.size()) })
}

/// Says why the tensors of a file cannot be listed.
fn no_tensors(file: &File, why: &NoTensors) -> Error {
    let path = &file.path;
    let message = match why {
        NoTensors::Format => format!(
            "file `{path}` is not of a format whose header describes tensors: safetensors and its index, GGUF, ONNX, OpenVINO IR, NumPy"
        ),
        NoTensors::Broken(why) => format!("the header of file `{path}` is broken: {why}"),
        NoTensors::Limit(why) => format!("the header of file `{path}` is above a limit: {why}"),
    };
    Error::invalid_state(message).on_field("path")
}

/// The digest of the paths and bytes of some files.
fn digest_of<'a>(files: impl IntoIterator<Item = &'a ServedFile>) -> Sha256 {
    let mut digest = sha2::Sha256::new();
    for file in files {
        digest.update(file.path.as_str());
        digest.update([0]);
        digest.update(file.blob.sha256.as_bytes());
    }
    Sha256::from_bytes(digest.finalize().into())
}

/// The files of a version at these paths; of several at one path, that of the oldest artifact.
fn files_in(tx: &mut ReadTransaction<'_, '_>, version: NodeId, paths: &[&str]) -> Result<BTreeMap<String, File>> {
    let mut by_holder: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (path, holder) in files::holders_in(tx, version, paths)? {
        by_holder.entry(holder).or_default().push(path);
    }
    let mut found = BTreeMap::new();
    for (holder, paths) in by_holder {
        found.extend(files::among(tx, holder, paths.iter().map(String::as_str).collect())?);
    }
    Ok(found)
}
