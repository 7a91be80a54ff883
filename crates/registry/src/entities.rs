//! Create, read, list, change and remove: the use cases that every logical type shares.

mod create;

use super::conditions::IF_MATCH;
use super::context::RequestContext;
use super::pages::{self, List, Pages};
use super::protection::check_unlocked;
use super::references::check_references;
use super::transaction::{ReadTransaction, WriteTransaction};
use super::uris::{fill_uris, is_own_uri};
use crate::domain::approval::keep_state;
use crate::domain::experiment::{check_times, without_value};
use crate::domain::{
    Change, Cursor, Draft, Error, ExternalId, LogicalType, MetricPoint, Name, Node, NodeId, NodeKind, OrderBy,
    PageRequest, Patch, Result, Selection,
};
use crate::services::Entities;
use crate::store::tracking::runs;
use crate::store::{joined, nodes};

pub(super) use create::{add_point, create, create_in, create_stored, properties_of_home};

/// How one thing is found: by its name in its home, or by its id in another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By its name, and its home where it has one.
    Name(Name, Option<NodeId>),
    /// By its id in another system.
    ExternalId(ExternalId),
}

/// What the caller of an upsert expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// It is there.
    pub exists: bool,
    /// It is at that revision.
    pub revision: Option<i64>,
}

impl Expected {
    /// Errors: PreconditionFailed when something was expected, of a thing that is not there.
    pub fn check_absent(self, logical: LogicalType) -> Result<()> {
        if !self.exists && self.revision.is_none() {
            return Ok(());
        }
        let message = format!("`If-Match` was sent, but the {} does not exist", logical.noun());
        Err(Error::precondition_failed(IF_MATCH, message))
    }
}

impl List for Selection {
    const BATCH: u32 = 1000;

    fn is_long(&self) -> bool {
        self.filter.is_some()
    }

    fn order_by(&self) -> OrderBy {
        self.order.by
    }

