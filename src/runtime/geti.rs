//! The Geti servers of the settings.

use std::time::Duration;

use crate::config::{GetiServer, Settings};
use crate::importers::geti::GetiOptions;

/// The servers of the settings by name, the one without a name first.
pub(super) fn geti_servers(settings: &Settings) -> Vec<GetiOptions> {
    let named = |name: &str, said: &GetiServer| GetiOptions {
        name: name.to_owned(),
        url: said.url.as_str().to_owned(),
        token: said.token.expose().to_owned(),
        token_file: said.token_file.clone(),
        api_version: said.api_version.as_str().to_owned(),
        organization: said.organization_id.clone(),
        workspace: said.workspace_id.clone(),
        verify_tls: said.verify_tls,
        ca_file: said.ca_file.clone(),
        timeout: Duration::from_secs(said.timeout_seconds.get().into()),
        deadline: Duration::from_secs(said.deadline_seconds.get().into()),
    };
    let main = settings.geti.main();
    let first = (!main.url.as_str().is_empty()).then(|| named("default", &main));
    first.into_iter().chain(settings.geti.servers.iter().map(|(name, said)| named(name, said))).collect()
}
