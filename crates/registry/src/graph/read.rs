//! Nodes and events, read.

use std::collections::{BTreeMap, BTreeSet};

use super::{check_external_ids, page, types, types_of};
use crate::context::RequestContext;
use crate::domain::graph::{Event, EventType, ListOptions, NodePage, Scope, Type, Typed};
use crate::domain::{Cursor, Error, Node, NodeId, NodeKind, Order, PageToken, Result, Selection};
use crate::services::Graph;
use crate::store::graph::{events, memberships, nodes};
use crate::store::nodes as lists;
use crate::transaction::ReadTransaction;
use crate::uris::fill_uris;

/// The most nodes of a page.
const MAX_PAGE: i32 = 100;

/// A list without options comes whole, read in batches of this many.
const BATCH: u32 = 10_000;

impl Graph {
    /// The nodes of the kind with these ids, ordered by id; what does not exist is left out.
    pub async fn nodes_by_ids(&self, context: &RequestContext, kind: NodeKind, ids: Vec<i64>) -> Result<NodePage> {
        self.core
            .read(context, move |tx| {
                let ids: BTreeSet<i64> = ids.iter().copied().collect();
                let found = nodes::find_all(tx, kind, &ids.into_iter().collect::<Vec<_>>())?;
                page(tx, found)
            })
            .await
    }

    /// The nodes of the kind with these ids in another system, those that exist.
    ///
    /// Errors: InvalidArgument on an empty id, NotFound when ids are given and none exists.
    pub async fn nodes_by_external_ids(
        &self,
        context: &RequestContext,
        kind: NodeKind,
        ids: Vec<String>,
    ) -> Result<NodePage> {
        check_external_ids(&ids)?;
        self.core
            .read(context, move |tx| {
                let found = nodes::find_external(tx, kind, &ids)?;
                if found.is_empty() && !ids.is_empty() {
                    return Err(Error::not_found(format!("nodes with external ids `{}`", ids.join("`, `"))));
                }
                page(tx, found)
            })
            .await
    }

    /// The artifacts with one of these URIs.
    pub async fn artifacts_by_uris(&self, context: &RequestContext, uris: Vec<String>) -> Result<NodePage> {
        uris.iter().try_for_each(|uri| crate::domain::value::check_text("uris", uri))?;
        self.core
            .read(context, move |tx| {
                let found = nodes::find_by_uri(tx, &uris)?;
                page(tx, found)
            })
            .await
    }

    /// A page of nodes, or all of them when there are no options.
    ///
    /// Errors: InvalidArgument on a size below one, and on a token of a list in another order.
    pub async fn list_graph(
        &self,
        context: &RequestContext,
        scope: Scope,
        options: Option<ListOptions>,
    ) -> Result<NodePage> {
        let is_long = options.as_ref().is_none_or(|options| options.filter.is_some());
        let work = move |tx: &mut ReadTransaction<'_, '_>| list_page(tx, &scope, options.as_ref());
        if is_long { self.core.read_long(context, work).await } else { self.core.read(context, work).await }
    }

    /// The node of that type and name.
    pub async fn node_by_type_and_name(
        &self,
        context: &RequestContext,
        kind: NodeKind,
        type_name: &str,
        version: &str,
        name: &str,
    ) -> Result<Option<(Node, Type)>> {
        let type_name = type_name.to_owned();
        let (version, name) = (version.to_owned(), name.to_owned());
        self.core
            .read(context, move |tx| {
                let Some(of) = types::find(tx, kind, &type_name, &version)? else { return Ok(None) };
                let Some(mut node) = super::logical::find_by_name(tx, &of, &name)? else { return Ok(None) };
                if kind == NodeKind::Artifact {
                    fill_uris(tx, std::slice::from_mut(&mut node))?;
                }
                Ok(Some((node, of)))
            })
            .await
    }

    /// The contexts that the artifact or execution belongs to. Errors: NotFound when there are none.
    pub async fn contexts_of(&self, context: &RequestContext, kind: NodeKind, id: i64) -> Result<NodePage> {
        self.core
            .read(context, move |tx| {
                let is_there = nodes::kinds(tx, &BTreeSet::from([NodeId(id)]))?.contains(&(NodeId(id), kind.number()));
                let pairs = if is_there { memberships::contexts_of(tx, &[NodeId(id)])? } else { Vec::new() };
                if pairs.is_empty() {
                    return Err(Error::not_found(format!("contexts of node `{id}`")));
                }
                let ids: Vec<i64> = pairs.iter().map(|(context, _)| context.0).collect();
                let found = nodes::find_all(tx, NodeKind::Context, &ids)?;
                page(tx, found)
            })
            .await
    }

