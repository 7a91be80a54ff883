//! What training tools know of the graph: runs by their own ids, what they read and made, versions by number, logged models, searches.

pub mod datasets;
pub mod logged_models;
pub mod numbers;
pub mod points;
pub mod runs;
pub mod search;
pub mod uses;
