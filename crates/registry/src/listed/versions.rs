//! The versions of a model, with what is shown of each.

use std::collections::BTreeMap;

use super::{HeldFiles, ListRequest, ListedPage, ListedVersion, check_metrics, ids, page};
use crate::context::RequestContext;
use crate::domain::filter::Expr;
use crate::domain::{LogicalType, Name, Node, NodeId, Order, Result, Selection};
use crate::resolve::model_named;
use crate::services::Models;
use crate::store::tracking::numbers;
use crate::store::{aliases, summaries};
use crate::transaction::ReadTransaction;

/// Which versions of a model are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionListing {
    /// What must be true of them.
    pub filter: Option<Expr>,
    /// Their order.
    pub order: Order,
    /// The names of the metrics that are shown of each.
    pub metrics: Vec<String>,
    /// Which page.
    pub request: ListRequest,
}

impl Models {
    /// The versions of the model with that name.
    ///
    /// Errors: NotFound; InvalidArgument when the token belongs to another list, or too many metrics are asked for.
    pub async fn list_versions_of(
        &self,
        context: &RequestContext,
        model: &Name,
        listing: VersionListing,
    ) -> Result<(Node, ListedPage<ListedVersion>)> {
        check_metrics(&listing.metrics)?;
        let model = model.clone();
        let is_long = listing.filter.is_some() || listing.request.with_total;
        let work = move |tx: &mut ReadTransaction<'_, '_>| {
            let model = model_named(tx, &model)?;
            let VersionListing { filter, order, metrics, request } = listing.clone();
            let versions = Selection::of(LogicalType::ModelVersion);
            let selection = Selection { home: Some(model.id), filter, order, ..versions };
            let mut found = page(tx, &selection, &request)?;
            let versions = shown(tx, std::mem::take(&mut found.items), &metrics)?;
            Ok((model, found.of(versions)))
        };
        if is_long { self.core.read_long(context, work).await } else { self.core.read(context, work).await }
    }
}

/// The versions with what a list shows of them, in the same order.
pub(crate) fn shown(
    tx: &mut ReadTransaction<'_, '_>,
    versions: Vec<Node>,
    metrics: &[String],
) -> Result<Vec<ListedVersion>> {
    let of = ids(&versions);
    let numbers = numbers::of(tx, &of)?;
    let mut aliases = aliases::of_versions(tx, &of)?;
    let mut files = summaries::files_of(tx, &of)?;
    let mut measured = summaries::metrics_of(tx, &of, metrics)?;
    let shown = |version: Node| ListedVersion {
        number: numbers.get(&version.id).copied(),
        aliases: aliases.remove(&version.id).unwrap_or_default(),
        held: HeldFiles::from(files.remove(&version.id).unwrap_or_default()),
        metrics: measured.remove(&version.id).unwrap_or_default(),
        version,
    };
    Ok(versions.into_iter().map(shown).collect())
}

/// The versions by their models.
pub(super) fn by_model(versions: Vec<ListedVersion>) -> BTreeMap<NodeId, ListedVersion> {
    versions.into_iter().filter_map(|version| Some((version.version.home_id?, version))).collect()
}
