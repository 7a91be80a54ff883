//! MLflow's API.

use std::path::{Path, PathBuf};

use config::Config;
use serde::{Deserialize, Serialize};

/// `[mlflow]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mlflow {
    /// The folder with the files of MLflow's own UI; empty to serve none.
    pub static_dir: PathBuf,
}

/// The page that such a folder has.
const PAGE: &str = "index.html";

/// What keeps the server from serving MLflow's own UI. Where the setting is wrong in itself, that is a problem already.
pub(super) fn problem(settings: &Config) -> Option<String> {
    let Mlflow { static_dir } = settings.get("mlflow").ok()?;
    let wrong = if static_dir.as_os_str().is_empty() { None } else { wrong_with(&static_dir) };
    wrong.map(|wrong| format!("`mlflow.static_dir` is `{}`: {wrong}", static_dir.display()))
}

fn wrong_with(folder: &Path) -> Option<String> {
    let own = match folder.canonicalize() {
        Ok(own) => own,
        Err(error) => return Some(format!("the folder cannot be read: {error}")),
    };
    match own.join(PAGE).canonicalize() {
        Ok(page) if !page.is_file() => Some(format!("its `{PAGE}` is no file")),
        Ok(page) if !page.starts_with(&own) => {
            Some(format!("its `{PAGE}` is a symbolic link that leads out of it, and such are not followed"))
        }
        Ok(_) => None,
        Err(error) => Some(format!(
            "it is not the folder of MLflow's UI, as `mlflow/server/js/build` of an installed MLflow is: `{PAGE}` cannot be read: {error}"
        )),
    }
}
