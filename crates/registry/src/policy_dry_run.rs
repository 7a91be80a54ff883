//! What a policy would do with the files of a model that are there, without doing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::RequestContext;
use super::found_files::{cut, place};
use super::inspection::{decide, known, model_of};
use super::policy::{ModelPolicy, Policy, PolicyDecision};
use super::resolve::{homes, id_and_name, model_named};
use super::transaction::ReadTransaction;
use crate::domain::policy::Act;
use crate::domain::{Error, File, FilePath, LogicalType, Name, Node, NodeId, PageSize, Result, fingerprint};
use crate::services::Inspections;
use crate::store::files::{self, Holder};
use crate::store::nodes;

/// How many artifacts one statement looks up.
const BATCH: u32 = 500;

/// What a policy would do with a file.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedFile {
    /// The file.
    pub file: File,
    /// The id and the name of the version that owns its artifact.
    pub version: Option<(NodeId, String)>,
    /// What is done with it now.
    pub current: Act,
    /// What would be done with it, and why.
    pub decision: PolicyDecision,
}

/// A page of files, ordered by artifact and path.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedFiles {
    /// The files.
    pub files: Vec<TriedFile>,
    /// The token of the next page.
    pub next: Option<String>,
}

impl Inspections {
    /// What would be done with the files of the model with that name, of those that the caller sees, if the model had that policy. Files that were
    /// never inspected are left out: a policy changes nothing about them.
    ///
    /// Errors: NotFound; InvalidArgument when the policy names what no format is called, or the token belongs to another query.
    pub async fn try_model_policy(
        &self,
        context: &RequestContext,
        model: &Name,
        policy: ModelPolicy,
        size: PageSize,
        token: Option<String>,
    ) -> Result<TriedFiles> {
        policy.check()?;
        let (model, effective) = (model.clone(), self.core.policy.with(&policy));
        let said =
            serde_json::to_string(&policy).map_err(|error| Error::internal("a policy is not JSON").caused_by(error))?;
        let effective = Arc::new(effective);
        self.core
            .read_long(context, move |tx| {
                let model = model_named(tx, &model)?;
                let of = fingerprint(&(model.id, &said));
                let after = token.as_deref().map(|token| place(token, of)).transpose()?;
                let mut found = files_after(tx, model.id, after, size.get() as usize + 1)?;
                let next = cut(&mut found, size, of, |file| file)?;
                Ok(TriedFiles { files: try_all(tx, &effective, found)?, next })
            })
            .await
    }
}

/// Up to `limit` files of a model after that place, ordered by artifact and path.
fn files_after(
    tx: &mut ReadTransaction<'_, '_>,
    model: NodeId,
    after: Option<(NodeId, FilePath)>,
    limit: usize,
) -> Result<Vec<File>> {
    let mut found = Vec::new();
    // The rest of the artifact at which the page before ended, and then those that follow.
    if let Some((artifact, path)) = &after
        && nodes::find_bare(tx, *artifact)?.is_some()
    {
        found = files::list(tx, Holder::Node(*artifact), Some((path, *artifact)), at_most(limit))?;
    }
    let mut after = after.map(|(artifact, _)| artifact);
    while found.len() < limit {
        tx.check_deadline()?;
        let (artifacts, _) = files::holders_of_model(tx, model, after, BATCH)?;
        let Some(last) = artifacts.last() else { break };
        after = Some(*last);
        for artifact in nodes::find_all(tx, &artifacts)? {
            let lacking = limit.saturating_sub(found.len());
            if lacking == 0 {
                break;
            }
            // What is attached here may be under the policy of another model.
            if model_of(tx, &artifact)? != Some(model) {
                continue;
            }
            found.extend(files::list(tx, Holder::Node(artifact.id), None, at_most(lacking))?);
        }
    }
    Ok(found)
}

fn at_most(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

fn try_all(tx: &mut ReadTransaction<'_, '_>, policy: &Policy, found: Vec<File>) -> Result<Vec<TriedFile>> {
    let mut inspections = known(tx, &found)?;
    let versions = versions_of(tx, &found)?;
    let mut tried = Vec::with_capacity(found.len());
    for file in found {
        let Some(known) = inspections.remove(&(file.node_id, file.path.clone())) else { continue };
        let decision = decide(tx, policy, &file, &known.seen)?;
        let version = versions.get(&file.node_id).cloned();
        tried.push(TriedFile { version, current: known.act, decision, file });
    }
    Ok(tried)
}

/// The id and the name of the version that owns the artifact of each file.
fn versions_of(tx: &mut ReadTransaction<'_, '_>, found: &[File]) -> Result<BTreeMap<NodeId, (NodeId, String)>> {
    let mut holders: Vec<NodeId> = found.iter().map(|file| file.node_id).collect();
    holders.sort_unstable();
    holders.dedup();
    let holders = nodes::find_all(tx, &holders)?;
    let owners = homes(tx, &holders)?;
    let of = |holder: &Node| {
        let owner = owners.get(&holder.home_id?)?;
        (owner.logical_type() == Some(LogicalType::ModelVersion)).then(|| (holder.id, id_and_name(owner)))
    };
    Ok(holders.iter().filter_map(of).collect())
}