    fn check(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<()> {
        check_parents(tx, self)
    }

    fn is_proven_by_items(&self) -> bool {
        // What has a home has one of a type that owns it.
        self.home.is_some() && self.parent_type.is_none()
    }

    fn batch(&self, tx: &mut ReadTransaction<'_, '_>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>> {
        let mut batch = nodes::list(tx, self, after, limit)?;
        fill_uris(tx, &mut batch)?;
        Ok(batch)
    }

    fn count(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<u64> {
        nodes::count(tx, self)
    }
}

impl Entities {
    /// Creates an entity. Where its type has a home, `home` names it.
    ///
    /// Errors: InvalidArgument on a property the type does not have, NotFound when the home does not exist,
    /// AlreadyExists when the name is taken in its home or the external id among all nodes of the kind; the name first.
    pub async fn create(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        home: Option<NodeId>,
        draft: Draft,
    ) -> Result<Node> {
        draft.check(logical)?;
        self.core.write(context, move |tx| create(tx, logical, home, &draft)).await
    }

    /// The entity with that id, when it is of that type.
    pub async fn get(&self, context: &RequestContext, logical: LogicalType, id: NodeId) -> Result<Node> {
        if logical.kind() == NodeKind::Context {
            return self.core.read_once(context, move |tx| of_type(joined::find(tx, id)?, logical, id)).await;
        }
        self.core
            .read(context, move |tx| {
                let mut node = get(tx, logical, id)?;
                fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// The artifact with that id, of whichever type.
    pub async fn get_artifact(&self, context: &RequestContext, id: NodeId) -> Result<Node> {
        self.core
            .read(context, move |tx| {
                let found = nodes::find(tx, id)?;
                let is_artifact =
                    |node: &Node| node.logical_type().is_some_and(|logical| LogicalType::ARTIFACTS.contains(&logical));
                let mut node = found.filter(is_artifact).ok_or_else(|| Error::not_found(format!("artifact `{id}`")))?;
                fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// The one entity that matches. Errors: NotFound when none does, or when an artifact's name is not unique.
    pub async fn find(&self, context: &RequestContext, logical: LogicalType, find: Find) -> Result<Node> {
        if let Find::Name(name, home) = &find
            && logical.kind() == NodeKind::Context
        {
            let (name, home) = (name.clone(), *home);
            let found = move |tx: &mut ReadTransaction<'_, '_>| joined::find_named(tx, logical, home, &name);
            let found = self.core.read_once(context, found).await?;
            if found.is_some() || logical != LogicalType::ExperimentRun {
                return found.ok_or_else(|| missing(logical.noun(), &find));
            }
        }
        self.find_any(context, vec![logical], find).await
    }

    /// The one artifact that matches, of whichever type.
    pub async fn find_artifact(&self, context: &RequestContext, find: Find) -> Result<Node> {
        self.find_any(context, LogicalType::ARTIFACTS.to_vec(), find).await
    }

    async fn find_any(&self, context: &RequestContext, types: Vec<LogicalType>, find: Find) -> Result<Node> {
        self.core
            .read(context, move |tx| {
                let mut node = find_one(tx, &types, &find)?;
                fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// A page of the selection, or all of it when no size is given.
    ///
    /// Errors: NotFound when the home or context does not exist, InvalidArgument when the token belongs to another query.
    pub async fn list(&self, context: &RequestContext, selection: Selection, request: PageRequest) -> Result<Pages> {
        pages::read(&self.core, context, selection, request).await
    }

    /// Changes an entity.
    ///
    /// Errors: NotFound when there is none of that type, PreconditionFailed when it is at another revision than the
    /// patch demands, AlreadyExists when the external id is taken.
    pub async fn update(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        id: NodeId,
        patch: Patch,
    ) -> Result<Node> {
        self.change(context, logical, None, id, patch).await
    }

    /// Changes an entity that is in that home. Errors: as [`Entities::update`], and NotFound when it is in another one.
    pub async fn update_in(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        home: NodeId,
        id: NodeId,
        patch: Patch,
    ) -> Result<Node> {
        self.change(context, logical, Some(home), id, patch).await
    }

    async fn change(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        home: Option<NodeId>,
        id: NodeId,
        patch: Patch,
    ) -> Result<Node> {
        patch.check(logical)?;
        self.core
            .write(context, move |tx| {
                if let Some(home) = home
                    && get(tx, logical, id)?.home_id != Some(home)
                {
                    return Err(Error::not_found(format!("{} `{id}` in `{home}`", logical.noun())));
                }
                let mut patch = patch.clone();
                if is_own_uri(tx, id, &patch.uri)? {
                    patch.uri = Change::Keep;
                }
                let mut node = update(tx, logical, id, &patch)?;
                fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }
}

fn check_home(tx: &mut ReadTransaction<'_, '_>, logical: LogicalType, home: NodeId) -> Result<Node> {
    let found = nodes::find_bare(tx, home)?;
    let is_home = |node: &Node| node.logical_type().is_some_and(|found| logical.homes().contains(&found));
    match (found, logical.homes()) {
        (Some(node), _) if is_home(&node) => Ok(node),
        (_, [home_type, ..]) => Err(Error::not_found(format!("{} `{home}`", home_type.noun()))),
        (_, []) => Err(Error::internal(format!("nothing owns a {}", logical.noun()))),
    }
}

/// The entity with that id and type, inside a transaction.
pub(super) fn get(tx: &mut ReadTransaction<'_, '_>, logical: LogicalType, id: NodeId) -> Result<Node> {
    of_type(nodes::find(tx, id)?, logical, id)
}

/// As [`get`], without its properties, to check that it exists.
pub(super) fn get_bare(tx: &mut ReadTransaction<'_, '_>, logical: LogicalType, id: NodeId) -> Result<Node> {
    of_type(nodes::find_bare(tx, id)?, logical, id)
}

fn of_type(found: Option<Node>, logical: LogicalType, id: NodeId) -> Result<Node> {
    let found = found.filter(|node| node.type_id == logical.id());
    found.ok_or_else(|| Error::not_found(format!("{} `{id}`", logical.noun())))
}

fn find_one(tx: &mut ReadTransaction<'_, '_>, types: &[LogicalType], find: &Find) -> Result<Node> {
    let noun = match types {
        [one] => one.noun(),
        _ => "artifact",
    };
    let is_artifact = types.iter().all(|logical| logical.kind() == NodeKind::Artifact);
    let found = match (find, types) {
        (Find::ExternalId(id), [first, ..]) => {
            let node = nodes::find_external(tx, first.kind(), id)?;
            node.filter(|node| node.logical_type().is_some_and(|logical| types.contains(&logical)))
        }
        (Find::Name(name, Some(home)), _) if is_artifact => {
            let selection = Selection { member_of: Some(*home), name: Some(name.clone()), ..Selection::of_any(types) };
            nodes::find_only(tx, &selection)?
        }
        (Find::Name(name, home), [first, ..]) => match (nodes::find_named(tx, *first, *home, name)?, home) {
            (None, Some(home)) if *first == LogicalType::ExperimentRun => runs::newest_named(tx, *home, name.as_str())?,
            (found, _) => found,
        },
        (_, []) => None,
    };
    found.ok_or_else(|| missing(noun, find))
}

fn missing(noun: &str, find: &Find) -> Error {
    Error::not_found(match find {
        Find::ExternalId(id) => format!("{noun} with external id `{id}`"),
        Find::Name(name, Some(home)) => format!("{noun} `{name}` in `{home}`"),
        Find::Name(name, None) => format!("{noun} `{name}`"),
    })
}

fn check_parents(tx: &mut ReadTransaction<'_, '_>, selection: &Selection) -> Result<()> {
    let Some(parent) = selection.home.or(selection.member_of) else { return Ok(()) };
    if let Some(parent_type) = selection.parent_type {
        return get_bare(tx, parent_type, parent).map(drop);
    }
    match selection.types.first().and_then(|id| LogicalType::from_id(*id)) {
        Some(logical) => check_home(tx, logical, parent).map(drop),
        None => Ok(()),
    }
}

/// Increments the node's revision, and tells a missing node from one at another revision.
pub(super) fn increment_revision(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    id: NodeId,
    if_revision: Option<i64>,
) -> Result<Node> {
    let now = tx.now();
    if let Some(node) = nodes::increment_revision(tx, logical, id, if_revision, now)? {
        return Ok(node);
    }
    Err(at_other_revision(&get(tx, logical, id)?, logical))
}

pub(super) fn at_other_revision(found: &Node, logical: LogicalType) -> Error {
    let message = format!("{} `{}` is at revision `{}`", logical.noun(), found.id, found.revision);
    Error::precondition_failed(IF_MATCH, message)
}

pub(super) fn update(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    id: NodeId,
    patch: &Patch,
) -> Result<Node> {
    let now = tx.now();
    let before = increment_revision(tx, logical, id, patch.if_revision)?;
    let was = before.clone();
    let mut node = before.clone();
    patch.external_id.clone().map(String::from).apply(&mut node.external_id);
    patch.uri.clone().apply(&mut node.uri);
    patch.state.clone().apply(&mut node.state);
    let mut is_measured = false;
    for (name, change) in &patch.properties {
        let mut value = node.properties.remove(name);
        let effective = patch.round_trip.without_unchanged(value.as_ref(), change);
        // What is measured again is a point, whatever its value.
        let is_said = effective != Change::Keep || matches!(change, Change::Set(_));
        is_measured |= is_said && ["value", "step", "timestamp"].contains(&name.as_str());
        effective.apply(&mut value);
        node.properties.extend(value.map(|value| (name.clone(), value)));
    }
    check_references(tx, logical, node.home_id, &node.properties, &before.properties)?;
    check_times(&node)?;
    if let Some(custom) = &patch.custom {
        node.custom = patch.round_trip.custom_without_unchanged(&node.custom, custom);
    }
    keep_state(&before, &mut node);
    if node.uri != before.uri && logical.kind() == NodeKind::Artifact {
        check_unlocked(tx, &[id])?;
    }
    if logical == LogicalType::Metric {
        // The point is not among the node's properties; what of it the patch leaves out stays.
        let mut before = before;
        MetricPoint::take(&mut before.properties, now)?;
        let point = MetricPoint::take(&mut node.properties, now)?.ok_or_else(without_value)?;
        nodes::replace(tx, &before, &node)?;
        if is_measured {
            add_point(tx, &mut node, point)?;
        } else {
            node.properties.extend(point.properties());
        }
    } else {
        nodes::replace(tx, &before, &node)?;
    }
    tx.record_update(&was, &node)?;
    Ok(node)
}
