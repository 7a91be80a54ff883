//! The state of the server, for those who administer it.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::errors::ListModelsErrors;
use crate::domain::{PageSize, Result};
use crate::http::caller::Caller;
use crate::http::problem::{Problem, report};
use crate::registry::collected::Report;
use crate::registry::system::{Probe, Replica, SystemState};

/// What is known of the server besides its registry.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// The version of the build.
    pub version: &'static str,
    /// When the server started.
    pub started: Instant,
    /// The APIs that it speaks.
    pub doors: Vec<OpenDoor>,
    /// The largest body that is read as a whole, in bytes.
    pub max_body_bytes: usize,
    /// The settings in force, without their secrets.
    pub settings: Json,
}

/// An API that the server speaks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpenDoor {
    /// Whose API it is.
    pub name: &'static str,
    /// `http` or `grpc`.
    pub protocol: &'static str,
    /// The address that its listener is bound to; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether its listener speaks TLS.
    pub tls: bool,
}

/// Whether something that the server is built on can be used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeView {
    /// What it is: `sqlite`, `postgresql`, `local` or `s3`.
    pub kind: &'static str,
    /// Whether it answers as it should.
    pub reachable: bool,
    /// How long its answer took, in milliseconds.
    pub latency_ms: f64,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Connections to the database.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolView {
    /// What they are for.
    pub pool: &'static str,
    /// How many are open.
    pub open: u32,
    /// How many of those are idle.
    pub idle: u32,
    /// How many there may be.
    pub max: u32,
}

/// What the registry stores.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageView {
    /// When blobs and files were counted.
    pub counted_at: i64,
    /// How many objects are stored, each once however many files have its bytes.
    pub blobs: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// How many files there are.
    pub files: u64,
    /// The bytes of all files, each with its full size. What is stored is less where files have the same bytes.
    pub referenced_bytes: u64,
}

/// What the collector removed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovedView {
    /// Uploads that were abandoned.
    pub abandoned_uploads: u64,
    /// Resumable uploads that expired.
    pub expired_uploads: u64,
    /// Blobs that no file had any more.
    pub unreferenced_blobs: u64,
    /// Their bytes.
    pub unreferenced_bytes: u64,
    /// Objects in the store that nothing knew.
    pub orphan_objects: u64,
    /// Their bytes.
    pub orphan_bytes: u64,
}

/// The collector. What it removed is that of this process since it started; when it ended is that of all.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectorView {
    /// Whether a process is at it.
    pub running: bool,
    /// When the last pass of any process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ended_at: Option<i64>,
    /// How many passes this process has made.
    pub passes: u64,
    /// How many it could not end.
    pub failures: u64,
    /// What it removed by all of them.
    pub removed: RemovedView,
    /// What it removed by the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_removed: Option<RemovedView>,
}

/// How many blobs have something wrong with them.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamageCount {
    /// What: `missing` or `damaged`.
    pub damage: String,
    /// How many.
    pub blobs: u64,
}

/// The verification of stored bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationView {
    /// Whether a process is at it.
    pub running: bool,
    /// When the pass began that is under way or was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_at: Option<i64>,
    /// When the last pass over all blobs ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ended_at: Option<i64>,
    /// When the blob was read whose last reading is the longest ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_at: Option<i64>,
    /// Blobs that no pass has read yet.
    pub unverified_blobs: u64,
    /// Blobs that were missing or damaged when they were last read.
    pub damaged: Vec<DamageCount>,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobCountView {
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: String,
    /// How many.
    pub jobs: u64,
}

/// A process that serves the registry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaView {
    /// Its id, another one each time that it is started.
    pub id: String,
    /// The version of its build.
    pub version: String,
    /// When it started.
    pub started_at: i64,
    /// When it said last that it is there, which it does every half a minute.
    pub seen_at: i64,
    /// Whether it is the one that answers.
    pub this: bool,
}

/// The limits of requests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsView {
    /// The largest file that may be uploaded, in bytes; absent where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<u64>,
    /// The largest body that is read as a whole, in bytes. Uploads are none.
    pub max_body_bytes: usize,
    /// The most items of a page.
    pub max_page_size: u32,
}

