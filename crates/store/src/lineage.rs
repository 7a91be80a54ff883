//! The edges of lineage: a walk upstream or downstream from a node in one recursive statement, or the edges next to some nodes.
//!
//! Each kind of edge is defined once, as an `Arm` of the query, for both directions and both databases.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::Tx;
use super::cached::CachedStatement;
use super::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use modelport_domain::lineage::{Edge, EdgeKind};
use modelport_domain::{Error, NodeId, Result};

mod arms;

use arms::{Arm, Next, Seen, arms};

/// The direction in which edges are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkDirection {
    /// From outputs to inputs.
    Upstream,
    /// From inputs to outputs.
    Downstream,
}

/// A node, and how it was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReachedNode {
    /// The node.
    pub node: NodeId,
    /// Whether it is an artifact that was reached from a version that holds it. Other versions that hold it are then not
    /// followed: versions that share an artifact are not derived from each other.
    pub held: bool,
}

impl ReachedNode {
    /// The node where a walk begins.
    pub fn start(node: NodeId) -> Self {
        Self { node, held: false }
    }
}

/// A followed edge, with its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Where it was followed from.
    pub near: ReachedNode,
    /// Where it leads.
    pub far: ReachedNode,
    /// The edge.
    pub edge: Edge,
}

#[derive(QueryableByName)]
struct StepRow {
    #[diesel(sql_type = BigInt)]
    near_id: i64,
    #[diesel(sql_type = BigInt)]
    near_held: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    edge: i64,
}

/// What the first row of a walk has for an edge.
const NO_EDGE: i64 = -1;

/// All steps from a node that lead `depth` edges far; `None` when they are more than `limit`, however they are counted.
///
/// A node that is not there has none.
pub fn walk(
    tx: &mut Tx<'_>,
    start: NodeId,
    direction: WalkDirection,
    depth: u32,
    limit: u32,
) -> Result<Option<BTreeSet<Step>>> {
    static POSTGRES: LazyLock<Statements> = LazyLock::new(|| Statements::of(walk_on_postgres));
    static SQLITE: LazyLock<Statements> = LazyLock::new(|| Statements::of(walk_on_sqlite));
    // One row more than the limit tells whether something was left out; and the first row is no step.
    let rows_wanted = i64::from(limit) + 2;
    let sql = match tx.conn {
        AnyConnection::Postgres(_) => POSTGRES.seen_by(tx, direction),
        AnyConnection::Sqlite(_) => SQLITE.seen_by(tx, direction),
    };
    if let AnyConnection::Postgres(conn) = tx.conn {
        conn.batch_execute(PLANNER_SETTINGS).db()?;
    }
    let query = diesel::sql_query(sql)
        .bind::<BigInt, _>(start.0)
        .bind::<BigInt, _>(i64::from(depth))
        .bind::<BigInt, _>(rows_wanted);
    let rows: Vec<StepRow> = CachedStatement(query).load(tx.conn).db()?;
    if rows.len() > limit as usize + 1 {
        return Ok(None);
    }
    let steps = rows.into_iter().filter(|row| row.edge != NO_EDGE).map(|row| step(&row, direction));
    Ok(Some(steps.collect::<Result<_>>()?))
}

/// PostgreSQL overestimates the size of graphs: it would spend longer on JIT compilation than on the query, and scan tables
/// sequentially where an index finds each row.
const PLANNER_SETTINGS: &str = "SET LOCAL jit = off; SET LOCAL enable_seqscan = off";

/// How many places one statement of [`steps`] names at most on PostgreSQL.
const MAX_PLACES: usize = 16;

/// How many on SQLite, where a statement cannot limit the steps of each place.
const MAX_PLACES_ON_SQLITE: usize = 200;

