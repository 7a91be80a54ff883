//! `modelport migrate`: the database's tables, brought up to this build under a lock.

use std::io::Write;

use super::Outcome;
use crate::config::SettingsArgs;
use crate::store;

pub(super) fn run(args: &SettingsArgs) -> Outcome {
    let settings = super::load(args)?;
    let applied = store::migrate(&settings.database.url.as_str().parse()?)?;
    let mut out = std::io::stdout().lock();
    for migration in &applied {
        writeln!(out, "applied migration {migration}")?;
    }
    if applied.is_empty() {
        writeln!(out, "the database is up to date")?;
    }
    Ok(())
}
