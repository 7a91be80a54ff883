//! Models and versions as people address them: by name, by alias, the latest; and what a version holds.

use super::download::{FilePage, FileToken};
use super::{Registry, Selection};
use crate::domain::{
    Error, File, FilePath, LogicalType, Name, Node, NodeId, Order, OrderBy, Page, PageRequest, PageSize, PageToken,
    Result, VersionRef,
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
                let holders: Vec<_> = artifacts.iter().map(|artifact| artifact.id).collect();
                let files = super::download::page(tx, version.id, &holders, None, PageSize::new(FILES_IN_SUMMARY))?;
                registry.fill_uris(tx, &mut artifacts)?;
                Ok(VersionSummary { aliases: aliases::of_version(tx, version.id)?, model, version, artifacts, files })
            })
            .await
    }

    /// The versions of the model with that name, in pages.
    pub async fn list_versions(
        &self,
        model: &Name,
        order: Order,
        size: Option<PageSize>,
        token: Option<PageToken>,
    ) -> Result<(Node, Page<Node>)> {
        let model = self.get_model(model).await?;
        let selection = Selection { home: Some(model.id), order, ..Selection::of(LogicalType::ModelVersion) };
        let page = self.list(selection, PageRequest { size, token, with_total: false }).await?;
        Ok((model, page))
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
                let holders: Vec<_> = artifacts_of(tx, version.id)?.iter().map(|artifact| artifact.id).collect();
                super::download::page(tx, version.id, &holders, token.as_ref(), size)
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

/// The model with that name, inside a transaction.
pub(super) fn model_named(tx: &mut Tx<'_>, model: &Name) -> Result<Node> {
    nodes::find_named(tx, LogicalType::RegisteredModel, None, model)?
        .ok_or_else(|| Error::not_found(format!("registered model `{model}`")))
}

/// The model and the version, inside a transaction.
pub(super) fn resolve(tx: &mut Tx<'_>, model: &Name, version: &VersionRef) -> Result<(Node, Node)> {
    let model = model_named(tx, model)?;
    let found = match version {
        VersionRef::Named(name) => nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), name)?,
        VersionRef::Aliased(alias) => match aliases::find(tx, model.id, alias)? {
            Some(id) => nodes::find(tx, id)?,
            None => None,
        },
        VersionRef::Latest => {
            let newest_first = Order { by: OrderBy::CreateTime, descending: true };
            let selection =
                Selection { home: Some(model.id), order: newest_first, ..Selection::of(LogicalType::ModelVersion) };
            nodes::list(tx, &selection, None, 1)?.pop()
        }
    };
    match found {
        Some(version) => Ok((model, version)),
        None => Err(Error::not_found(format!(
            "version `{version}` of registered model `{}`",
            model.name.as_deref().unwrap_or_default()
        ))),
    }
}

/// The artifacts of a version, its own and those attached to it, oldest first.
pub(super) fn artifacts_of(tx: &mut Tx<'_>, version: NodeId) -> Result<Vec<Node>> {
    let types = LogicalType::ALL.into_iter().filter(|logical| logical.homes().contains(&LogicalType::ModelVersion));
    let selection = Selection {
        types: types.map(LogicalType::id).collect(),
        member_of: Some(version),
        ..Selection::of(LogicalType::ModelArtifact)
    };
    nodes::list(tx, &selection, None, PageSize::MAX)
}

/// The file at that path in the version, wherever among its artifacts.
pub(super) fn file_in_version(tx: &mut Tx<'_>, version: NodeId, path: &FilePath) -> Result<Option<File>> {
    for artifact in artifacts_of(tx, version)? {
        if let Some(file) = files::find(tx, artifact.id, path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}
