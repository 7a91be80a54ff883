//! What training tools know of the graph: runs by their own ids, what they read and made, versions by number, logged models, traces, searches.

pub mod assessments;
pub mod contents;
pub mod datasets;
pub mod eval_datasets;
pub mod experiments;
pub mod imported;
pub mod keys;
pub mod logged_models;
pub mod numbers;
pub mod points;
pub mod runs;
pub mod search;
pub mod series;
pub mod spans;
pub mod traces;
pub mod uses;
