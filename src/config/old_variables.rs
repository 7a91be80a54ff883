//! The environment variables of Intel's edge model registry 1.0.3, as settings: the layer right above the defaults.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The settings of the variables, with the variables that were used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OldVariables {
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) taken: Vec<&'static str>,
}

/// Every variable that counts.
const NAMES: [&str; 13] = [
    "SERVER_PORT",
    "SERVER_IP_ADDRESS",
    "ENABLE_HTTPS_MODE",
    "SERVER_CERT",
    "SERVER_PRIVATE_KEY",
    "CA_CERT",
    "MINIO_HOSTNAME",
    "MINIO_SERVER_PORT",
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MINIO_BUCKET_NAME",
    "MLFLOW_TRACKING_URI",
    "MIN_LOG_LEVEL",
];

/// Those of its importer, and what they are here.
const GETI: [(&str, &str); 6] = [
    ("GETI_HOST", "geti.url"),
    ("GETI_TOKEN", "geti.token"),
    ("GETI_SERVER_API_VERSION", "geti.api_version"),
    ("GETI_ORGANIZATION_ID", "geti.organization_id"),
    ("GETI_WORKSPACE_ID", "geti.workspace_id"),
    ("GETI_SERVER_SSL_VERIFY", "geti.verify_tls"),
];

/// Where authorities stand that the client of S3 trusts besides those of the system.
const AUTHORITIES: &str = "SSL_CERT_FILE";

impl OldVariables {
    /// Reads them; what is wrong with them is added to `problems`.
    pub(super) fn read(env: &[(OsString, OsString)], problems: &mut Vec<String>) -> Self {
        let known = env.iter().filter_map(|(name, value)| {
            let name = name.to_str()?;
            let mut known = NAMES.into_iter().chain(GETI.map(|(name, _)| name)).chain([AUTHORITIES]);
            Some((known.find(|known| *known == name)?, value.to_str()?.trim()))
        });
        let mut reader = Reader { env: known.collect(), found: Self::default(), problems };
        reader.listener();
        reader.services();
        reader.importer();
        reader.found
    }
}

struct Reader<'a> {
    env: BTreeMap<&'static str, &'a str>,
    found: OldVariables,
    problems: &'a mut Vec<String>,
}

impl<'a> Reader<'a> {
    /// The variable's value, which counts from here on.
    fn take(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.env.get(name).copied().filter(|value| !value.is_empty())?;
        if !self.found.taken.contains(&name) {
            self.found.taken.push(name);
        }
        Some(value)
    }

    fn needed(&mut self, name: &'static str, by: &str) -> String {
        let value = self.take(name);
        if value.is_none() {
            self.problems.push(format!("variable `{name}` is not set, though {by} is"));
        }
        value.unwrap_or_default().to_owned()
    }

    fn set(&mut self, setting: &'static str, value: impl Into<String>) {
        self.found.settings.push((setting, value.into()));
    }

    fn listener(&mut self) {
        // Kubernetes sets a variable of this name for pods beside a service called `server`.
        if self.env.get("SERVER_PORT").is_some_and(|port| !port.contains("://"))
            && let Some(port) = self.take("SERVER_PORT")
        {
            let address = self.take("SERVER_IP_ADDRESS").unwrap_or("127.0.0.1");
            self.set("server.edge_listen", format!("{address}:{port}"));
        }
        if self.is_https() {
            let certificate = self.needed("SERVER_CERT", "`ENABLE_HTTPS_MODE`");
            let key = self.needed("SERVER_PRIVATE_KEY", "`ENABLE_HTTPS_MODE`");
            self.set("edge.certificate", certificate);
            self.set("edge.private_key", key);
        }
    }

    /// Whether the listener and MinIO speak TLS. The old service took that for granted where nothing was said; here a
    /// certificate has to be there.
    fn is_https(&mut self) -> bool {
        let has = |name| self.env.get(name).is_some_and(|value| !value.is_empty());
        let has_both = has("SERVER_CERT") && has("SERVER_PRIVATE_KEY");
        let Some(said) = self.env.get("ENABLE_HTTPS_MODE").copied() else { return has_both };
        self.take("ENABLE_HTTPS_MODE");
        let truth = if said.is_empty() { Some(true) } else { truth(said) };
        truth.unwrap_or_else(|| {
            self.problems.push(format!("variable `ENABLE_HTTPS_MODE` is `{said}`, expected `true` or `false`"));
            false
        })
    }

