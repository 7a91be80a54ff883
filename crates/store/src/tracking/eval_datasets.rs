//! Data sets to evaluate applications on, with their tags, the experiments that use them, and their records.

use std::collections::HashMap;

use diesel::prelude::*;

use super::traces::missing_reference;
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::{MultiBackend, among};
use crate::error::{DatabaseResult as _, violated_unique};
use crate::filter::narrow;
use crate::nodes::MAX_IDS;
use crate::schema::{eval_dataset_experiments, eval_dataset_records, eval_dataset_tags, eval_datasets, nodes};
use modelport_domain::trace::{EvalDataset, EvalRecord, Labels};
use modelport_domain::{Error, Millis, NodeId, PageSize, Result};

/// Stores a new data set with its tags.
///
/// Errors: NotFound when its experiment is gone.
pub fn insert(tx: &mut Tx<'_>, dataset: &EvalDataset) -> Result<()> {
    let values = (
        eval_datasets::dataset_id.eq(&dataset.id),
        eval_datasets::experiment_id.eq(dataset.home.0),
        eval_datasets::name.eq(&dataset.name),
        eval_datasets::fields.eq(dataset.fields.as_ref().map(ToString::to_string)),
        eval_datasets::created_at.eq(dataset.created_at),
        eval_datasets::updated_at.eq(dataset.updated_at),
        eval_datasets::created_by.eq(dataset.created_by.as_deref()),
        eval_datasets::updated_by.eq(dataset.updated_by.as_deref()),
    );
    let inserted = diesel::insert_into(eval_datasets::table).values(values).execute(tx.conn);
    inserted.map_err(|error| missing_reference(error, "the experiment of a data set"))?;
    put_tags(tx, &dataset.id, &dataset.tags)
}

/// Gives a data set tags, each in place of the one of its name.
///
/// Errors: NotFound when it is gone.
pub fn put_tags(tx: &mut Tx<'_>, dataset: &str, tags: &Labels) -> Result<()> {
    let columns = vec![
        ("dataset_id", Column::Text(vec![dataset; tags.len()])),
        ("name", Column::Text(tags.keys().map(String::as_str).collect())),
        ("value", Column::Text(tags.values().map(String::as_str).collect())),
    ];
    let end = "ON CONFLICT (dataset_id, name) DO UPDATE SET value = excluded.value";
    let stored = Insert { table: "eval_dataset_tags", columns, end }.run(tx.conn);
    stored.map_err(|error| missing_reference(error, "the data set")).map(drop)
}

/// Removes tags of a data set, as far as it has them.
pub fn delete_tags(tx: &mut Tx<'_>, dataset: &str, names: &[&str]) -> Result<()> {
    let of_dataset = eval_dataset_tags::dataset_id.eq(dataset);
    let query = eval_dataset_tags::table.filter(of_dataset.and(eval_dataset_tags::name.eq_any(names.to_vec())));
    diesel::delete(query).execute(tx.conn).db()?;
    Ok(())
}

/// Says that experiments use a data set.
///
/// Errors: NotFound when it or one of them is gone.
pub fn add_experiments(tx: &mut Tx<'_>, dataset: &str, experiments: &[NodeId]) -> Result<()> {
    let columns = vec![
        ("dataset_id", Column::Text(vec![dataset; experiments.len()])),
        ("experiment_id", Column::Int(experiments.iter().map(|experiment| experiment.0).collect())),
    ];
    let stored = Insert { table: "eval_dataset_experiments", columns, end: "ON CONFLICT DO NOTHING" }.run(tx.conn);
    stored.map_err(|error| missing_reference(error, "the data set or an experiment")).map(drop)
}

/// Says that experiments do not use a data set any more.
pub fn remove_experiments(tx: &mut Tx<'_>, dataset: &str, experiments: &[NodeId]) -> Result<()> {
    let ids: Vec<i64> = experiments.iter().map(|experiment| experiment.0).collect();
    let of_dataset = eval_dataset_experiments::dataset_id.eq(dataset);
    let query =
        eval_dataset_experiments::table.filter(of_dataset.and(eval_dataset_experiments::experiment_id.eq_any(ids)));
    diesel::delete(query).execute(tx.conn).db()?;
    Ok(())
}

