//! The effective policy of a model: that of the settings, with the model's own overrides.

use std::sync::Arc;

use serde_json::json;
use sha2::Digest as _;

use super::evaluate::{EvaluationChanges, reevaluate};
use super::reevaluate::{REEVALUATE_MODEL, payload};
use crate::conditions::Conditions;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::change;
use crate::domain::{Action, Error, Job, LogicalType, Name, Node, NodeId, Result};
use crate::entities::increment_revision;
use crate::holders::increment_holder_revision;
use crate::jobs::enqueue;
use crate::policy::{ModelPolicy, Policy};
use crate::protection::held_without_approval;
use crate::resolve::model_named;
use crate::services::Inspections;
use crate::store::changes::NewChange;
use crate::store::inspections::Which;
use crate::store::{jobs, nodes, policies};
use crate::transaction::{Needed, ReadTransaction, WriteTransaction};

/// The overrides of a model, and its effective policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyView {
    /// The model's overrides.
    pub model: ModelPolicy,
    /// The effective policy.
    pub effective: Policy,
    /// The newest job that reevaluates the model's files, while the queue keeps it.
    pub job: Option<Job>,
}

impl Inspections {
    /// The policy of the model with that name.
    pub async fn model_policy(&self, context: &RequestContext, model: &Name) -> Result<PolicyView> {
        let (model, base) = (model.clone(), Arc::clone(&self.core.policy));
        self.core
            .read(context, move |tx| {
                let id = model_named(tx, &model)?.id;
                let model: ModelPolicy = policies::find(tx, id)?.unwrap_or_default();
                let job = jobs::newest(tx, REEVALUATE_MODEL, &payload(id))?;
                Ok(PolicyView { effective: base.with(&model), model, job })
            })
            .await
    }

    /// Sets the policy of the model with that name for files that are stored from now on. A job reevaluates the existing files:
    /// what the policy would refuse is quarantined. An empty policy removes the model's overrides.
    ///
    /// Errors: NotFound; InvalidArgument when the policy names what no format is called; PreconditionFailed when a condition does
    /// not hold; InvalidState when a version that is not approved holds one of the aliases to be protected.
    pub async fn set_model_policy(
        &self,
        context: &RequestContext,
        model: &Name,
        policy: ModelPolicy,
        conditions: Conditions,
    ) -> Result<PolicyView> {
        policy.check()?;
        let (model, base) = (model.clone(), Arc::clone(&self.core.policy));
        let view = self
            .core
            .write(context, move |tx| {
                let id = model_named(tx, &model)?.id;
                let node = increment_revision(tx, LogicalType::RegisteredModel, id, None)?;
                tx.demand(Permission::Manage, node.place)?;
                let was: Option<ModelPolicy> = policies::find(tx, id)?;
                conditions.check("policy", Some(&policy_tag(was.as_ref().unwrap_or(&ModelPolicy::default()))))?;
                if let Some((alias, version)) = held_without_approval(tx, id, &policy)? {
                    let version = nodes::find_bare(tx, version)?.and_then(|version| version.name).unwrap_or_default();
                    let message = format!("alias `{alias}` points at version `{version}`, which is not approved");
                    return Err(Error::invalid_state(message).on_field("protectedAliases"));
                }
                if policy == ModelPolicy::default() {
                    policies::delete(tx, id)?;
                } else {
                    policies::set(tx, id, &policy)?;
                }
                let shown = |policy: &ModelPolicy| serde_json::to_value(policy).unwrap_or_default();
                let before = json!({"policy": was.as_ref().map(shown)});
                tx.record(Action::Update, &node, [("policy", shown(&policy)), ("before", before)])?;
                let job = enqueue(tx, REEVALUATE_MODEL, &payload(id))?;
                Ok(PolicyView { model: policy.clone(), effective: base.with(&policy), job: Some(job) })
            })
            .await?;
        self.core.queue.jobs_enqueued();
        Ok(view)
    }
}

/// The ETag of a model's policy, which changes with the policy.
pub fn policy_tag(said: &ModelPolicy) -> String {
    let said = serde_json::to_vec(said).unwrap_or_default();
    hex::encode(sha2::Sha256::digest(said).get(..8).unwrap_or_default())
}

/// Reevaluates all files of an artifact, which the caller has locked, by its effective policy, and records the change. Returns
/// the artifact as it is afterwards if there was one.
pub(super) fn reevaluate_and_record(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    artifact: NodeId,
    changed: &mut EvaluationChanges,
) -> Result<Option<Node>> {
    let Some(before) = nodes::find(tx, artifact)? else { return Ok(None) };
    let policy = policy_of(tx, base, &before)?;
    let (after, any) = reevaluate(tx, &before, &policy, Which::All, changed)?;
    if !any && after == before {
        return Ok(None);
    }
    let node = increment_holder_revision(tx, artifact)?;
    let document = crate::transaction::document(&node, [("before", change::before(&before, &node))]);
    let (node_id, place, revision) = (node.id, node.place, node.revision);
    let change = NewChange { action: Action::Update, node_id, place, revision, document };
    tx.record_all(Needed::Nothing, [change])?;
    Ok(Some(node))
}

/// The effective policy of an artifact.
pub(crate) fn policy_of(tx: &mut ReadTransaction<'_, '_>, base: &Policy, artifact: &Node) -> Result<Policy> {
    let said = model_of(tx, artifact)?.map(|model| policies::find(tx, model)).transpose()?;
    Ok(said.flatten().map_or_else(|| base.clone(), |said| base.with(&said)))
}

/// The model whose policy holds for an artifact: that whose version owns it, or, if no version owns it, that of the first version
/// that it was attached to.
pub(crate) fn model_of(tx: &mut ReadTransaction<'_, '_>, artifact: &Node) -> Result<Option<NodeId>> {
    let owner = artifact.home_id.map(|home| nodes::find_bare(tx, home)).transpose()?.flatten();
    let version = match owner.filter(|owner| owner.logical_type() == Some(LogicalType::ModelVersion)) {
        Some(version) => Some(version),
        None => nodes::first_context(tx, artifact.id, LogicalType::ModelVersion)?,
    };
    Ok(version.and_then(|version| version.home_id))
}
