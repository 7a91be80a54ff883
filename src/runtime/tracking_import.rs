//! Imports from other tracking servers, put together for the command and for the queue.

use std::sync::Arc;
use std::time::Duration;

use super::{open, registry_options, runtime};
use crate::config::{MlflowSource, Settings};
use crate::domain::access::Access;
use crate::domain::imports::mlflow::{MLFLOW_IMPORT, MlflowImport};
use crate::domain::{Actor, Error, Result};
use crate::importers::mlflow::{Ended, Mlflow, MlflowCredentials, MlflowOptions, OnProgress, OnRemark, import_from};
use crate::jobs::Runner;
use crate::registry::jobs::Stopping;

/// Imports from another tracking server, into that workspace.
pub fn import_mlflow(
    settings: &Settings,
    from: MlflowOptions,
    wanted: &MlflowImport,
    workspace: Option<&str>,
    told: (OnProgress, OnRemark),
) -> Result<Ended> {
    runtime()?.block_on(async {
        let registry = open(settings, registry_options(settings)?).await?;
        let actor = || Actor::anonymous("import");
        let context = registry.context(actor(), Access::unrestricted());
        let context = match workspace {
            None => context,
            Some(slug) => {
                let found = registry.accounts.get_workspace(&context, &slug.parse()?).await?;
                registry.context(actor(), Access::unrestricted().in_workspace(found.id))
            }
        };
        import_from(&registry, &context, from, wanted, Stopping::never(), told).await
    })
}

/// The tracking server of that name in the settings.
pub fn mlflow_source(settings: &Settings, name: &str) -> Result<MlflowOptions> {
    mlflow(settings)?.source(name)
}

/// The runner, which handles imports from these servers, too.
pub(super) fn handled(runner: Runner, mlflow: Arc<Mlflow>) -> Runner {
    runner.with_handler(MLFLOW_IMPORT, move |running| {
        let mlflow = Arc::clone(&mlflow);
        async move { mlflow.import(running).await }
    })
}

/// The tracking servers of the settings.
pub(super) fn mlflow(settings: &Settings) -> Result<Mlflow> {
    let sources = settings.imports.mlflow.iter().map(|(name, said)| options(name, said));
    Ok(Mlflow::new(sources.collect::<Result<_>>()?))
}

fn options(name: &str, said: &MlflowSource) -> Result<MlflowOptions> {
    let from_file = |file: &str| {
        std::fs::read_to_string(file).map(|text| text.trim().to_owned()).map_err(|error| {
            Error::invalid("imports.mlflow", format!("`{file}` of `imports.mlflow.{name}` cannot be read: {error}"))
        })
    };
    let secret = match (said.token_file.as_str(), said.token.expose()) {
        ("", token) => token.to_owned(),
        (file, _) => from_file(file)?,
    };
    let credentials = match (said.username.as_str(), secret) {
        ("", secret) if secret.is_empty() => MlflowCredentials::Nothing,
        ("", secret) => MlflowCredentials::Token(secret),
        (user, secret) => MlflowCredentials::Password(user.to_owned(), secret),
    };
    Ok(MlflowOptions {
        name: name.to_owned(),
        url: said.url.as_str().to_owned(),
        credentials,
        workspace: said.workspace.clone(),
        verify_tls: said.verify_tls,
        ca_file: said.ca_file.clone(),
        timeout: Duration::from_secs(said.timeout_seconds.get().into()),
        deadline: Duration::from_secs(said.deadline_seconds.get().into()),
    })
}
