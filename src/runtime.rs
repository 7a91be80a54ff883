//! Builds the server and the commands from the settings.

mod accounts;
mod addresses;
mod administration;
mod announce;
mod geti;
mod issuers;
mod keys;
mod moving;
mod tls;
mod tracking_import;
mod upkeep;
mod webhooks;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::edge::EdgeOptions;
use crate::api::http::hosts::Hosts;
use crate::api::mlflow::Pages;
use crate::api::server;
use crate::blobs::{AccessKeys, Blobs, BlobsConfig, Location};
use crate::config::{AuditReads, PreparedStatements, Settings};
use crate::domain::access::Access;
use crate::domain::imports::{GETI_IMPORT, ModelRef, RemoteProject};
use crate::domain::{Actor, DamagedBlob, Error, Job, JobId, Result};
use crate::importers::geti::Geti;
use crate::jobs::{self, Runner};
use crate::memory::Memory;
use crate::registry::archive::Bounds;
use crate::registry::collected::Report;
use crate::registry::inspection::{REEVALUATE_MODEL, RescanProgress, RescanReport};
use crate::registry::policy::Policy;
use crate::registry::verify::{Verification, Verified};
use crate::registry::{Registry, RegistryOptions, RequestContext};
use crate::store::{self, Store};

use addresses::{bind, derived_url, is_tls};
pub use administration::administer;
use geti::geti_servers;
pub use issuers::issuers;
pub use moving::{OldDeployment, move_deployment};
pub use tls::tls_problems;
pub use tracking_import::{import_mlflow, mlflow_source};

/// How many damaged blobs one statement looks up.
const DAMAGED_BATCH: u32 = 200;

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
    let bound = listeners.http.as_ref().map(TcpListener::local_addr).transpose();
    let bound = bound.map_err(|error| Error::internal("a socket has no address").caused_by(error))?;
    if let Some(why) = bound.and_then(|bound| settings.server.public_url.unusable_for(bound)) {
        let url = settings.server.public_url.as_str();
        log::warn!("clients cannot use `server.public_url`, which is `{url}`: {why}");
    }
    let public_url = derived_url(settings, bound);
    let memory = Memory::new(settings.server.memory_bytes.get());
    let options = server::ServerOptions {
        workers: settings.server.workers,
        shutdown_grace: Duration::from_secs(settings.server.shutdown_grace_seconds),
        json_limit_bytes: settings.server.json_limit_bytes.get(),
        max_message_bytes: settings.server.grpc_max_message_bytes.get(),
        hosts: Hosts::new(public_url.as_str(), &settings.server.allowed_hosts.0),
        memory: memory.clone(),
        authentication: accounts::authentication(settings)?,
        grpc_principal: non_empty(&settings.grpc.principal),
        edge: edge(settings)?,
        mlflow_pages: mlflow_pages(settings)?,
        tls: tls::listeners(settings)?,
        settings: settings
            .redacted_json()
            .map_err(|error| Error::internal("the settings cannot be shown").caused_by(error))?,
    };
    announce::version();
    announce::who_may_connect(settings);
    if !settings.old_variables.is_empty() {
        log::info!("settings taken from the edge registry's variables: {}", settings.old_variables.join(", "));
    }
    let interval = Duration::from_secs(settings.collector.interval_seconds);
    let grace = Duration::from_secs(settings.collector.grace_seconds);
    let counted = Duration::from_secs(settings.metrics.inventory_interval_seconds);
    let queue = job_options(settings);
    let geti = Arc::new(Geti::new(geti_servers(settings))?);
    let source = Arc::clone(&geti);
    let mlflow = Arc::new(tracking_import::mlflow(settings)?);
    let tracking_servers = mlflow.names();
    let sender = webhooks::sender(settings)?;
    let webhook_settings = settings.clone();
    let registry = async {
        let options = RegistryOptions {
            imports_from: Some(source),
            tracking_servers,
            webhook_sender: Some(sender),
            ..options_for(settings, bound)?
        };
        let registry = connect(settings, options, memory).await?;
        announce::data(settings);
        // The server starts anyway and reports that it is not ready, so that an operator can ask it for the reason.
        if let Err(error) = registry.upkeep.identify_store().await {
            log::error!("{error}");
        }
        accounts::bootstrap(settings, &registry).await?;
        Ok(registry)
    };
    let audit_kept = Duration::from_secs(u64::from(settings.audit.retention_days.get()) * 24 * 60 * 60);
    server::run(listeners, &options, registry, async move |registry, stop| {
        let runner = tracking_import::handled(runner(registry.clone(), queue, geti), mlflow);
        let deliveries = webhooks::runner(registry.clone(), &webhook_settings);
        let mut stopped = stop.clone();
        let repeated = async {
            let work = async {
                tokio::join!(
                    upkeep::collect_in_turns(&registry, interval, grace),
                    upkeep::count_inventory(&registry, counted),
                    upkeep::fold_usage(&registry),
                    upkeep::send_heartbeats(&registry),
                    accounts::write_audit(&registry),
                    accounts::record_uses(&registry),
                    accounts::remove_old_entries(&registry, audit_kept),
                    accounts::remove_ended_sessions(&registry),
                    webhooks::follow_feed(&registry, &webhook_settings),
                )
            };
            tokio::select! {
                _ = work => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        };
        tokio::join!(runner.run(stop.clone()), deliveries.run(stop), repeated);
        accounts::write_waiting(&registry).await;
    })
}

