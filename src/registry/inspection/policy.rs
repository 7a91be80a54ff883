//! The policy that holds for a model: the settings', with what the model says otherwise.

use std::sync::Arc;

use super::settle::{Changed, rejudge};
use crate::domain::policy::{ModelPolicy, Policy};
use crate::domain::{Action, Actor, LogicalType, Millis, Name, Node, NodeId, Result};
use crate::registry::entities::touch;
use crate::registry::resolve::model_named;
use crate::registry::{Registry, Selection, record};
use crate::store::inspections::Which;
use crate::store::{Tx, nodes, policies};

/// What a model says, and what holds for it together with the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyView {
    /// What the model says.
    pub model: ModelPolicy,
    /// What holds.
    pub effective: Policy,
}

impl Registry {
    /// The policy of the model with that name.
    pub async fn model_policy(&self, model: &Name) -> Result<PolicyView> {
        let (model, base) = (model.clone(), Arc::clone(&self.policy));
        self.store
            .read(move |tx| {
                let model = model_named(tx, &model)?;
                let model = policies::find(tx, model.id)?.unwrap_or_default();
                Ok(PolicyView { effective: base.with(&model), model })
            })
            .await
    }

    /// Gives the model with that name another policy, and judges its files by it. What it would refuse and is stored
    /// already is quarantined. A policy that says nothing is none.
    ///
    /// Errors: NotFound; InvalidArgument when the policy names what no format is called.
    pub async fn set_model_policy(&self, actor: &Actor, model: &Name, policy: ModelPolicy) -> Result<PolicyView> {
        policy.check()?;
        let (actor, now, model, base) = (actor.clone(), self.now(), model.clone(), Arc::clone(&self.policy));
        self.store
            .write(move |tx| {
                let id = model_named(tx, &model)?.id;
                let node = touch(tx, LogicalType::RegisteredModel, id, None, now)?;
                if policy == ModelPolicy::default() {
                    policies::delete(tx, id)?;
                } else {
                    policies::set(tx, id, &policy)?;
                }
                let detail = serde_json::to_value(&policy).unwrap_or_default();
                record(tx, &actor, now, Action::Update, &node, Some(("policy", detail)))?;
                let effective = base.with(&policy);
                let selection = Selection { home: Some(id), ..Selection::of(LogicalType::ModelVersion) };
                for version in nodes::list_ids(tx, &selection, None, u32::MAX)? {
                    let selection = Selection { home: Some(version), ..Selection::of(LogicalType::ModelArtifact) };
                    for artifact in nodes::list_ids(tx, &selection, None, u32::MAX)? {
                        refresh(tx, &actor, artifact, &effective, now, &mut Changed::default())?;
                    }
                }
                Ok(PolicyView { model: policy.clone(), effective })
            })
            .await
    }
}

/// Judges all files of an artifact anew, and records a change where there is one. `false` when the artifact is gone.
pub(super) fn refresh(
    tx: &mut Tx<'_>,
    actor: &Actor,
    artifact: NodeId,
    policy: &Policy,
    now: Millis,
    changed: &mut Changed,
) -> Result<bool> {
    nodes::lock(tx, &[artifact])?;
    let Some(before) = nodes::find(tx, artifact)? else { return Ok(false) };
    let (after, any) = rejudge(tx, &before, policy, Which::All, changed)?;
    if any || after != before {
        let Some(logical) = before.logical_type() else { return Ok(true) };
        let node = touch(tx, logical, artifact, None, now)?;
        record(tx, actor, now, Action::Update, &node, None)?;
    }
    Ok(true)
}

/// The policy that holds for an artifact: that of its version's model.
pub(in crate::registry) fn policy_of(tx: &mut Tx<'_>, base: &Policy, artifact: &Node) -> Result<Policy> {
    let home = artifact.home_id.map(|home| nodes::find(tx, home)).transpose()?.flatten();
    let version = home.filter(|home| home.logical_type() == Some(LogicalType::ModelVersion));
    let said = version.and_then(|version| version.home_id).map(|model| policies::find(tx, model)).transpose()?;
    Ok(said.flatten().map_or_else(|| base.clone(), |said| base.with(&said)))
}
