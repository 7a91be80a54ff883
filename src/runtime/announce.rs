//! What a server says at its start, a line each: its version, who may use it, its migrations, where its data is. Where it listens
//! is said by the listeners themselves. All of it is said by `modelport`, whichever module does.

use crate::config::{Listen, Server, Settings};

/// Which build this is.
pub(super) fn version() {
    log::info!(target: "modelport", "modelport {}", env!("CARGO_PKG_VERSION"));
}

/// Whom the listeners leave in, which is a warning where that is more than this machine.
pub(super) fn who_may_connect(server: &Server) {
    let listeners = [server.listen, server.grpc_listen, server.edge_listen];
    for listen in listeners {
        if let Listen::At(address) = listen
            && listen.is_exposed()
        {
            log::warn!(
                target: "modelport",
                "no authentication on {address}: whoever reaches it can read, change and remove everything \
                 (`auth.allow_anybody`)"
            );
        }
    }
    if !listeners.into_iter().any(Listen::is_exposed) {
        log::info!(target: "modelport", "no authentication: everybody on this machine can read, change and remove everything");
    }
}

/// Which migrations were applied, where there were any.
pub(super) fn migrations(applied: &[String]) {
    match applied {
        [] => {}
        [only] => log::info!(target: "modelport", "applied the migration `{only}`"),
        [first, .., last] => {
            log::info!(target: "modelport", "applied {} migrations, `{first}` to `{last}`", applied.len())
        }
    }
}

/// Where metadata and bytes are, without passwords.
pub(super) fn data(settings: &Settings) {
    let (database, store) = (&settings.database.url, &settings.artifacts.store);
    log::info!(target: "modelport", "metadata in {database}, files in {store}");
}
