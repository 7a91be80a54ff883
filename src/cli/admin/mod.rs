//! `modelport admin`: who may do what, changed on the database itself; may run beside a server, which sees it within a second.

mod bindings;
mod principals;
mod tokens;
mod workspaces;

use std::time::Duration;

use clap::Subcommand;

use super::Outcome;
use crate::config::SettingsArgs;
use crate::domain::{Error, Millis, PageRequest, PageSize, PageToken, Result, date};
use crate::registry::wall_clock;
use crate::telemetry;

/// How many lines are read at once.
const AT_ONCE: u32 = 1000;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Bind a role to a principal, to a group, or to everybody
    Grant(bindings::Grant),
    /// Take a role back
    Revoke {
        /// The id of the binding
        id: String,
    },
    /// List who has which role where
    Bindings(bindings::List),
    /// Tokens of service accounts and people
    #[command(subcommand)]
    Token(tokens::Command),
    /// People, service accounts and other machines
    #[command(subcommand)]
    Principal(principals::Command),
    /// Workspaces
    #[command(subcommand)]
    Workspace(workspaces::Command),
}

pub(super) fn run(args: &SettingsArgs, command: Command) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    match command {
        Command::Grant(grant) => bindings::grant(&settings, grant),
        Command::Revoke { id } => bindings::revoke(&settings, &id),
        Command::Bindings(list) => bindings::list(&settings, &list),
        Command::Token(command) => tokens::run(&settings, command),
        Command::Principal(command) => principals::run(&settings, command),
        Command::Workspace(command) => workspaces::run(&settings, command),
    }
}

/// The name by which the audit trail knows these commands.
const NAME: &str = "admin";

/// The next page of a list.
fn page(token: Option<PageToken>) -> PageRequest {
    PageRequest { size: Some(PageSize::new(AT_ONCE)), token, with_total: false }
}

/// When that many days have passed.
fn in_days(days: u32) -> Millis {
    let days = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    wall_clock()().saturating_add(Millis::try_from(days.as_millis()).unwrap_or(Millis::MAX))
}

/// A time as lines show it; `-` where there is none.
pub(super) fn shown(at: Option<Millis>) -> String {
    at.map_or_else(|| "-".to_owned(), date::to_rfc3339)
}

/// The id of something that is no node.
fn id(what: &str, text: &str) -> Result<i64> {
    let id: crate::domain::NodeId =
        text.parse().map_err(|_| Error::invalid(what, format!("{what} `{}` is no id", text.escape_debug())))?;
    Ok(id.0)
}