/// The state of the server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemView {
    /// The version of the build.
    pub version: &'static str,
    /// For how long the process has been serving, in seconds.
    pub uptime_seconds: u64,
    /// The database.
    pub database: ProbeView,
    /// The object store.
    pub object_store: ProbeView,
    /// The connections of this process to the database.
    pub connections: Vec<PoolView>,
    /// What is stored.
    pub storage: StorageView,
    /// The removal of what nothing needs.
    pub collector: CollectorView,
    /// The verification of stored bytes.
    pub verification: VerificationView,
    /// The queue.
    pub jobs: Vec<JobCountView>,
    /// The processes that said in the last ten minutes that they serve the registry, those that started first before the others.
    pub replicas: Vec<ReplicaView>,
    /// The APIs that the server speaks.
    pub doors: Vec<OpenDoor>,
    /// The limits of requests.
    pub limits: LimitsView,
    /// The settings in force, by section; secrets are `***`.
    #[schema(value_type = Object)]
    pub settings: Json,
}

impl From<&Probe> for ProbeView {
    fn from(probe: &Probe) -> Self {
        Self {
            kind: probe.kind,
            reachable: probe.answer.is_ok(),
            latency_ms: millis(probe.took),
            detail: probe.answer.as_ref().err().map(|error| report(error).to_owned()),
        }
    }
}

impl From<Report> for RemovedView {
    fn from(report: Report) -> Self {
        let Report {
            abandoned_uploads,
            expired_uploads,
            unreferenced_blobs,
            unreferenced_bytes,
            orphan_objects,
            orphan_bytes,
        } = report;
        Self {
            abandoned_uploads,
            expired_uploads,
            unreferenced_blobs,
            unreferenced_bytes,
            orphan_objects,
            orphan_bytes,
        }
    }
}

impl From<Replica> for ReplicaView {
    fn from(replica: Replica) -> Self {
        let Replica { id, version, started_at, seen_at, is_this } = replica;
        Self { id, version, started_at, seen_at, this: is_this }
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

impl SystemView {
    fn new(facts: &ServerFacts, state: SystemState, max_file_bytes: Option<u64>) -> Self {
        let (counted_at, held) = state.counted;
        let damaged = held.damaged_blobs.into_iter().map(|(damage, blobs)| DamageCount { damage, blobs });
        let pools = state.pools.into_iter();
        Self {
            version: facts.version,
            uptime_seconds: facts.started.elapsed().as_secs(),
            database: ProbeView::from(&state.database),
            object_store: ProbeView::from(&state.object_store),
            connections: pools
                .map(|pool| PoolView { pool: pool.name, open: pool.open, idle: pool.idle, max: pool.max })
                .collect(),
            storage: StorageView {
                counted_at,
                blobs: held.blobs,
                stored_bytes: held.blob_bytes,
                files: held.files,
                referenced_bytes: state.file_bytes,
            },
            collector: CollectorView {
                running: state.collector.is_running,
                last_ended_at: state.collector.ended_at,
                passes: state.collected.passes,
                failures: state.collected.failures,
                removed: state.collected.removed.into(),
                last_removed: state.collected.last.map(RemovedView::from),
            },
            verification: VerificationView {
                running: state.verification.is_running,
                began_at: state.verification.began_at,
                last_ended_at: state.verification.ended_at,
                oldest_at: held.oldest_verification,
                unverified_blobs: held.unverified_blobs,
                damaged: damaged.collect(),
            },
            jobs: state
                .jobs
                .into_iter()
                .map(|count| JobCountView { kind: count.kind, state: count.state, jobs: count.jobs })
                .collect(),
            replicas: state.replicas.into_iter().map(ReplicaView::from).collect(),
            doors: facts.doors.clone(),
            limits: LimitsView { max_file_bytes, max_body_bytes: facts.max_body_bytes, max_page_size: PageSize::MAX },
            settings: facts.settings.clone(),
        }
    }
}

/// Shows the state of the server: what it is built on and how quickly that answers, what is stored, what the collector and the
/// verification found, the queue, the APIs that are open, and the settings in force. Needs `manage` in the registry.
#[utoipa::path(
    get, path = "/system", operation_id = "getSystem", tag = "administration",
    responses((status = 200, description = "The state.", body = SystemView), ListModelsErrors),
)]
pub async fn get_system(caller: Caller, facts: Data<ServerFacts>) -> Result<HttpResponse, Problem> {
    let state = caller.registry.upkeep.system(&caller.context).await?;
    Ok(HttpResponse::Ok().json(SystemView::new(&facts, state, caller.registry.max_file_bytes())))
}