    /// The services below. Others set variables of these names too: they count only beside MinIO's.
    fn services(&mut self) {
        let Some(host) = self.take("MINIO_HOSTNAME") else { return };
        let by = "`MINIO_HOSTNAME`";
        let port = self.needed("MINIO_SERVER_PORT", by);
        let bucket = self.needed("MINIO_BUCKET_NAME", by);
        let (id, secret) = (self.needed("MINIO_ACCESS_KEY", by), self.needed("MINIO_SECRET_KEY", by));
        let is_https = self.is_https();
        let scheme = if is_https { "https" } else { "http" };
        self.set(
            "artifacts.store",
            format!("s3://{bucket}?endpoint={scheme}://{host}:{port}&region=us-east-1&path_style=true"),
        );
        self.set("artifacts.create_bucket", "true");
        self.set("artifacts.access_key", id);
        self.set("artifacts.secret_key", secret);
        if is_https && self.take("CA_CERT").is_some() && !self.env.contains_key(AUTHORITIES) {
            let problem =
                format!("variable `CA_CERT`: name its file in `{AUTHORITIES}`, where authorities for MinIO are read");
            self.problems.push(problem);
        }
        let database = self.env.get("MLFLOW_TRACKING_URI").copied().and_then(postgres_url);
        if let Some(url) = database {
            self.take("MLFLOW_TRACKING_URI");
            self.set("database.url", url);
            self.set("database.migrate_on_start", "true");
        }
        if let Some(level) = self.take("MIN_LOG_LEVEL") {
            let level = match level.to_ascii_uppercase().as_str() {
                "DEBUG" | "NOTSET" => "debug",
                "WARNING" | "WARN" => "warn",
                "ERROR" | "CRITICAL" | "FATAL" => "error",
                _ => "info",
            };
            self.set("log.level", level);
        }
    }

    fn importer(&mut self) {
        for (name, setting) in GETI {
            let Some(value) = self.take(name) else { continue };
            let value = match name {
                // The old service put it before a path as it was, but a host alone is what the name asks for.
                "GETI_HOST" if !value.contains("://") => format!("https://{value}"),
                "GETI_SERVER_SSL_VERIFY" => truth(value).map_or_else(|| value.to_owned(), |truth| truth.to_string()),
                _ => value.to_owned(),
            };
            self.set(setting, value);
        }
    }
}

/// The old service's words for true and false, whatever their case.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "1" => Some(true),
        "no" | "n" | "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

/// SQLAlchemy's URL of a PostgreSQL database, without the driver that it names; `None` for any other URL.
pub fn postgres_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let dialect = scheme.split('+').next()?;
    matches!(dialect, "postgresql" | "postgres").then(|| format!("postgres://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &[(&str, &str)]) -> (OldVariables, Vec<String>) {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut problems = Vec::new();
        (OldVariables::read(&env, &mut problems), problems)
    }

    #[test]
    fn what_others_set_is_left_alone() {
        for env in [
            &[("SERVER_PORT", "tcp://10.0.0.1:80")][..],
            &[("MLFLOW_TRACKING_URI", "postgresql://h/db")],
            &[("MIN_LOG_LEVEL", "DEBUG"), ("CA_CERT", "/ca")],
            &[("SERVER_CERT", "/cert")],
            &[("MINIO_HOSTNAME", "")],
        ] {
            assert_eq!(read(env), (OldVariables::default(), Vec::new()), "{env:?}");
        }
    }

    #[test]
    fn tls_needs_its_files() {
        let (_, problems) = read(&[("ENABLE_HTTPS_MODE", ""), ("SERVER_CERT", "/cert")]);
        assert_eq!(problems, ["variable `SERVER_PRIVATE_KEY` is not set, though `ENABLE_HTTPS_MODE` is"]);
        let both = [("SERVER_CERT", "/cert"), ("SERVER_PRIVATE_KEY", "/key")];
        assert_eq!(read(&both).0.settings.len(), 2);
        assert!(read(&[both[0], both[1], ("ENABLE_HTTPS_MODE", "No")]).0.settings.is_empty());
        assert_eq!(read(&[("ENABLE_HTTPS_MODE", "maybe")]).1.len(), 1);
    }
}
