//! Which rows are edges of lineage, as SQL over `near`, where an edge is followed from, and `far`, where it leads.

use super::WalkDirection;
use modelport_domain::LogicalType;
use modelport_domain::lineage::EdgeKind;

/// One kind of rows that are edges.
pub(super) struct Arm {
    /// The table that is read first, by an index on what `near` says.
    pub first: &'static str,
    /// The tables that are read next, each by its key, `far` the last of them.
    pub next: Vec<Next>,
    /// Which of their rows are edges, and lead on from `near`.
    pub condition: String,
    /// Whether `far` is held by `near`, as a number; see [`super::ReachedNode`].
    pub held: String,
    /// The number of the edge's kind.
    pub edge: String,
    /// A column in whose order an index has them.
    pub order: &'static str,
}

/// A table that is read by a key that the tables before it say. Left to choose, either database begins with all contexts there
/// are, or with a whole index.
pub(super) struct Next {
    /// The table.
    pub table: &'static str,
    /// What it is called.
    pub alias: &'static str,
    /// The column that is its key.
    pub key: &'static str,
    /// What the key is.
    pub value: String,
}

fn far(value: &str) -> Vec<Next> {
    vec![node("far", value)]
}

fn node(alias: &'static str, value: &str) -> Next {
    Next { table: "nodes", alias, key: "id", value: value.to_owned() }
}

const MODEL: i64 = LogicalType::RegisteredModel.id();
const VERSION: i64 = LogicalType::ModelVersion.id();
const DATA_SET: i64 = LogicalType::DataSet.id();
const RUN: i64 = LogicalType::ExperimentRun.id();
const SERVICE: i64 = LogicalType::InferenceService.id();
const DEPLOYMENT: i64 = LogicalType::ServeModel.id();

/// ML Metadata's numbers of what artifacts, executions and contexts are.
const ARTIFACT: &str = "1";
const EXECUTION: &str = "0";
const CONTEXT: &str = "2";

/// ML Metadata's events in which an execution reads: declared, plain, internal.
const READS: &str = "(2, 3, 5)";

/// Those in which it writes: declared, plain, internal, pending. An event of unknown type is no edge.
const WRITES: &str = "(1, 4, 6, 7)";

/// A property that refers to another node, by its name; written as the index on it has it.
fn refers(name: &str) -> String {
    format!("p.name = '{name}' AND p.kind = 1 AND p.custom = FALSE AND p.int_value IS NOT NULL")
}

/// Whether a run made the artifact that is attached to it, by what it is: a model, metric, parameter or document, or of a type
/// that extends ML Metadata's Model, Metrics or Statistics. What else it is, a run reads.
fn is_a_result(artifact: &str) -> String {
    format!(
        "({artifact}.type_id IN ({}, {}, {}, {}) OR COALESCE((SELECT t.base_type FROM types t WHERE t.id = {artifact}.type_id), 0) IN (2, 3, 4))",
        LogicalType::ModelArtifact.id(),
        LogicalType::DocArtifact.id(),
        LogicalType::Metric.id(),
        LogicalType::Parameter.id(),
    )
}

/// Whether somebody made the artifact: an execution that wrote it, or a run that it is attached to. Not by EXISTS, of which
/// PostgreSQL makes a hash of all events.
fn is_made(artifact: &str, seen: Seen<'_>) -> String {
    let (writer, run) = (seen("maker"), seen("r"));
    let writer = if writer.is_empty() {
        String::new()
    } else {
        format!(" AND (SELECT 1 FROM nodes maker WHERE maker.id = w.execution_id{writer}) IS NOT NULL")
    };
    format!(
        "((SELECT 1 FROM events w WHERE w.artifact_id = {artifact}.id AND w.type IN {WRITES}{writer} LIMIT 1) IS NOT NULL
          OR (SELECT 1 FROM members m2 WHERE m2.node_id = {artifact}.id
              AND (SELECT r.type_id FROM nodes r WHERE r.id = m2.context_id{run}) = {RUN} LIMIT 1) IS NOT NULL)"
    )
}

