//! Evaluation of the files of artifacts that become part of a version: from then on the policy of its model holds for them.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::EvaluationChanges;
use super::policy::reevaluate_and_record;
use super::reevaluate::{REEVALUATE_MODEL, payload};
use crate::domain::{LogicalType, Node, NodeId, Result};
use crate::jobs::enqueue;
use crate::policy::Policy;
use crate::protection::check_gain_nothing;
use crate::store::{files, nodes};
use crate::transaction::WriteTransaction;

/// Up to this many files are evaluated by the transaction that makes their artifacts members; more are left to a job.
const MAX_FILES: usize = 100;

/// Evaluates the files of artifacts that this transaction has made members of contexts, as pairs of context and node, where
/// the context is a version: whatever door they came through, what its model's policy quarantines is so at once. The contexts
/// are given whole; others than versions and members without files are passed over. Returns the artifacts that changed.
///
/// Errors: InvalidState when an approved version would gain files.
pub(crate) fn on_members_added(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    contexts: &[Node],
    added: &[(NodeId, NodeId)],
) -> Result<Vec<Node>> {
    let versions = contexts.iter().filter(|context| context.logical_type() == Some(LogicalType::ModelVersion));
    let models: BTreeMap<NodeId, Option<NodeId>> = versions.map(|version| (version.id, version.home_id)).collect();
    let joined = || added.iter().filter(|(context, _)| models.contains_key(context));
    let members: BTreeSet<NodeId> = joined().map(|(_, member)| *member).collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let members: Vec<NodeId> = members.into_iter().collect();
    // As whoever adds a file does, so that either this sees the file or the other sees the membership.
    nodes::lock(tx, &members)?;
    check_gain_nothing(tx, &joined().copied().collect::<Vec<_>>())?;
    let holders = files::holders_among(tx, &members, MAX_FILES + 1)?;
    if holders.len() > MAX_FILES {
        let models: BTreeSet<NodeId> = joined().filter_map(|(version, _)| *models.get(version)?).collect();
        for model in models {
            enqueue(tx, REEVALUATE_MODEL, &payload(model))?;
        }
        return Ok(Vec::new());
    }
    let mut changed = Vec::new();
    for artifact in holders.into_iter().collect::<BTreeSet<_>>() {
        changed.extend(reevaluate_and_record(tx, base, artifact, &mut EvaluationChanges::default())?);
    }
    Ok(changed)
}
