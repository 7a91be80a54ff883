//! All files of a version or an artifact, sent as one archive.

use futures_util::FutureExt as _;
use sha2::Digest as _;

use super::archive::Packing;
use super::context::RequestContext;
use super::download::ByteStream;
use super::holders::get_holder;
use super::inspection::{ServedFile, check_served};
use super::resolve::resolve;
use crate::domain::audit::AuditAction;
use crate::domain::{Error, File, Name, NodeId, Result, Sha256, VersionRef};
use crate::services::Files;
use crate::store::files::{self, Holder};

/// Files that are sent together, ordered by the bytes of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What the archive is called, without its ending.
    pub name: String,
    /// The files; no two have one path, and none has the path of another's folder.
    files: Vec<ServedFile>,
}

impl Folder {
    /// What the archive's bytes depend on, in one digest: two folders that have it in common give the same archive.
    pub fn digest(&self) -> Sha256 {
        let mut digest = sha2::Sha256::new();
        for file in &self.files {
            digest.update(file.path.as_str());
            digest.update([0]);
            digest.update(file.blob.sha256.to_string());
            digest.update([0]);
        }
        Sha256::from_bytes(digest.finalize().into())
    }

    /// The digests of the files as `sha256sum -c` reads them: a line for each, which needs no escapes, because a path has no line break and
    /// no backslash.
    pub fn sums(&self) -> String {
        self.files.iter().map(|file| format!("{}  {}\n", file.blob.sha256, file.path)).collect()
    }

    /// How many bytes the archive has.
    pub async fn length(&self, packing: Packing) -> Result<u64> {
        packing.length(&self.files.iter().map(|file| File::clone(file)).collect::<Vec<_>>()).await
    }

    /// Of several files at one path the one that is served there; refused when not all can be in one folder.
    fn new(name: String, mut files: Vec<ServedFile>) -> Result<Self> {
        files.sort_by(|one, other| (&one.path, one.node_id).cmp(&(&other.path, other.node_id)));
        files.dedup_by(|later, kept| later.path == kept.path);
        for file in &files {
            let path = file.path.as_str();
            let folder = path.match_indices('/').find_map(|(end, _)| {
                let folder = path.get(..end)?;
                files.binary_search_by(|other| other.path.as_str().cmp(folder)).is_ok().then_some(folder)
            });
            if let Some(folder) = folder {
                let message = format!("`{folder}` is a file and the folder of `{path}`; an archive cannot have both");
                return Err(Error::invalid_state(message).on_field("archive"));
            }
        }
        Ok(Self { name, files })
    }
}

impl Files {
    /// All files of a version. Quarantined ones only with `quarantined`.
    ///
    /// Errors: NotFound; PermissionDenied with the reason of the first that is quarantined; InvalidState when a
    /// file has the path of another's folder.
    pub async fn version_folder(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        quarantined: bool,
    ) -> Result<Folder> {
        let (model, version) = (model.clone(), version.clone());
        let (name, files) = self
            .core
            .read(context, move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                let name = format!("{}-{}", model.name.unwrap_or_default(), version.name.unwrap_or_default());
                let files = files::list(tx, Holder::Members(version.id), None, u32::MAX)?;
                Ok((name, check_served(tx, files, quarantined)?))
            })
            .await?;
        Folder::new(name, files)
    }

    /// All files of an artifact; otherwise as [`Files::version_folder`].
    pub async fn artifact_folder(
        &self,
        context: &RequestContext,
        artifact: NodeId,
        quarantined: bool,
    ) -> Result<Folder> {
        let files = self
            .core
            .read(context, move |tx| {
                get_holder(tx, artifact)?;
                let files = files::list(tx, Holder::Node(artifact), None, u32::MAX)?;
                check_served(tx, files, quarantined)
            })
            .await?;
        Folder::new(format!("artifact-{artifact}"), files)
    }

    /// The folder as an archive, whose files are opened one after the other.
    ///
    /// The stream ends with an error when a file cannot be read to its end.
    pub fn pack(&self, context: &RequestContext, folder: Folder, packing: Packing) -> ByteStream {
        let (files, context) = (self.clone(), context.clone());
        let open = move |file: File| {
            let (files, context) = (files.clone(), context.clone());
            async move {
                files.record_read(&context, AuditAction::Archive, &file, file.blob.size).await?;
                files.open(&context, &file, None).await
            }
            .boxed()
        };
        packing.pack(Box::new(open), folder.files.into_iter().map(ServedFile::into_file).collect())
    }
}
