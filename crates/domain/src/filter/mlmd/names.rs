//! What names mean: columns of each kind of node, neighbours and their columns, and the names of enums.

use crate::filter::scalar::{Column, Neighbour, Relation};
use crate::{ArtifactState, ExecutionState, NodeKind};

/// The column of a node of that kind. The case of the name is ignored, as it is of all columns.
pub(super) fn column(kind: NodeKind, name: &str) -> Option<Column> {
    let name = name.to_ascii_lowercase();
    Some(match (name.as_str(), kind) {
        ("id", _) => Column::Id,
        ("type_id", _) => Column::TypeId,
        ("type", _) => Column::TypeName,
        ("name", _) => Column::Name,
        ("external_id", _) => Column::ExternalId,
        ("create_time_since_epoch", _) => Column::CreatedAt,
        ("last_update_time_since_epoch", _) => Column::UpdatedAt,
        ("uri", NodeKind::Artifact) => Column::Uri,
        ("state", NodeKind::Artifact) | ("last_known_state", NodeKind::Execution) => Column::State,
        _ => return None,
    })
}

/// The relation of which the word names a neighbour of a node of that kind, when it is not a property.
pub(super) fn relation(kind: NodeKind, word: &str) -> Option<Relation> {
    const OF_CONTEXTS: [(&str, Relation); 4] = [
        ("parent_contexts_", Relation::ParentContext),
        ("child_contexts_", Relation::ChildContext),
        ("artifacts_", Relation::Artifact),
        ("executions_", Relation::Execution),
    ];
    const OF_OTHERS: [(&str, Relation); 2] = [("contexts_", Relation::Context), ("events_", Relation::Event)];
    let relations: &[(&str, Relation)] = if kind == NodeKind::Context { &OF_CONTEXTS } else { &OF_OTHERS };
    let found = relations.iter().find(|(prefix, _)| word.starts_with(prefix) && word.len() > prefix.len());
    found.map(|(_, relation)| *relation)
}

/// The column of a neighbour of a node of that kind.
pub(super) fn neighbour_column(kind: NodeKind, relation: Relation, name: &str) -> Option<Column> {
    let lower = name.to_ascii_lowercase();
    match relation {
        Relation::Property | Relation::CustomProperty => Some(match lower.as_str() {
            "int_value" => Column::IntValue,
            "double_value" => Column::DoubleValue,
            "string_value" => Column::StringValue,
            "bool_value" => Column::BoolValue,
            _ => return None,
        }),
        Relation::Event => Some(match (lower.as_str(), kind) {
            ("type", _) => Column::EventType,
            ("milliseconds_since_epoch", _) => Column::EventTime,
            ("execution_id", NodeKind::Artifact) => Column::EventExecution,
            ("artifact_id", NodeKind::Execution) => Column::EventArtifact,
            _ => return None,
        }),
        Relation::Context | Relation::ParentContext | Relation::ChildContext => column(NodeKind::Context, name),
        Relation::Artifact => column(NodeKind::Artifact, name),
        Relation::Execution => column(NodeKind::Execution, name),
    }
}

/// The names of an enum with their numbers.
pub(super) type Names = &'static [(&'static str, i64)];

/// The names of the values of a column that is an enum.
pub(super) fn enum_names(kind: NodeKind, neighbour: Option<&Neighbour>, column: Column) -> Option<Names> {
    let of = match neighbour.map(|neighbour| neighbour.relation) {
        Some(Relation::Artifact) => NodeKind::Artifact,
        Some(Relation::Execution) => NodeKind::Execution,
        _ => kind,
    };
    match (column, of) {
        (Column::State, NodeKind::Artifact) => Some(&ArtifactState::NAMES),
        (Column::State, NodeKind::Execution) => Some(&ExecutionState::NAMES),
        (Column::EventType, _) => Some(EVENT_TYPES),
        _ => None,
    }
}

const EVENT_TYPES: Names = &[
    ("UNKNOWN", 0),
    ("DECLARED_OUTPUT", 1),
    ("DECLARED_INPUT", 2),
    ("INPUT", 3),
    ("OUTPUT", 4),
    ("INTERNAL_INPUT", 5),
    ("INTERNAL_OUTPUT", 6),
    ("PENDING_OUTPUT", 7),
];
