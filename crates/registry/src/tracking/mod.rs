//! Experiments, runs and logged models, as training tools write and search them.

pub mod batch;
pub mod change;
pub mod experiments;
pub mod histories;
pub mod inputs;
pub mod logged_models;
pub mod run_files;
pub mod runs;
pub mod search;
pub(crate) mod tokens;
