//! What would break: the deployments that are downstream of a node, or of the versions that have some bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::walked::{Limits, Walked};
use crate::context::RequestContext;
use crate::domain::lineage::{Depth, Direction};
use crate::domain::{Error, LogicalType, Node, NodeId, Result, Sha256};
use crate::listed::deployments::{ListedDeployment, shown};
use crate::resolve::{homes, id_and_name};
use crate::services::Graph;
use crate::store::files::{self, WantedFiles};
use crate::store::graph::memberships;
use crate::store::{nodes, removal_details};
use crate::transaction::ReadTransaction;

/// How many nodes and edges are looked at at most.
const LIMITS: Limits = Limits { nodes: 5000, edges: 20_000 };

/// How many deployments are listed, and how many files with the bytes are looked at, at most.
const MAX_LISTED: u32 = 1000;

/// A deployment, and the version on the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReachedDeployment {
    /// The deployment.
    pub deployment: ListedDeployment,
    /// The last version on the way to it, with its name.
    pub version: Option<(NodeId, String)>,
    /// The model of that version, with its name.
    pub model: Option<(NodeId, String)>,
}

/// The deployments that something leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// The deployments, the oldest first.
    pub deployments: Vec<ReachedDeployment>,
    /// Whether there may be more.
    pub truncated: bool,
}

impl Graph {
    /// The deployments that are downstream of a node, or, if it is an artifact, of a version that has it.
    ///
    /// Errors: NotFound.
    pub async fn impact(&self, context: &RequestContext, node: NodeId) -> Result<Impact> {
        self.core
            .read_long(context, move |tx| {
                nodes::find_bare(tx, node)?.ok_or_else(|| Error::not_found(format!("node `{node}`")))?;
                impact(tx, BTreeSet::from([node]), false)
            })
            .await
    }

    /// The deployments that are downstream of the versions and artifacts of the request's workspace that have the bytes of that digest.
    ///
    /// Errors: NotFound when the caller sees no file that has them.
    pub async fn impact_of_bytes(&self, context: &RequestContext, sha256: Sha256) -> Result<Impact> {
        let wanted = WantedFiles { sha256: Some(sha256), ..WantedFiles::default() };
        self.core
            .read_long(context, move |tx| {
                let mut found = files::search(tx, &wanted, None, MAX_LISTED + 1)?;
                if found.is_empty() {
                    return Err(Error::not_found(format!("blob `{sha256}`")));
                }
                let has_more = found.len() > MAX_LISTED as usize;
                found.truncate(MAX_LISTED as usize);
                impact(tx, found.iter().map(|(file, _)| file.node_id).collect(), has_more)
            })
            .await
    }
}

/// The deployments that are downstream of these nodes, and of the versions that have them.
fn impact(tx: &mut ReadTransaction<'_, '_>, mut starts: BTreeSet<NodeId>, is_cut: bool) -> Result<Impact> {
    let contexts = memberships::contexts_of(tx, &starts.iter().copied().collect::<Vec<_>>())?;
    let contexts: BTreeSet<NodeId> = contexts.into_iter().map(|(context, _)| context).collect();
    let types = removal_details::types_of(tx, &contexts.into_iter().collect::<Vec<_>>())?;
    starts.extend(types.iter().filter(|(_, of)| **of == LogicalType::ModelVersion.id()).map(|(id, _)| *id));
    let starts: Vec<NodeId> = starts.into_iter().collect();
    let mut graph = Walked::new(LIMITS, None);
    let reached = graph.follow_all(tx, &starts, Direction::Downstream, Depth::FARTHEST)?;
    let types = removal_details::types_of(tx, &graph.nodes.iter().copied().collect::<Vec<_>>())?;
    let is_of = |id: &NodeId, logical: LogicalType| types.get(id) == Some(&logical.id());
    let services = graph.nodes.iter().filter(|id| is_of(id, LogicalType::InferenceService)).copied();
    let mut services: Vec<NodeId> = services.collect();
    let truncated = is_cut || graph.truncated || services.len() > MAX_LISTED as usize;
    services.truncate(MAX_LISTED as usize);
    let is_version = |id: &NodeId| is_of(id, LogicalType::ModelVersion);
    let version_before =
        |service: NodeId| reached.iter().find_map(|each| each.nodes_back_from(service).find(is_version));
    let last: BTreeMap<NodeId, NodeId> =
        services.iter().filter_map(|service| Some((*service, version_before(*service)?))).collect();
    let versions: BTreeSet<NodeId> = last.values().copied().collect();
    let versions = nodes::find_all(tx, &versions.into_iter().collect::<Vec<_>>())?;
    let models = homes(tx, &versions)?;
    let versions: BTreeMap<NodeId, Node> = versions.into_iter().map(|version| (version.id, version)).collect();
    let services = nodes::find_all(tx, &services)?;
    let reached = |deployment: ListedDeployment| {
        let version = last.get(&deployment.service.id).and_then(|id| versions.get(id));
        let model = version.and_then(|version| models.get(&version.home_id?));
        ReachedDeployment { version: version.map(id_and_name), model: model.map(id_and_name), deployment }
    };
    Ok(Impact { deployments: shown(tx, services)?.into_iter().map(reached).collect(), truncated })
}
