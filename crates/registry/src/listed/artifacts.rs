//! The artifacts of a version, its own and those attached to it, of whichever type.

use std::collections::BTreeMap;

use super::{ListRequest, ListedPage, page};
use crate::context::RequestContext;
use crate::domain::graph::Type;
use crate::domain::{Name, Node, NodeKind, Result, Selection, VersionRef};
use crate::graph::types_of;
use crate::resolve::resolve;
use crate::services::Models;
use crate::uris::fill_uris;

/// A page of artifacts, with the types of those that are of a type of ML Metadata's users, by id.
pub type ArtifactPage = (ListedPage<Node>, BTreeMap<i64, Type>);

impl Models {
    /// The artifacts of the version that `version` means now, the oldest first.
    ///
    /// Errors: NotFound; InvalidArgument when the token belongs to another list.
    pub async fn list_version_artifacts(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        request: ListRequest,
    ) -> Result<ArtifactPage> {
        let (model, version) = (model.clone(), version.clone());
        self.core
            .read(context, move |tx| {
                let (_, version) = resolve(tx, &model, &version)?;
                let selection =
                    Selection { member_of: Some(version.id), ..Selection::of_kind(Some(NodeKind::Artifact)) };
                let mut found = page(tx, &selection, &request)?;
                fill_uris(tx, &mut found.items)?;
                let types = types_of(tx, found.items.iter().filter(|node| node.logical_type().is_none()))?;
                Ok((found, types))
            })
            .await
    }
}
