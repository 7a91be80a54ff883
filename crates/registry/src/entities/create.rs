//! Entities as they are made, inside a transaction.

use super::check_home;
use crate::domain::experiment::{check_times, without_value};
use crate::domain::{
    Action, ApprovalState, Draft, LogicalType, MetricPoint, Name, Node, NodeId, NodeKind, Properties, Result, Value,
};
use crate::references::check_references;
use crate::store::{metrics, nodes};
use crate::stored_names::stored_name;
use crate::transaction::WriteTransaction;

pub(crate) fn create(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
) -> Result<Node> {
    let stored = stored_name(logical, home, draft.name.as_ref())?;
    create_stored(tx, logical, home, draft, stored)
}

/// The same under a name as it is stored, which may begin with what keeps it apart from others.
pub(crate) fn create_stored(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<NodeId>,
    draft: &Draft,
    stored: Name,
) -> Result<Node> {
    let home = home.map(|home| check_home(tx, logical, home)).transpose()?;
    create_at(tx, logical, home.as_ref(), draft, stored)
}

/// The same in a home that the transaction has loaded.
pub(crate) fn create_in(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: &Node,
    draft: &Draft,
) -> Result<Node> {
    let stored = stored_name(logical, Some(home.id), draft.name.as_ref())?;
    create_at(tx, logical, Some(home), draft, stored)
}

fn create_at(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<&Node>,
    draft: &Draft,
    stored: Name,
) -> Result<Node> {
    let now = tx.now();
    let mut named = draft.clone();
    if logical == LogicalType::ModelVersion {
        // A new version is a draft, whatever its maker writes.
        named.custom.remove(ApprovalState::PROPERTY);
    }
    if let Some(home) = home {
        named.properties.extend(properties_of_home(home, logical));
    }
    let home = home.map(|home| home.id);
    check_references(tx, logical, home, &named.properties, &Properties::new())?;
    let point = if logical == LogicalType::Metric {
        Some(MetricPoint::take(&mut named.properties, now)?.ok_or_else(without_value)?)
    } else {
        None
    };
    named.name = Some(stored);
    let mut node = nodes::insert(tx, logical, home, &named, now)?;
    check_times(&node)?;
    if let Some(point) = point {
        add_point(tx, &mut node, point)?;
    }
    tx.record(Action::Create, &node, None)?;
    Ok(node)
}

/// What an artifact of a run says of it, so that filters find it by its run.
pub(crate) fn properties_of_home(home: &Node, logical: LogicalType) -> Properties {
    let mut properties = Properties::new();
    if home.logical_type() == Some(LogicalType::ExperimentRun) && logical.kind() == NodeKind::Artifact {
        properties.insert("experiment_run_id".to_owned(), Value::Int(home.id.0));
        properties.extend(home.home_id.map(|experiment| ("experiment_id".to_owned(), Value::Int(experiment.0))));
    }
    properties
}

pub(crate) fn add_point(tx: &mut WriteTransaction<'_, '_>, metric: &mut Node, point: MetricPoint) -> Result<()> {
    metrics::append(tx, &[(&*metric, point)], metrics::Latest::Given)?;
    metric.properties.extend(point.properties());
    Ok(())
}
