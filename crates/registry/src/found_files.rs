//! Files of a whole workspace: by what inspection found in them, by their paths, or by their bytes.

use super::context::RequestContext;
use super::inspection::{Inspected, inspected};
use super::resolve::{homes, id_and_name};
use super::tracking::tokens::{decoded, encoded};
use super::transaction::ReadTransaction;
use crate::domain::{Error, File, FilePath, LogicalType, NodeId, PageSize, Result, Sha256, fingerprint};
use crate::services::Files;
use crate::store::files::{self, WantedFiles};
use crate::store::inspections::InspectionRecord;
use crate::store::nodes;

/// The field of an error about a token.
const TOKEN: &str = "nextPageToken";

/// Which files are wanted; what is `None` or empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSearch {
    /// One of these verdicts is on them.
    pub verdicts: Vec<String>,
    /// Whether they are quarantined.
    pub quarantined: Option<bool>,
    /// The id of a rule by which something was found in them.
    pub rule: Option<modelport_inspect::Rule>,
    /// Their format.
    pub format: Option<String>,
    /// Their path, in which `*` is any text.
    pub path: Option<String>,
}

/// A file, and what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFile {
    /// The file.
    pub file: File,
    /// What is known of its bytes.
    pub inspection: Option<Inspected>,
    /// The id and the name of the version that owns its artifact.
    pub version: Option<(NodeId, String)>,
    /// The same of that version's model.
    pub model: Option<(NodeId, String)>,
}

/// A page of files, ordered by artifact and path.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFiles {
    /// The files.
    pub files: Vec<FoundFile>,
    /// The token of the next page.
    pub next: Option<String>,
}

impl Files {
    /// The files in the request's workspace that a search finds, of those that the caller sees.
    ///
    /// Errors: InvalidArgument when the token belongs to another search.
    pub async fn search_files(
        &self,
        context: &RequestContext,
        search: FileSearch,
        size: PageSize,
        token: Option<String>,
    ) -> Result<FoundFiles> {
        let FileSearch { verdicts, quarantined, rule, format, path } = search;
        let rule = rule.map(|rule| rule.id().to_owned());
        let wanted = WantedFiles { verdicts, quarantined, rule, format, path, sha256: None };
        self.core.read_long(context, move |tx| page(tx, &wanted, size, token.as_deref())).await
    }

    /// The files in the request's workspace that have the bytes of that digest, of those that the caller sees.
    ///
    /// Errors: NotFound when there are none; InvalidArgument as [`Files::search_files`].
    pub async fn files_with_bytes(
        &self,
        context: &RequestContext,
        sha256: Sha256,
        size: PageSize,
        token: Option<String>,
    ) -> Result<FoundFiles> {
        let wanted = WantedFiles { sha256: Some(sha256), ..WantedFiles::default() };
        self.core
            .read(context, move |tx| {
                let found = page(tx, &wanted, size, token.as_deref())?;
                if found.files.is_empty() && token.is_none() {
                    return Err(Error::not_found(format!("blob `{sha256}`")));
                }
                Ok(found)
            })
            .await
    }
}

fn page(
    tx: &mut ReadTransaction<'_, '_>,
    wanted: &WantedFiles,
    size: PageSize,
    token: Option<&str>,
) -> Result<FoundFiles> {
    let search = fingerprint(&(tx.access().workspace(), wanted));
    let after: Option<(NodeId, FilePath)> = token.map(|token| place(token, search)).transpose()?;
    let after = after.as_ref().map(|(node, path)| (*node, path));
    let mut found = files::search(tx, wanted, after, size.get() + 1)?;
    let next = cut(&mut found, size, search, |(file, _)| file)?;
    Ok(FoundFiles { files: with_homes(tx, found)?, next })
}

/// The files, which are ordered by their artifacts, with what these belong to.
pub(super) fn with_homes(
    tx: &mut ReadTransaction<'_, '_>,
    found: Vec<(File, Option<InspectionRecord>)>,
) -> Result<Vec<FoundFile>> {
    let mut holders: Vec<NodeId> = found.iter().map(|(file, _)| file.node_id).collect();
    holders.dedup();
    let holders = nodes::find_all(tx, &holders)?;
    let versions = homes(tx, &holders)?;
    let models = homes(tx, versions.values())?;
    let shown = found.into_iter().map(|(file, known)| {
        let holder = holders.binary_search_by_key(&file.node_id, |node| node.id).ok().and_then(|at| holders.get(at));
        let version = holder.and_then(|holder| versions.get(&holder.home_id?));
        let version = version.filter(|node| node.logical_type() == Some(LogicalType::ModelVersion));
        let model = version.and_then(|version| models.get(&version.home_id?));
        Ok(FoundFile {
            inspection: known.map(inspected).transpose()?,
            version: version.map(id_and_name),
            model: model.map(id_and_name),
            file,
        })
    });
    shown.collect()
}

/// Leaves the files of a page of those that were found, which are one more where there is another page; and the token of that one.
pub(super) fn cut<T>(
    found: &mut Vec<T>,
    size: PageSize,
    query: u64,
    file: impl FnOnce(&T) -> &File,
) -> Result<Option<String>> {
    let more = found.len() > size.get() as usize;
    found.truncate(size.get() as usize);
    let end = found.last().filter(|_| more).map(file);
    end.map(|file| encoded(&(query, file.node_id, file.path.as_str()))).transpose()
}

/// Where the page ended that gave a token.
pub(super) fn place(token: &str, query: u64) -> Result<(NodeId, FilePath)> {
    let (of, node, path): (u64, NodeId, String) = decoded(token).map_err(|error| error.on_field(TOKEN))?;
    if of != query {
        return Err(Error::invalid(TOKEN, "page token belongs to another query"));
    }
    Ok((node, path.parse().map_err(|error: Error| error.on_field(TOKEN))?))
}
