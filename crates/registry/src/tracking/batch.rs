//! What runs log: metrics, parameters and tags, many at once, all or nothing.

use super::change::{NodeChanges, change_node};
use super::logged_models::{self, ModelPoint};
use super::runs::get_active;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::tracking::RunId;
use crate::domain::{Action, Error, LogicalType, Name, Node, Properties, Result, Value};
use crate::metrics::{NamedPoint, Repeated, measure_in};
use crate::owned::make_owned;
use crate::services::Tracking;
use crate::store::tracking::runs;
use crate::transaction::WriteTransaction;

/// What a run logs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Points of metrics. One that the run has already, with its step, time and value, is that one.
    pub points: Vec<NamedPoint>,
    /// Those of them that are about logged models.
    pub model_points: Vec<ModelPoint>,
    /// Parameters. Each has the value that it got first.
    pub parameters: Vec<(Name, String)>,
    /// Tags and declared properties.
    pub changes: NodeChanges,
    /// Another name, as people see it.
    pub name: Option<Name>,
}

impl Tracking {
    /// Logs all of it, or nothing.
    ///
    /// Errors: NotFound when there is no such run; InvalidArgument when it is archived, or a parameter has another value.
    pub async fn log(&self, context: &RequestContext, run: &RunId, batch: Batch) -> Result<()> {
        let id = run.clone();
        self.core
            .write(context, move |tx| {
                let (run, _) = get_active(tx, &id)?;
                // What is there already is not recorded.
                tx.demand(Permission::Write, run.place)?;
                if !batch.changes.is_empty() || batch.name.is_some() {
                    let name = batch.name.as_ref().map(|name| name.with_prefix(id.prefix()));
                    let changes = NodeChanges { name, ..batch.changes.clone() };
                    change_node(tx, LogicalType::ExperimentRun, run.id, &changes)?;
                }
                log_parameters(tx, &id, &run, &batch.parameters)?;
                if !batch.points.is_empty() {
                    measure_in(tx, &run, &batch.points, Repeated::Skipped)?;
                }
                if !batch.model_points.is_empty() {
                    logged_models::measure(tx, run.id, &batch.model_points)?;
                }
                Ok(())
            })
            .await
    }
}

/// Gives a run parameters that it does not have.
pub(super) fn log_parameters(
    tx: &mut WriteTransaction<'_, '_>,
    id: &RunId,
    run: &Node,
    parameters: &[(Name, String)],
) -> Result<()> {
    if parameters.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let there = runs::parameters_named(tx, run.id, &names)?;
    let mut new: Vec<(&str, &str)> = Vec::new();
    for (name, value) in parameters {
        match there.get(name.as_str()) {
            Some(stored) if stored == value => {}
            Some(stored) => {
                let message = format!(
                    "Changing param values is not allowed. Param with key='{name}' was already logged with value='{stored}' for \
                     run ID='{id}'. Attempted logging new value '{value}'."
                );
                return Err(Error::invalid("params", message));
            }
            None => new.push((name.as_str(), value)),
        }
    }
    // Two batches with the same parameters wait for each other in this order.
    new.sort_unstable();
    let new = new.into_iter().map(|(name, value)| {
        let properties = [("value", Value::from(value)), ("parameter_type", Value::from("string"))];
        (name, properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Properties>())
    });
    for parameter in make_owned(tx, LogicalType::Parameter, run, new)? {
        tx.record(Action::Create, &parameter, None)?;
    }
    Ok(())
}
