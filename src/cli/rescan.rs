//! `modelport rescan`: today's rules and policies for what is stored; may run beside a server.

use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

use super::Outcome;
use crate::config::SettingsArgs;
use crate::{runtime, telemetry};

/// How often progress is printed, where nobody watches.
const EVERY: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(super) struct Args {
    /// Read the bytes of files that this build has not read yet
    #[arg(long)]
    read: bool,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let watched = std::io::stderr().is_terminal();
    let mut last = Instant::now();
    let report = runtime::rescan(&settings, options.read, |progress| {
        let due = if watched { Duration::from_millis(200) } else { EVERY };
        if last.elapsed() >= due {
            last = Instant::now();
            let end = if watched { '\r' } else { '\n' };
            eprint!("{} of {} files{end}", progress.done, progress.all);
        }
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "read {} files, {} could not be read, {} are not read yet",
        report.read, report.unreadable, report.unread
    )?;
    writeln!(out, "judged {} files, the findings of {} changed", report.judged, report.changed)?;
    writeln!(out, "quarantined {} files, released {}", report.quarantined, report.released)?;
    if report.unreadable > 0 {
        return Err(format!("{} files could not be read", report.unreadable).into());
    }
    Ok(())
}
