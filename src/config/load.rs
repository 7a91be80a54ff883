//! The layers: built-in defaults, the file, the environment, flags. Every wrong value is named, not only the first.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Environment, File, FileFormat, Map, Source, Value, ValueKind};

use super::old_variables::OldVariables;
use super::{Auth, AuthMode, Listen, Settings, TlsFiles, mlflow, redact};

const DEFAULTS: &str = include_str!("../../config/default.toml");
const PREFIX: &str = "MODELPORT__";
const FILE_SUFFIX: &str = "__FILE";

/// The flags that set a setting; every subcommand takes them. No `Debug`: a URL may hold a password.
#[derive(Clone, Default, clap::Args)]
pub struct SettingsArgs {
    /// Settings file, in TOML
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of everything that the embedded set-up keeps
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Address of the HTTP listener, or `none`
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Address of the gRPC listener, or `none`
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub grpc_listen: Option<String>,
    /// Address of the edge registry's listener, or `none`
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub edge_listen: Option<String>,
    /// Serve anybody who can reach a listener that is not on loopback: there is no authentication
    #[arg(long, global = true)]
    pub allow_anybody: bool,
    /// `sqlite://PATH` or `postgres://…`
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// `file://DIR` or `s3://BUCKET/PREFIX?endpoint=…&region=…&path_style=true`
    #[arg(long, global = true, value_name = "URL")]
    pub artifact_store: Option<String>,
}

/// All errors of the settings, one line each; without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// One line for each wrong setting: its key, its value, where it was set, and what was wrong.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrong settings")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Problems {}

/// One source of settings with the name that its problems carry.
struct Layer {
    name: String,
    config: Config,
}

impl Settings {
    /// Reads all layers, checks every value in each of them, and derives what is empty.
    /// `env` is the process's environment, of which `MODELPORT__…` and the edge registry's variables count.
    pub fn load(args: &SettingsArgs, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Problems> {
        Self::load_and(args, env, |_, _| {})
    }

    /// Reads them for a server: settings that a server must not listen with are errors, too. `check_tls` says what is wrong with
    /// the files of a listener's TLS, a line each.
    pub fn load_to_serve(
        args: &SettingsArgs,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        check_tls: impl Fn(&TlsFiles, AuthMode) -> Vec<String>,
    ) -> Result<Self, Problems> {
        Self::load_and(args, env, |all, problems| {
            check_listeners(all, problems);
            let mode = all.get::<AuthMode>("auth.mode").unwrap_or(AuthMode::On);
            for files in TlsFiles::all(all) {
                let missing = files.problems();
                let wrong = if missing.is_empty() { check_tls(&files, mode) } else { missing };
                problems.extend(wrong);
            }
            problems.extend(mlflow::problem(all));
        })
    }

    /// `check` sees all layers together, among which may be wrong values that are problems already.
    fn load_and(
        args: &SettingsArgs,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        check_all: impl FnOnce(&Config, &mut Vec<String>),
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let env: Vec<_> = env.into_iter().collect();
        let (old, old_variables) = old_layer(&env, &mut problems)?;
        let mut layers = vec![old];
        let file = args.config.as_deref().map(file_layer).transpose();
        for layer in [file, env_layer(env, &mut problems).map(Some), flag_layer(args).map(Some)] {
            match layer {
                Ok(layer) => layers.extend(layer),
                Err(problem) => problems.push(problem),
            }
        }
        for layer in &layers {
            check(layer, &mut problems);
        }
        let all = layers.into_iter().fold(defaults(), |all, layer| all.add_source(layer.config));
        let all = all.build().map_err(|error| Problems(vec![format!("settings: {}", reason(error))]))?;
        check_all(&all, &mut problems);
        // Where a single value is wrong, that is a problem already.
        problems.extend(all.get::<Auth>("auth").iter().flat_map(Auth::problems));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let settings: Self =
            all.try_deserialize().map_err(|error| Problems(vec![format!("settings: {}", reason(error))]))?;
        Ok(Self { old_variables, ..settings.derive_empty() })
    }
}

fn defaults() -> config::ConfigBuilder<config::builder::DefaultState> {
    Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml))
}

/// The settings of the edge registry's own variables.
fn old_layer(env: &[(OsString, OsString)], problems: &mut Vec<String>) -> Result<(Layer, Vec<&'static str>), Problems> {
    let old = OldVariables::read(env, problems);
    let config =
        old.settings.into_iter().try_fold(Config::builder(), |config, (key, value)| config.set_override(key, value));
    let config = config.and_then(|config| config.build());
    let config = config.map_err(|error| Problems(vec![format!("the edge registry's variables: {}", reason(error))]))?;
    Ok((Layer { name: "the edge registry's variables".to_owned(), config }, old.taken))
}

fn file_layer(path: &Path) -> Result<Layer, String> {
    let name = format!("file `{}`", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    // Parsed here first: this error has a line number, and does not quote the line, which may hold a secret.
    toml::from_str::<toml::Table>(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("{name} is not TOML, line {}: {}", before.matches('\n').count() + 1, error.message())
    })?;
    let file = File::from_str(&text, FileFormat::Toml);
    let config = Config::builder().add_source(file).build().map_err(|error| format!("{name}: {}", reason(error)))?;
    Ok(Layer { name, config })
}

