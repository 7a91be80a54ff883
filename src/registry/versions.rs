//! Models and versions as people address them: by name, by alias, the latest; and what a version holds.

use super::files::{FilePage, FileToken, page};
use super::inspection::{Summary, summary};
use super::resolve::{model_named, resolve};
use super::{Registry, Selection};
use crate::domain::{
    Change, FilePath, LogicalType, Name, Node, NodeId, Order, Page, PageRequest, PageSize, PageToken, Result,
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
    /// The names of the aliases that point at it.
    pub aliases: Vec<String>,
    /// Its artifacts of every type, metrics and parameters included, up to [`PageSize::MAX`].
    pub artifacts: Vec<Node>,
    /// The first page of its files.
    pub files: FilePage,
    /// What is known of all of its files, counted.
    pub inspection: Summary,
}

/// How many files a summary lists.
const FILES_IN_SUMMARY: u32 = 1000;

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
                let files = page(tx, version.id, holder, None, PageSize::new(FILES_IN_SUMMARY))?;
                registry.fill_uris(tx, &mut artifacts)?;
                let inspection = summary(tx, holder)?;
                let aliases = aliases::of_version(tx, version.id)?;
                Ok(VersionSummary { aliases, model, version, artifacts, files, inspection })
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
    pub(super) fn fill_uris(&self, tx: &mut Tx<'_>, nodes: &mut [Node]) -> Result<()> {
        let is_stored = |node: &Node| node.uri.is_none() && node.logical_type() == Some(LogicalType::ModelArtifact);
        let ids: Vec<_> = nodes.iter().filter(|node| is_stored(node)).map(|node| node.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let summaries = files::summaries(tx, &ids)?;
        for node in nodes.iter_mut().filter(|node| is_stored(node)) {
            node.uri = match summaries.get(&node.id) {
                Some((1, path)) => Some(self.file_url(node.id, &path.parse()?)),
                Some(_) => Some(format!("{}/api/v1/artifacts/{}/files", self.public_url, node.id)),
                None => None,
            };
        }
        Ok(())
    }

    /// Whether a client sends back the URI that we made up for the node: it is not the client's own then.
    pub(super) fn is_own_uri(&self, tx: &mut Tx<'_>, id: NodeId, uri: &Change<String>) -> Result<bool> {
        let Change::Set(sent) = uri else { return Ok(false) };
        let Some(mut node) = nodes::find(tx, id)?.filter(|node| node.uri.is_none()) else { return Ok(false) };
        self.fill_uris(tx, std::slice::from_mut(&mut node))?;
        Ok(node.uri.as_ref() == Some(sent))
    }

    /// The URL of a file, which any client can fetch.
    pub fn file_url(&self, artifact: NodeId, path: &FilePath) -> String {
        let segments: Vec<_> = path
            .as_str()
            .split('/')
            .map(|segment| percent_encoding::utf8_percent_encode(segment, SEGMENT).to_string())
            .collect();
        format!("{}/api/v1/artifacts/{artifact}/files/{}", self.public_url, segments.join("/"))
    }
}

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The artifacts of a version, its own and those attached to it, oldest first.
fn artifacts_of(tx: &mut Tx<'_>, version: NodeId) -> Result<Vec<Node>> {
    let types = LogicalType::ALL.into_iter().filter(|logical| logical.homes().contains(&LogicalType::ModelVersion));
    let selection = Selection {
        types: types.map(LogicalType::id).collect(),
        member_of: Some(version),
        ..Selection::of(LogicalType::ModelArtifact)
    };
    nodes::list(tx, &selection, None, PageSize::MAX)
}
