//! Files as uploads and downloads see them: found at their targets, in pages, and in the record of changes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::holders::get_holder;
use super::imports::check_absent;
use super::inspection::{Inspected, known};
use super::resolve::resolve;
use super::target::{Precondition, Target, made_holder};
use super::transaction::{Needed, ReadTransaction, WriteTransaction, document};
use crate::domain::access::Permission;
use crate::domain::change;
use crate::domain::{Action, Error, ErrorKind, File, FilePath, Node, NodeId, PageSize, Result};
use crate::store::changes::NewChange;
use crate::store::files;
use crate::store::files::Holder;

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
    tx: &mut ReadTransaction<'_, '_>,
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
pub(super) fn find(tx: &mut ReadTransaction<'_, '_>, target: &Target, path: &FilePath) -> Result<File> {
    let found = match target {
        Target::Version { model, version } => {
            let (_, version) = resolve(tx, model, version)?;
            files::find_in(tx, version.id, path)?
        }
        Target::Artifact(id) => {
            get_holder(tx, *id)?;
            files::find(tx, *id, path)?
        }
        Target::Run(_) | Target::Traces(_) | Target::Folder(_) => match made_holder(tx, target)? {
            Some(holder) => files::find(tx, holder, path)?,
            None => None,
        },
        Target::Import(import) => {
            check_absent(tx, import)?;
            None
        }
    };
    found.ok_or_else(|| missing(path))
}

/// Checks the precondition against the file that is there.
pub(super) fn check_precondition(
    tx: &mut ReadTransaction<'_, '_>,
    target: &Target,
    path: &FilePath,
    precondition: &Precondition,
) -> Result<()> {
    let file = match find(tx, target, path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    precondition.check(file.as_ref())
}

pub(super) fn missing(path: &FilePath) -> Error {
    Error::not_found(format!("file `{path}`"))
}

/// Records what was done with a file, and which one it replaced, among the changes of its artifact, which is given as it was
/// before and as it is.
pub(super) fn record_file(
    tx: &mut WriteTransaction<'_, '_>,
    action: Action,
    (before, artifact): (&Node, &Node),
    (file, replaced): (&File, Option<&File>),
) -> Result<()> {
    record_files(tx, action, (before, artifact), &[(file, replaced)])
}

/// Records the same of many files of an artifact.
pub(super) fn record_files(
    tx: &mut WriteTransaction<'_, '_>,
    action: Action,
    (before, artifact): (&Node, &Node),
    files: &[(&File, Option<&File>)],
) -> Result<()> {
    let before = change::before(before, artifact);
    let entry = |(file, replaced): &(&File, Option<&File>)| {
        let mut was = before.clone();
        if let (Some(replaced), Some(members)) = (replaced, was.as_object_mut()) {
            members.insert("file".to_owned(), shown(replaced));
        }
        let mut details = vec![("file", shown(file))];
        if was.as_object().is_some_and(|members| !members.is_empty()) {
            details.push(("before", was));
        }
        let document = document(artifact, details);
        NewChange { action, node_id: artifact.id, place: artifact.place, revision: artifact.revision, document }
    };
    let permission = if action == Action::DeleteFile { Permission::Delete } else { Permission::Write };
    tx.record_all(Needed::Permission(permission), files.iter().map(entry))
}

/// A file, as the record keeps it.
fn shown(file: &File) -> serde_json::Value {
    let mut detail = serde_json::json!({
        "path": file.path.as_str(),
        "sha256": file.blob.sha256.to_string(),
        "size": file.blob.size,
        "mediaType": file.media_type,
    });
    if let (Some(reason), Some(members)) = (&file.quarantine, detail.as_object_mut()) {
        members.insert("quarantine".to_owned(), reason.as_str().into());
    }
    detail
}
