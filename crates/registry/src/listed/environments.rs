//! The serving environments of a workspace, each with the number of its deployments.

use super::{ListRequest, ListedPage, ids, page};
use crate::context::RequestContext;
use crate::domain::filter::Expr;
use crate::domain::{Error, LogicalType, Name, Node, Order, Result, Selection};
use crate::services::Entities;
use crate::store::{nodes, summaries};
use crate::transaction::ReadTransaction;

/// How many deployments of an environment are counted at most.
pub const MAX_DEPLOYMENTS_COUNTED: u32 = 1000;

/// Which environments are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentListing {
    /// What must be true of them.
    pub filter: Option<Expr>,
    /// Their order.
    pub order: Order,
    /// Which page.
    pub request: ListRequest,
}

/// An environment with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedEnvironment {
    /// The environment.
    pub environment: Node,
    /// How many inference services it has, counted up to [`MAX_DEPLOYMENTS_COUNTED`].
    pub deployments: u64,
    /// Whether it has more than were counted.
    pub has_more_deployments: bool,
}

impl Entities {
    /// The serving environments of the request's workspace.
    ///
    /// Errors: InvalidArgument when the token belongs to another list.
    pub async fn list_environments(
        &self,
        context: &RequestContext,
        listing: EnvironmentListing,
    ) -> Result<ListedPage<ListedEnvironment>> {
        let EnvironmentListing { filter, order, request } = listing;
        let is_long = filter.is_some() || request.with_total;
        let selection = Selection { filter, order, ..Selection::of(LogicalType::ServingEnvironment) };
        let work = move |tx: &mut ReadTransaction<'_, '_>| {
            let mut found = page(tx, &selection, &request)?;
            let environments = shown(tx, std::mem::take(&mut found.items))?;
            Ok(found.of(environments))
        };
        if is_long { self.core.read_long(context, work).await } else { self.core.read(context, work).await }
    }

    /// The serving environment of that name.
    ///
    /// Errors: NotFound.
    pub async fn get_environment(&self, context: &RequestContext, name: &Name) -> Result<ListedEnvironment> {
        let name = name.clone();
        self.core
            .read(context, move |tx| {
                let environment = environment(tx, &name)?;
                let missing = || Error::internal("an environment that was found is not shown");
                shown(tx, vec![environment])?.pop().ok_or_else(missing)
            })
            .await
    }
}

/// The environment of that name, inside a transaction.
pub(super) fn environment(tx: &mut ReadTransaction<'_, '_>, name: &Name) -> Result<Node> {
    let found = nodes::find_named(tx, LogicalType::ServingEnvironment, None, name)?;
    found.ok_or_else(|| Error::not_found(format!("serving environment `{name}`")))
}

fn shown(tx: &mut ReadTransaction<'_, '_>, environments: Vec<Node>) -> Result<Vec<ListedEnvironment>> {
    let counts = summaries::service_counts(tx, &ids(&environments), MAX_DEPLOYMENTS_COUNTED + 1)?;
    let most = u64::from(MAX_DEPLOYMENTS_COUNTED);
    let shown = |environment: Node| {
        let counted = counts.get(&environment.id).copied().unwrap_or(0);
        ListedEnvironment { deployments: counted.min(most), has_more_deployments: counted > most, environment }
    };
    Ok(environments.into_iter().map(shown).collect())
}
