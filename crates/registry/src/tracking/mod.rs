//! Experiments, runs, logged models, traces and data sets to evaluate on, as training tools write and search them.

pub mod assessments;
pub mod batch;
pub mod change;
pub mod eval_datasets;
pub mod experiments;
pub mod histories;
pub mod imported;
pub mod inputs;
pub mod logged_models;
pub mod reproduction;
pub mod run_files;
pub mod runs;
pub mod search;
pub mod series;
pub(crate) mod tokens;
pub mod traces;
