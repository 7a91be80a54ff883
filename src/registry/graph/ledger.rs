//! The changes of one use case, recorded at its end in one statement.

use serde_json::{Value as Json, json};

use crate::domain::change::{self, document};
use crate::domain::graph::Event;
use crate::domain::{Action, Actor, Millis, Node, NodeId, Result};
use crate::store::Tx;
use crate::store::changes::{self, NewChange};

/// The changes so far.
#[derive(Default)]
pub(super) struct Ledger {
    changes: Vec<NewChange>,
}

impl Ledger {
    /// Adds a change of the node, with the node as it is afterwards.
    pub(super) fn note(&mut self, action: Action, node: &Node) {
        self.add(action, node, None);
    }

    /// Adds an update of the node.
    pub(super) fn updated(&mut self, before: &Node, node: &Node) {
        self.add(Action::Update, node, Some(("before", change::before(before, node))));
    }

    /// Adds the new members of the context.
    pub(super) fn attached(&mut self, context: &Node, members: &[NodeId]) {
        self.add(Action::Attach, context, Some(("memberIds", json!(members))));
    }

    /// Adds the events of the execution.
    pub(super) fn events(&mut self, execution: &Node, events: &[&Event]) {
        let events: Vec<Json> =
            events.iter().map(|event| json!({"artifactId": event.artifact_id, "type": event.event_type})).collect();
        self.add(Action::PutEvents, execution, Some(("events", events.into())));
    }

    fn add(&mut self, action: Action, node: &Node, detail: Option<(&str, Json)>) {
        let mut document = document(node);
        if let (Some((name, value)), Some(members)) = (detail, document.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
        self.changes.push(NewChange { action, node_id: node.id, revision: node.revision, document });
    }

    /// Records them.
    pub(super) fn write(&self, tx: &mut Tx<'_>, actor: &Actor, now: Millis) -> Result<()> {
        changes::append(tx, actor, now, &self.changes)
    }
}
