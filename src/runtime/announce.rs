//! What a server says at its start, a line each: its version, who may use it, its migrations, where its data is. Where it listens
//! is said by the listeners themselves. All of it is said by `modelport`, whichever module does.

use crate::config::{AuthMode, Listen, Settings};

/// Which build this is.
pub(super) fn version() {
    log::info!(target: "modelport", "modelport {}", env!("CARGO_PKG_VERSION"));
}

/// Whom the listeners leave in, which is a warning where that is more than this machine.
pub(super) fn who_may_connect(settings: &Settings) {
    let server = &settings.server;
    let [_, grpc, edge] = settings.tls_files();
    if settings.auth.mode == AuthMode::On {
        let issuers: Vec<&str> = settings.auth.issuers.keys().map(String::as_str).collect();
        let believed =
            if issuers.is_empty() { String::new() } else { format!(", and those of {}", issuers.join(", ")) };
        log::info!(target: "modelport", "everybody may do what was granted to them; tokens of this registry are accepted{believed}");
        return;
    }
    let listeners =
        [(server.listen, false), (server.grpc_listen, grpc.asks_clients()), (server.edge_listen, edge.asks_clients())];
    for (listen, knows_clients) in listeners {
        let Listen::At(address) = listen else { continue };
        if knows_clients {
            log::info!(
                target: "modelport",
                "whoever has a certificate of its authorities can read, change and remove everything on {address}"
            );
        } else if listen.is_exposed() {
            log::warn!(
                target: "modelport",
                "no authentication on {address}: whoever reaches it can read, change and remove everything \
                 (`auth.allow_anybody`)"
            );
        }
    }
    if !listeners.into_iter().any(|(listen, _)| listen.is_exposed()) {
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
