//! `modelport gc`: the collector, once; may run beside a server.

use std::io::Write;
use std::time::Duration;

use super::Outcome;
use crate::config::SettingsArgs;
use crate::{runtime, telemetry};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Count what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// How long an object must have been unused; `collector.grace_seconds` unless given
    #[arg(long, value_name = "SECONDS")]
    grace_seconds: Option<u64>,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let grace = Duration::from_secs(options.grace_seconds.unwrap_or(settings.collector.grace_seconds));
    let report = runtime::collect(&settings, grace, options.dry_run)?;
    let verb = if options.dry_run { "would remove" } else { "removed" };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{verb} {} abandoned uploads", report.abandoned_uploads)?;
    writeln!(out, "{verb} {} expired resumable uploads", report.expired_uploads)?;
    writeln!(out, "{verb} {} unreferenced blobs of {} bytes", report.unreferenced_blobs, report.unreferenced_bytes)?;
    writeln!(out, "{verb} {} orphan objects of {} bytes", report.orphan_objects, report.orphan_bytes)?;
    Ok(())
}
