//! `modelport import mlflow`: brings in what another MLflow tracking server has. Runs beside a server or without one, and again whenever
//! it was cut off, or to bring in what is new.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::{Outcome, load};
use crate::config::SettingsArgs;
use crate::domain::imports::mlflow::{ImportRemark, ImportedKind, MlflowImport, MlflowReport};
use crate::importers::mlflow::{MlflowCredentials, MlflowOptions, OnProgress, OnRemark};
use crate::runtime::{import_mlflow, mlflow_source};
use crate::telemetry;

/// How often progress is printed where nobody watches, and where somebody does.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
const WATCHED_INTERVAL: Duration = Duration::from_millis(200);

/// How long the other server may be silent, and how long one request may take with its repetitions.
const TIMEOUT: Duration = Duration::from_secs(120);
const DEADLINE: Duration = Duration::from_secs(300);

/// The variables by which MLflow's own client shows who it is.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USERNAME: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";

#[derive(clap::Args)]
pub struct Args {
    /// The other server: its address, or its name in `[imports.mlflow]` of the settings
    #[arg(long, value_name = "URL|NAME")]
    from: String,
    /// Of the other server's workspaces, this one
    #[arg(long, value_name = "NAME")]
    from_workspace: Option<String>,
    /// Experiments, by their names, with their runs and logged models; everything, unless these or models are named
    #[arg(long, value_name = "NAME", num_args = 1..)]
    experiments: Vec<String>,
    /// Registered models and prompts, by their names; everything, unless these or experiments are named
    #[arg(long, value_name = "NAME", num_args = 1..)]
    models: Vec<String>,
    /// Into the workspace of that slug
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
    /// Say what there is, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The file with the token for the other server; MLFLOW_TRACKING_TOKEN unless given
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    token_file: Option<PathBuf>,
    /// The name of the user at the other server; MLFLOW_TRACKING_USERNAME unless given
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The file with that user's password; MLFLOW_TRACKING_PASSWORD unless given
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The certificates, in PEM, of the authorities that the other server is checked against; the system's unless given
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Do not check the other server's certificate
    #[arg(long)]
    insecure: bool,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = load(args)?;
    telemetry::init_logs(&settings.log)?;
    let mut from = match options.from.contains("://") {
        true => addressed(options)?,
        false => mlflow_source(&settings, &options.from)?,
    };
    if let Some(workspace) = &options.from_workspace {
        from.workspace.clone_from(workspace);
    }
    let wanted = MlflowImport {
        source: from.name.clone(),
        experiments: options.experiments.clone(),
        models: options.models.clone(),
        dry_run: options.dry_run,
    };
    let told = (progress(), remarks());
    let ended = import_mlflow(&settings, from, &wanted, options.workspace.as_deref(), told)?;
    show(&ended.report, options.dry_run)?;
    if let Some(error) = ended.error {
        return Err(format!("{error}; what is here stays, and the same command goes on from there").into());
    }
    match ended.report.left() {
        0 => Ok(()),
        left => Err(format!("{left} stay there, wholly or in part, for the reasons above").into()),
    }
}

/// The server at an address.
fn addressed(options: &Args) -> Result<MlflowOptions, Box<dyn std::error::Error>> {
    let ca_file = options.ca_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    Ok(MlflowOptions {
        name: String::new(),
        url: options.from.trim_end_matches('/').to_owned(),
        credentials: credentials(options)?,
        workspace: String::new(),
        verify_tls: !options.insecure,
        ca_file,
        timeout: TIMEOUT,
        deadline: DEADLINE,
    })
}

fn credentials(options: &Args) -> Result<MlflowCredentials, String> {
    if let Some(file) = &options.token_file {
        return Ok(MlflowCredentials::Token(secret(file)?));
    }
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let name = options.username.clone().or_else(|| variable(USERNAME));
    let password = options.password_file.as_deref().map(secret).transpose()?.or_else(|| variable(PASSWORD));
    match (name, password, variable(TOKEN)) {
        (Some(name), Some(password), _) => Ok(MlflowCredentials::Password(name, password)),
        (Some(_), None, _) if options.username.is_some() => {
            Err(format!("`--username` is without a password: set `--password-file` or {PASSWORD}"))
        }
        (None, Some(_), _) if options.password_file.is_some() => {
            Err(format!("`--password-file` is without a user: set `--username` or {USERNAME}"))
        }
        (_, _, Some(token)) => Ok(MlflowCredentials::Token(token)),
        _ => Ok(MlflowCredentials::Nothing),
    }
}

fn secret(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Progress on stderr.
fn progress() -> OnProgress {
    let is_watched = std::io::stderr().is_terminal();
    let (interval, end) = if is_watched { (WATCHED_INTERVAL, "\x1b[K\r") } else { (LINE_INTERVAL, "\n") };
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    Arc::new(move |done, message| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= interval) {
            *last = Some(Instant::now());
            eprint!("{done} done, {}{end}", message.escape_debug());
        }
    })
}

/// Remarks on single things, a line each on stdout.
fn remarks() -> OnRemark {
    Arc::new(|remark: &ImportRemark| {
        let (id, message) = (remark.id.escape_debug(), remark.message.escape_debug());
        // Whoever does not read it any more is told by the exit code.
        let _ = writeln!(std::io::stdout(), "{}\t{id}\t{message}", remark.kind.noun());
    })
}

fn show(report: &MlflowReport, is_dry: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let imported = if is_dry { "to import" } else { "imported" };
    let updated = if is_dry { "to update" } else { "updated" };
    for kind in ImportedKind::ALL {
        let Some(counts) = report.counts.get(&kind) else { continue };
        writeln!(
            out,
            "{}: {} {imported}, {} {updated}, {} unchanged, {} left",
            kind.plural(),
            counts.imported,
            counts.updated,
            counts.unchanged,
            counts.left
        )?;
    }
    writeln!(out, "{} bytes fetched", report.bytes)
}
