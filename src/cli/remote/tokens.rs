//! `modelport token`: tokens for programs, of whoever has logged in.

use std::io::{Write as _, stdout};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Outcome, ServerArgs, Session, printable, wait};
use crate::domain::{Error, Result};
use crate::identity::Body;

/// The milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// Print the token of the login, for `Authorization: Bearer …`
    Print(ServerArgs),
    /// Make a token of one's own, and print its text, which is shown this once
    Create(Create),
}

#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    server: ServerArgs,
    /// What it is called
    #[arg(long)]
    name: String,
    /// No more than what this role has: viewer, reader, contributor, writer, maintainer, admin or auditor
    #[arg(long)]
    role: Option<String>,
    /// In no other workspace than that of this slug, as often as needed
    #[arg(long = "workspace", value_name = "SLUG")]
    workspaces: Vec<String>,
    /// For so many days
    #[arg(long, default_value_t = 90)]
    days: u32,
}

/// Runs a command.
pub(in crate::cli) fn run(command: Command) -> Outcome {
    match command {
        Command::Print(server) => writeln!(stdout(), "{}", wait(Session::open(&server))?.login.token)?,
        Command::Create(create) => writeln!(stdout(), "{}", wait(create.make())?)?,
    }
    Ok(())
}

impl Create {
    async fn make(self) -> Result<String> {
        let session = Session::open(&self.server).await?;
        let now = crate::registry::wall_clock()();
        let ends = now.saturating_add(DAY * i64::from(self.days));
        let workspaces = Some(self.workspaces).filter(|slugs| !slugs.is_empty());
        let body = json!({ "name": self.name, "role": self.role, "workspaces": workspaces, "expiresAt": ends });
        let made = session.ask("POST", "/tokens", Body::Json(&body)).await?;
        let secret = made.get("secret").and_then(Value::as_str);
        secret.map(printable).ok_or_else(|| Error::upstream("the server's answer has no token"))
    }
}
