//! Data sets to evaluate applications on: made in an experiment, which decides who sees and writes them, and used by others too.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::experiments::{ExperimentRef, find, find_or_make};
use super::search;
use super::tokens::{decoded, encoded};
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::trace::{EvalDataset, EvalRecord, Labels};
use crate::domain::{Error, LogicalType, Millis, Node, NodeId, PageSize, Result};
use crate::entities::get;
use crate::services::Tracking;
use crate::store::nodes;
use crate::store::tracking::eval_datasets as datasets;
use crate::transaction::{ReadTransaction, WriteTransaction};

/// What records say that is typed, and what is told from others by the first of them.
const PARTS: [&str; 3] = [INPUTS, "outputs", "expectations"];
const INPUTS: &str = "inputs";

/// A new data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalDatasetDraft {
    /// The experiment that it is made in.
    pub home: ExperimentRef,
    /// The experiments that use it.
    pub experiments: Vec<ExperimentRef>,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Labels,
    /// Who says to make it.
    pub by: Option<String>,
}

/// A page of data sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalDatasetPage {
    /// The data sets, in order.
    pub datasets: Vec<EvalDataset>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// How many records were made, and how many changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upserted {
    /// Made.
    pub inserted: usize,
    /// Changed.
    pub updated: usize,
}

/// What is said of a record: what it has, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalRecordDraft {
    /// What it has: `inputs`, which tell it from the others, and what it is merged with.
    pub document: Map<String, Json>,
    /// Who says so.
    pub by: Option<String>,
}

impl Tracking {
    /// Makes a data set.
    ///
    /// Errors: NotFound when one of the experiments is not there.
    pub async fn create_eval_dataset(
        &self,
        context: &RequestContext,
        draft: EvalDatasetDraft,
    ) -> Result<(EvalDataset, Vec<Node>)> {
        let id = format!("d-{}", Uuid::new_v4().simple());
        self.core
            .write(context, move |tx| {
                let home = find_or_make(tx, &draft.home)?;
                tx.demand(Permission::Write, home.place)?;
                let experiments = ids_of(tx, &draft.experiments)?;
                let now = tx.now();
                let dataset = EvalDataset {
                    id: id.clone(),
                    home: home.id,
                    name: draft.name.clone(),
                    tags: draft.tags.clone(),
                    fields: None,
                    created_at: now,
                    updated_at: now,
                    created_by: draft.by.clone(),
                    updated_by: draft.by.clone(),
                    records: 0,
                };
                datasets::insert(tx, &dataset)?;
                datasets::add_experiments(tx, &id, &experiments)?;
                Ok((dataset, experiments_of(tx, &id)?))
            })
            .await
    }

    /// The data set with that id.
    ///
    /// Errors: NotFound.
    pub async fn get_eval_dataset(&self, context: &RequestContext, id: &str) -> Result<EvalDataset> {
        let id = id.to_owned();
        self.core.read(context, move |tx| one(tx, &id)).await
    }

    /// The experiments that use a data set, as far as they are visible.
    ///
    /// Errors: NotFound when there is no such data set.
    pub async fn list_eval_dataset_experiments(&self, context: &RequestContext, id: &str) -> Result<Vec<Node>> {
        let id = id.to_owned();
        self.core
            .read(context, move |tx| {
                one(tx, &id)?;
                experiments_of(tx, &id)
            })
            .await
    }