/// The projects of a Geti server.
pub fn geti_projects(settings: &Settings, server: Option<&str>) -> Result<Vec<RemoteProject>> {
    runtime()?.block_on(async {
        let (registry, _) = importing(settings).await?;
        registry.imports.geti_projects(&as_command(&registry, "import"), server).await
    })
}

/// Enqueues an import from Geti.
pub fn start_import(settings: &Settings, server: Option<&str>, project: String, models: Vec<ModelRef>) -> Result<Job> {
    runtime()?.block_on(async {
        let (registry, _) = importing(settings).await?;
        registry.imports.start_import(&as_command(&registry, "import"), server, project, models).await
    })
}

/// The newest imports.
pub fn list_imports(settings: &Settings) -> Result<Vec<Job>> {
    runtime()?.block_on(async {
        let (registry, _) = importing(settings).await?;
        registry.jobs.list_jobs(&as_command(&registry, "import"), GETI_IMPORT, None, 100).await
    })
}

/// Cancels an import.
pub fn cancel_import(settings: &Settings, id: JobId) -> Result<Job> {
    runtime()?.block_on(async {
        let (registry, _) = importing(settings).await?;
        registry.jobs.cancel_job(&as_command(&registry, "import"), GETI_IMPORT, id).await
    })
}

/// Waits until an import has ended, and runs the queue meanwhile.
pub fn watch_import(settings: &Settings, id: JobId, mut progress: impl FnMut(&Job)) -> Result<Job> {
    runtime()?.block_on(async {
        let (registry, geti) = importing(settings).await?;
        let runner = runner(registry.clone(), jobs::RunnerOptions { workers: 1, ..job_options(settings) }, geti);
        let context = as_command(&registry, "import");
        let (stop, stopped) = watch::channel(false);
        let watching = async {
            let ended = loop {
                match registry.jobs.get_job(&context, GETI_IMPORT, id).await {
                    Ok(job) if !job.state.is_final() => progress(&job),
                    ended => break ended,
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            stop.send_replace(true);
            ended
        };
        tokio::join!(runner.run(stopped), watching).1
    })
}

/// The context of a command of that name.
fn as_command(registry: &Registry, name: &str) -> RequestContext {
    registry.context(Actor::anonymous(name), Access::unrestricted())
}

/// A registry that imports, for a command.
async fn importing(settings: &Settings) -> Result<(Registry, Arc<Geti>)> {
    let geti = Arc::new(Geti::new(geti_servers(settings))?);
    let source = Arc::clone(&geti);
    let options = RegistryOptions { imports_from: Some(source), ..registry_options(settings)? };
    Ok((open(settings, options).await?, geti))
}

fn runner(registry: Registry, options: jobs::RunnerOptions, geti: Arc<Geti>) -> Runner {
    Runner::new(registry, options)
        .with_handler(GETI_IMPORT, move |running| {
            let geti = Arc::clone(&geti);
            async move { geti.import(running).await }
        })
        .with_handler(REEVALUATE_MODEL, |running| async move {
            let registry = running.registry.clone();
            // What follows from a change is done, whatever became of whoever made that.
            let actor = Actor::new(running.job.actor.clone(), format!("job-{}", running.job.id));
            let context = registry.context(actor, Access::of_server());
            registry.inspections.reevaluate_model(&context, running).await
        })
}

fn job_options(settings: &Settings) -> jobs::RunnerOptions {
    let said = &settings.jobs;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    jobs::RunnerOptions {
        workers: said.workers,
        lease: seconds(said.lease_seconds.get()),
        attempts: said.attempts.get(),
        backoff: seconds(said.backoff_seconds),
        retention: seconds(said.keep_seconds),
    }
}

fn edge(settings: &Settings) -> Result<EdgeOptions> {
    let options = EdgeOptions {
        check_archives: settings.edge.check_archives,
        form_limit_bytes: settings.server.json_limit_bytes.get(),
        principal: non_empty(&settings.edge.principal),
        workspace: non_empty(&settings.edge.workspace),
        ..EdgeOptions::default()
    };
    Ok(match settings.artifacts.store.as_str().parse()? {
        Location::S3(s3) => EdgeOptions { bucket: s3.bucket, ..options },
        Location::Local(_) => options,
    })
}

/// The files of MLflow's own UI.
fn mlflow_pages(settings: &Settings) -> Result<Pages> {
    let folder = &settings.mlflow.static_dir;
    if folder.as_os_str().is_empty() { Ok(Pages::default()) } else { Pages::in_folder(folder) }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Runs the collector once.
pub fn collect(settings: &Settings, grace: Duration, dry_run: bool) -> Result<Report> {
    runtime()?.block_on(async {
        let registry = open(settings, registry_options(settings)?).await?;
        registry.upkeep.collect(&registry.own_context(), grace, dry_run).await
    })
}

/// Reads all stored bytes again and compares them with their digests; then passes what is missing or damaged to `wrong`.
pub fn verify(
    settings: &Settings,
    how: Verification,
    progress: impl FnMut(Verified) + Send,
    mut wrong: impl FnMut(&DamagedBlob),
) -> Result<Verified> {
    runtime()?.block_on(async {
        let registry = open(settings, registry_options(settings)?).await?;
        let context = registry.own_context();
        let verified = registry.upkeep.verify(&context, how, progress).await?;
        let mut after = 0;
        loop {
            let found = registry.upkeep.damaged(&context, after, DAMAGED_BATCH).await?;
            let Some(last) = found.last() else { return Ok(verified) };
            after = last.blob.id;
            found.iter().for_each(&mut wrong);
        }
    })
}

/// Reevaluates all files; with `read`, first reads those that this build has not read.
pub fn rescan(settings: &Settings, read: bool, progress: impl FnMut(RescanProgress) + Send) -> Result<RescanReport> {
    runtime()?.block_on(async {
        let registry = open(settings, registry_options(settings)?).await?;
        registry.inspections.rescan(&as_command(&registry, "rescan"), read, progress).await
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

/// The registry's options that the settings say.
fn registry_options(settings: &Settings) -> Result<RegistryOptions> {
    let said = &settings.artifacts;
    Ok(RegistryOptions {
        public_url: settings.server.public_url.as_str().to_owned(),
        policy: policy(settings),
        redirect: said.redirect_seconds.duration(),
        direct_uploads: said.direct_upload_seconds.duration(),
        admins: accounts::admins(&settings.auth)?,
        session_times: accounts::session_times(&settings.auth.sessions),
        is_audit_strict: settings.audit.reads == AuditReads::Strict,
        webhook_pause: Duration::from_secs(settings.webhooks.backoff_seconds.into()),
        resumable_expiry: Duration::from_secs(said.upload_expiry_seconds.get()),
        unpack_bounds: Bounds {
            members: said.unpack_max_members.get(),
            bytes: said.unpack_max_bytes.get(),
            ratio: said.unpack_max_ratio.get(),
        },
        ..RegistryOptions::default()
    })
}

/// The same for an HTTP listener at that address.
fn options_for(settings: &Settings, bound: Option<SocketAddr>) -> Result<RegistryOptions> {
    Ok(RegistryOptions {
        public_url: derived_url(settings, bound).as_str().to_owned(),
        follows_hosts: bound.filter(|_| settings.server.public_url.is_empty()).map(|bound| bound.port()),
        is_tls: is_tls(settings),
        ..registry_options(settings)?
    })
}

/// Opens the database and the object store, and checks that they belong together.
async fn open(settings: &Settings, options: RegistryOptions) -> Result<Registry> {
    let memory = Memory::new(settings.server.memory_bytes.get());
    let registry = connect(settings, options, memory).await?;
    registry.upkeep.identify_store().await?;
    Ok(registry)
}

/// Opens the database and the object store; SQLite's tables, and PostgreSQL's where that is asked for, are migrated.
async fn connect(settings: &Settings, options: RegistryOptions, memory: Memory) -> Result<Registry> {
    let store = store::StoreOptions {
        location: settings.database.url.as_str().parse()?,
        pool_size: settings.database.pool_size.get(),
        acquire_timeout: Duration::from_millis(settings.database.acquire_timeout_ms.get()),
        answer_timeout: Duration::from_millis(settings.database.answer_timeout_ms.get()),
        prepared_statements: match settings.database.prepared_statements {
            PreparedStatements::Auto => store::PreparedStatements::Auto,
            PreparedStatements::On => store::PreparedStatements::On,
            PreparedStatements::Off => store::PreparedStatements::Off,
        },
    };
    if settings.database.migrate_on_start || matches!(store.location, store::Location::Sqlite(_)) {
        announce::migrations(&store::migrate(&store.location)?);
    }
    let store = Store::open(&store)?;
    let config = BlobsConfig {
        location: settings.artifacts.store.as_str().parse()?,
        create_bucket: settings.artifacts.create_bucket,
    };
    let blobs = Blobs::open_with(&config, access_keys(settings)?.as_ref()).await?.within(memory);
    Ok(Registry::new(store, blobs, options))
}

fn access_keys(settings: &Settings) -> Result<Option<AccessKeys>> {
    let (id, secret) = (settings.artifacts.access_key.clone(), settings.artifacts.secret_key.expose().to_owned());
    match (id.is_empty(), secret.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(AccessKeys { id, secret })),
        _ => {
            let message = "`artifacts.access_key` and `artifacts.secret_key` go together only";
            Err(Error::invalid("artifacts.access_key", message))
        }
    }
}