/// Those of the experiments that use a data set that are visible.
pub fn experiments_of(tx: &mut Tx<'_>, dataset: &str) -> Result<Vec<NodeId>> {
    let mut query = eval_dataset_experiments::table
        .inner_join(nodes::table.on(nodes::id.eq(eval_dataset_experiments::experiment_id)))
        .filter(eval_dataset_experiments::dataset_id.eq(dataset))
        .order(eval_dataset_experiments::experiment_id)
        .select(eval_dataset_experiments::experiment_id)
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("nodes"));
    Ok(query.load::<i64>(tx.conn).db()?.into_iter().map(NodeId).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = eval_datasets)]
struct DatasetRow {
    dataset_id: String,
    experiment_id: i64,
    name: String,
    fields: Option<String>,
    created_at: i64,
    updated_at: i64,
    created_by: Option<String>,
    updated_by: Option<String>,
}

/// Those of the data sets with these ids that are visible, in the order of the ids.
pub fn find_all(tx: &mut Tx<'_>, ids: &[&str]) -> Result<Vec<EvalDataset>> {
    let mut found: HashMap<String, EvalDataset> = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let mut query = eval_datasets::table
            .inner_join(nodes::table.on(nodes::id.eq(eval_datasets::experiment_id)))
            .filter(eval_datasets::dataset_id.eq_any(chunk.to_vec()))
            .select(DatasetRow::as_select())
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for row in query.load::<DatasetRow>(tx.conn).db()? {
            let dataset = dataset(row)?;
            found.insert(dataset.id.clone(), dataset);
        }
        let tags: Vec<(String, String, String)> =
            among!(eval_dataset_tags::table, eval_dataset_tags::dataset_id, chunk, query => query.load(tx.conn).db()?);
        for (id, name, value) in tags {
            tx.loaded.add(name.len() + value.len())?;
            found.entry(id).and_modify(|dataset| drop(dataset.tags.insert(name, value)));
        }
        let counts: Vec<(String, i64)> = eval_dataset_records::table
            .filter(eval_dataset_records::dataset_id.eq_any(chunk.to_vec()))
            .group_by(eval_dataset_records::dataset_id)
            .select((eval_dataset_records::dataset_id, diesel::dsl::count_star()))
            .load(tx.conn)
            .db()?;
        for (id, records) in counts {
            found.entry(id).and_modify(|dataset| dataset.records = records);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(*id)).collect())
}

fn dataset(row: DatasetRow) -> Result<EvalDataset> {
    let fields = row.fields.map(|fields| serde_json::from_str(&fields)).transpose();
    Ok(EvalDataset {
        id: row.dataset_id,
        home: NodeId(row.experiment_id),
        name: row.name,
        tags: Labels::new(),
        fields: fields.map_err(|error| Error::internal("the fields of a data set are not JSON").caused_by(error))?,
        created_at: row.created_at,
        updated_at: row.updated_at,
        created_by: row.created_by,
        updated_by: row.updated_by,
        records: 0,
    })
}

/// Says what a data set's records have, and who changed it when.
pub fn update(tx: &mut Tx<'_>, dataset: &EvalDataset) -> Result<()> {
    let query = diesel::update(eval_datasets::table.filter(eval_datasets::dataset_id.eq(&dataset.id)));
    let changes = (
        eval_datasets::fields.eq(dataset.fields.as_ref().map(ToString::to_string)),
        eval_datasets::updated_at.eq(dataset.updated_at),
        eval_datasets::updated_by.eq(dataset.updated_by.as_deref()),
    );
    query.set(changes).execute(tx.conn).db()?;
    Ok(())
}

/// Removes a data set with its records.
pub fn delete(tx: &mut Tx<'_>, dataset: &str) -> Result<()> {
    diesel::delete(eval_datasets::table.filter(eval_datasets::dataset_id.eq(dataset))).execute(tx.conn).db()?;
    Ok(())
}

