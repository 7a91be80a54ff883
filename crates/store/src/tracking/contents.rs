//! What runs have: their latest metrics, their parameters, and what they read and made.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Nullable, Text};

use super::{runs, uses};
use crate::Tx;
use crate::cached::CachedStatement;
use crate::connection::on_each;
use crate::error::DatabaseResult as _;
use crate::metrics::loaded;
use modelport_domain::tracking::{LatestPoint, RunUse};
use modelport_domain::{MetricPoint, NodeId, Result};

/// What each of some runs has.
#[derive(Debug, Default)]
pub struct Contents {
    /// The latest points of its metrics, ordered by name.
    pub metrics: HashMap<NodeId, Vec<LatestPoint>>,
    /// Its parameters, ordered by name.
    pub parameters: HashMap<NodeId, Vec<(String, String)>>,
    /// What it read and made.
    pub uses: HashMap<NodeId, Vec<RunUse>>,
}

/// What each of these runs has: of one run by one statement, which saves round trips to the database where there is most to save.
pub fn of_runs(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<Contents> {
    match ids {
        [one] => of_one(tx, *one),
        many => Ok(Contents {
            metrics: runs::metrics_of(tx, many)?,
            parameters: runs::parameters_of(tx, many)?,
            uses: uses::of_runs(tx, many)?,
        }),
    }
}

/// A metric, a parameter or a use.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    part: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Double>)]
    value: Option<f64>,
    #[diesel(sql_type = BigInt)]
    step: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

const METRIC: i64 = 0;
const PARAMETER: i64 = 1;

const OF_ONE: &str = "SELECT CAST(0 AS BIGINT) AS part, name, value, step, at, CAST(NULL AS TEXT) AS text \
     FROM metrics WHERE home_id = $1 \
     UNION ALL SELECT 1, name, CAST(NULL AS DOUBLE PRECISION), 0, 0, value FROM parameters WHERE home_id = $1 \
     UNION ALL SELECT 2, role, CAST(NULL AS DOUBLE PRECISION), step, artifact_id, tags FROM run_uses WHERE run_id = $1 \
     ORDER BY part, name, at";

fn of_one(tx: &mut Tx<'_>, run: NodeId) -> Result<Contents> {
    let statement = CachedStatement(diesel::sql_query(OF_ONE).bind::<BigInt, _>(run.0));
    let rows: Vec<Row> = on_each!(tx.conn, conn => statement.load(conn).db()?);
    let mut contents = Contents::default();
    for Row { part, name, value, step, at, text } in rows {
        let text = text.unwrap_or_default();
        tx.loaded.add(name.len() + text.len())?;
        match part {
            METRIC => {
                let point = MetricPoint { value: loaded(value), step, at };
                contents.metrics.entry(run).or_default().push(LatestPoint { name, point });
            }
            PARAMETER => contents.parameters.entry(run).or_default().push((name, text)),
            _ => contents.uses.entry(run).or_default().push(uses::stored(&name, at, step, &text)?),
        }
    }
    Ok(contents)
}
