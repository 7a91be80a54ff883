//! `modelport rescan`: evaluates stored files by the current rules and policies; may run beside a server.

use std::io::Write;

use super::Outcome;
use super::progress::ProgressDisplay;
use crate::config::SettingsArgs;
use crate::{runtime, telemetry};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Read the bytes of files that this build has not read yet
    #[arg(long)]
    read: bool,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let mut shown = ProgressDisplay::of("files");
    let report = runtime::rescan(&settings, options.read, |progress| shown.update(progress.done, progress.all))?;
    shown.finish();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "read {} files, {} could not be read, {} are not read yet",
        report.read, report.unreadable, report.unread
    )?;
    writeln!(out, "evaluated {} files, the findings of {} changed", report.evaluated, report.changed)?;
    writeln!(out, "quarantined {} files, released {}", report.quarantined, report.released)?;
    if report.unreadable > 0 {
        return Err(format!("{} files could not be read", report.unreadable).into());
    }
    Ok(())
}
