//! What a search looks through before its clauses: the tables, and which of their rows count at all.

use super::is_postgres;
use crate::Tx;
use crate::filter::Filter;
use modelport_domain::filter::Operand;
use modelport_domain::search::{Search, Searched};
use modelport_domain::tracking::View;
use modelport_domain::{ArtifactState, LogicalType, NodeId};

/// More ids than this are written into the text, because a statement takes only so many values.
const MAX_BOUND: usize = 16;

/// The tables, where `nodes` is what is searched, or the experiment of what is no node, and the condition.
pub(super) struct Frame {
    pub(super) of: Searched,
    pub(super) is_postgres: bool,
    pub(super) from: Filter,
    pub(super) condition: Filter,
    /// Which logged models are of the experiments, as a condition on `logged_models`.
    pub(super) of_experiments: Filter,
    /// That the node called `seen` is visible; `None` where every node is.
    seen: Option<Filter>,
}

impl Frame {
    /// The frame of a search.
    pub(super) fn of(tx: &Tx<'_>, search: &Search) -> Self {
        let is_postgres = is_postgres(tx);
        let mut condition = Filter::default();
        // The workspace's nodes alone, and those that may be seen.
        match tx.listed("nodes") {
            Some(visible) => condition.append(&visible),
            None => condition.sql("TRUE"),
        }
        let mut of_experiments = Filter::default();
        if search.of == Searched::LoggedModels {
            among(&mut of_experiments, "logged_models.experiment_id", &search.experiments);
        }
        let seen = tx.visible("seen");
        let mut frame = Self { of: search.of, is_postgres, from: Filter::default(), condition, of_experiments, seen };
        frame.add_tables();
        frame.add_rows(search);
        frame
    }

    /// Adds that the run or the experiment is visible whose node's id a column has: what is searched may come of a run of
    /// another experiment, or be used there.
    pub(super) fn add_seen(&self, condition: &mut Filter, column: &str) {
        if let Some(visible) = &self.seen {
            condition.sql(&format!(" AND EXISTS (SELECT 1 FROM nodes AS seen WHERE seen.id = {column} AND "));
            condition.append(visible);
            condition.sql(")");
        }
    }

    /// The column of the ids.
    pub(super) fn id(&self) -> &'static str {
        match self.of {
            Searched::Traces => "traces.trace_id",
            Searched::EvalDatasets => "eval_datasets.dataset_id",
            Searched::Experiments | Searched::Runs | Searched::Models | Searched::Versions | Searched::LoggedModels => {
                "nodes.id"
            }
        }
    }

    fn add_tables(&mut self) {
        // SQLite reads them in this order; it might go through all nodes of the workspace first.
        let join = if self.is_postgres { "JOIN" } else { "CROSS JOIN" };
        self.from.sql(&match self.of {
            Searched::Experiments | Searched::Models => "nodes".to_owned(),
            Searched::Runs => format!("runs {join} nodes ON nodes.id = runs.node_id"),
            Searched::Versions => "nodes JOIN version_numbers ON version_numbers.version_id = nodes.id \
                 JOIN nodes AS models ON models.id = version_numbers.model_id"
                .to_owned(),
            Searched::LoggedModels => format!("logged_models {join} nodes ON nodes.id = logged_models.node_id"),
            Searched::Traces => format!("traces {join} nodes ON nodes.id = traces.experiment_id"),
            Searched::EvalDatasets => "eval_datasets JOIN nodes ON nodes.id = eval_datasets.experiment_id".to_owned(),
        });
    }

    fn add_rows(&mut self, search: &Search) {
        let condition = &mut self.condition;
        match self.of {
            Searched::Experiments => {
                of_type(condition, "nodes", LogicalType::Experiment);
                let is_archived = "EXISTS (SELECT 1 FROM properties AS s WHERE s.node_id = nodes.id \
                     AND s.custom = FALSE AND s.name = 'state' AND s.text_value = 'ARCHIVED')";
                match search.view {
                    View::Active => condition.sql(&format!(" AND NOT {is_archived}")),
                    View::Archived => condition.sql(&format!(" AND {is_archived}")),
                    View::All => {}
                }
            }
            Searched::Runs => {
                condition.sql(" AND ");
                among(condition, "runs.experiment_id", &search.experiments);
                // What is archived among the experiments is looked up once.
                match search.view {
                    View::Active => {
                        condition.sql(" AND runs.archived = FALSE AND runs.experiment_id NOT IN ");
                        archived(condition, &search.experiments);
                    }
                    View::Archived => {
                        condition.sql(" AND (runs.archived = TRUE OR runs.experiment_id IN ");
                        archived(condition, &search.experiments);
                        condition.sql(")");
                    }
                    View::All => {}
                }
            }
            Searched::Models => of_type(condition, "nodes", LogicalType::RegisteredModel),
            Searched::Versions => {
                of_type(condition, "nodes", LogicalType::ModelVersion);
                // For the index of the models' names.
                of_type(condition, "models", LogicalType::RegisteredModel);
                condition.sql(" AND models.home_id IS NULL AND models.workspace_id = nodes.workspace_id");
            }
            Searched::LoggedModels => {
                condition.sql(" AND ");
                condition.append(&self.of_experiments);
                let deleted = format!(
                    "coalesce(nodes.state, 0) IN ({}, {})",
                    ArtifactState::MarkedForDeletion.number(),
                    ArtifactState::Deleted.number()
                );
                match search.view {
                    View::Active => condition.sql(&format!(" AND NOT {deleted}")),
                    View::Archived => condition.sql(&format!(" AND {deleted}")),
                    View::All => {}
                }
            }
            Searched::Traces => {
                condition.sql(" AND ");
                among(condition, "traces.experiment_id", &search.experiments);
            }
            Searched::EvalDatasets if search.experiments.is_empty() => {}
            Searched::EvalDatasets => {
                let mut used = Filter::default();
                used.sql(
                    " AND EXISTS (SELECT 1 FROM eval_dataset_experiments AS x \
                     WHERE x.dataset_id = eval_datasets.dataset_id AND ",
                );
                among(&mut used, "x.experiment_id", &search.experiments);
                self.add_seen(&mut used, "x.experiment_id");
                used.sql(")");
                self.condition.append(&used);
            }
        }
    }
}

fn of_type(condition: &mut Filter, node: &str, logical: LogicalType) {
    condition.sql(&format!(" AND {node}.type_id = {}", logical.id()));
}

/// Those of the experiments that are archived, as a list.
fn archived(condition: &mut Filter, experiments: &[NodeId]) {
    condition.sql("(SELECT s.node_id FROM properties AS s WHERE ");
    among(condition, "s.node_id", experiments);
    condition.sql(" AND s.custom = FALSE AND s.name = 'state' AND s.text_value = 'ARCHIVED')");
}

/// That a column is one of these ids, of which there is one at least.
pub(super) fn among(condition: &mut Filter, column: &str, ids: &[NodeId]) {
    condition.sql(column);
    match ids {
        [one] => {
            condition.sql(" = ");
            condition.operand(&Operand::Int(one.0));
        }
        few if few.len() <= MAX_BOUND => {
            for (at, id) in few.iter().enumerate() {
                condition.sql(if at > 0 { ", " } else { " IN (" });
                condition.operand(&Operand::Int(id.0));
            }
            condition.sql(if few.is_empty() { " IN (-1)" } else { ")" });
        }
        many => {
            let ids: Vec<String> = many.iter().map(NodeId::to_string).collect();
            condition.sql(&format!(" IN ({})", ids.join(", ")));
        }
    }
}
