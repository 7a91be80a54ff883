//! Models that runs log: by their own ids, with their parameters and with what was measured of them.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text};

use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::{AnyConnection, MultiBackend, among, on_each};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::filter::narrow;
use crate::metrics::loaded;
use crate::nodes::MAX_IDS;
use crate::schema::{logged_model_metrics, logged_model_params, logged_models, nodes};
use modelport_domain::tracking::LoggedModelId;
use modelport_domain::{Error, MetricPoint, NodeId, Result};

/// What makes a model artifact a logged model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedModelRow {
    /// The artifact.
    pub node: NodeId,
    /// Its own id.
    pub id: LoggedModelId,
    /// The experiment that it belongs to.
    pub experiment: NodeId,
    /// The run that logged it, as long as that is there.
    pub source_run: Option<NodeId>,
}

/// The latest value of a metric of a logged model, by a run and on a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMetric {
    /// The model's node.
    pub model: NodeId,
    /// The metric.
    pub name: String,
    /// The name and the digest of the data set; both are empty where there is none.
    pub dataset: (String, String),
    /// The run that measured it.
    pub run: NodeId,
    /// The value, and when it was measured.
    pub point: MetricPoint,
}

/// Makes the artifact a logged model.
///
/// Errors: AlreadyExists when another one has the id; NotFound when the experiment or the run is gone.
pub fn insert(tx: &mut Tx<'_>, row: &LoggedModelRow) -> Result<()> {
    let values = (
        logged_models::node_id.eq(row.node.0),
        logged_models::experiment_id.eq(row.experiment.0),
        logged_models::model_id.eq(row.id.as_str()),
        logged_models::source_run_id.eq(row.source_run.map(|run| run.0)),
    );
    let inserted = on_each!(tx.conn, conn => {
        diesel::insert_into(logged_models::table).values(values).on_conflict_do_nothing().execute(conn)
    });
    match inserted {
        Ok(0) => Err(Error::already_exists(format!("logged model `{}` already exists", row.id))),
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found("the experiment or run of a logged model")),
        Err(error) => Err(database_error(error)),
    }
}

/// The nodes of those of the logged models with these ids that are there.
pub fn find_all_ids(tx: &mut Tx<'_>, ids: &[LoggedModelId]) -> Result<HashMap<LoggedModelId, NodeId>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<&str> = chunk.iter().map(LoggedModelId::as_str).collect();
        let mut query = nodes::table
            .inner_join(logged_models::table.on(logged_models::node_id.eq(nodes::id)))
            .filter(logged_models::model_id.eq_any(ids))
            .select((logged_models::model_id, nodes::id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for (id, node) in query.load::<(String, i64)>(tx.conn).db()? {
            found.insert(id.parse()?, NodeId(node));
        }
    }
    Ok(found)
}

/// What makes each of these nodes a logged model; others are left out.
pub fn rows_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<HashMap<NodeId, LoggedModelRow>> {
    type Row = (i64, i64, String, Option<i64>);
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = logged_models::table.select((
            logged_models::node_id,
            logged_models::experiment_id,
            logged_models::model_id,
            logged_models::source_run_id,
        ));
        let rows: Vec<Row> = among!(query, logged_models::node_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (node, experiment, id, source_run) in rows {
            let (node, experiment, source_run) = (NodeId(node), NodeId(experiment), source_run.map(NodeId));
            found.insert(node, LoggedModelRow { node, id: id.parse()?, experiment, source_run });
        }
    }
    Ok(found)
}

/// The parameters that each of these logged models has, ordered by name.
pub fn params_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<HashMap<NodeId, Vec<(String, String)>>> {
    let mut found: HashMap<NodeId, Vec<(String, String)>> = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = logged_model_params::table
            .select((logged_model_params::node_id, logged_model_params::name, logged_model_params::value))
            .order((logged_model_params::node_id, logged_model_params::name));
        let rows: Vec<(i64, String, String)> =
            among!(query, logged_model_params::node_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (node, name, value) in rows {
            tx.loaded.add(name.len() + value.len())?;
            found.entry(NodeId(node)).or_default().push((name, value));
        }
    }
    Ok(found)
}

#[derive(Insertable)]
#[diesel(table_name = logged_model_params)]
struct NewParam<'a> {
    node_id: i64,
    name: &'a str,
    value: &'a str,
}

/// Gives a logged model parameters, in place of none.
///
/// Errors: NotFound when the model is gone.
pub fn insert_params(tx: &mut Tx<'_>, model: NodeId, params: &[(&str, &str)]) -> Result<()> {
    for chunk in params.chunks(MAX_IDS) {
        let rows: Vec<NewParam<'_>> =
            chunk.iter().map(|(name, value)| NewParam { node_id: model.0, name, value }).collect();
        let inserted = match tx.conn {
            AnyConnection::Postgres(conn) => {
                let columns = vec![
                    ("node_id", Column::Int(rows.iter().map(|row| row.node_id).collect())),
                    ("name", Column::Text(rows.iter().map(|row| row.name).collect())),
                    ("value", Column::Text(rows.iter().map(|row| row.value).collect())),
                ];
                Insert { table: "logged_model_params", columns, end: "" }.execute(conn)
            }
            AnyConnection::Sqlite(conn) => diesel::insert_into(logged_model_params::table).values(&rows).execute(conn),
        };
        inserted.map_err(|error| match is_missing_reference(&error) {
            true => Error::not_found("logged model"),
            false => database_error(error),
        })?;
    }
    Ok(())
}

