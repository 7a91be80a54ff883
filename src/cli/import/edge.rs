//! `modelport import edge`: moves the records of an old deployment over. Runs beside a server or without one, and again
//! whenever it was cut off.

use std::io::Write;
use std::path::PathBuf;

use crate::blobs::AccessKeys;
use crate::cli::progress::ProgressDisplay;
use crate::cli::{Outcome, load};
use crate::config::{SettingsArgs, postgres_url};
use crate::importers::edge;
use crate::runtime::{OldDeployment, move_deployment};
use crate::telemetry;

// No `Debug`: the URL may hold a password.
#[derive(clap::Args)]
pub struct Args {
    /// The old database: what was in MLFLOW_TRACKING_URI. Modelport's own is in its settings or in
    /// MODELPORT__DATABASE__URL. A password may stand in PGPASSWORD or PGPASSFILE
    // By this id it takes the place of the flag for Modelport's own database.
    #[arg(long = "database-url", id = "database_url", value_name = "URL")]
    old_database_url: String,
    /// The old bucket: `s3://NAME?endpoint=http://HOST:PORT`, or its name where it is on the server of `artifacts.store`
    #[arg(long, value_name = "URL")]
    bucket: String,
    /// The id of the key to that bucket; `artifacts.access_key`, or AWS's variables, unless given
    #[arg(long, value_name = "ID", requires = "secret_key_file")]
    access_key: Option<String>,
    /// The file that has the key
    #[arg(long, value_name = "FILE", requires = "access_key")]
    secret_key_file: Option<PathBuf>,
    /// Move archives, too, that have another size than their records say
    #[arg(long)]
    any_size: bool,
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    // The flag is the old database's here.
    let settings = load(&SettingsArgs { database_url: None, ..args.clone() })?;
    telemetry::init_logs(&settings.log)?;
    let old = OldDeployment {
        database_url: postgres_url(&options.old_database_url).ok_or("`--database-url` is not that of PostgreSQL")?,
        bucket: options.bucket.clone(),
        keys: keys(options)?,
        any_size: options.any_size,
    };
    let mut out = std::io::stdout();
    let mut unwritten = None;
    let mut shown = ProgressDisplay::of("records");
    let (mut moved, mut present, mut skipped) = (0, 0, 0);
    let ended = move_deployment(&settings, &old, |record, all| {
        let (outcome, id) = match &record.outcome {
            edge::Outcome::Moved(id) => (&mut moved, format!("moved\t{id}")),
            edge::Outcome::Present(id) => (&mut present, format!("present\t{id}")),
            edge::Outcome::Skipped => (&mut skipped, format!("skipped\t{}", record.old_id.escape_debug())),
        };
        *outcome += 1;
        let (name, remarks) = (record.name.escape_debug(), record.remarks.join("; "));
        if let Err(error) = shown.suspend(|| writeln!(out, "{id}\t{name}\t{remarks}")) {
            unwritten.get_or_insert(error);
        }
        shown.update(moved + present + skipped, all);
    });
    shown.finish();
    if let Some(error) = unwritten {
        return Err(error.into());
    }
    writeln!(out, "{moved} moved, {present} already present, {skipped} skipped")?;
    ended?;
    if skipped > 0 {
        return Err(format!("{skipped} records were skipped, for the reasons above").into());
    }
    Ok(())
}

fn keys(options: &Args) -> Result<Option<AccessKeys>, String> {
    let (Some(id), Some(file)) = (&options.access_key, &options.secret_key_file) else { return Ok(None) };
    let secret = std::fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    Ok(Some(AccessKeys { id: id.clone(), secret: secret.trim_end().to_owned() }))
}
