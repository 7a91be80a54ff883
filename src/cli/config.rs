//! `modelport config`: the settings as the server would use them.

use std::io::Write;

use clap::Subcommand;

use super::Outcome;
use crate::config::SettingsArgs;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the effective settings as TOML, secrets as `***`
    Print,
}

pub(super) fn run(args: &SettingsArgs, command: Command) -> Outcome {
    match command {
        Command::Print => {
            let settings = super::load(args)?.redacted()?;
            std::io::stdout().write_all(settings.as_bytes())?;
        }
    }
    Ok(())
}
