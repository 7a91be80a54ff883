//! What two versions, or two runs, differ in. Only differences are told, and how much is the same is counted.

mod contents;
mod revisions;
mod values;

use std::collections::BTreeMap;

use self::contents::contents;
use self::values::Same as _;
use super::context::RequestContext;
use super::listed::versions::shown;
use super::listed::{HeldFiles, ListedVersion};
use super::resolve::{homes, id_and_name, resolve};
use super::transaction::ReadTransaction;
use crate::domain::{Error, LogicalType, MetricPoint, Name, Node, NodeId, Result, Value, VersionRef};
use crate::services::{Entities, Models};
use crate::store::nodes;
use crate::store::tracking::runs;

pub use self::contents::{Contents, FileChange, FileDifference, FileDifferences, FindingDifferences, FoundIn};
pub use self::revisions::{ComparedRevisions, Revision};
pub use self::values::{Difference, Differences, differences};

/// How many differences of a kind are listed at most.
pub const MAX_LISTED: usize = 1000;

/// One of two versions or runs that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The version or run.
    pub node: Node,
    /// The id and the name of the model or experiment that it belongs to.
    pub home: Option<(NodeId, String)>,
    /// Its number, if it is a version.
    pub number: Option<i64>,
    /// The names of the aliases that point at it, in alphabetical order.
    pub aliases: Vec<String>,
    /// Its files, if it is a version.
    pub held: Option<HeldFiles>,
}

/// Two versions or two runs, and what they differ in.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The one.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// The properties that their type declares.
    pub properties: Differences<Value>,
    /// Their free properties.
    pub custom: Differences<Value>,
    /// The latest points of their metrics, which are the same where the values are.
    pub metrics: Differences<MetricPoint>,
    /// Their parameters.
    pub parameters: Differences<String>,
    /// What their files differ in, if they are versions.
    pub contents: Option<Contents>,
}

impl Entities {
    /// What two versions, or two runs, differ in.
    ///
    /// Errors: NotFound; InvalidArgument where one is neither a version nor a run, or they are not of one type.
    pub async fn compare(&self, context: &RequestContext, a: NodeId, b: NodeId) -> Result<Compared> {
        self.core
            .read_long(context, move |tx| {
                let load = |tx: &mut ReadTransaction<'_, '_>, id: NodeId| {
                    nodes::find(tx, id)?.ok_or_else(|| Error::not_found(format!("node `{id}`")))
                };
                let (a, b) = (load(tx, a)?, load(tx, b)?);
                check_types(&a, &b)?;
                compare(tx, a, b)
            })
            .await
    }
}

impl Models {
    /// What two versions differ in, which may be of two models.
    ///
    /// Errors: NotFound.
    pub async fn compare_versions(
        &self,
        context: &RequestContext,
        a: (&Name, &VersionRef),
        b: (&Name, &VersionRef),
    ) -> Result<Compared> {
        let (a, b) = ((a.0.clone(), a.1.clone()), (b.0.clone(), b.1.clone()));
        self.core
            .read_long(context, move |tx| {
                let (_, one) = resolve(tx, &a.0, &a.1)?;
                let (_, other) = resolve(tx, &b.0, &b.1)?;
                compare(tx, one, other)
            })
            .await
    }
}

fn check_types(a: &Node, b: &Node) -> Result<()> {
    for (field, node) in [("a", a), ("b", b)] {
        match node.logical_type() {
            Some(LogicalType::ModelVersion | LogicalType::ExperimentRun) => {}
            other => {
                let noun = other.map_or("node of another type", LogicalType::noun);
                let message = format!("node `{}` is a {noun}; versions and runs are compared", node.id);
                return Err(Error::invalid(field, message));
            }
        }
    }
    if a.type_id != b.type_id {
        let message = format!("nodes `{}` and `{}` are a version and a run, and not of one type", a.id, b.id);
        return Err(Error::invalid("b", message));
    }
    Ok(())
}

/// Compares two nodes of one type, a version or a run.
fn compare(tx: &mut ReadTransaction<'_, '_>, a: Node, b: Node) -> Result<Compared> {
    let ids = [a.id, b.id];
    let metrics = runs::metrics_of(tx, &ids)?;
    let of_metrics = |id: NodeId| -> BTreeMap<String, MetricPoint> {
        let points = metrics.get(&id).into_iter().flatten();
        points.map(|latest| (latest.name.clone(), latest.point)).collect()
    };
    let metrics = differences(of_metrics(a.id), of_metrics(b.id), |a, b| a.value.is_same(&b.value));
    let parameters = runs::parameters_of(tx, &ids)?;
    let of_parameters =
        |id: NodeId| -> BTreeMap<String, String> { parameters.get(&id).into_iter().flatten().cloned().collect() };
    let parameters = differences(of_parameters(a.id), of_parameters(b.id), |a, b| a == b);
    let contents = match a.logical_type() {
        Some(LogicalType::ModelVersion) => Some(contents(tx, a.id, b.id)?),
        _ => None,
    };
    Ok(Compared {
        properties: differences(a.properties.clone(), b.properties.clone(), Value::is_same),
        custom: differences(a.custom.clone(), b.custom.clone(), Value::is_same),
        metrics,
        parameters,
        contents,
        a: side(tx, a)?,
        b: side(tx, b)?,
    })
}

fn side(tx: &mut ReadTransaction<'_, '_>, node: Node) -> Result<Side> {
    let home = homes(tx, [&node])?.values().next().map(id_and_name);
    if node.logical_type() != Some(LogicalType::ModelVersion) {
        return Ok(Side { node, home, number: None, aliases: Vec::new(), held: None });
    }
    let Some(ListedVersion { version, number, aliases, held, .. }) = shown(tx, vec![node], &[])?.pop() else {
        return Err(Error::internal("a version is not shown"));
    };
    Ok(Side { node: version, home, number, aliases, held: Some(held) })
}