/// Whether the context has or made its member. Not a data set: that was there before whoever uses it.
fn has(context: &str, member: &str) -> String {
    format!(
        "({member}.kind <> {ARTIFACT} OR ({member}.type_id <> {DATA_SET}
          AND ({member}.home_id = {context}.id OR ({context}.type_id = {RUN} AND {}))))",
        is_a_result(member)
    )
}

/// How the context has its member.
fn how(context: &str, member: &str) -> String {
    format!(
        "CASE WHEN {member}.home_id = {context}.id THEN {} WHEN {member}.kind = {ARTIFACT} THEN {} ELSE {} END",
        number(EdgeKind::Owns),
        number(EdgeKind::Output),
        number(EdgeKind::Contains)
    )
}

/// Whether the context uses the artifact that is a member of it. A version is made of its own artifacts, too, where
/// somebody made them: what they were made from, it was made from.
fn uses(context: &str, artifact: &str, seen: Seen<'_>) -> String {
    let is_foreign = format!("COALESCE({artifact}.home_id, 0) <> {context}.id");
    format!(
        "({artifact}.kind = {ARTIFACT} AND {context}.kind = {CONTEXT} AND ({artifact}.type_id = {DATA_SET} OR CASE {context}.type_id
          WHEN {RUN} THEN {is_foreign} AND NOT {}
          WHEN {VERSION} THEN {is_foreign} OR {}
          ELSE {is_foreign} END))",
        is_a_result(artifact),
        is_made(artifact, seen)
    )
}

/// Whether the service refers to no version of its own, which means the newest of its model.
fn follows_model(service: &str) -> String {
    format!(
        "{service}.type_id = {SERVICE} AND (SELECT q.kind FROM properties q WHERE q.node_id = {service}.id
         AND q.custom = FALSE AND q.name = 'model_version_id') IS NULL"
    )
}

/// The id of the newest version of a model.
fn newest(model: &str) -> String {
    format!(
        "(SELECT v.id FROM nodes v WHERE v.home_id = {model} AND v.type_id = {VERSION}
          ORDER BY v.created_at DESC, v.id DESC LIMIT 1)"
    )
}

fn number(kind: EdgeKind) -> String {
    format!("CAST({} AS BIGINT)", kind.number())
}

const NO: &str = "CAST(0 AS BIGINT)";

/// Begins with AND, and says that a node of that name is visible; empty where every node is.
pub(super) type Seen<'a> = &'a dyn Fn(&str) -> String;

/// Each kind of rows in which an edge leads on that way to a node that is visible.
pub(super) fn arms(direction: WalkDirection, seen: Seen<'_>) -> Vec<Arm> {
    let arms = match direction {
        WalkDirection::Upstream => up(seen),
        WalkDirection::Downstream => down(seen),
    };
    let to_visible = |arm: Arm| Arm { condition: arm.condition.clone() + &seen("far"), ..arm };
    arms.into_iter().map(to_visible).collect()
}

fn arm(first: &'static str, next: Vec<Next>, condition: String, kind: EdgeKind, order: &'static str) -> Arm {
    Arm { first, next, condition, held: NO.to_owned(), edge: number(kind), order }
}

