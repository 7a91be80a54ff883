//! Neighbours of a node: one EXISTS over those of a group, each joined once.

use super::{Filter, MAX_JOINS};
use modelport_domain::NodeKind;
use modelport_domain::filter::scalar::{Join, Neighbour, Relation, Scalar};

/// What the columns of an expression belong to: `nodes`, and the neighbours under the names `j0`, `j1` and so on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    kind: NodeKind,
    neighbours: &'a [Neighbour],
}

impl Scope<'_> {
    /// The table of a neighbour, or of the node.
    pub(super) fn table(&self, neighbour: Option<&Neighbour>) -> String {
        match neighbour.and_then(|neighbour| self.neighbours.iter().position(|each| each == neighbour)) {
            Some(index) => format!("j{index}"),
            None => "nodes".to_owned(),
        }
    }

    /// The number of the kind of a neighbour that is a node, or of the node.
    pub(super) fn node_kind(&self, neighbour: Option<&Neighbour>) -> i64 {
        match neighbour.map(|neighbour| neighbour.relation) {
            Some(Relation::Artifact) => NodeKind::Artifact,
            Some(Relation::Execution) => NodeKind::Execution,
            Some(Relation::Context | Relation::ParentContext | Relation::ChildContext) => NodeKind::Context,
            Some(Relation::Property | Relation::CustomProperty | Relation::Event) | None => self.kind,
        }
        .number()
    }
}

impl Filter {
    pub(super) fn join(&mut self, join: &Join) {
        let scope = Scope { kind: join.kind, neighbours: &join.neighbours };
        if join.neighbours.is_empty() {
            self.sql("(");
            self.holds(scope, &join.holds);
            self.sql(")");
            return;
        }
        self.joins += join.neighbours.iter().map(|neighbour| tables(neighbour.relation)).sum::<usize>();
        let fenced = self.joins > MAX_JOINS;
        if fenced {
            self.sql("(");
        }
        // A list that does not depend on the node is made once, on SQLite too. PostgreSQL plans the two alike. Of several
        // neighbours it could be as long as all their combinations, where EXISTS ends with the first.
        let anchor = match join.neighbours.as_slice() {
            [only] if !names_node(&join.holds) => Some(own_end(0, only, join.kind)),
            _ => None,
        };
        match &anchor {
            Some(anchor) => self.sql(&format!("nodes.id IN (SELECT {anchor} FROM ")),
            None => self.sql("EXISTS (SELECT 1 FROM "),
        }
        for (at, neighbour) in join.neighbours.iter().enumerate() {
            if at > 0 {
                self.sql(" JOIN ");
            }
            self.from(at, neighbour.relation);
            if at > 0 {
                // The conditions are in the WHERE; written as joins, PostgreSQL orders only so many of them at a time.
                self.sql(" ON TRUE");
            }
        }
        self.sql(" WHERE ");
        for (at, neighbour) in join.neighbours.iter().enumerate() {
            let own = own_end(at, neighbour, join.kind);
            if anchor.is_none() {
                self.sql(&format!("{own} = nodes.id AND "));
            }
            self.is_neighbour(at, neighbour);
            self.is_seen(at, neighbour.relation, join.kind);
        }
        self.sql("(");
        self.holds(scope, &join.holds);
        self.sql(if fenced { "))) IS TRUE" } else { "))" });
    }

    fn from(&mut self, at: usize, relation: Relation) {
        let sql = match relation {
            Relation::Property | Relation::CustomProperty => format!("properties AS j{at}"),
            Relation::Event => format!("events AS j{at}"),
            Relation::Context
            | Relation::ParentContext
            | Relation::ChildContext
            | Relation::Artifact
            | Relation::Execution => {
                format!("(members AS m{at} JOIN nodes AS j{at} ON j{at}.id = m{at}.{})", member(relation))
            }
        };
        self.sql(&sql);
    }

    /// What else makes it a neighbour of its relation, and an AND.
    fn is_neighbour(&mut self, at: usize, neighbour: &Neighbour) {
        match neighbour.relation {
            Relation::Property | Relation::CustomProperty => {
                let custom = if neighbour.relation == Relation::CustomProperty { "TRUE" } else { "FALSE" };
                self.sql(&format!("j{at}.custom = {custom} AND j{at}.name = "));
                self.text(&neighbour.name);
                self.sql(" AND ");
            }
            // Whatever has members is a context.
            Relation::Context | Relation::ParentContext | Relation::Event => {}
            Relation::ChildContext => self.is_of_kind(at, NodeKind::Context),
            Relation::Artifact => self.is_of_kind(at, NodeKind::Artifact),
            Relation::Execution => self.is_of_kind(at, NodeKind::Execution),
        }
    }

    /// That the neighbour is visible, and an AND. A hidden one that could be asked for would not be hidden.
    fn is_seen(&mut self, at: usize, relation: Relation, of: NodeKind) {
        let node = match relation {
            Relation::Property | Relation::CustomProperty => return,
            Relation::Event => format!("e{at}"),
            Relation::Context
            | Relation::ParentContext
            | Relation::ChildContext
            | Relation::Artifact
            | Relation::Execution => format!("j{at}"),
        };
        let Some(visible) = self.access.as_ref().and_then(|access| Self::visible_to(access, &node)) else { return };
        if relation == Relation::Event {
            let other = if of == NodeKind::Artifact { "execution_id" } else { "artifact_id" };
            self.sql(&format!("EXISTS (SELECT 1 FROM nodes AS {node} WHERE {node}.id = j{at}.{other} AND "));
            self.append(&visible);
            self.sql(") AND ");
        } else {
            self.append(&visible);
            self.sql(" AND ");
        }
    }

    fn is_of_kind(&mut self, at: usize, kind: NodeKind) {
        self.sql(&format!("j{at}.kind = {} AND ", kind.number()));
    }
}

/// The column of a neighbour that holds the id of the node.
fn own_end(at: usize, neighbour: &Neighbour, of: NodeKind) -> String {
    match neighbour.relation {
        Relation::Property | Relation::CustomProperty => format!("j{at}.node_id"),
        Relation::Event if of == NodeKind::Artifact => format!("j{at}.artifact_id"),
        Relation::Event => format!("j{at}.execution_id"),
        Relation::Context | Relation::ParentContext => format!("m{at}.node_id"),
        Relation::ChildContext | Relation::Artifact | Relation::Execution => format!("m{at}.context_id"),
    }
}

fn names_node(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Column(None, _)) || scalar.parts().into_iter().any(names_node)
}

/// Which end of a membership the neighbour is.
fn member(relation: Relation) -> &'static str {
    if matches!(relation, Relation::Context | Relation::ParentContext) { "context_id" } else { "node_id" }
}

fn tables(relation: Relation) -> usize {
    if matches!(relation, Relation::Property | Relation::CustomProperty | Relation::Event) { 1 } else { 2 }
}