/// The steps that lead on from these places: of each kind of edge and each place the first `limit`, by the node that they
/// lead to.
pub fn steps(tx: &mut Tx<'_>, places: &[ReachedNode], direction: WalkDirection, limit: u32) -> Result<BTreeSet<Step>> {
    static POSTGRES: LazyLock<Statements> = LazyLock::new(|| Statements::of(steps_on_postgres));
    static SQLITE: LazyLock<Statements> = LazyLock::new(|| Statements::of(steps_on_sqlite));
    static TOGETHER: LazyLock<Statements> = LazyLock::new(|| Statements::of(all_steps_on_sqlite));
    let limit = i64::from(limit);
    let mut rows: Vec<StepRow> = Vec::new();
    let statements = [&*POSTGRES, &*SQLITE, &*TOGETHER].map(|statements| statements.seen_by(tx, direction));
    let [on_postgres, on_sqlite, together_on_sqlite] = &statements;
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            conn.batch_execute(PLANNER_SETTINGS).db()?;
            for chunk in places.chunks(MAX_PLACES) {
                let (ids, held): (Vec<i64>, Vec<i64>) =
                    chunk.iter().map(|place| (place.node.0, i64::from(place.held))).unzip();
                let query = diesel::sql_query(&**on_postgres)
                    .bind::<Array<BigInt>, _>(ids)
                    .bind::<Array<BigInt>, _>(held)
                    .bind::<BigInt, _>(limit);
                rows.extend(CachedStatement(query).load::<StepRow>(conn).db()?);
            }
        }
        AnyConnection::Sqlite(conn) => {
            for chunk in places.chunks(MAX_PLACES_ON_SQLITE) {
                let given: Vec<[i64; 2]> = chunk.iter().map(|place| [place.node.0, i64::from(place.held)]).collect();
                let given = serde_json::to_string(&given)
                    .map_err(|error| Error::internal("ids are no JSON").caused_by(error))?;
                // If all places together have no more steps than the limit of one, nothing was left out.
                let query =
                    diesel::sql_query(&**together_on_sqlite).bind::<Text, _>(given).bind::<BigInt, _>(limit + 1);
                let together: Vec<StepRow> = CachedStatement(query).load(conn).db()?;
                if i64::try_from(together.len()).unwrap_or(i64::MAX) <= limit {
                    rows.extend(together);
                    continue;
                }
                for place in chunk {
                    let query = diesel::sql_query(&**on_sqlite)
                        .bind::<BigInt, _>(place.node.0)
                        .bind::<BigInt, _>(i64::from(place.held))
                        .bind::<BigInt, _>(limit);
                    rows.extend(CachedStatement(query).load::<StepRow>(conn).db()?);
                }
            }
        }
    }
    rows.iter().map(|row| step(row, direction)).collect()
}

