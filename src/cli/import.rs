//! `modelport import`: brings models in from other systems. Runs the job itself while it waits, so that it needs no
//! server; a server that runs beside it may take the job first.

mod edge;
mod mlflow;

use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

use clap::Subcommand;

use super::Outcome;
use crate::config::SettingsArgs;
use crate::domain::imports::{ImportReport, ImportRequest, ModelRef, RemoteProject};
use crate::domain::{Job, JobId, JobState};
use crate::{runtime, telemetry};

/// How often progress is printed.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Subcommand)]
pub(super) enum Command {
    /// From Intel Geti, as `[geti]` in the settings says
    #[command(subcommand)]
    Geti(Geti),
    /// From the database and the bucket of Intel's edge model registry 1.0.3
    Edge(edge::Args),
    /// From another MLflow tracking server: experiments, runs, logged models, registered models, prompts and files
    Mlflow(mlflow::Args),
}

#[derive(Subcommand)]
pub(super) enum Geti {
    /// Show the projects of a Geti server and what can be imported of them
    Projects {
        /// The name of the server in the settings
        #[arg(long)]
        server: Option<String>,
    },
    /// Start an import and wait for it
    Start {
        /// Id of the project
        #[arg(long)]
        project: String,
        /// Id of a model, as often as needed; every model of the project unless given
        #[arg(long = "model", value_name = "ID")]
        models: Vec<String>,
        /// The name of the server in the settings
        #[arg(long)]
        server: Option<String>,
        /// Leave the work to a server
        #[arg(long)]
        no_wait: bool,
    },
    /// Wait for an import
    Watch {
        /// Its id
        id: String,
    },
    /// List the imports, the newest first
    List,
    /// Cancel an import
    Cancel {
        /// Its id
        id: String,
    },
}

pub(super) fn run(args: &SettingsArgs, command: Command) -> Outcome {
    let command = match command {
        Command::Geti(command) => command,
        Command::Edge(options) => return edge::run(args, &options),
        Command::Mlflow(options) => return mlflow::run(args, &options),
    };
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let mut out = std::io::stdout().lock();
    match command {
        Geti::Projects { server } => {
            for project in runtime::geti_projects(&settings, server.as_deref())? {
                show_project(&mut out, &project)?;
            }
        }
        Geti::Start { project, models, server, no_wait } => {
            let models = models.into_iter().map(|id| ModelRef { id, group: None }).collect();
            let job = runtime::start_import(&settings, server.as_deref(), project, models)?;
            writeln!(out, "import {}", job.id)?;
            if !no_wait {
                return watch(&mut out, &settings, job.id);
            }
        }
        Geti::Watch { id } => return watch(&mut out, &settings, id.parse()?),
        Geti::List => {
            for job in runtime::list_imports(&settings)? {
                let request: ImportRequest = serde_json::from_value(job.payload.clone())?;
                let error = job.error.as_deref().unwrap_or_default();
                writeln!(out, "{}\t{}\t{}\t{}\t{error}", job.id, job.state.name(), request.project, line(&job))?;
            }
        }
        Geti::Cancel { id } => {
            let job = runtime::cancel_import(&settings, id.parse()?)?;
            writeln!(out, "import {} is {}", job.id, if job.state.is_final() { "cancelled" } else { "stopping" })?;
        }
    }
    Ok(())
}

fn watch(out: &mut impl Write, settings: &crate::config::Settings, id: JobId) -> Outcome {
    let watched = std::io::stderr().is_terminal();
    let mut last: Option<Instant> = None;
    let job = runtime::watch_import(settings, id, move |job| {
        let due = if watched { Duration::from_millis(200) } else { LINE_INTERVAL };
        if last.is_none_or(|last| last.elapsed() >= due) {
            last = Some(Instant::now());
            let end = if watched { "\x1b[K\r" } else { "\n" };
            eprint!("{}{end}", line(job));
        }
    })?;
    let report: ImportReport = job.result.clone().map(serde_json::from_value).transpose()?.unwrap_or_default();
    for model in &report.models {
        let place = match (&model.model, &model.version) {
            (Some(name), Some(version)) => format!("{name}, version {version}"),
            _ => model.error.clone().unwrap_or_default(),
        };
        writeln!(out, "{}\t{}\t{}\t{place}", model.id, model.outcome.name(), model.name)?;
    }
    match job.state {
        JobState::Succeeded => Ok(()),
        state => Err(match &job.error {
            Some(error) => format!("import {id} {}: {error}", state.name()).into(),
            None => format!("import {id} {}", state.name()).into(),
        }),
    }
}

fn line(job: &Job) -> String {
    let progress = &job.progress;
    let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
    let message = progress.message.as_deref().unwrap_or(job.state.name());
    format!("{}{total} models, {message}", progress.done)
}

fn show_project(out: &mut impl Write, project: &RemoteProject) -> std::io::Result<()> {
    writeln!(out, "{}\t{}", project.id, project.name)?;
    for group in &project.groups {
        for version in &group.versions {
            for model in &version.models {
                writeln!(out, "  {}\t{}, version {}", model.id, model.name, version.version)?;
            }
        }
    }
    Ok(())
}
