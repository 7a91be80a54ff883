//! URLs of files, and the URIs of artifacts whose bytes are here.

use super::context::RequestContext;
use super::holders::may_hold_files;
use super::transaction::ReadTransaction;
use crate::domain::{Change, FilePath, Node, NodeId, Result};
use crate::store::{files, nodes};

impl RequestContext {
    /// The URL of a file, which any client can fetch.
    pub fn file_url(&self, artifact: NodeId, path: &FilePath) -> String {
        format!("{}/api/v1/{}", self.base_url(), file_path(artifact, path))
    }
}

/// Gives artifacts whose bytes are here, and that name no other place, the URL under which they are to be had: of
/// the file when there is one, of the list of files when there are several.
pub(super) fn fill_uris<'a>(
    tx: &mut ReadTransaction<'_, '_>,
    nodes: impl IntoIterator<Item = &'a mut Node>,
) -> Result<()> {
    let mut stored = Vec::new();
    for node in nodes {
        // An empty one says nothing, whoever wrote it.
        node.uri = node.uri.take().filter(|uri| !uri.is_empty());
        if node.uri.is_none() && may_hold_files(node) {
            stored.push(node);
        }
    }
    if stored.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = stored.iter().map(|node| node.id).collect();
    let summaries = files::summaries(tx, &ids)?;
    for node in stored {
        node.uri = match summaries.get(&node.id) {
            Some((1, path)) => Some(tx.context().file_url(node.id, &path.parse()?)),
            Some(_) => Some(format!("{}{}", tx.context().base_url(), files_of(node.id))),
            None => None,
        };
    }
    Ok(())
}

/// Whether a client sends back the URI that we made up for the node: it is not the client's own then.
pub(super) fn is_own_uri(tx: &mut ReadTransaction<'_, '_>, id: NodeId, uri: &Change<String>) -> Result<bool> {
    let Change::Set(sent) = uri else { return Ok(false) };
    if !sent.contains(&files_of(id)) {
        return Ok(false);
    }
    let is_empty = |node: &Node| node.uri.as_deref().unwrap_or_default().is_empty();
    let Some(mut node) = nodes::find(tx, id)?.filter(is_empty) else { return Ok(false) };
    fill_uris(tx, std::slice::from_mut(&mut node))?;
    Ok(is_same_place(&node, sent))
}

/// Whether `sent` is the URI that was made up for the node, as this request or one that was addressed otherwise shows it.
pub(super) fn is_same_place(shown: &Node, sent: &str) -> bool {
    let files = files_of(shown.id);
    let Some(shown) = shown.uri.as_deref() else { return false };
    let place = shown.find(&files).and_then(|at| shown.get(at..));
    let is_url = sent.starts_with("http://") || sent.starts_with("https://");
    sent == shown || place.is_some_and(|place| is_url && sent.ends_with(place))
}

/// Where the files of an artifact are.
fn files_of(artifact: NodeId) -> String {
    format!("/api/v1/artifacts/{artifact}/files")
}

/// Where a file is below the native API.
pub fn file_path(artifact: NodeId, path: &FilePath) -> String {
    let segments: Vec<_> = path
        .as_str()
        .split('/')
        .map(|segment| percent_encoding::utf8_percent_encode(segment, SEGMENT).to_string())
        .collect();
    format!("artifacts/{artifact}/files/{}", segments.join("/"))
}

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
