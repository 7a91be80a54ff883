//! The models of a workspace, each with its latest version, its aliases and the number of its versions.

use std::collections::HashMap;

use super::versions::{by_model, shown};
use super::{ListRequest, ListedPage, ListedVersion, ids, page};
use crate::context::RequestContext;
use crate::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use crate::domain::{LogicalType, Name, Node, NodeId, Order, Result, Selection};
use crate::resolve::model_named;
use crate::services::Models;
use crate::store::{aliases, nodes, summaries};
use crate::transaction::ReadTransaction;

/// How many versions of a model are counted at most.
pub const MAX_VERSIONS_COUNTED: u32 = 1000;

/// Which models are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelListing {
    /// What must be true of them.
    pub filter: Option<Expr>,
    /// Their order.
    pub order: Order,
    /// Which page.
    pub request: ListRequest,
}

/// An alias and the version that it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAlias {
    /// Its name.
    pub alias: String,
    /// The id of the version.
    pub version_id: NodeId,
    /// The name of the version.
    pub version: String,
}

/// A model with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedModel {
    /// The model.
    pub model: Node,
    /// Its aliases, in alphabetical order.
    pub aliases: Vec<ListedAlias>,
    /// The version that was made last.
    pub latest: Option<ListedVersion>,
    /// How many versions it has, counted up to [`MAX_VERSIONS_COUNTED`].
    pub versions: u64,
    /// Whether it has more than were counted.
    pub has_more_versions: bool,
}

impl Models {
    /// The models of the request's workspace. What is a prompt is none of them.
    ///
    /// Errors: InvalidArgument when the token belongs to another list.
    pub async fn list_models(
        &self,
        context: &RequestContext,
        listing: ModelListing,
    ) -> Result<ListedPage<ListedModel>> {
        let ModelListing { filter, order, request } = listing;
        let is_long = filter.is_some() || request.with_total;
        let filter = Some(without_prompts(filter));
        let selection = Selection { filter, order, ..Selection::of(LogicalType::RegisteredModel) };
        let work = move |tx: &mut ReadTransaction<'_, '_>| {
            let mut found = page(tx, &selection, &request)?;
            let models = shown_models(tx, std::mem::take(&mut found.items))?;
            Ok(found.of(models))
        };
        if is_long { self.core.read_long(context, work).await } else { self.core.read(context, work).await }
    }

    /// The aliases of the model with that name after the one named `after`, up to `limit`, in alphabetical order.
    ///
    /// Errors: NotFound.
    pub async fn list_aliases_named(
        &self,
        context: &RequestContext,
        model: &Name,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<ListedAlias>> {
        let model = model.clone();
        self.core
            .read(context, move |tx| {
                let model = model_named(tx, &model)?;
                let found = aliases::after(tx, model.id, after.as_deref(), limit)?;
                with_names(tx, found)
            })
            .await
    }
}

/// The filter of models that are no prompts.
pub(super) fn without_prompts(filter: Option<Expr>) -> Expr {
    let is_prompt =
        Expr::Test(Field::Attribute(Attribute::Prompt), Condition::Compare(Comparison::Equal, Operand::Bool(true)));
    let mut all = match filter {
        Some(Expr::And(all)) => all,
        one => one.into_iter().collect(),
    };
    all.push(Expr::Not(Box::new(is_prompt)));
    Expr::And(all)
}

/// The models with what a list shows of them, in the same order.
fn shown_models(tx: &mut ReadTransaction<'_, '_>, models: Vec<Node>) -> Result<Vec<ListedModel>> {
    let of = ids(&models);
    let latest = summaries::latest_versions(tx, &of)?;
    let mut latest_ids: Vec<NodeId> = latest.into_values().collect();
    latest_ids.sort_unstable();
    let latest = nodes::find_all(tx, &latest_ids)?;
    let mut latest = by_model(shown(tx, latest, &[])?);
    let counts = summaries::version_counts(tx, &of, MAX_VERSIONS_COUNTED + 1)?;
    let mut pointers = aliases::of_models(tx, &of)?;
    let pointed: Vec<NodeId> = pointers.values().flatten().map(|(_, version)| *version).collect();
    let names = summaries::names(tx, &pointed)?;
    let most = u64::from(MAX_VERSIONS_COUNTED);
    let shown = |model: Node| {
        let counted = counts.get(&model.id).copied().unwrap_or(0);
        ListedModel {
            aliases: named(pointers.remove(&model.id).unwrap_or_default(), &names),
            latest: latest.remove(&model.id),
            versions: counted.min(most),
            has_more_versions: counted > most,
            model,
        }
    };
    Ok(models.into_iter().map(shown).collect())
}

fn with_names(tx: &mut ReadTransaction<'_, '_>, pointers: Vec<(String, NodeId)>) -> Result<Vec<ListedAlias>> {
    let pointed: Vec<NodeId> = pointers.iter().map(|(_, version)| *version).collect();
    let names = summaries::names(tx, &pointed)?;
    Ok(named(pointers, &names))
}

/// The aliases with the names of their versions, of those whose versions have one.
fn named(pointers: Vec<(String, NodeId)>, names: &HashMap<NodeId, String>) -> Vec<ListedAlias> {
    let named = |(alias, version_id): (String, NodeId)| {
        let version = names.get(&version_id)?.clone();
        Some(ListedAlias { alias, version_id, version })
    };
    pointers.into_iter().filter_map(named).collect()
}