fn up(seen: Seen<'_>) -> Vec<Arm> {
    let other_version = format!("NOT (near.held = 1 AND far.type_id = {VERSION})");
    let held = format!("CAST(CASE WHEN near.type_id = {VERSION} THEN 1 ELSE 0 END AS BIGINT)");
    vec![
        Arm {
            edge: how("far", "near"),
            ..arm(
                "members m",
                far("m.context_id"),
                format!("m.node_id = near.id AND {} AND {other_version}", has("far", "near")),
                EdgeKind::Owns,
                "m.context_id",
            )
        },
        Arm {
            held,
            ..arm(
                "members m",
                far("m.node_id"),
                format!("near.kind = {CONTEXT} AND m.context_id = near.id AND {}", uses("near", "far", seen)),
                EdgeKind::UsedBy,
                "m.node_id",
            )
        },
        arm(
            "events e",
            far("e.artifact_id"),
            format!("near.kind = {EXECUTION} AND e.execution_id = near.id AND e.type IN {READS}"),
            EdgeKind::Input,
            "e.artifact_id",
        ),
        arm(
            "events e",
            far("e.execution_id"),
            format!("near.kind = {ARTIFACT} AND e.artifact_id = near.id AND e.type IN {WRITES}"),
            EdgeKind::Output,
            "e.execution_id",
        ),
        arm(
            "properties p",
            far("p.int_value"),
            format!(
                "near.type_id IN ({SERVICE}, {DEPLOYMENT}) AND p.node_id = near.id AND p.custom = FALSE
                 AND p.name IN ('registered_model_id', 'model_version_id') AND p.int_value IS NOT NULL"
            ),
            EdgeKind::ServedBy,
            "p.name",
        ),
        arm(
            "properties p",
            far(&newest("p.int_value")),
            format!("p.node_id = near.id AND {} AND {}", refers("registered_model_id"), follows_model("near")),
            EdgeKind::ServedBy,
            "p.name",
        ),
        arm(
            "nodes d",
            vec![
                Next { table: "properties", alias: "p", key: "node_id", value: "d.id".to_owned() },
                node("far", "p.int_value"),
            ],
            format!(
                "near.type_id = {SERVICE} AND d.home_id = near.id AND d.type_id + 0 = {DEPLOYMENT} AND {}",
                refers("model_version_id")
            ),
            EdgeKind::ServedBy,
            "d.id",
        ),
    ]
}

fn down(seen: Seen<'_>) -> Vec<Arm> {
    let other_version = format!("NOT (near.held = 1 AND far.type_id = {VERSION})");
    let held =
        format!("CAST(CASE WHEN near.type_id = {VERSION} AND far.kind = {ARTIFACT} THEN 1 ELSE 0 END AS BIGINT)");
    vec![
        Arm {
            held,
            edge: how("near", "far"),
            ..arm(
                "members m",
                far("m.node_id"),
                format!("near.kind = {CONTEXT} AND m.context_id = near.id AND {}", has("near", "far")),
                EdgeKind::Owns,
                "m.node_id",
            )
        },
        arm(
            "members m",
            far("m.context_id"),
            format!("m.node_id = near.id AND {} AND {other_version}", uses("far", "near", seen)),
            EdgeKind::UsedBy,
            "m.context_id",
        ),
        arm(
            "events e",
            far("e.execution_id"),
            format!("near.kind = {ARTIFACT} AND e.artifact_id = near.id AND e.type IN {READS}"),
            EdgeKind::Input,
            "e.execution_id",
        ),
        arm(
            "events e",
            far("e.artifact_id"),
            format!("near.kind = {EXECUTION} AND e.execution_id = near.id AND e.type IN {WRITES}"),
            EdgeKind::Output,
            "e.artifact_id",
        ),
        refers_to_near("registered_model_id", MODEL),
        refers_to_near("model_version_id", VERSION),
        arm(
            "properties p",
            far("p.node_id"),
            format!(
                "near.type_id = {VERSION} AND p.int_value = near.home_id AND {} AND {} AND near.id = {}",
                refers("registered_model_id"),
                follows_model("far"),
                newest("near.home_id")
            ),
            EdgeKind::ServedBy,
            "p.node_id",
        ),
        arm(
            "properties p",
            vec![node("d", "p.node_id"), node("far", "d.home_id")],
            format!(
                "near.type_id = {VERSION} AND p.int_value = near.id AND {} AND d.type_id = {DEPLOYMENT}",
                refers("model_version_id")
            ),
            EdgeKind::ServedBy,
            "p.node_id",
        ),
    ]
}

/// From a model or version to what serves it.
fn refers_to_near(property: &str, near: i64) -> Arm {
    arm(
        "properties p",
        far("p.node_id"),
        format!(
            "near.type_id = {near} AND p.int_value = near.id AND {} AND far.type_id IN ({SERVICE}, {DEPLOYMENT})",
            refers(property)
        ),
        EdgeKind::ServedBy,
        "p.node_id",
    )
}