/// The records of a data set with these digests of inputs, by the digests.
pub fn records_with(tx: &mut Tx<'_>, dataset: &str, digests: &[&str]) -> Result<HashMap<String, EvalRecord>> {
    let mut found = HashMap::new();
    for chunk in digests.chunks(MAX_IDS) {
        let of_dataset = eval_dataset_records::dataset_id.eq(dataset);
        let query = eval_dataset_records::table
            .filter(of_dataset.and(eval_dataset_records::input_digest.eq_any(chunk.to_vec())))
            .select(RecordRow::as_select());
        for row in query.load::<RecordRow>(tx.conn).db()? {
            let record = record(tx, row)?;
            found.insert(record.input_digest.clone(), record);
        }
    }
    Ok(found)
}

/// Stores records. One replaces what that with its id says.
///
/// Errors: Conflict when another one with the same inputs was stored meanwhile; NotFound when the data set is gone.
pub fn put_records(tx: &mut Tx<'_>, dataset: &str, records: &[EvalRecord]) -> Result<()> {
    for chunk in records.chunks(MAX_IDS) {
        let documents = chunk.iter().map(document).collect::<Result<Vec<_>>>()?;
        let texts = |of: fn(&EvalRecord) -> &str| Column::Text(chunk.iter().map(of).collect());
        let columns = vec![
            ("record_id", texts(|record| &record.id)),
            ("dataset_id", Column::Text(vec![dataset; chunk.len()])),
            ("input_digest", texts(|record| &record.input_digest)),
            ("created_at", Column::Int(chunk.iter().map(|record| record.created_at).collect())),
            ("updated_at", Column::Int(chunk.iter().map(|record| record.updated_at).collect())),
            ("document", Column::Text(documents.iter().map(String::as_str).collect())),
        ];
        let end =
            "ON CONFLICT (record_id) DO UPDATE SET updated_at = excluded.updated_at, document = excluded.document";
        let stored = Insert { table: "eval_dataset_records", columns, end }.run(tx.conn);
        stored.map_err(|error| match violated_unique(&error) {
            Some(_) => Error::conflict("a record with the same inputs was stored meanwhile"),
            None => missing_reference(error, "the data set"),
        })?;
    }
    Ok(())
}

fn document(record: &EvalRecord) -> Result<String> {
    serde_json::to_string(&record.document).map_err(|error| Error::internal("a record is not JSON").caused_by(error))
}

/// Removes those of the records with these ids that the data set has, and returns how many they were.
pub fn delete_records(tx: &mut Tx<'_>, dataset: &str, ids: &[&str]) -> Result<usize> {
    let mut deleted = 0;
    for chunk in ids.chunks(MAX_IDS) {
        let of_dataset = eval_dataset_records::dataset_id.eq(dataset);
        let query =
            eval_dataset_records::table.filter(of_dataset.and(eval_dataset_records::record_id.eq_any(chunk.to_vec())));
        deleted += diesel::delete(query).execute(tx.conn).db()?;
    }
    Ok(deleted)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = eval_dataset_records)]
struct RecordRow {
    record_id: String,
    input_digest: String,
    created_at: i64,
    updated_at: i64,
    document: String,
}

/// The records of a data set, the oldest first, after the one that was made then and has that id.
pub fn records(
    tx: &mut Tx<'_>,
    dataset: &str,
    after: Option<&(Millis, String)>,
    size: PageSize,
) -> Result<Vec<EvalRecord>> {
    let (at, id) = (eval_dataset_records::created_at, eval_dataset_records::record_id);
    let mut query = eval_dataset_records::table
        .filter(eval_dataset_records::dataset_id.eq(dataset))
        .order((at.asc(), id.asc()))
        .limit(i64::from(size.get()) + 1)
        .select(RecordRow::as_select())
        .into_boxed::<MultiBackend>();
    if let Some((after_at, after_id)) = after {
        query = query.filter(at.ge(*after_at)).filter(at.gt(*after_at).or(id.gt(after_id.clone())));
    }
    query.load::<RecordRow>(tx.conn).db()?.into_iter().map(|row| record(tx, row)).collect()
}

fn record(tx: &mut Tx<'_>, row: RecordRow) -> Result<EvalRecord> {
    tx.loaded.add(row.document.len())?;
    Ok(EvalRecord {
        id: row.record_id,
        input_digest: row.input_digest,
        created_at: row.created_at,
        updated_at: row.updated_at,
        document: serde_json::from_str(&row.document)
            .map_err(|error| Error::internal("a record is not JSON").caused_by(error))?,
    })
}