/// The texts of a statement upstream and downstream for whoever sees every node, and how it is written.
struct Statements {
    upstream: String,
    downstream: String,
    write: fn(WalkDirection, Seen<'_>) -> String,
}

impl Statements {
    fn of(write: fn(WalkDirection, Seen<'_>) -> String) -> Self {
        let all = |direction| write(direction, &|_: &str| String::new());
        Self { upstream: all(WalkDirection::Upstream), downstream: all(WalkDirection::Downstream), write }
    }

    /// The statement for what a transaction sees.
    fn seen_by(&self, tx: &Tx<'_>, direction: WalkDirection) -> Cow<'_, str> {
        if tx.visible_sql("far").is_some() {
            let seen = |node: &str| tx.visible_sql(node).map(|visible| format!(" AND {visible}")).unwrap_or_default();
            return Cow::Owned((self.write)(direction, &seen));
        }
        Cow::Borrowed(match direction {
            WalkDirection::Upstream => &self.upstream,
            WalkDirection::Downstream => &self.downstream,
        })
    }
}

fn step(row: &StepRow, direction: WalkDirection) -> Result<Step> {
    let near = ReachedNode { node: NodeId(row.near_id), held: row.near_held != 0 };
    let far = ReachedNode { node: NodeId(row.id), held: row.held != 0 };
    let kind = EdgeKind::from_number(row.edge)
        .ok_or_else(|| Error::internal(format!("an edge of lineage is of kind `{}`", row.edge)))?;
    let (from, to) = match direction {
        WalkDirection::Upstream => (far.node, near.node),
        WalkDirection::Downstream => (near.node, far.node),
    };
    Ok(Step { near, far, edge: Edge { from, to, kind } })
}

/// What every step has of the node that it leads to.
const FAR: &str = "far.id AS id, far.kind AS kind, far.type_id AS type_id, far.home_id AS home_id";

fn columns(arm: &Arm) -> String {
    format!("{FAR}, {} AS held, {} AS edge", arm.held, arm.edge)
}

/// The tables of an arm for PostgreSQL, which reads what has an OFFSET by itself: for each row of the tables before it.
fn fenced(arm: &Arm) -> String {
    let next = arm.next.iter().map(|Next { table, alias, key, value }| {
        format!(" CROSS JOIN LATERAL (SELECT * FROM {table} x WHERE x.{key} = {value} OFFSET 0) AS {alias}")
    });
    std::iter::once(arm.first.to_owned()).chain(next).collect()
}

/// The tables of an arm for SQLite, which reads what is joined by CROSS JOIN in that order.
fn in_order(arm: &Arm) -> String {
    let next = arm.next.iter().map(|Next { table, alias, .. }| format!(" CROSS JOIN {table} {alias}"));
    std::iter::once(arm.first.to_owned()).chain(next).collect()
}

/// The condition of an arm and the keys of its tables.
fn keyed(arm: &Arm) -> String {
    let keys = arm.next.iter().map(|Next { alias, key, value, .. }| format!("{alias}.{key} = {value} AND "));
    keys.chain([arm.condition.clone()]).collect()
}

const WALK: &str = "WITH RECURSIVE walk (depth, id, kind, type_id, home_id, held, near_id, near_held, edge) AS (
    SELECT CAST(0 AS BIGINT), id, kind, type_id, home_id, CAST(0 AS BIGINT), id, CAST(0 AS BIGINT), CAST(-1 AS BIGINT)
    FROM nodes WHERE id = $1";

/// Either database stops once it has the rows that are wanted, as nothing sorts them.
const WALKED: &str = ") SELECT near_id, near_held, id, held, edge FROM walk LIMIT $3";

/// PostgreSQL knows one recursive term, in which every place leads on in each of the ways.
fn walk_on_postgres(direction: WalkDirection, seen: Seen<'_>) -> String {
    let selects: Vec<String> = arms(direction, seen)
        .iter()
        .map(|arm| format!("SELECT {} FROM {} WHERE {}", columns(arm), fenced(arm), arm.condition))
        .collect();
    format!(
        "{WALK}{} UNION SELECT near.depth + 1, step.id, step.kind, step.type_id, step.home_id, step.held, near.id, near.held,
         step.edge FROM walk AS near CROSS JOIN LATERAL ({}) AS step WHERE near.depth < $2 {WALKED}",
        seen("nodes"),
        selects.join(" UNION ALL ")
    )
}

/// SQLite knows no LATERAL, and any number of recursive terms.
fn walk_on_sqlite(direction: WalkDirection, seen: Seen<'_>) -> String {
    let terms: Vec<String> = arms(direction, seen)
        .iter()
        .map(|arm| {
            format!(
                "UNION SELECT near.depth + 1, far.id, far.kind, far.type_id, far.home_id, {}, near.id, near.held, {}
                 FROM walk AS near CROSS JOIN {} WHERE near.depth < $2 AND {}",
                arm.held,
                arm.edge,
                in_order(arm),
                keyed(arm)
            )
        })
        .collect();
    format!("{WALK}{} {} {WALKED}", seen("nodes"), terms.join(" "))
}

fn steps_on_postgres(direction: WalkDirection, seen: Seen<'_>) -> String {
    let selects: Vec<String> = arms(direction, seen)
        .iter()
        .map(|arm| {
            format!(
                "(SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT $3)",
                columns(arm),
                fenced(arm),
                arm.condition,
                arm.order
            )
        })
        .collect();
    format!(
        "SELECT near.id AS near_id, near.held AS near_held, step.id AS id, step.held AS held, step.edge AS edge
         FROM (SELECT n.id, n.kind, n.type_id, n.home_id, given.held
               FROM unnest($1, $2) AS given (id, held) JOIN nodes n ON n.id = given.id) AS near
         CROSS JOIN LATERAL ({}) AS step",
        selects.join(" UNION ALL ")
    )
}

/// All steps of many places, whose ids come as one JSON array, in no order.
fn all_steps_on_sqlite(direction: WalkDirection, seen: Seen<'_>) -> String {
    let selects: Vec<String> = arms(direction, seen)
        .iter()
        .map(|arm| {
            format!(
                "SELECT near.id AS near_id, near.held AS near_held, {} FROM near CROSS JOIN {} WHERE {}",
                columns(arm),
                in_order(arm),
                keyed(arm)
            )
        })
        .collect();
    format!(
        "WITH near AS MATERIALIZED (
             SELECT n.id, n.kind, n.type_id, n.home_id, CAST(given.value ->> 1 AS BIGINT) AS held
             FROM json_each(?1) AS given CROSS JOIN nodes AS n WHERE n.id = CAST(given.value ->> 0 AS BIGINT))
         {} LIMIT ?2",
        selects.join(" UNION ALL ")
    )
}

/// The parameters say their numbers, as SQLite counts others in the order in which they come.
fn steps_on_sqlite(direction: WalkDirection, seen: Seen<'_>) -> String {
    let selects: Vec<String> = arms(direction, seen)
        .iter()
        .map(|arm| {
            format!(
                "SELECT * FROM (SELECT near.id AS near_id, near.held AS near_held, {} FROM
                 (SELECT id, kind, type_id, home_id, CAST(?2 AS BIGINT) AS held FROM nodes WHERE id = ?1) AS near
                 CROSS JOIN {} WHERE {} ORDER BY {} LIMIT ?3)",
                columns(arm),
                in_order(arm),
                keyed(arm),
                arm.order
            )
        })
        .collect();
    selects.join(" UNION ALL ")
}
