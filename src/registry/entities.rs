//! Create, read, list, change and remove: the use cases that every logical type shares.

use uuid::Uuid;

use super::{Registry, Selection, record};
use crate::domain::change::document;
use crate::domain::{
    Action, Actor, Cursor, Draft, Error, ErrorKind, ExternalId, LogicalType, Millis, Name, Node, NodeId, NodeKind,
    OrderBy, Page, PageSize, PageToken, Patch, Result,
};
use crate::store::{Tx, changes, members, nodes};

/// Without a page size the whole list comes, read in batches of this many.
const BATCH: u32 = 1000;

/// How one thing is found: by its name in its home, or by its id in another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Find {
    /// By its name, and its home where it has one.
    Name(Name, Option<NodeId>),
    /// By its id in another system.
    ExternalId(ExternalId),
}

impl Registry {
    /// Creates an entity. Where its type has a home, `home` names it.
    ///
    /// Errors: InvalidArgument on a property the type does not have, NotFound when the home does not exist,
    /// AlreadyExists when the name is taken in its home or the external id among all nodes of the kind.
    pub async fn create(
        &self,
        actor: &Actor,
        logical: LogicalType,
        home: Option<NodeId>,
        draft: Draft,
    ) -> Result<Node> {
        draft.check(logical)?;
        let (actor, now) = (actor.clone(), self.now());
        self.store.write(move |tx| create(tx, &actor, logical, home, &draft, now)).await
    }

