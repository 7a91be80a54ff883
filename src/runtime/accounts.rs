//! Accounts: who is believed, the first administrator, and what is written of them from time to time.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::issuers::issuers;
use super::keys::keys;
use crate::api::http::authentication::{Authentication, Credentials, TrustedProxy};
use crate::api::http::limits::{RequestLimits, RequestRates};
use crate::api::http::source::Proxies;
use crate::config::{Auth, AuthMode, Sessions, Settings};
use crate::domain::access::{BootstrapToken, NamedAdmin, SessionTimes};
use crate::domain::{Error, Result};
use crate::registry::access::Bootstrap;
use crate::registry::{Registry, wall_clock};

/// The file below `data.dir` with the token by which the first administrator is made.
const BOOTSTRAP_FILE: &str = "bootstrap-token";

/// How often what waits for the audit trail is written.
const WRITTEN: Duration = Duration::from_secs(1);

/// How often it is noted which accounts and tokens are used.
const NOTED: Duration = Duration::from_secs(60);

/// How often old entries are removed from the audit trail, and sessions that have ended.
const REMOVED: Duration = Duration::from_secs(60 * 60);

/// How often a replica asks whether it is its turn to remove them.
const TURN: Duration = Duration::from_secs(60);

/// Who is believed, and for what.
pub(super) fn authentication(settings: &Settings) -> Result<Authentication> {
    let (auth, limits) = (&settings.auth, &settings.limits);
    let rates = RequestRates {
        of_principal: NonZeroU32::new(limits.principal_requests_per_second),
        of_peer: NonZeroU32::new(limits.peer_requests_per_second),
        burst_seconds: limits.burst_seconds,
        failed_logins: NonZeroU32::new(limits.failed_logins_per_minute),
    };
    let (limits, proxies) = (RequestLimits::new(rates), proxies(auth));
    if auth.mode == AuthMode::Off {
        return Ok(Authentication::default().behind(proxies).limited_by(limits));
    }
    let issuers = issuers(auth, wall_clock())?;
    let issuers = (!issuers.is_empty()).then_some(issuers);
    let proxy = (!auth.proxy.peers.is_empty()).then(|| TrustedProxy {
        at: proxies.clone(),
        user_header: auth.proxy.user_header.as_str().to_owned(),
        groups_header: auth.proxy.groups_header.as_str().to_owned(),
        token_header: auth.proxy.token_header.as_str().to_owned(),
        secret_header: auth.proxy.secret_header.as_str().to_owned(),
        secret: auth.proxy.secret.expose().to_owned(),
    });
    Ok(Authentication::by(Credentials { issuers, proxy, keys: keys(settings)? }).behind(proxies).limited_by(limits))
}

/// Where the trusted proxy is.
fn proxies(auth: &Auth) -> Proxies {
    let peers: Vec<_> = auth.proxy.peers.iter().map(|network| network.0).collect();
    Proxies::at(move |address| peers.iter().any(|network| network.contains(&address)))
}

/// How long sessions of browsers last.
pub(super) fn session_times(said: &Sessions) -> SessionTimes {
    let seconds = |seconds: std::num::NonZeroU32| Duration::from_secs(seconds.get().into());
    SessionTimes {
        idle: seconds(said.idle_seconds),
        max: seconds(said.max_seconds),
        renewal: seconds(said.renewal_seconds),
        stale: seconds(said.stale_seconds),
    }
}

/// Who is an administrator whatever is bound.
pub(super) fn admins(auth: &Auth) -> Result<Vec<NamedAdmin>> {
    if auth.mode == AuthMode::Off {
        return Ok(Vec::new());
    }
    auth.admins.iter().map(|admin| admin.to_string().parse()).collect()
}

/// Makes it possible to become the first administrator, where there is none, and says how.
pub(super) async fn bootstrap(settings: &Settings, registry: &Registry) -> Result<()> {
    if settings.auth.mode == AuthMode::Off {
        return Ok(());
    }
    let given = settings.auth.bootstrap_token.token().map(BootstrapToken::expose);
    let file = settings.data.dir.join(BOOTSTRAP_FILE);
    match registry.accounts.bootstrap(&registry.own_context(), given).await? {
        Bootstrap::Made(token) => {
            write_secret(&file, token.expose())?;
            log::warn!(
                target: "modelport",
                "nobody is an administrator: the token in {} is one for an hour, until somebody is bound as one",
                file.display()
            );
        }
        Bootstrap::Given => log::warn!(
            target: "modelport",
            "nobody is an administrator: `auth.bootstrap_token` is one, until somebody is bound as one"
        ),
        Bootstrap::NotNeeded => match fs::remove_file(&file) {
            Ok(()) => log::info!(target: "modelport", "removed {}, which is of no use any more", file.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => log::warn!("{} could not be removed: {error}", file.display()),
        },
    }
    Ok(())
}

/// Writes a file that nobody but its owner reads.
pub(super) fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{secret}")
    };
    written()
        .map_err(|error| Error::internal(format!("a secret cannot be written to {}", path.display())).caused_by(error))
}

/// Writes what waits for the audit trail, until it is told to stop; and then what is left.
pub(super) async fn write_audit(registry: &Registry) {
    let context = registry.own_context();
    loop {
        registry.audit.wait_for_entries(&context).await;
        tokio::time::sleep(WRITTEN).await;
        write_waiting(registry).await;
    }
}

/// Writes what waits for the audit trail now.
pub(super) async fn write_waiting(registry: &Registry) {
    if let Err(error) = registry.audit.write_waiting(&registry.own_context()).await {
        log::warn!(error:%; "entries of the audit trail wait to be written");
    }
}

/// Notes from time to time which accounts and tokens are used.
pub(super) async fn record_uses(registry: &Registry) {
    loop {
        tokio::time::sleep(NOTED).await;
        if let Err(error) = registry.accounts.record_uses(&registry.own_context()).await {
            log::warn!(error:%; "it was not noted which accounts and tokens are used");
        }
    }
}

/// Removes old entries of the audit trail.
pub(super) async fn remove_old_entries(registry: &Registry, kept: Duration) {
    loop {
        // Asked more often than it is due, so that replicas which come and go do not put it off.
        tokio::time::sleep(TURN).await;
        match registry.upkeep.remove_old_audit_in_turn(&registry.own_context(), REMOVED, kept).await {
            Ok(None | Some(0)) => {}
            Ok(Some(removed)) => log::info!(removed; "removed old entries of the audit trail"),
            Err(error) => log::warn!(error:%; "old entries of the audit trail were not removed"),
        }
    }
}

/// Removes sessions of browsers that have ended.
pub(super) async fn remove_ended_sessions(registry: &Registry) {
    loop {
        tokio::time::sleep(TURN).await;
        match registry.upkeep.remove_ended_sessions_in_turn(&registry.own_context(), REMOVED).await {
            Ok(None | Some(0)) => {}
            Ok(Some(removed)) => log::info!(removed; "removed sessions that have ended"),
            Err(error) => log::warn!(error:%; "sessions that have ended were not removed"),
        }
    }
}
