//! Puts the rooms together as the settings say.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crate::api::edge::{Options as EdgeOptions, Tls};
use crate::api::server;
use crate::blobs::{AccessKeys, Blobs, BlobsConfig, Location};
use crate::config::{Listen, PublicUrl, Settings};
use crate::domain::policy::Policy;
use crate::domain::{Actor, Error, Result};
use crate::registry::collector::Report;
use crate::registry::inspection::{Progress, RescanReport};
use crate::registry::{Registry, wall_clock};
use crate::store::{self, Store};

/// Serves until the process is told to stop.
pub fn serve(settings: &Settings) -> Result<()> {
    let listeners = server::Listeners {
        http: bind(settings.server.listen)?,
        grpc: bind(settings.server.grpc_listen)?,
        edge: bind(settings.server.edge_listen)?,
    };
    if listeners.http.is_none() && listeners.grpc.is_none() && listeners.edge.is_none() {
        return Err(Error::invalid("server.listen", "every listener is switched off: there is nothing to serve"));
    }
    let public_url = match (&settings.server.public_url, &listeners.http) {
        (unset, Some(listener)) if unset.is_empty() => {
            let bound = listener.local_addr();
            PublicUrl::of_address(bound.map_err(|error| Error::internal("a socket has no address").caused_by(error))?)
        }
        (set, _) => set.clone(),
    };
    let options = server::Options {
        workers: settings.server.workers,
        shutdown_grace: Duration::from_secs(settings.server.shutdown_grace_seconds),
        json_limit_bytes: settings.server.json_limit_bytes.get(),
        max_message_bytes: settings.server.grpc_max_message_bytes.get(),
        edge: edge(settings)?,
        edge_tls: edge_tls(settings)?,
    };
    if !settings.old_variables.is_empty() {
        log::info!("settings taken from the edge registry's variables: {}", settings.old_variables.join(", "));
    }
    let interval = Duration::from_secs(settings.collector.interval_seconds);
    let grace = Duration::from_secs(settings.collector.grace_seconds);
    server::run(listeners, &options, open(settings, public_url.as_str()), async move |registry| {
        collect_now_and_then(&registry, interval, grace).await;
    })
}

fn edge(settings: &Settings) -> Result<EdgeOptions> {
    let options = EdgeOptions {
        check_archives: settings.edge.check_archives,
        form_limit_bytes: settings.server.json_limit_bytes.get(),
        ..EdgeOptions::default()
    };
    Ok(match settings.artifacts.store.as_str().parse()? {
        Location::S3(s3) => EdgeOptions { bucket: s3.bucket, ..options },
        Location::Local(_) => options,
    })
}

fn edge_tls(settings: &Settings) -> Result<Option<Tls>> {
    let (certificate, key) = (&settings.edge.certificate, &settings.edge.private_key);
    match (certificate.as_os_str().is_empty(), key.as_os_str().is_empty()) {
        (true, true) => Ok(None),
        (false, false) => {
            let read = |setting: &str, path: &Path| {
                std::fs::read(path).map_err(|error| {
                    Error::invalid(setting, format!("`{setting}`: `{}` cannot be read", path.display()))
                        .caused_by(error)
                })
            };
            Tls::from_pem(&read("edge.certificate", certificate)?, &read("edge.private_key", key)?).map(Some)
        }
        _ => Err(Error::invalid("edge.certificate", "`edge.certificate` and `edge.private_key` go together only")),
    }
}

fn bind(listen: Listen) -> Result<Option<TcpListener>> {
    let Listen::At(address) = listen else { return Ok(None) };
    let listener = TcpListener::bind(address)
        .map_err(|error| Error::unavailable(format!("cannot listen on `{address}`")).caused_by(error))?;
    Ok(Some(listener))
}

/// Runs the collector once.
pub fn collect(settings: &Settings, grace: Duration, dry_run: bool) -> Result<Report> {
    runtime()?.block_on(async {
        let registry = open(settings, settings.server.public_url.as_str()).await?;
        registry.collect(grace, dry_run).await
    })
}

/// Judges all files anew; with `read`, reads those first that this build has not read.
pub fn rescan(settings: &Settings, read: bool, progress: impl FnMut(Progress) + Send) -> Result<RescanReport> {
    runtime()?.block_on(async {
        let registry = open(settings, settings.server.public_url.as_str()).await?;
        registry.rescan(&Actor::anonymous("rescan"), read, progress).await
    })
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::internal("cannot start the runtime").caused_by(error))
}

fn policy(settings: &Settings) -> Policy {
    let said = &settings.policy;
    Policy {
        allowed_formats: said.allowed_formats.0.clone(),
        max_file_bytes: Some(settings.artifacts.max_file_bytes).filter(|limit| *limit > 0),
        acts: [said.info, said.warn, said.suspicious, said.danger],
        rules: said.rules.clone(),
    }
}

/// Opens the database and the object store; SQLite's tables, and PostgreSQL's where that is asked for, are migrated.
async fn open(settings: &Settings, public_url: &str) -> Result<Registry> {
    let options = store::Options {
        location: settings.database.url.as_str().parse()?,
        pool_size: settings.database.pool_size.get(),
        acquire_timeout: Duration::from_millis(settings.database.acquire_timeout_ms.get()),
    };
    if settings.database.migrate_on_start || matches!(options.location, store::Location::Sqlite(_)) {
        for migration in store::migrate(&options.location)? {
            log::info!(migration = migration.as_str(); "migration applied");
        }
    }
    let store = Store::open(&options)?;
    let config = BlobsConfig {
        location: settings.artifacts.store.as_str().parse()?,
        create_bucket: settings.artifacts.create_bucket,
    };
    let blobs = Blobs::open_with(&config, access_keys(settings)?.as_ref()).await?;
    let redirect = settings.artifacts.redirect_seconds.duration();
    let expiry = Duration::from_secs(settings.artifacts.upload_expiry_seconds.get());
    let registry = Registry::new(store, blobs, wall_clock(), public_url, policy(settings));
    Ok(registry.redirecting(redirect).with_resumable_expiry(expiry))
}

fn access_keys(settings: &Settings) -> Result<Option<AccessKeys>> {
    let (id, secret) = (settings.artifacts.access_key.clone(), settings.artifacts.secret_key.as_str().to_owned());
    match (id.is_empty(), secret.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(AccessKeys { id, secret })),
        _ => {
            let message = "`artifacts.access_key` and `artifacts.secret_key` go together only";
            Err(Error::invalid("artifacts.access_key", message))
        }
    }
}

async fn collect_now_and_then(registry: &Registry, interval: Duration, grace: Duration) {
    if interval.is_zero() {
        return;
    }
    loop {
        tokio::time::sleep(interval).await;
        match registry.collect(grace, false).await {
            Ok(report) if report == Report::default() => log::debug!("nothing to collect"),
            Ok(report) => log::info!(
                uploads = report.abandoned_uploads,
                expired = report.expired_uploads,
                blobs = report.unreferenced_blobs,
                objects = report.orphan_objects,
                bytes = report.unreferenced_bytes + report.orphan_bytes;
                "collected what nothing needs"
            ),
            Err(error) => log::warn!(error = error.to_string().as_str(); "collector stopped early"),
        }
    }
}
