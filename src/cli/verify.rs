//! `modelport verify`: reads all stored bytes again; may run beside a server, and continues after an interruption.

use std::io::Write;

use super::Outcome;
use super::progress::ProgressDisplay;
use crate::config::SettingsArgs;
use crate::domain::DamagedBlob;
use crate::registry::verify::Verification;
use crate::{runtime, telemetry};

#[derive(clap::Args)]
pub(super) struct Args {
    /// How much is read in a second, at most, in MiB; 0 is no limit; `verify.mib_per_second` unless given
    #[arg(long, value_name = "MIB")]
    mib_per_second: Option<u64>,
    /// Start from the beginning, even if an earlier run was interrupted
    #[arg(long)]
    restart: bool,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let rate = options.mib_per_second.unwrap_or(settings.verify.mib_per_second);
    let bytes_per_second = Some(rate.saturating_mul(1 << 20)).filter(|rate| *rate > 0);
    let mut shown = ProgressDisplay::of_bytes();
    let mut wrong = Vec::new();
    let how = Verification { bytes_per_second, restart: options.restart };
    let report = runtime::verify(
        &settings,
        how,
        |progress| shown.update(progress.bytes, progress.all_bytes),
        |damaged| wrong.extend(lines(damaged)),
    )?;
    shown.finish();
    let mut out = std::io::stdout().lock();
    if report.resumed {
        writeln!(out, "resumed the interrupted run")?;
    }
    writeln!(out, "read {} blobs of {} bytes", report.blobs, report.bytes)?;
    writeln!(out, "{} are missing, {} are damaged", report.missing, report.damaged)?;
    for line in &wrong {
        writeln!(out, "{line}")?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err("stored bytes are missing or damaged; upload the same bytes again to repair them".into())
}

/// The blob, and each file that has its bytes.
fn lines(wrong: &DamagedBlob) -> Vec<String> {
    let blob = format!("{} sha256 {} of {} bytes", wrong.damage.name(), wrong.blob.sha256, wrong.blob.size);
    let files = wrong.files.iter().map(|(node, path)| format!("{blob}: artifact {node}, file {path}"));
    let lines: Vec<_> = files.collect();
    if lines.is_empty() { vec![format!("{blob}: no file")] } else { lines }
}
