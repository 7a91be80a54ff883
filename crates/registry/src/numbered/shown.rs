//! What is shown of models and versions besides their nodes: for any number of them with the same statements.

use std::collections::{BTreeMap, HashMap};

use super::{NumberedModel, NumberedVersion};
use crate::domain::{Node, NodeId, Result, Stage, Value};
use crate::resolve::homes;
use crate::store::tracking::{numbers, runs};
use crate::store::{aliases, nodes};
use crate::transaction::ReadTransaction;
use crate::uris::fill_uris;

/// What model artifacts that were made of a source say of what kind it is.
pub(super) const SOURCE_KIND: &str = "mlflow";

/// The versions with what is shown of them, in the same order.
pub(crate) fn shown_versions(tx: &mut ReadTransaction<'_, '_>, versions: Vec<Node>) -> Result<Vec<NumberedVersion>> {
    let models = homes(tx, &versions)?;
    let names = models.into_iter().map(|(id, model)| (id, model.name.unwrap_or_default())).collect();
    shown_versions_of(tx, versions, &names)
}

/// One version with what is shown of it.
pub(super) fn shown_version(
    tx: &mut ReadTransaction<'_, '_>,
    model: &Node,
    version: Node,
) -> Result<Option<NumberedVersion>> {
    let names = BTreeMap::from([(model.id, model.name.clone().unwrap_or_default())]);
    Ok(shown_versions_of(tx, vec![version], &names)?.pop())
}

fn shown_versions_of(
    tx: &mut ReadTransaction<'_, '_>,
    versions: Vec<Node>,
    names: &BTreeMap<NodeId, String>,
) -> Result<Vec<NumberedVersion>> {
    let ids: Vec<NodeId> = versions.iter().map(|version| version.id).collect();
    let numbers = numbers::of(tx, &ids)?;
    let mut aliases = aliases::of_versions(tx, &ids)?;
    let mut artifacts = numbers::artifacts(tx, &ids)?;
    fill_uris(tx, artifacts.values_mut().filter(|artifact| written_source(artifact).is_none()))?;
    let used: Vec<NodeId> = artifacts.values().filter_map(run_node).collect();
    let run_ids = runs::ids_of(tx, &used)?;
    let shown = versions.into_iter().filter_map(|version| {
        let artifact = artifacts.remove(&version.id);
        let run = artifact.as_ref().and_then(|artifact| {
            let found = run_node(artifact).and_then(|run| run_ids.get(&run));
            written_run(artifact).or_else(|| found.map(ToString::to_string))
        });
        Some(NumberedVersion {
            model: names.get(&version.home_id?)?.clone(),
            number: *numbers.get(&version.id)?,
            stage: Stage::of(&version),
            aliases: aliases.remove(&version.id).unwrap_or_default(),
            source: artifact.and_then(|artifact| written_source(&artifact).or(artifact.uri)),
            run,
            version,
        })
    });
    Ok(shown.collect())
}

/// The source of a model artifact as the creator of its version wrote it.
pub(super) fn written_source(artifact: &Node) -> Option<String> {
    written(artifact, "model_source_id")
}

/// The id of the run of a model artifact as the creator of its version wrote it: the run may be one of another server,
/// or gone.
pub(super) fn written_run(artifact: &Node) -> Option<String> {
    written(artifact, "model_source_group")
}

/// The id of the logged model that a model artifact was made of.
pub(super) fn written_logged_model(artifact: &Node) -> Option<String> {
    written(artifact, "model_source_name")
}

fn written(artifact: &Node, property: &str) -> Option<String> {
    if artifact.text("model_source_kind") != Some(SOURCE_KIND) {
        return None;
    }
    artifact.text(property).map(ToOwned::to_owned)
}

/// The run that an artifact says it comes from.
pub(super) fn run_node(artifact: &Node) -> Option<NodeId> {
    match artifact.properties.get("experiment_run_id") {
        Some(Value::Int(run)) => Some(NodeId(*run)),
        _ => None,
    }
}

/// The models with what is shown of them, in the same order.
pub(super) fn shown_models(tx: &mut ReadTransaction<'_, '_>, models: Vec<Node>) -> Result<Vec<NumberedModel>> {
    let ids: Vec<NodeId> = models.iter().map(|model| model.id).collect();
    let mut aliases = aliases::of_models(tx, &ids)?;
    let aliased: Vec<NodeId> = aliases.values().flatten().map(|(_, version)| *version).collect();
    let numbers = numbers::of(tx, &aliased)?;
    let names = models.iter().map(|model| (model.id, model.name.clone().unwrap_or_default())).collect();
    let mut latest = latest_of(tx, &ids, &names)?;
    let shown = models.into_iter().map(|model| {
        let own = aliases.remove(&model.id).unwrap_or_default().into_iter();
        NumberedModel {
            aliases: own.filter_map(|(alias, version)| Some((alias, *numbers.get(&version)?))).collect(),
            latest: latest.remove(&model.id).unwrap_or_default(),
            model,
        }
    });
    Ok(shown.collect())
}

/// One model with what is shown of it.
pub(super) fn shown_model(tx: &mut ReadTransaction<'_, '_>, model: Node) -> Result<NumberedModel> {
    let bare = NumberedModel { model: model.clone(), aliases: Vec::new(), latest: Vec::new() };
    Ok(shown_models(tx, vec![model])?.pop().unwrap_or(bare))
}

/// The version with the highest number in each stage of each model, ordered by number.
fn latest_of(
    tx: &mut ReadTransaction<'_, '_>,
    models: &[NodeId],
    names: &BTreeMap<NodeId, String>,
) -> Result<HashMap<NodeId, Vec<NumberedVersion>>> {
    let found = numbers::latest_by_stage(tx, models)?;
    let ids: Vec<NodeId> = found.iter().map(|latest| latest.version).collect();
    let versions = nodes::find_all(tx, &ids)?;
    let mut by_stage: BTreeMap<(NodeId, Stage), NumberedVersion> = BTreeMap::new();
    // Other protocols may write words that are no stages, which are shown as none.
    for version in shown_versions_of(tx, versions, names)? {
        let Some(model) = version.version.home_id else { continue };
        let key = (model, version.stage);
        if by_stage.get(&key).is_none_or(|other| other.number < version.number) {
            by_stage.insert(key, version);
        }
    }
    let mut latest: HashMap<NodeId, Vec<NumberedVersion>> = HashMap::new();
    for ((model, _), version) in by_stage {
        latest.entry(model).or_default().push(version);
    }
    latest.values_mut().for_each(|versions| versions.sort_by_key(|version| version.number));
    Ok(latest)
}
