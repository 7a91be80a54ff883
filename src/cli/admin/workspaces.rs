//! `modelport admin workspace`.

use std::io::Write;

use clap::Subcommand;

use super::{NAME, page, shown};
use crate::cli::Outcome;
use crate::config::Settings;
use crate::domain::Change;
use crate::domain::access::{Role, Workspace};
use crate::registry::access::NewWorkspace;
use crate::runtime::administer;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// Make a workspace
    Create {
        /// Its name in addresses
        slug: String,
        /// What people call it
        #[arg(long)]
        title: Option<String>,
        /// What those have who make something in it, on that: a role, or none
        #[arg(long, value_name = "ROLE", default_value = "admin")]
        owner_role: String,
    },
    /// List workspaces
    List,
}

pub(super) fn run(settings: &Settings, command: Command) -> Outcome {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Create { slug, title, owner_role } => {
            let owner_role = match &*owner_role {
                "none" => Change::Clear,
                role => Change::Set(role.parse::<Role>()?),
            };
            let new = NewWorkspace { slug: slug.parse()?, title, owner_role };
            let made = administer(settings, NAME, async |registry, context| {
                registry.accounts.create_workspace(context, new).await
            })?;
            show(&mut out, &made)
        }
        Command::List => {
            let found = administer(settings, NAME, async |registry, context| {
                let (mut all, mut token) = (Vec::new(), None);
                loop {
                    let page = registry.accounts.list_workspaces(context, page(token)).await?;
                    all.extend(page.items);
                    token = page.next;
                    if token.is_none() {
                        return Ok(all);
                    }
                }
            })?;
            found.iter().try_for_each(|workspace| show(&mut out, workspace))
        }
    }
}

/// A line of a workspace.
fn show(out: &mut impl Write, workspace: &Workspace) -> Outcome {
    let title = workspace.title.as_deref().unwrap_or("-").escape_debug();
    let state = match workspace.archived_at {
        None => "active".to_owned(),
        since => format!("archived since {}", shown(since)),
    };
    writeln!(out, "{}\t{}\t{title}\t{state}", workspace.id, workspace.slug)?;
    Ok(())
}
