//! What two versions, or two runs, differ in. Only differences are told, and how much is the same is counted.

mod card;
mod contents;
mod revisions;
mod tensors;
mod to_read;
mod values;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use self::contents::contents;
use self::to_read::ToRead;
use self::values::Same as _;
use super::context::RequestContext;
use super::listed::versions::shown;
use super::listed::{HeldFiles, ListedVersion};
use super::resolve::{homes, id_and_name, resolve};
use super::transaction::ReadTransaction;
use crate::domain::{Error, LogicalType, MetricPoint, Name, Node, NodeId, Result, Value, VersionRef};
use crate::services::{Entities, Files, Models};
use crate::store::nodes;
use crate::store::tracking::runs;

pub use self::card::{CardDifference, Hunk, LineChange, Lines, MAX_CARD_BYTES, NoLines};
pub use self::contents::{Contents, FileChange, FileDifference, FileDifferences, FindingDifferences, FoundIn};
pub use self::revisions::{ComparedRevisions, Revision};
pub use self::tensors::{TensorDifference, TensorDifferences};
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
    /// What the tensors of these files differ in, if they are versions.
    pub tensors: Option<TensorDifferences>,
    /// What their cards differ in, if these do.
    pub card: Option<CardDifference>,
}

impl Entities {
    /// What two versions, or two runs, differ in.
    ///
    /// Errors: NotFound; InvalidArgument where one is neither a version nor a run, or they are not of one type.
    pub async fn compare(&self, context: &RequestContext, a: NodeId, b: NodeId) -> Result<Compared> {
        let (compared, to_read) = self
            .core
            .read_long(context, move |tx| {
                let load = |tx: &mut ReadTransaction<'_, '_>, id: NodeId| {
                    nodes::find(tx, id)?.ok_or_else(|| Error::not_found(format!("node `{id}`")))
                };
                let (a, b) = (load(tx, a)?, load(tx, b)?);
                check_types(&a, &b)?;
                compare(tx, a, b)
            })
            .await?;
        self.core.files().compare_bytes(context, compared, to_read).boxed().await
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
        let (compared, to_read) = self
            .core
            .read_long(context, move |tx| {
                let (_, one) = resolve(tx, &a.0, &a.1)?;
                let (_, other) = resolve(tx, &b.0, &b.1)?;
                compare(tx, one, other)
            })
            .await?;
        self.core.files().compare_bytes(context, compared, to_read).boxed().await
    }
}

impl Files {
    /// Adds what has to be read of files to say it. What the caller may not read is left out, and said.
    ///
    /// Errors: Unavailable.
    async fn compare_bytes(
        &self,
        context: &RequestContext,
        mut compared: Compared,
        to_read: Option<ToRead>,
    ) -> Result<Compared> {
        if let Some(to_read) = to_read {
            compared.tensors = Some(self.compare_tensors(context, &to_read).await?);
            if let Some(card) = &to_read.card {
                compared.card = Some(self.compare_cards(context, card).await?);
            }
        }
        Ok(compared)
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

/// Compares two nodes of one type, a version or a run, and says what has to be read to say more.
fn compare(tx: &mut ReadTransaction<'_, '_>, a: Node, b: Node) -> Result<(Compared, Option<ToRead>)> {
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
    let (contents, to_read) = match a.logical_type() {
        Some(LogicalType::ModelVersion) => {
            contents(tx, a.id, b.id).map(|(contents, read)| (Some(contents), Some(read)))?
        }
        _ => (None, None),
    };
    let compared = Compared {
        properties: differences(a.properties.clone(), b.properties.clone(), Value::is_same),
        custom: differences(a.custom.clone(), b.custom.clone(), Value::is_same),
        metrics,
        parameters,
        contents,
        tensors: None,
        card: None,
        a: side(tx, a)?,
        b: side(tx, b)?,
    };
    Ok((compared, to_read))
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
