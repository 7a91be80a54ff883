//! What runs read and made: data sets, and logged models.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::experiments::{ExperimentRef, find};
use super::runs::get_active;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::tracking::{LoggedModelId, Role, RunId, RunUse};
use crate::domain::{Action, Error, LogicalType, Name, Node, NodeId, Properties, Result, Value};
use crate::owned::make_owned;
use crate::services::Tracking;
use crate::store::tracking::{datasets, logged_models, uses};
use crate::store::{graph, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// A data set that a run reads.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetInput {
    /// Its name.
    pub name: Name,
    /// What tells its contents from others of its name.
    pub digest: String,
    /// What else is declared of it: `source_type`, `source`, `schema`, `profile`.
    pub properties: Properties,
    /// What the run says of it, as names and values.
    pub tags: Vec<(String, String)>,
}

/// A data set, and what runs say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedDataset {
    /// The data set.
    pub dataset: Node,
    /// Its experiment.
    pub experiment: Arc<Node>,
    /// What they say of it, as names and values.
    pub tags: Vec<(String, String)>,
}

/// A logged model that a run reads or makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUse {
    /// The model.
    pub model: LoggedModelId,
    /// As what.
    pub role: Role,
    /// At which step.
    pub step: i64,
}

impl Tracking {
    /// Records what a run reads and makes. What it does already stays as it is.
    ///
    /// Errors: NotFound when the run or a model is not there; InvalidArgument when the run is archived.
    pub async fn log_uses(
        &self,
        context: &RequestContext,
        run: &RunId,
        datasets: Vec<DatasetInput>,
        models: Vec<ModelUse>,
    ) -> Result<()> {
        let id = run.clone();
        self.core
            .write(context, move |tx| {
                let (run, experiment) = get_active(tx, &id)?;
                tx.demand(Permission::Write, run.place)?;
                let mut used = use_datasets(tx, &run, &experiment, &datasets)?;
                attach_models(tx, &models, &mut used)?;
                uses::insert(tx, run.id, &used)
            })
            .await
    }

    /// Which data sets the runs of these experiments read, and what for: at most a thousand.
    ///
    /// Errors: NotFound when one of the experiments is not there.
    pub async fn list_datasets(
        &self,
        context: &RequestContext,
        experiments: Vec<ExperimentRef>,
    ) -> Result<Vec<UsedDataset>> {
        self.core
            .read(context, move |tx| {
                let mut found = Vec::new();
                for experiment in &experiments {
                    found.push(Arc::new(find(tx, experiment)?));
                }
                let ids: Vec<NodeId> = found.iter().map(|experiment| experiment.id).collect();
                let used = datasets::used_in(tx, &ids, MAX_LISTED)?.into_iter();
                let of = |home| found.iter().find(|experiment| Some(experiment.id) == home).map(Arc::clone);
                Ok(used
                    .filter_map(|(dataset, tags)| Some(UsedDataset { experiment: of(dataset.home_id)?, dataset, tags }))
                    .collect())
            })
            .await
    }
}

/// How many data sets are listed.
const MAX_LISTED: i64 = 1000;

/// Adds the uses of logged models.
///
/// Errors: NotFound when one is not there.
pub(super) fn attach_models(
    tx: &mut ReadTransaction<'_, '_>,
    models: &[ModelUse],
    used: &mut Vec<RunUse>,
) -> Result<()> {
    let ids: Vec<LoggedModelId> = models.iter().map(|each| each.model.clone()).collect();
    let found = logged_models::find_all_ids(tx, &ids)?;
    for each in models {
        let artifact = found.get(&each.model).copied();
        let artifact = artifact.ok_or_else(|| Error::not_found(format!("logged model `{}`", each.model)))?;
        used.push(RunUse { artifact, role: each.role, step: each.step, tags: Vec::new() });
    }
    Ok(())
}

/// The uses of data sets, which are made in the experiment where it does not have them.
pub(super) fn use_datasets(
    tx: &mut WriteTransaction<'_, '_>,
    run: &Node,
    experiment: &Node,
    inputs: &[DatasetInput],
) -> Result<Vec<RunUse>> {
    let stored: Vec<String> = inputs.iter().map(|input| stored_name(experiment.id, input)).collect();
    let names: Vec<&str> = stored.iter().map(String::as_str).collect();
    let mut known: BTreeMap<String, NodeId> = datasets::named(tx, experiment.id, &names)?;
    let new: BTreeMap<&str, Properties> = stored
        .iter()
        .zip(inputs)
        .filter(|(name, _)| !known.contains_key(*name))
        .map(|(name, input)| {
            let mut properties = input.properties.clone();
            properties.insert("digest".to_owned(), Value::String(input.digest.clone()));
            properties.insert("experiment_id".to_owned(), Value::Int(experiment.id.0));
            (name.as_str(), properties)
        })
        .collect();
    for dataset in make_owned(tx, LogicalType::DataSet, experiment, new.into_iter())? {
        tx.record(Action::Create, &dataset, None)?;
        known.extend(dataset.name.map(|name| (name, dataset.id)));
    }
    let members = known.values().map(|dataset| (run.id, *dataset)).collect();
    let attached = graph::memberships::insert(tx, &members)?;
    if !attached.is_empty() {
        nodes::lock(tx, &[run.id])?;
        let ids: Vec<NodeId> = attached.into_iter().map(|(_, member)| member).collect();
        tx.record(Action::Attach, run, [("memberIds", json!(ids))])?;
    }
    let used = stored.iter().zip(inputs).filter_map(|(name, input)| {
        let artifact = *known.get(name)?;
        Some(RunUse { artifact, role: Role::Input, step: 0, tags: input.tags.clone() })
    });
    Ok(used.collect())
}

/// The name under which an experiment has a data set once: after a UUID that follows from its name and digest.
fn stored_name(experiment: NodeId, input: &DatasetInput) -> String {
    let hash = Sha256::digest(format!("{experiment}\n{}\n{}", input.digest, input.name));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
    input.name.with_prefix(Uuid::from_bytes(bytes)).as_str().to_owned()
}
