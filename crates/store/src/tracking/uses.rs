//! What runs read and made: data sets and logged models.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::Tx;
use crate::connection::{among, on_each};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::nodes::MAX_IDS;
use crate::schema::run_uses;
use modelport_domain::tracking::{Role, RunUse};
use modelport_domain::{Error, NodeId, Result};

/// Records uses by a run. What is recorded already stays as it is.
///
/// Errors: NotFound when the run or an artifact is gone.
pub fn insert(tx: &mut Tx<'_>, run: NodeId, uses: &[RunUse]) -> Result<()> {
    for chunk in uses.chunks(MAX_IDS) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|row| {
                let columns: Vec<String> = (1..=5).map(|column| format!("${}", row * 5 + column)).collect();
                format!("({})", columns.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO run_uses (run_id, role, artifact_id, step, tags) VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        );
        let inserted = on_each!(tx.conn, conn => {
            let mut query = diesel::sql_query(sql).into_boxed();
            for each in chunk {
                query = query
                    .bind::<BigInt, _>(run.0)
                    .bind::<Text, _>(each.role.name())
                    .bind::<BigInt, _>(each.artifact.0)
                    .bind::<BigInt, _>(each.step)
                    .bind::<Text, _>(serde_json::json!(each.tags).to_string());
            }
            query.execute(conn)
        });
        inserted.map_err(|error| match is_missing_reference(&error) {
            true => Error::not_found("the run or what it uses"),
            false => database_error(error),
        })?;
    }
    Ok(())
}

/// What each of these runs uses, ordered by artifact.
pub fn of_runs(tx: &mut Tx<'_>, runs: &[NodeId]) -> Result<HashMap<NodeId, Vec<RunUse>>> {
    type Row = (i64, String, i64, i64, String);
    let mut found: HashMap<NodeId, Vec<RunUse>> = HashMap::new();
    for chunk in runs.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = run_uses::table
            .select((run_uses::run_id, run_uses::role, run_uses::artifact_id, run_uses::step, run_uses::tags))
            .order((run_uses::run_id, run_uses::role, run_uses::artifact_id));
        let rows: Vec<Row> = among!(query, run_uses::run_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (run, role, artifact, step, tags) in rows {
            found.entry(NodeId(run)).or_default().push(stored(&role, artifact, step, &tags)?);
        }
    }
    Ok(found)
}

/// The use of a row.
pub(super) fn stored(role: &str, artifact: i64, step: i64, tags: &str) -> Result<RunUse> {
    let tags = serde_json::from_str(tags)
        .map_err(|error| Error::internal("the tags of a use are not JSON").caused_by(error))?;
    let role = if role == Role::Input.name() { Role::Input } else { Role::Output };
    Ok(RunUse { artifact: NodeId(artifact), role, step, tags })
}