    /// The contexts that each of these contexts belongs to; those that belong to none are left out.
    pub async fn parents_of(
        &self,
        context: &RequestContext,
        contexts: Vec<i64>,
    ) -> Result<Typed<BTreeMap<i64, Vec<Node>>>> {
        self.core
            .read(context, move |tx| {
                let children = nodes::find_all(tx, NodeKind::Context, &contexts)?;
                let children: Vec<NodeId> = children.iter().map(|node| node.id).collect();
                let pairs = memberships::contexts_of(tx, &children)?;
                grouped(tx, pairs.into_iter().map(|(parent, child)| (child, parent)).collect())
            })
            .await
    }

    /// The contexts that belong to each of these contexts; those to which none belongs are left out.
    pub async fn children_of(
        &self,
        context: &RequestContext,
        contexts: Vec<i64>,
    ) -> Result<Typed<BTreeMap<i64, Vec<Node>>>> {
        self.core
            .read(context, move |tx| {
                let parents: Vec<NodeId> = contexts.iter().copied().map(NodeId).collect();
                let pairs = memberships::child_contexts(tx, &parents)?;
                grouped(tx, pairs)
            })
            .await
    }

    /// The events of these artifacts or executions, in the order in which they were put.
    pub async fn events_of(&self, context: &RequestContext, kind: NodeKind, ids: Vec<i64>) -> Result<Vec<Event>> {
        self.core
            .read(context, move |tx| {
                let ids: BTreeSet<NodeId> = ids.iter().copied().map(NodeId).collect();
                let found = events::of(tx, kind, &ids.into_iter().collect::<Vec<_>>(), &EventType::ALL)?;
                Ok(found.into_iter().map(|(_, event)| event).collect())
            })
            .await
    }
}

fn list_page(tx: &mut ReadTransaction<'_, '_>, scope: &Scope, options: Option<&ListOptions>) -> Result<NodePage> {
    let Some(mut selection) = selection(tx, scope)? else {
        return Ok(NodePage { nodes: Vec::new(), types: BTreeMap::new(), next: None });
    };
    let Some(options) = options else {
        let all = list_all(tx, &selection)?;
        return page(tx, all);
    };
    if options.size <= 0 {
        let message = format!("max_result_size field value `{}` is not above zero", options.size);
        return Err(Error::invalid("max_result_size", message));
    }
    let size = options.size.min(MAX_PAGE).unsigned_abs();
    selection.order = options.order;
    selection.filter.clone_from(&options.filter);
    // The filter and the size may change between pages, the order may not.
    let query = (scope.kind(), options.order);
    let after = options.token.as_ref().map(|token| token.cursor_for(&query)).transpose()?;
    let mut found = lists::list(tx, &selection, after.as_ref(), size + 1)?;
    let more = found.len() > size as usize;
    found.truncate(size as usize);
    let last = found.last().filter(|_| more).map(|last| Cursor::of(options.order.by, last));
    let page = page(tx, found)?;
    Ok(NodePage { next: last.map(|last| PageToken::new(&query, last)), ..page })
}

/// The nodes of the scope; `None` when it can have none.
fn selection(tx: &mut ReadTransaction<'_, '_>, scope: &Scope) -> Result<Option<Selection>> {
    let all = Selection::of_kind(Some(scope.kind()));
    Ok(match scope {
        Scope::Kind(_) => Some(all),
        Scope::OfType { kind, name, version } => {
            types::find(tx, *kind, name, version)?.map(|of| Selection { types: vec![of.id], ..all })
        }
        Scope::Members { context, .. } => Some(Selection { member_of: Some(NodeId(*context)), ..all }),
    })
}

fn list_all(tx: &mut ReadTransaction<'_, '_>, selection: &Selection) -> Result<Vec<Node>> {
    let mut all: Vec<Node> = Vec::new();
    loop {
        let after = all.last().map(|last| Cursor::of(Order::default().by, last));
        let mut batch = lists::list(tx, selection, after.as_ref(), BATCH)?;
        let is_last = batch.len() < BATCH as usize;
        all.append(&mut batch);
        if is_last {
            return Ok(all);
        }
    }
}

/// Contexts by the other context that each was found through.
fn grouped(tx: &mut ReadTransaction<'_, '_>, pairs: Vec<(NodeId, NodeId)>) -> Result<Typed<BTreeMap<i64, Vec<Node>>>> {
    let ids: BTreeSet<i64> = pairs.iter().map(|(_, found)| found.0).collect();
    let found = nodes::find_all(tx, NodeKind::Context, &ids.into_iter().collect::<Vec<_>>())?;
    let types = types_of(tx, &found)?;
    let by_id: BTreeMap<NodeId, Node> = found.into_iter().map(|node| (node.id, node)).collect();
    let mut items: BTreeMap<i64, Vec<Node>> = BTreeMap::new();
    for (through, found) in pairs {
        items.entry(through.0).or_default().extend(by_id.get(&found).cloned());
    }
    Ok(Typed { items, types })
}
