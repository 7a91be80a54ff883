//! Models and versions as people address them: by name, by alias, the latest; and what a version holds.

use std::collections::BTreeMap;

use super::context::RequestContext;
use super::etags::{artifacts_of, tag};
use super::files::{FilePage, FileToken, page};
use super::graph::types_of;
use super::inspection::{Summary, summary};
use super::resolve::{model_named, resolve};
use super::uris::fill_uris;
use crate::domain::graph::Type;
use crate::domain::{Name, Node, PageSize, Result, VersionRef};
use crate::services::Models;
use crate::store::{aliases, files};

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

impl Models {
    /// The model with that name.
    pub async fn get_model(&self, context: &RequestContext, model: &Name) -> Result<Node> {
        let model = model.clone();
        self.core.read(context, move |tx| model_named(tx, &model)).await
    }

    /// The version that `version` means now, with its files, aliases and artifacts.
    pub async fn version_summary(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
    ) -> Result<VersionSummary> {
        let (model, version) = (model.clone(), version.clone());
        self.core
            .read(context, move |tx| {
                let (model, version) = resolve(tx, &model, &version)?;
                let mut artifacts = artifacts_of(tx, version.id)?;
                let holder = files::Holder::Members(version.id);
                let files = page(tx, version.id, holder, None, PageSize::new(MAX_SUMMARY_FILES))?;
                let tag = tag(tx, &version, &artifacts)?;
                fill_uris(tx, &mut artifacts)?;
                let types = types_of(tx, artifacts.iter().filter(|node| node.logical_type().is_none()))?;
                let inspection = summary(tx, holder)?;
                let aliases = aliases::of_version(tx, version.id)?;
                Ok(VersionSummary { tag, aliases, model, version, artifacts, types, files, inspection })
            })
            .await
    }

    /// The model and the version that `version` means now.
    pub async fn resolve_version(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
    ) -> Result<(Node, Node)> {
        let (model, version) = (model.clone(), version.clone());
        self.core.read(context, move |tx| resolve(tx, &model, &version)).await
    }

    /// The files of a version, in pages, ordered by path.
    pub async fn list_version_files(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        size: PageSize,
        token: Option<FileToken>,
    ) -> Result<FilePage> {
        let (model, version) = (model.clone(), version.clone());
        self.core
            .read(context, move |tx| {
                let (_, version) = resolve(tx, &model, &version)?;
                let holder = files::Holder::Members(version.id);
                page(tx, version.id, holder, token.as_ref(), size)
            })
            .await
    }
}
