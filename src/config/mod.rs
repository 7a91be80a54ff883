//! The settings: what they are, where they come from, and how they are shown without their secrets.
//! Knows no other room but `domain`, and the rules of inspection by their ids: other rooms are passed the values they need.

mod auth;
mod egress;
mod geti;
mod host_names;
mod imports;
mod limits;
mod load;
mod mlflow;
mod old_variables;
mod public_url;
mod redact;
mod tls;
mod values;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use modelport_inspect::Rule;
use serde::{Deserialize, Serialize};

use crate::domain::policy::Act;
use values::from_words;

pub use auth::{
    Admin, Auth, AuthMode, HeaderName, Issuer, IssuerKind, IssuerUrl, KeysUrl, Kubernetes, KubernetesPolicy,
    KubernetesReview, Proxy, SealingKey, Sessions,
};
pub use egress::{Destination, Destinations, Egress, Webhooks};
pub use geti::{ApiVersion, Geti, GetiServer, ServerUrl};
pub use host_names::HostNames;
pub use imports::{Imports, MlflowSource};
pub use limits::Limits;
pub use load::{Problems, SettingsArgs};
pub use mlflow::Mlflow;
pub use old_variables::postgres_url;
pub use public_url::PublicUrl;
pub use tls::{ServerTls, TlsFiles};
pub use values::{
    ArtifactStore, DatabaseUrl, Formats, LinkSeconds, Listen, LogFilter, LogFormat, PreparedStatements, Secret,
};

/// All settings after all layers, with empty values derived. `config/default.toml` documents each.
///
/// Neither `Debug` nor serialization shows a secret.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder of the embedded set-up.
    pub data: Data,
    /// The listeners.
    pub server: Server,
    /// Authentication and authorization.
    pub auth: Auth,
    /// The metadata's database.
    pub database: Database,
    /// The object store.
    pub artifacts: Artifacts,
    /// The policy: allowed formats, and the action on findings.
    pub policy: Policy,
    /// ML Metadata's API.
    pub grpc: Grpc,
    /// The edge registry's API.
    pub edge: Edge,
    /// MLflow's API.
    pub mlflow: Mlflow,
    /// The audit trail.
    pub audit: Audit,
    /// How many requests callers may send.
    pub limits: Limits,
    /// The collector, which removes unused objects.
    pub collector: Collector,
    /// The verification of stored bytes against their digests.
    pub verify: Verify,
    /// The queue of background work.
    pub jobs: Jobs,
    /// Requests outward that clients can cause.
    pub egress: Egress,
    /// What is sent to webhooks.
    pub webhooks: Webhooks,
    /// The metrics.
    pub metrics: Metrics,
    /// The Geti servers that models are imported from.
    pub geti: Geti,
    /// The other servers that experiments, runs and models are imported from.
    pub imports: Imports,
    /// The log.
    pub log: Log,
    /// The variables of Intel's edge model registry that settings were taken from.
    #[serde(skip)]
    pub old_variables: Vec<&'static str>,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The folder of everything that the embedded set-up keeps.
    pub dir: PathBuf,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The HTTP listener's address.
    pub listen: Listen,
    /// The gRPC listener's address.
    pub grpc_listen: Listen,
    /// The address of the edge registry's listener.
    pub edge_listen: Listen,
    /// The public URL of this server; empty to use the `Host` of each request.
    pub public_url: PublicUrl,
    /// Further names that clients reach this server by.
    pub allowed_hosts: HostNames,
    /// Threads that serve HTTP, and as many that serve gRPC; 0 is one per core.
    pub workers: usize,
    /// How long requests under way may take to finish after SIGTERM.
    pub shutdown_grace_seconds: u64,
    /// The largest JSON body that is read.
    pub json_limit_bytes: NonZeroUsize,
    /// The largest gRPC message that is read or sent.
    pub grpc_max_message_bytes: NonZeroUsize,
    /// The memory for bodies, messages and parts of files together.
    pub memory_bytes: NonZeroUsize,
    /// The TLS of the HTTP listener.
    pub tls: ServerTls,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; never empty once loaded.
    pub url: DatabaseUrl,
    /// PostgreSQL's connections, SQLite's readers.
    pub pool_size: NonZeroU32,
    /// How long a request waits for a connection.
    pub acquire_timeout_ms: NonZeroU64,
    /// How long a request waits for the database's answer.
    pub answer_timeout_ms: NonZeroU64,
    /// Whether PostgreSQL's sessions keep prepared statements.
    pub prepared_statements: PreparedStatements,
    /// Whether `serve` migrates PostgreSQL at start.
    pub migrate_on_start: bool,
}

/// `[artifacts]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// `file://…` or `s3://…`; never empty once loaded.
    pub store: ArtifactStore,
    /// The id of the bucket's key; empty where AWS's variables say it.
    pub access_key: String,
    /// The bucket's key.
    pub secret_key: Secret,
    /// Whether a missing bucket is created at start.
    pub create_bucket: bool,
    /// The largest file that may be uploaded; 0 is no limit.
    pub max_file_bytes: u64,
    /// How long a link to S3 is valid that a client is sent to for a file; 0 is none.
    pub redirect_seconds: LinkSeconds,
    /// How long a link to S3 is valid by which a client sends bytes itself; 0 is none.
    pub direct_upload_seconds: LinkSeconds,
    /// How long a resumable upload is kept after its last byte.
    pub upload_expiry_seconds: NonZeroU64,
    /// The maximum number of files that one archive may unpack to.
    pub unpack_max_members: NonZeroU64,
    /// The maximum number of bytes that one archive may have, and may unpack to.
    pub unpack_max_bytes: NonZeroU64,
    /// How many times its own size an archive may unpack to.
    pub unpack_max_ratio: NonZeroU64,
}

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The formats that may be stored; none for every one.
    pub allowed_formats: Formats,
    /// The action on findings of severity `info`.
    pub info: Act,
    /// The action on findings of severity `warn`.
    pub warn: Act,
    /// The action on findings of severity `suspicious`.
    pub suspicious: Act,
    /// The action on findings of severity `danger`.
    pub danger: Act,
    /// The action on findings of single rules, which overrides these.
    pub rules: BTreeMap<Rule, Act>,
}