/// What was measured of each of these logged models, ordered by the metric, the data set and the run.
pub fn metrics_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<HashMap<NodeId, Vec<ModelMetric>>> {
    type Row = (i64, String, String, String, i64, Option<f64>, i64, i64);
    let mut found: HashMap<NodeId, Vec<ModelMetric>> = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = logged_model_metrics::table
            .select((
                logged_model_metrics::node_id,
                logged_model_metrics::name,
                logged_model_metrics::dataset_name,
                logged_model_metrics::dataset_digest,
                logged_model_metrics::run_id,
                logged_model_metrics::value,
                logged_model_metrics::step,
                logged_model_metrics::at,
            ))
            .order((
                logged_model_metrics::node_id,
                logged_model_metrics::name,
                logged_model_metrics::dataset_name,
                logged_model_metrics::dataset_digest,
                logged_model_metrics::run_id,
            ));
        let rows: Vec<Row> =
            among!(query, logged_model_metrics::node_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (model, name, dataset_name, digest, run, value, step, at) in rows {
            tx.loaded.add(name.len() + dataset_name.len() + digest.len())?;
            let point = MetricPoint { value: loaded(value), step, at };
            let (model, dataset, run) = (NodeId(model), (dataset_name, digest), NodeId(run));
            found.entry(model).or_default().push(ModelMetric { model, name, dataset, run, point });
        }
    }
    Ok(found)
}

/// The columns of a measurement.
const MEASURED: [&str; 9] =
    ["node_id", "name", "dataset_name", "dataset_digest", "run_id", "value", "is_nan", "step", "at"];

/// The later step counts, then the later time, then the greater value; any value is greater than NaN, as it is among the metrics of runs.
const KEEP_LATEST: &str = "ON CONFLICT (node_id, name, dataset_name, dataset_digest, run_id) DO UPDATE SET value = excluded.value, \
     is_nan = excluded.is_nan, step = excluded.step, at = excluded.at \
     WHERE excluded.step > logged_model_metrics.step OR (excluded.step = logged_model_metrics.step AND (\
     excluded.at > logged_model_metrics.at OR (excluded.at = logged_model_metrics.at AND (\
     logged_model_metrics.is_nan OR excluded.value > logged_model_metrics.value))))";

/// Stores measurements, each where none of its model, metric, data set and run is later. No two of them have these in common, and they
/// are ordered by them, so that two transactions wait for each other instead of both for both.
///
/// Errors: NotFound when a model or a run is gone.
pub fn measure(tx: &mut Tx<'_>, measured: &[ModelMetric]) -> Result<()> {
    for chunk in measured.chunks(MAX_IDS) {
        let stored = match tx.conn {
            AnyConnection::Postgres(conn) => bulk(chunk).execute(conn),
            AnyConnection::Sqlite(conn) => {
                let row = format!("({})", vec!["?"; MEASURED.len()].join(", "));
                let rows = vec![row; chunk.len()].join(", ");
                let columns = MEASURED.join(", ");
                let sql = format!("INSERT INTO logged_model_metrics ({columns}) VALUES {rows} {KEEP_LATEST}");
                let mut query = diesel::sql_query(sql).into_boxed();
                for each in chunk {
                    query = query
                        .bind::<BigInt, _>(each.model.0)
                        .bind::<Text, _>(&each.name)
                        .bind::<Text, _>(&each.dataset.0)
                        .bind::<Text, _>(&each.dataset.1)
                        .bind::<BigInt, _>(each.run.0)
                        .bind::<Nullable<Double>, _>(number(&each.point))
                        .bind::<Bool, _>(each.point.value.is_nan())
                        .bind::<BigInt, _>(each.point.step)
                        .bind::<BigInt, _>(each.point.at);
                }
                query.execute(conn)
            }
        };
        stored.map_err(|error| match is_missing_reference(&error) {
            true => Error::not_found("the run or a logged model that it measured"),
            false => database_error(error),
        })?;
    }
    Ok(())
}

/// The value but for NaN, which SQLite has not.
fn number(point: &MetricPoint) -> Option<f64> {
    Some(point.value).filter(|value| !value.is_nan())
}

fn bulk(rows: &[ModelMetric]) -> Insert<'_> {
    fn texts(rows: &[ModelMetric], of: fn(&ModelMetric) -> &str) -> Column<'_> {
        Column::Text(rows.iter().map(of).collect())
    }
    let ints = |of: fn(&ModelMetric) -> i64| Column::Int(rows.iter().map(of).collect());
    let [node_id, name, dataset_name, dataset_digest, run_id, value, is_nan, step, at] = MEASURED;
    let columns = vec![
        (node_id, ints(|row| row.model.0)),
        (name, texts(rows, |row| &row.name)),
        (dataset_name, texts(rows, |row| &row.dataset.0)),
        (dataset_digest, texts(rows, |row| &row.dataset.1)),
        (run_id, ints(|row| row.run.0)),
        (value, Column::MaybeDouble(rows.iter().map(|row| number(&row.point)).collect())),
        (is_nan, Column::Bool(rows.iter().map(|row| row.point.value.is_nan()).collect())),
        (step, ints(|row| row.point.step)),
        (at, ints(|row| row.point.at)),
    ];
    Insert { table: "logged_model_metrics", columns, end: KEEP_LATEST }
}