    /// A page of the data sets that a search finds.
    pub async fn search_eval_datasets(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<EvalDatasetPage> {
        self.core
            .read_long(context, move |tx| {
                let (ids, next) = search::page_of_texts(tx, &search, size, token.as_deref())?;
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                Ok(EvalDatasetPage { datasets: datasets::find_all(tx, &ids)?, next })
            })
            .await
    }

    /// Removes a data set, if it is there, with its records.
    pub async fn remove_eval_dataset(&self, context: &RequestContext, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.core
            .write(context, move |tx| {
                if datasets::find_all(tx, &[&id])?.is_empty() {
                    return Ok(());
                }
                demand(tx, &id, Permission::Delete)?;
                datasets::delete(tx, &id)
            })
            .await
    }

    /// Sets tags of a data set, and removes those without a value.
    ///
    /// Errors: NotFound.
    pub async fn change_eval_dataset_tags(
        &self,
        context: &RequestContext,
        id: &str,
        tags: BTreeMap<String, Option<String>>,
    ) -> Result<EvalDataset> {
        let id = id.to_owned();
        self.core
            .write(context, move |tx| {
                demand(tx, &id, Permission::Write)?;
                let set = tags.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
                datasets::put_tags(tx, &id, &set.collect())?;
                let removed: Vec<&str> =
                    tags.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect();
                datasets::delete_tags(tx, &id, &removed)?;
                one(tx, &id)
            })
            .await
    }

    /// Says which experiments use a data set, besides those that do, or which do not any more.
    ///
    /// Errors: NotFound when it or one of them is not there.
    pub async fn change_eval_dataset_experiments(
        &self,
        context: &RequestContext,
        id: &str,
        experiments: Vec<ExperimentRef>,
        used: bool,
    ) -> Result<(EvalDataset, Vec<Node>)> {
        let id = id.to_owned();
        self.core
            .write(context, move |tx| {
                let dataset = demand(tx, &id, Permission::Write)?;
                let experiments = ids_of(tx, &experiments)?;
                match used {
                    true => datasets::add_experiments(tx, &id, &experiments)?,
                    false => datasets::remove_experiments(tx, &id, &experiments)?,
                }
                Ok((dataset, experiments_of(tx, &id)?))
            })
            .await
    }

    /// Makes records, or merges them with those of the same inputs: `expectations` and `tags` by their names, and the rest as a whole.
    ///
    /// Errors: NotFound; InvalidArgument on `records` when two have the same inputs and cannot be merged.
    pub async fn upsert_eval_records(
        &self,
        context: &RequestContext,
        id: &str,
        drafts: Vec<EvalRecordDraft>,
    ) -> Result<Upserted> {
        let id = id.to_owned();
        self.core
            .write(context, move |tx| {
                let mut dataset = demand(tx, &id, Permission::Write)?;
                let now = tx.now();
                let digests: Vec<String> = drafts.iter().map(|draft| input_digest(&draft.document)).collect();
                let wanted: Vec<&str> = digests.iter().map(String::as_str).collect();
                let mut known: BTreeMap<String, EvalRecord> =
                    datasets::records_with(tx, &id, &wanted)?.into_iter().collect();
                let (mut done, mut changed) = (Upserted::default(), BTreeMap::new());
                let mut fields = dataset.fields.take().unwrap_or_else(|| json!({}));
                for (digest, draft) in digests.iter().zip(&drafts) {
                    add_fields(&mut fields, &draft.document);
                    let there = changed.remove(digest).or_else(|| known.remove(digest));
                    let record = match there {
                        Some(record) => {
                            done.updated += 1;
                            merged(record, draft, now)
                        }
                        None => {
                            done.inserted += 1;
                            made(digest, draft, now)
                        }
                    };
                    changed.insert(digest.clone(), record);
                    dataset.updated_by = draft.by.clone().or(dataset.updated_by);
                }
                let records: Vec<EvalRecord> = changed.into_values().collect();
                datasets::put_records(tx, &id, &records)?;
                dataset.fields = Some(fields);
                dataset.updated_at = now;
                datasets::update(tx, &dataset)?;
                Ok(done)
            })
            .await
    }

    /// A page of the records of a data set, the oldest first, and the token of the next.
    ///
    /// Errors: NotFound; InvalidArgument on `page_token`.
    pub async fn list_eval_records(
        &self,
        context: &RequestContext,
        id: &str,
        size: PageSize,
        token: Option<&str>,
    ) -> Result<(Vec<EvalRecord>, Option<String>)> {
        let after: Option<(Millis, String)> = token.map(decoded).transpose()?;
        let id = id.to_owned();
        self.core
            .read(context, move |tx| {
                one(tx, &id)?;
                let mut found = datasets::records(tx, &id, after.as_ref(), size)?;
                let more = found.len() > size.get() as usize;
                found.truncate(size.get() as usize);
                let last = found.last().filter(|_| more);
                let next = last.map(|last| encoded(&(last.created_at, &last.id))).transpose()?;
                Ok((found, next))
            })
            .await
    }

    /// Removes those of the records with these ids that a data set has, and returns how many they were.
    ///
    /// Errors: NotFound when there is no such data set.
    pub async fn remove_eval_records(&self, context: &RequestContext, id: &str, records: Vec<String>) -> Result<usize> {
        let id = id.to_owned();
        self.core
            .write(context, move |tx| {
                let mut dataset = demand(tx, &id, Permission::Delete)?;
                let records: Vec<&str> = records.iter().map(String::as_str).collect();
                let removed = datasets::delete_records(tx, &id, &records)?;
                dataset.updated_at = tx.now();
                datasets::update(tx, &dataset)?;
                Ok(removed)
            })
            .await
    }
}

fn one(tx: &mut ReadTransaction<'_, '_>, id: &str) -> Result<EvalDataset> {
    datasets::find_all(tx, &[id])?.pop().ok_or_else(|| Error::not_found(format!("evaluation data set `{id}`")))
}

/// The data set, to which the caller may do that.
fn demand(tx: &mut WriteTransaction<'_, '_>, id: &str, permission: Permission) -> Result<EvalDataset> {
    let dataset = one(tx, id)?;
    let home = get(tx, LogicalType::Experiment, dataset.home)?;
    tx.demand(permission, home.place)?;
    Ok(dataset)
}

fn ids_of(tx: &mut WriteTransaction<'_, '_>, experiments: &[ExperimentRef]) -> Result<Vec<NodeId>> {
    experiments.iter().map(|experiment| Ok(find(tx, experiment)?.id)).collect()
}

fn experiments_of(tx: &mut ReadTransaction<'_, '_>, id: &str) -> Result<Vec<Node>> {
    let ids = datasets::experiments_of(tx, id)?;
    Ok(super::tokens::in_order(nodes::find_all(tx, &ids)?, &ids))
}

/// What tells a record from others: objects are written with their members in order.
fn input_digest(document: &Map<String, Json>) -> String {
    let inputs = document.get(INPUTS).cloned().unwrap_or_else(|| json!({}));
    hex::encode(Sha256::digest(inputs.to_string()))
}

fn made(digest: &str, draft: &EvalRecordDraft, now: Millis) -> EvalRecord {
    let mut document = draft.document.clone();
    document.entry(INPUTS).or_insert_with(|| json!({}));
    document.retain(|_, value| !value.is_null());
    for member in ["created_by", "last_updated_by"] {
        document.extend(draft.by.clone().map(|by| (member.to_owned(), Json::String(by))));
    }
    let id = format!("dr-{}", Uuid::new_v4().simple());
    EvalRecord { id, input_digest: digest.to_owned(), created_at: now, updated_at: now, document }
}

fn merged(mut record: EvalRecord, draft: &EvalRecordDraft, now: Millis) -> EvalRecord {
    for (name, value) in &draft.document {
        match (name.as_str(), value) {
            ("outputs", Json::Null) => drop(record.document.remove(name)),
            ("outputs", value) => drop(record.document.insert(name.clone(), value.clone())),
            ("expectations" | "tags", Json::Object(more)) => {
                let there = record.document.entry(name.clone()).or_insert_with(|| json!({}));
                if let Json::Object(there) = there {
                    there.extend(more.clone());
                }
            }
            // What else a record says, it goes on to say.
            _ => {}
        }
    }
    let by = draft.by.clone().map(|by| ("last_updated_by".to_owned(), Json::String(by)));
    record.document.extend(by);
    record.updated_at = now;
    record
}

/// Adds the types of what a record has to those that are known.
fn add_fields(fields: &mut Json, document: &Map<String, Json>) {
    let Json::Object(fields) = fields else { return };
    for part in PARTS {
        let known = fields.entry(part).or_insert_with(|| json!({}));
        match (known, document.get(part)) {
            (Json::Object(known), Some(Json::Object(members))) => {
                for (name, value) in members {
                    known.entry(name.clone()).or_insert_with(|| type_of(value).into());
                }
            }
            (known, Some(value)) if !value.is_null() && known.as_object().is_some_and(Map::is_empty) => {
                *known = type_of(value).into();
            }
            _ => {}
        }
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
