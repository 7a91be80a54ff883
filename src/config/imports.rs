//! The tracking servers that experiments, runs and models are imported from.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::geti::ServerUrl;
use super::values::Secret;

/// `[imports]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Imports {
    /// MLflow's servers, by their names here.
    pub mlflow: BTreeMap<String, MlflowSource>,
}

/// One of MLflow's servers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlflowSource {
    /// Where it is.
    pub url: ServerUrl,
    /// The name of the user; empty where the token says who it is.
    pub username: String,
    /// The token, or the user's password.
    pub token: Secret,
    /// The file that holds it instead.
    pub token_file: String,
    /// Which of its workspaces; empty for its default.
    pub workspace: String,
    /// Whether its certificate is checked.
    pub verify_tls: bool,
    /// The authorities that it is checked against; empty for the system's.
    pub ca_file: String,
    /// How long it may be silent.
    pub timeout_seconds: NonZeroU32,
    /// How long a request may take with all of its repetitions.
    pub deadline_seconds: NonZeroU32,
}

impl Default for MlflowSource {
    fn default() -> Self {
        Self {
            url: ServerUrl::default(),
            username: String::new(),
            token: Secret::default(),
            token_file: String::new(),
            workspace: String::new(),
            verify_tls: true,
            ca_file: String::new(),
            timeout_seconds: NonZeroU32::MIN.saturating_add(119),
            deadline_seconds: NonZeroU32::MIN.saturating_add(299),
        }
    }
}
