//! The experiments of a workspace, each with the number of its runs.

use super::{ListRequest, ListedPage, ids, page};
use crate::context::RequestContext;
use crate::domain::filter::{Comparison, Condition, Expr, Field, Operand};
use crate::domain::tracking::View;
use crate::domain::{LogicalType, Node, Order, Result, Selection, ValueKind};
use crate::services::Tracking;
use crate::store::summaries;
use crate::tracking::experiments::{ARCHIVED, STATE};
use crate::transaction::ReadTransaction;

/// How many runs of an experiment are counted at most.
pub const MAX_RUNS_COUNTED: u32 = 1000;

/// Which experiments are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentListing {
    /// What must be true of them.
    pub filter: Option<Expr>,
    /// Whether the archived ones are wanted.
    pub view: View,
    /// Their order.
    pub order: Order,
    /// Which page.
    pub request: ListRequest,
}

/// An experiment with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedExperiment {
    /// The experiment.
    pub experiment: Node,
    /// How many runs it has that are not archived, counted up to [`MAX_RUNS_COUNTED`].
    pub runs: u64,
    /// Whether it has more than were counted.
    pub has_more_runs: bool,
}

impl Tracking {
    /// The experiments of the request's workspace.
    ///
    /// Errors: InvalidArgument when the token belongs to another list.
    pub async fn list_experiments(
        &self,
        context: &RequestContext,
        listing: ExperimentListing,
    ) -> Result<ListedPage<ListedExperiment>> {
        let ExperimentListing { filter, view, order, request } = listing;
        let filter = with_view(filter, view);
        let is_long = filter.is_some() || request.with_total;
        let selection = Selection { filter, order, ..Selection::of(LogicalType::Experiment) };
        let work = move |tx: &mut ReadTransaction<'_, '_>| {
            let mut found = page(tx, &selection, &request)?;
            let experiments = shown(tx, std::mem::take(&mut found.items))?;
            Ok(found.of(experiments))
        };
        if is_long { self.core.read_long(context, work).await } else { self.core.read(context, work).await }
    }
}

/// The filter, and that they are archived or not.
fn with_view(filter: Option<Expr>, view: View) -> Option<Expr> {
    let state = Field::Declared(STATE.to_owned(), ValueKind::String);
    let is_archived = Expr::Test(state, Condition::Compare(Comparison::Equal, Operand::Text(ARCHIVED.to_owned())));
    let of_view = match view {
        View::All => return filter,
        View::Archived => is_archived,
        View::Active => Expr::Not(Box::new(is_archived)),
    };
    let mut all = match filter {
        Some(Expr::And(all)) => all,
        one => one.into_iter().collect(),
    };
    all.push(of_view);
    Some(Expr::And(all))
}

fn shown(tx: &mut ReadTransaction<'_, '_>, experiments: Vec<Node>) -> Result<Vec<ListedExperiment>> {
    let counts = summaries::run_counts(tx, &ids(&experiments), MAX_RUNS_COUNTED + 1)?;
    let most = u64::from(MAX_RUNS_COUNTED);
    let shown = |experiment: Node| {
        let counted = counts.get(&experiment.id).copied().unwrap_or(0);
        ListedExperiment { runs: counted.min(most), has_more_runs: counted > most, experiment }
    };
    Ok(experiments.into_iter().map(shown).collect())
}