    /// The entity with that id, when it is of that type.
    pub async fn get(&self, logical: LogicalType, id: NodeId) -> Result<Node> {
        let registry = self.clone();
        self.store
            .read(move |tx| {
                let mut node = get(tx, logical, id)?;
                registry.fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// The one entity that matches. Errors: NotFound when none does, or when an artifact's name is not unique.
    pub async fn find(&self, logical: LogicalType, find: Find) -> Result<Node> {
        let registry = self.clone();
        self.store
            .read(move |tx| {
                let mut node = find_one(tx, logical, &find)?;
                registry.fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// A page of the selection, or all of it when no size is given.
    ///
    /// Errors: NotFound when the home or context does not exist, InvalidArgument when the token belongs to another query.
    pub async fn list(
        &self,
        selection: Selection,
        size: Option<PageSize>,
        token: Option<PageToken>,
    ) -> Result<Page<Node>> {
        let mut after = token.map(|token| token.cursor_for(&selection)).transpose()?;
        let mut items = Vec::new();
        loop {
            let limit = size.map_or(BATCH, PageSize::get);
            let (registry, batch_of) = (self.clone(), selection.clone());
            let mut batch = self
                .store
                .read(move |tx| {
                    check_parents(tx, &batch_of)?;
                    let mut batch = nodes::list(tx, &batch_of, after, limit + 1)?;
                    registry.fill_uris(tx, &mut batch)?;
                    Ok(batch)
                })
                .await?;
            let more = batch.len() > limit as usize;
            batch.truncate(limit as usize);
            after = batch.last().map(|last| cursor(&selection, last));
            items.append(&mut batch);
            match (size, after) {
                (_, Some(_)) if !more => return Ok(Page { items, next: None }),
                (_, None) => return Ok(Page { items, next: None }),
                (Some(_), Some(after)) => return Ok(Page { items, next: Some(PageToken::new(&selection, after)) }),
                (None, Some(_)) => {}
            }
        }
    }

    /// Changes an entity.
    ///
    /// Errors: NotFound when there is none of that type, FailedPrecondition when it is at another revision than the
    /// patch demands, AlreadyExists when the external id is taken.
    pub async fn update(&self, actor: &Actor, logical: LogicalType, id: NodeId, patch: Patch) -> Result<Node> {
        patch.check(logical)?;
        let (actor, now, registry) = (actor.clone(), self.now(), self.clone());
        self.store
            .write(move |tx| {
                let mut node = update(tx, &actor, logical, id, &patch, now)?;
                registry.fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }

    /// Removes an entity and all it owns; the record of changes keeps them.
    ///
    /// Errors: NotFound when there is none of that type, FailedPrecondition when it is a model that has versions and
    /// `recursive` is not set.
    pub async fn delete(&self, actor: &Actor, logical: LogicalType, id: NodeId, recursive: bool) -> Result<()> {
        let (actor, now) = (actor.clone(), self.now());
        self.store.write(move |tx| delete(tx, &actor, logical, id, recursive, now)).await
    }

    /// Makes an artifact of a version (or run) a member of another one, or changes it there.
    ///
    /// Errors: as [`Registry::update`], and NotFound when the context does not exist.
    pub async fn attach(
        &self,
        actor: &Actor,
        logical: LogicalType,
        id: NodeId,
        context: (LogicalType, NodeId),
        patch: Patch,
    ) -> Result<Node> {
        patch.check(logical)?;
        let (actor, now, registry) = (actor.clone(), self.now(), self.clone());
        self.store
            .write(move |tx| {
                let home = get(tx, context.0, context.1)?;
                let mut node = update(tx, &actor, logical, id, &patch, now)?;
                if members::insert(tx, home.id, id)? {
                    record(tx, &actor, now, Action::Attach, &home, Some(("memberId", id.0.into())))?;
                }
                registry.fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }
}

pub(super) fn create(
    tx: &mut Tx<'_>,
    actor: &Actor,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
    now: Millis,
) -> Result<Node> {
    if let Some(home) = home {
        check_home(tx, logical, home)?;
    }
    let mut named = draft.clone();
    named.name = Some(stored_name(logical, home, draft.name.as_ref())?);
    let node = nodes::insert(tx, logical, home, &named, now)?;
    record(tx, actor, now, Action::Create, &node, None)?;
    Ok(node)
}

/// The name under which it is stored: a new UUID when the type may go without one, behind a UUID when names may repeat.
fn stored_name(logical: LogicalType, home: Option<NodeId>, name: Option<&Name>) -> Result<Name> {
    match name {
        Some(name) if logical.may_repeat(home.is_some()) => format!("{}:{name}", Uuid::new_v4()).parse(),
        Some(name) => Ok(name.clone()),
        None => Uuid::new_v4().to_string().parse(),
    }
}

fn check_home(tx: &mut Tx<'_>, logical: LogicalType, home: NodeId) -> Result<()> {
    let found = nodes::find(tx, home)?.and_then(|node| node.logical_type());
    match (found, logical.homes()) {
        (Some(found), homes) if homes.contains(&found) => Ok(()),
        (_, [home_type, ..]) => Err(Error::not_found(format!("{} `{home}`", home_type.noun()))),
        (_, []) => Err(Error::internal(format!("nothing owns a {}", logical.noun()))),
    }
}

/// The entity with that id and type, inside a transaction.
pub(super) fn get(tx: &mut Tx<'_>, logical: LogicalType, id: NodeId) -> Result<Node> {
    match nodes::find(tx, id)? {
        Some(node) if node.type_id == logical.id() => Ok(node),
        _ => Err(Error::not_found(format!("{} `{id}`", logical.noun()))),
    }
}

fn find_one(tx: &mut Tx<'_>, logical: LogicalType, find: &Find) -> Result<Node> {
    let (found, what) = match find {
        Find::ExternalId(id) => {
            let node = nodes::find_external(tx, logical.kind(), id)?.filter(|node| node.type_id == logical.id());
            (node, format!("{} with external id `{id}`", logical.noun()))
        }
        Find::Name(name, Some(home)) if logical.kind() == NodeKind::Artifact => {
            let selection = Selection { member_of: Some(*home), name: Some(name.clone()), ..Selection::of(logical) };
            let mut found = nodes::list(tx, &selection, None, 2)?;
            let only = if found.len() == 1 { found.pop() } else { None };
            (only, format!("{} `{name}` in `{home}`", logical.noun()))
        }
        Find::Name(name, home) => {
            let place = home.map(|home| format!(" in `{home}`")).unwrap_or_default();
            (nodes::find_named(tx, logical, *home, name)?, format!("{} `{name}`{place}", logical.noun()))
        }
    };
    found.ok_or_else(|| Error::not_found(what))
}

fn check_parents(tx: &mut Tx<'_>, selection: &Selection) -> Result<()> {
    let Some(parent) = selection.home.or(selection.member_of) else { return Ok(()) };
    let homes = selection.types.first().and_then(|id| LogicalType::from_id(*id)).map_or(&[][..], LogicalType::homes);
    let found = nodes::find(tx, parent)?.and_then(|node| node.logical_type());
    if found.is_some_and(|found| homes.contains(&found)) {
        return Ok(());
    }
    let noun = homes.first().map_or("node", |home| home.noun());
    Err(Error::not_found(format!("{noun} `{parent}`")))
}

fn cursor(selection: &Selection, last: &Node) -> Cursor {
    let value = match selection.order.by {
        OrderBy::Id => 0,
        OrderBy::CreateTime => last.created_at,
        OrderBy::UpdateTime => last.updated_at,
    };
    Cursor { value, id: last.id }
}

/// Counts a change of the node, and tells a missing one from one at another revision.
pub(super) fn touch(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    id: NodeId,
    if_revision: Option<i64>,
    now: Millis,
) -> Result<Node> {
    if let Some(node) = nodes::touch(tx, logical, id, if_revision, now)? {
        return Ok(node);
    }
    let found = get(tx, logical, id)?;
    Err(Error::new(
        ErrorKind::FailedPrecondition,
        format!("{} `{id}` is at revision `{}`", logical.noun(), found.revision),
    )
    .on_field(super::IF_MATCH))
}

fn update(
    tx: &mut Tx<'_>,
    actor: &Actor,
    logical: LogicalType,
    id: NodeId,
    patch: &Patch,
    now: Millis,
) -> Result<Node> {
    let before = touch(tx, logical, id, patch.if_revision, now)?;
    let mut node = before.clone();
    patch.external_id.clone().map(String::from).apply(&mut node.external_id);
    patch.uri.clone().apply(&mut node.uri);
    patch.state.clone().apply(&mut node.state);
    for (name, change) in &patch.properties {
        let mut value = node.properties.remove(name);
        change.clone().apply(&mut value);
        node.properties.extend(value.map(|value| (name.clone(), value)));
    }
    if let Some(custom) = &patch.custom {
        node.custom.clone_from(custom);
    }
    nodes::replace(tx, &before, &node)?;
    record(tx, actor, now, Action::Update, &node, None)?;
    Ok(node)
}

fn delete(
    tx: &mut Tx<'_>,
    actor: &Actor,
    logical: LogicalType,
    id: NodeId,
    recursive: bool,
    now: Millis,
) -> Result<()> {
    let node = get(tx, logical, id)?;
    nodes::lock(tx, &[id])?;
    if logical == LogicalType::RegisteredModel && !recursive && nodes::has_child(tx, id, LogicalType::ModelVersion)? {
        return Err(Error::new(
            ErrorKind::FailedPrecondition,
            format!("registered model `{}` has versions", node.name.as_deref().unwrap_or_default()),
        ));
    }
    let mut gone = vec![node];
    let mut level = vec![id];
    while !level.is_empty() {
        let children = nodes::children(tx, &level)?;
        level = children.iter().map(|child| child.id).collect();
        nodes::lock(tx, &level)?;
        gone.extend(children);
    }
    if !nodes::delete(tx, id)? {
        return Err(Error::not_found(format!("{} `{id}`", logical.noun())));
    }
    // What a home takes along is recorded before it, as if it had been removed first.
    let changes: Vec<_> = gone
        .iter()
        .rev()
        .map(|node| changes::NewChange {
            action: Action::Delete,
            node_id: node.id,
            revision: node.revision + 1,
            document: document(node),
        })
        .collect();
    changes::append(tx, actor, now, &changes)
}
