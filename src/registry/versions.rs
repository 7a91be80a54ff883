//! Models and versions as people address them: by name, by alias, the latest; and what a version holds.

use std::collections::BTreeMap;

use super::files::{FilePage, FileToken, may_hold_files, page};
use super::graph::types_of;
use super::guarded::tag;
use super::inspection::{Summary, summary};
use super::resolve::{model_named, resolve};
use super::{Registry, Selection};
use crate::domain::graph::Type;
use crate::domain::{
    Change, FilePath, LogicalType, Name, Node, NodeId, NodeKind, Order, Page, PageRequest, PageSize, PageToken, Result,
    VersionRef,
};
use crate::store::{Tx, aliases, files, nodes};

/// A version with what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionSummary {
    /// Its model.
    pub model: Node,
    /// The version.
    pub version: Node,
    /// Its tag, which changes with whatever else stands here.
    pub tag: String,
    /// The names of the aliases that point at it.
    pub aliases: Vec<String>,
    /// Its artifacts of every type, metrics and parameters included, up to [`PageSize::MAX`].
    pub artifacts: Vec<Node>,
    /// The types of those that are of a type of ML Metadata's users, by id.
    pub types: BTreeMap<i64, Type>,
    /// The first page of its files.
    pub files: FilePage,
    /// What is known of all of its files, counted.
    pub inspection: Summary,
}

/// How many files a summary lists.
const MAX_SUMMARY_FILES: u32 = 1000;

impl Registry {
    /// The model with that name.
    pub async fn get_model(&self, model: &Name) -> Result<Node> {
        let model = model.clone();
        self.store.read(move |tx| model_named(tx, &model)).await
    }

    /// The version that `version` means now, with its files, aliases and artifacts.
    pub async fn version_summary(&self, model: &Name, version: &VersionRef) -> Result<VersionSummary> {
        let (model, version, registry) = (model.clone(), version.clone(), self.clone());
        self.store
            .read(move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                let mut artifacts = artifacts_of(tx, version.id)?;
                let holder = files::Holder::Members(version.id);
                let files = page(tx, version.id, holder, None, PageSize::new(MAX_SUMMARY_FILES))?;
                let tag = tag(tx, &version, &artifacts)?;
                registry.fill_uris(tx, &mut artifacts)?;
                let types = types_of(tx, artifacts.iter().filter(|node| node.logical_type().is_none()))?;
                let inspection = summary(tx, holder)?;
                let aliases = aliases::of_version(tx, version.id)?;
                Ok(VersionSummary { tag, aliases, model, version, artifacts, types, files, inspection })
            })
            .await
    }

    /// The versions of the model with that name, in pages.
    pub async fn list_versions(
        &self,
        model: &Name,
        order: Order,
        size: PageSize,
        token: Option<PageToken>,
    ) -> Result<(Node, Page<Node>)> {
        let model = self.get_model(model).await?;
        let selection = Selection { home: Some(model.id), order, ..Selection::of(LogicalType::ModelVersion) };
        let request = PageRequest { size: Some(size), token, with_total: false };
        Ok((model, self.list(selection, request).await?.first))
    }

    /// The model and the version that `version` means now.
    pub async fn resolve_version(&self, model: &Name, version: &VersionRef) -> Result<(Node, Node)> {
        let (model, version) = (model.clone(), version.clone());
        self.store.read(move |tx| resolve(tx, &model, &version)).await
    }

    /// The files of a version, in pages, ordered by path.
    pub async fn list_version_files(
        &self,
        model: &Name,
        version: &VersionRef,
        size: PageSize,
        token: Option<FileToken>,
    ) -> Result<FilePage> {
        let (model, version) = (model.clone(), version.clone());
        self.store
            .read(move |tx| {
                let (_, version) = resolve(tx, &model, &version)?;
                let holder = files::Holder::Members(version.id);
                page(tx, version.id, holder, token.as_ref(), size)
            })
            .await
    }

    /// Gives artifacts whose bytes are here, and that name no other place, the URL under which they are to be had: of
    /// the file when there is one, of the list of files when there are several.
    pub(super) fn fill_uris<'a>(&self, tx: &mut Tx<'_>, nodes: impl IntoIterator<Item = &'a mut Node>) -> Result<()> {
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
                Some((1, path)) => Some(self.file_url(node.id, &path.parse()?)),
                Some(_) => Some(format!("{}{}", self.public_url, files_of(node.id))),
                None => None,
            };
        }
        Ok(())
    }

    /// Whether a client sends back the URI that we made up for the node: it is not the client's own then.
    pub(super) fn is_own_uri(&self, tx: &mut Tx<'_>, id: NodeId, uri: &Change<String>) -> Result<bool> {
        let Change::Set(sent) = uri else { return Ok(false) };
        if !sent.contains(&files_of(id)) {
            return Ok(false);
        }
        let is_empty = |node: &Node| node.uri.as_deref().unwrap_or_default().is_empty();
        let Some(mut node) = nodes::find(tx, id)?.filter(is_empty) else { return Ok(false) };
        self.fill_uris(tx, std::slice::from_mut(&mut node))?;
        Ok(is_same_place(&node, sent))
    }

    /// The URL of a file, which any client can fetch.
    pub fn file_url(&self, artifact: NodeId, path: &FilePath) -> String {
        format!("{}/api/v1/{}", self.public_url, file_path(artifact, path))
    }
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

/// The artifacts of a version, its own and those attached to it, of whichever type, oldest first.
pub(super) fn artifacts_of(tx: &mut Tx<'_>, version: NodeId) -> Result<Vec<Node>> {
    let selection = Selection { member_of: Some(version), ..Selection::of_kind(Some(NodeKind::Artifact)) };
    nodes::list(tx, &selection, None, PageSize::MAX)
}
