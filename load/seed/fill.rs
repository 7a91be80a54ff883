//! Nodes, and what belongs to them, one batch a transaction.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use modelport::domain::access::Place;
use modelport::domain::{
    Action, Actor, LogicalType, MetricPoint, Millis, Node, NodeId, NodeKind, Properties, Result, change,
};
use modelport::store::changes::{self, NewChange};
use modelport::store::graph::{memberships, nodes};
use modelport::store::{Store, metrics};

/// How many nodes are inserted by one transaction.
pub(crate) const BATCH: i64 = 1000;

/// What is filled, and how far.
pub(crate) struct Fill {
    pub(crate) store: Store,
    /// How many rows were inserted.
    pub(crate) rows: u64,
    /// When everything was made that has no time of its own.
    pub(crate) now: Millis,
}

impl Fill {
    pub(crate) fn new(store: Store) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { store, rows: 0, now: Millis::try_from(now.as_millis()).unwrap_or(Millis::MAX) }
    }

    /// A node that is not stored yet.
    pub(crate) fn node(&self, type_id: i64, home_id: Option<NodeId>, name: String) -> Node {
        Node {
            id: NodeId(0),
            type_id,
            home_id,
            place: Place::default(),
            name: Some(name),
            external_id: None,
            uri: None,
            state: None,
            created_at: self.now,
            updated_at: self.now,
            revision: 1,
            properties: Properties::new(),
            custom: Properties::new(),
        }
    }

    /// Stores nodes of one kind, as members of their homes and with their changes on record; the id of the first.
    pub(crate) async fn nodes(&mut self, kind: NodeKind, new: Vec<Node>, points: Vec<MetricPoint>) -> Result<NodeId> {
        let now = self.now;
        let (stored, rows) = self
            .store
            .write(move |tx| {
                let mut stored = new.clone();
                nodes::insert_all(tx, kind, &mut stored)?;
                let homes: BTreeSet<_> = stored.iter().filter_map(|node| Some((node.home_id?, node.id))).collect();
                if !homes.is_empty() {
                    memberships::insert(tx, &homes)?;
                }
                let all: Vec<_> =
                    stored.iter().flat_map(|node| points.iter().map(move |point| (node, *point))).collect();
                metrics::append(tx, &all, metrics::Latest::Given)?;
                changes::append(tx, &Actor::system(), now, &stored.iter().map(created).collect::<Vec<_>>())?;
                let properties: usize = stored.iter().map(|node| node.properties.len() + node.custom.len()).sum();
                let latest = if points.is_empty() { 0 } else { stored.len() };
                let rows = 2 * stored.len() + homes.len() + properties + all.len() + latest;
                Ok((stored.first().map_or(NodeId(0), |node| node.id), rows))
            })
            .await?;
        self.rows += u64::try_from(rows).unwrap_or_default();
        Ok(stored)
    }

    /// As [`Fill::nodes`], of a logical type.
    pub(crate) async fn all(&mut self, logical: LogicalType, new: Vec<Node>) -> Result<NodeId> {
        self.nodes(logical.kind(), new, Vec::new()).await
    }
}

fn created(node: &Node) -> NewChange {
    NewChange {
        action: Action::Create,
        node_id: node.id,
        place: node.place,
        revision: node.revision,
        document: change::document(node),
    }
}
