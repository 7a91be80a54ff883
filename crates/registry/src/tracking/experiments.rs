//! Experiments as training tools use them: by id or by name, archived and restored.

use super::change::{NodeChanges, Tag, change_node};
use super::search;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::{Draft, Error, ErrorKind, LogicalType, Name, Node, NodeId, PageSize, Result};
use crate::entities::{create, get};
use crate::resolve::created_concurrently;
use crate::services::Tracking;
use crate::store::nodes;
use crate::store::tracking::{experiments as names, keys};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// How an experiment is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExperimentRef {
    /// By the id of its node.
    Id(NodeId),
    /// By its name.
    Named(Name),
    /// By its name, and made when there is none and something is to be written to it.
    Made(Name),
}

/// A page of nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePage {
    /// The nodes, in order.
    pub nodes: Vec<Node>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// How many names of metrics, and of parameters, are told of an experiment.
pub const MAX_KEYS: u32 = 1000;

/// The names of what the runs of an experiment measure and are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKeys {
    /// Those of their metrics.
    pub metrics: Keys,
    /// Those of their parameters.
    pub parameters: Keys,
}

/// Names, in alphabetical order: the first [`MAX_KEYS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The names.
    pub names: Vec<String>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Keys {
    fn first(mut names: Vec<String>) -> Self {
        let has_more = names.len() > MAX_KEYS as usize;
        names.truncate(MAX_KEYS as usize);
        Self { names, has_more }
    }
}

/// The property that says whether an experiment or a run is archived, and its values.
pub(crate) const STATE: &str = "state";
pub(crate) const ARCHIVED: &str = "ARCHIVED";
pub(super) const LIVE: &str = "LIVE";

impl Tracking {
    /// Makes an experiment.
    ///
    /// Errors: AlreadyExists when the name is taken, if by an archived one; QuotaExceeded.
    pub async fn create_experiment(&self, context: &RequestContext, draft: Draft) -> Result<Node> {
        let draft = draft.with(STATE, Some(LIVE));
        draft.check(LogicalType::Experiment)?;
        self.core.write(context, move |tx| create(tx, LogicalType::Experiment, None, &draft)).await
    }

    /// The experiment. One that is to be made is, if the caller may.
    ///
    /// Errors: NotFound.
    pub async fn get_experiment(&self, context: &RequestContext, experiment: &ExperimentRef) -> Result<Node> {
        let wanted = experiment.clone();
        let found = self.core.read(context, move |tx| find(tx, &wanted)).await;
        match (found, experiment) {
            (Err(error), ExperimentRef::Made(_)) if error.kind() == ErrorKind::NotFound => {
                let wanted = experiment.clone();
                let made = self.core.write(context, move |tx| find_or_make(tx, &wanted)).await;
                // Who may make nothing sees that it is not there.
                made.map_err(|refused| if refused.kind() == ErrorKind::PermissionDenied { error } else { refused })
            }
            (found, _) => found,
        }
    }

    /// Changes an experiment that is not archived.
    ///
    /// Errors: NotFound; InvalidArgument when it is archived; AlreadyExists when its new name is taken.
    pub async fn change_experiment(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        changes: NodeChanges,
    ) -> Result<Node> {
        self.core
            .write(context, move |tx| {
                let found = find_or_make(tx, &experiment)?;
                check_active(&found)?;
                change_node(tx, LogicalType::Experiment, found.id, &changes)
            })
            .await
    }

    /// Removes a tag of an experiment that is not archived, or clears the declared property of that name.
    ///
    /// Errors: NotFound when there is none; InvalidArgument when the experiment is archived.
    pub async fn remove_experiment_tag(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        tag: Tag,
    ) -> Result<()> {
        self.core
            .write(context, move |tx| {
                let found = find(tx, &experiment)?;
                check_active(&found)?;
                let changes =
                    tag.removed_from(&found, || format!("tag `{}` of experiment `{}`", tag.name(), found.id))?;
                change_node(tx, LogicalType::Experiment, found.id, &changes).map(drop)
            })
            .await
    }

    /// Archives an experiment, and its runs with it, or brings it back.
    ///
    /// Errors: NotFound when there is none, or it is so already.
    pub async fn set_experiment_archived(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        archived: bool,
    ) -> Result<()> {
        self.core
            .write(context, move |tx| {
                let found = find(tx, &experiment)?;
                tx.demand(Permission::Write, found.place)?;
                if is_archived(&found) == archived {
                    let state = if archived { "active" } else { "deleted" };
                    return Err(Error::not_found(format!("{state} experiment `{}`", found.id)));
                }
                let mut changes = NodeChanges::default();
                changes.declare(STATE, if archived { ARCHIVED } else { LIVE });
                change_node(tx, LogicalType::Experiment, found.id, &changes).map(drop)
            })
            .await
    }

    /// The names of what the runs of an experiment measure and are given, archived runs among them.
    ///
    /// Errors: NotFound.
    pub async fn keys_of_runs(&self, context: &RequestContext, experiment: ExperimentRef) -> Result<RunKeys> {
        self.core
            .read_long(context, move |tx| {
                let found = find(tx, &experiment)?;
                Ok(RunKeys {
                    metrics: Keys::first(keys::of_metrics(tx, found.id, MAX_KEYS + 1)?),
                    parameters: Keys::first(keys::of_parameters(tx, found.id, MAX_KEYS + 1)?),
                })
            })
            .await
    }

    /// A page of the experiments that a search finds.
    pub async fn search_experiments(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<NodePage> {
        self.core
            .read_long(context, move |tx| {
                let (nodes, next) = search::page(tx, &search, size, token.as_deref())?;
                Ok(NodePage { nodes, next })
            })
            .await
    }
}

/// Whether an experiment or a run says itself that it is archived.
pub fn is_archived(node: &Node) -> bool {
    node.text(STATE) == Some(ARCHIVED)
}

/// Refuses to write to an archived experiment.
pub(super) fn check_active(experiment: &Node) -> Result<()> {
    if is_archived(experiment) {
        let message = format!("the experiment `{}` must be in the 'active' state; it is 'deleted'", experiment.id);
        return Err(Error::invalid("experiment_id", message));
    }
    Ok(())
}

/// The experiment.
pub(super) fn find(tx: &mut ReadTransaction<'_, '_>, experiment: &ExperimentRef) -> Result<Node> {
    match experiment {
        ExperimentRef::Id(id) => get(tx, LogicalType::Experiment, *id),
        ExperimentRef::Named(name) | ExperimentRef::Made(name) => {
            nodes::find_named(tx, LogicalType::Experiment, None, name)?
                .ok_or_else(|| Error::not_found(format!("experiment `{name}`")))
        }
    }
}

/// The experiment, which is made when it is not there and may be.
pub(super) fn find_or_make(tx: &mut WriteTransaction<'_, '_>, experiment: &ExperimentRef) -> Result<Node> {
    match (find(tx, experiment), experiment) {
        (Err(error), ExperimentRef::Made(name)) if error.kind() == ErrorKind::NotFound => {
            if names::is_name_taken(tx, name)? {
                // It was made meanwhile, or is not for the caller: nothing is made in its place.
                return find(tx, experiment);
            }
            let draft = Draft::named(name.clone()).with(STATE, Some(LIVE));
            create(tx, LogicalType::Experiment, None, &draft).map_err(created_concurrently)
        }
        (found, _) => found,
    }
}