fn env_layer(env: impl IntoIterator<Item = (OsString, OsString)>, problems: &mut Vec<String>) -> Result<Layer, String> {
    let (mut values, mut files) = (Map::<String, String>::new(), Map::<String, String>::new());
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let Ok(value) = value.into_string() else {
            problems.push(format!("variable `{name}` is not UTF-8"));
            continue;
        };
        match name.strip_suffix(FILE_SUFFIX) {
            Some(setting) => files.insert(setting.to_owned(), value),
            None => values.insert(name.to_owned(), value),
        };
    }
    for (setting, path) in files {
        if values.contains_key(&setting) {
            problems.push(format!("variables `{setting}` and `{setting}{FILE_SUFFIX}` are both set"));
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let line = text.strip_suffix('\n').unwrap_or(&text);
                values.insert(setting, line.strip_suffix('\r').unwrap_or(line).to_owned());
            }
            Err(error) => problems.push(format!("variable `{setting}{FILE_SUFFIX}`: `{path}` cannot be read: {error}")),
        }
    }
    let source = Environment::with_prefix("MODELPORT").prefix_separator("__").separator("__").source(Some(values));
    let config = Config::builder().add_source(source).build().map_err(|error| format!("environment: {error}"))?;
    Ok(Layer { name: "environment".to_owned(), config })
}

fn flag_layer(args: &SettingsArgs) -> Result<Layer, String> {
    let flags = [
        ("data.dir", &args.data_dir),
        ("server.listen", &args.listen),
        ("server.grpc_listen", &args.grpc_listen),
        ("server.edge_listen", &args.edge_listen),
        ("database.url", &args.database_url),
        ("artifacts.store", &args.artifact_store),
    ];
    let config = flags
        .into_iter()
        .try_fold(Config::builder(), |config, (key, value)| config.set_override_option(key, value.clone()))
        .and_then(|config| config.set_override_option("auth.allow_anybody", args.allow_anybody.then_some(true)))
        .and_then(|config| config.build())
        .map_err(|error| format!("flags: {error}"))?;
    Ok(Layer { name: "flags".to_owned(), config })
}

/// Without authentication a listener that other machines can reach must be allowed explicitly.
fn check_listeners(all: &Config, problems: &mut Vec<String>) {
    let is_on = all.get::<AuthMode>("auth.mode").is_ok_and(|mode| mode == AuthMode::On);
    if is_on || all.get::<bool>("auth.allow_anybody").unwrap_or(false) {
        return;
    }
    let listeners = [("server.listen", "server.tls"), ("server.grpc_listen", "grpc"), ("server.edge_listen", "edge")];
    let tls = TlsFiles::all(all);
    for (key, section) in listeners {
        // Then nobody connects without a certificate.
        let knows_clients = tls.iter().any(|files| files.section == section && files.asks_clients());
        if let Ok(listen) = all.get::<Listen>(key)
            && listen.is_exposed()
            && !knows_clients
        {
            problems.push(format!(
                "`{key}` is `{}`, which is not loopback: whoever reaches it can read, change and remove everything, \
                 because there is no authentication; set `auth.mode = \"on\"`, or, if that is meant, `auth.allow_anybody = true` \
                 (MODELPORT__AUTH__ALLOW_ANYBODY=true, --allow-anybody)",
                String::from(listen)
            ));
        }
    }
}

/// Tries each value of the layer alone on top of the defaults, so that one wrong value does not hide the next.
fn check(layer: &Layer, problems: &mut Vec<String>) {
    let mut leaves = Vec::new();
    match layer.config.collect() {
        Ok(values) => values.into_iter().for_each(|(key, value)| flatten(key, value, &mut leaves)),
        Err(error) => problems.push(format!("{}: {}", layer.name, reason(error))),
    }
    leaves.sort_by(|(left, _), (right, _)| left.cmp(right));
    let known = defaults().build().unwrap_or_default();
    for (key, value) in leaves {
        let tried = defaults()
            .set_override(&key, value.clone())
            .and_then(|config| config.build())
            .and_then(Config::try_deserialize::<Settings>);
        let Err(error) = tried else { continue };
        let reason = reason(error);
        problems.push(match known.get::<Value>(&key) {
            Ok(_) => format!("`{key}` is `{}` ({}): {reason}", shown(&key, &value), layer.name),
            // An unknown key may be a misspelt secret: its value is not shown.
            Err(_) => format!("`{key}` ({}): {reason}", layer.name),
        });
    }
}

fn flatten(key: String, value: Value, leaves: &mut Vec<(String, Value)>) {
    match value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            table.into_iter().for_each(|(name, value)| flatten(format!("{key}.{name}"), value, leaves));
        }
        _ => leaves.push((key, value)),
    }
}

fn shown(key: &str, value: &Value) -> String {
    let text = value.to_string();
    match key {
        "database.url" | "artifacts.store" | "server.public_url" => redact::mask(&text),
        // A URL may hold a password, and a token is one.
        key if (key.starts_with("geti.") || key.starts_with("imports."))
            && (key.ends_with(".url") || key.ends_with(".token")) =>
        {
            redact::mask(&text)
        }
        "artifacts.secret_key" | "auth.bootstrap_token" | "auth.keys" | "auth.proxy.secret" => "***".to_owned(),
        key if key.starts_with("auth.") && key.ends_with("url") => redact::mask(&text),
        _ => text,
    }
}

/// What was wrong, without the key and the value, which the caller names.
fn reason(error: ConfigError) -> String {
    match error {
        ConfigError::At { error, .. } => reason(*error),
        ConfigError::Type { expected, .. } => format!("expected {expected}"),
        other => other.to_string(),
    }
}