/// `[edge]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Whether a registered file must be a zip archive that can be unpacked without harm.
    pub check_archives: bool,
    /// The file of the listener's certificates; empty for no TLS.
    pub certificate: PathBuf,
    /// The file of the certificate's key.
    pub private_key: PathBuf,
    /// The file of the authorities of clients' certificates; empty to ask for none.
    pub client_ca: PathBuf,
    /// Whose requests these are, with accounts; empty for strangers'.
    pub principal: String,
    /// The workspace that its clients work in; empty for that of the principal.
    pub workspace: String,
}

/// `[grpc]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// The file of the listener's certificates; empty for no TLS.
    pub certificate: PathBuf,
    /// The file of the certificate's key.
    pub private_key: PathBuf,
    /// The file of the authorities of clients' certificates; empty to ask for none.
    pub client_ca: PathBuf,
    /// Whose calls those are, with accounts, that present nothing; empty for strangers'.
    pub principal: String,
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// When it is written that bytes were read.
    pub reads: AuditReads,
    /// How long entries are kept.
    pub retention_days: NonZeroU32,
}

/// When it is written that bytes were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum AuditReads {
    /// Soon after.
    Buffered,
    /// Before the first byte is sent.
    Strict,
}

from_words!(AuditReads, "expected `buffered` or `strict`", "buffered" => Buffered, "strict" => Strict);

/// `[collector]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// How often unused objects are looked for; 0 is never.
    pub interval_seconds: u64,
    /// How old an unused object must be to be removed.
    pub grace_seconds: u64,
}

/// `[verify]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// How many MiB are read in a second, at most; 0 is no limit.
    pub mib_per_second: u64,
}

/// `[jobs]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// How many jobs this server works on at once; 0 leaves them to other replicas.
    pub workers: usize,
    /// How long a job's lease lasts without a heartbeat.
    pub lease_seconds: NonZeroU32,
    /// The maximum number of attempts of a job.
    pub attempts: NonZeroU32,
    /// The pause before the second attempt; each one after that is twice as long.
    pub backoff_seconds: u32,
    /// How long finished jobs are kept.
    pub keep_seconds: u32,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// The interval at which the registry's contents are counted; 0 is never.
    pub inventory_interval_seconds: u64,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged, in env_logger's filter syntax.
    pub level: LogFilter,
    /// How a line looks.
    pub format: LogFormat,
}

impl Settings {
    /// The settings as TOML with every secret replaced by `***`: what `config print` shows.
    pub fn redacted(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The same as JSON, for those who administer the registry.
    pub fn redacted_json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }

    /// The files of the TLS of the HTTP, the gRPC and the edge listener.
    pub fn tls_files(&self) -> [TlsFiles; 3] {
        let files = |section, certificate: &PathBuf, key: &PathBuf, client_ca: &PathBuf| TlsFiles {
            section,
            certificate: certificate.clone(),
            private_key: key.clone(),
            client_ca: client_ca.clone(),
        };
        let [server, grpc, edge] = tls::SECTIONS;
        [
            files(server, &self.server.tls.certificate, &self.server.tls.private_key, &PathBuf::new()),
            files(grpc, &self.grpc.certificate, &self.grpc.private_key, &self.grpc.client_ca),
            files(edge, &self.edge.certificate, &self.edge.private_key, &self.edge.client_ca),
        ]
    }

    /// Derives empty settings from others.
    fn derive_empty(mut self) -> Self {
        let dir = self.data.dir.display();
        if self.database.url.is_empty() {
            self.database.url = DatabaseUrl::sqlite(format!("{dir}/modelport.db"));
        }
        if self.artifacts.store.is_empty() {
            self.artifacts.store = ArtifactStore::folder(format!("{dir}/artifacts"));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../config/default.toml");

    fn keys(text: &str) -> Vec<String> {
        let table: toml::Table = text.parse().unwrap();
        let mut keys: Vec<_> = table
            .iter()
            .flat_map(|(section, values)| {
                values.as_table().unwrap().keys().map(move |key| format!("{section}.{key}")).collect::<Vec<_>>()
            })
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn the_documented_file_has_exactly_the_fields() {
        let settings: Settings = toml::from_str(DOCUMENTED).unwrap();
        assert_eq!(keys(DOCUMENTED), keys(&settings.redacted().unwrap()));
    }

    #[test]
    fn every_documented_key_has_a_comment_above_it() {
        let lines: Vec<_> = DOCUMENTED.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ") && !pair[1].starts_with('#')) {
            assert!(pair[0].starts_with("# "), "no comment above `{}`", pair[1]);
        }
    }

    #[test]
    fn what_is_empty_is_derived() {
        let settings = Settings::load(&SettingsArgs::default(), []).unwrap();
        assert_eq!(settings.database.url.as_str(), "sqlite://./data/modelport.db");
        assert_eq!(settings.artifacts.store.as_str(), "file://./data/artifacts");
        // Each request says where its client reaches the server.
        assert!(settings.server.public_url.is_empty());
    }
}
