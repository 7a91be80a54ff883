//! `modelport admin principal`.

use std::io::Write;

use clap::Subcommand;

use super::{NAME, page, shown};
use crate::cli::Outcome;
use crate::config::Settings;
use crate::domain::Change;
use crate::domain::access::{Principal, PrincipalRef};
use crate::registry::access::{NewServiceAccount, PrincipalChange, PrincipalsWanted, WithSlugs};
use crate::runtime::administer;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// Make a service account
    Create {
        /// Its short name
        handle: String,
        /// A name to show
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// The slug of the workspace whose managers manage it; the registry's administrators do unless given
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// List principals
    List {
        /// Those of this workspace alone, by its slug
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
        /// Those of this kind alone: user, service, kubernetes or certificate
        #[arg(long)]
        kind: Option<String>,
    },
    /// Let a principal do nothing any more
    Disable {
        /// Its handle or id
        principal: String,
    },
    /// Let a principal do again what it was granted
    Enable {
        /// Its handle or id
        principal: String,
    },
}

pub(super) fn run(settings: &Settings, command: Command) -> Outcome {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Create { handle, display_name, workspace } => {
            let workspace = workspace.as_deref().map(str::parse).transpose()?;
            let new = NewServiceAccount { handle: handle.parse()?, display_name, workspace };
            let made = administer(settings, NAME, async |registry, context| {
                registry.accounts.create_service_account(context, new).await
            })?;
            show(&mut out, &made)
        }
        Command::List { workspace, kind } => {
            let workspace = workspace.as_deref().map(str::parse).transpose()?;
            let wanted = PrincipalsWanted { workspace, kind: kind.as_deref().map(str::parse).transpose()? };
            let found = administer(settings, NAME, async |registry, context| {
                let (mut all, mut token) = (Vec::new(), None);
                loop {
                    let page = registry.accounts.list_principals(context, wanted.clone(), page(token)).await?;
                    all.extend(page.items);
                    token = page.next;
                    if token.is_none() {
                        return Ok(all);
                    }
                }
            })?;
            found.iter().try_for_each(|principal| show(&mut out, principal))
        }
        Command::Disable { principal } => set_disabled(&mut out, settings, &principal, true),
        Command::Enable { principal } => set_disabled(&mut out, settings, &principal, false),
    }
}

fn set_disabled(out: &mut impl Write, settings: &Settings, principal: &str, disabled: bool) -> Outcome {
    let named: PrincipalRef = principal.parse()?;
    let change = PrincipalChange { disabled: Some(disabled), workspace: Change::Keep };
    let changed = administer(settings, NAME, async |registry, context| {
        registry.accounts.change_principal(context, &named, change).await
    })?;
    show(out, &changed)
}

/// A line of a principal.
fn show(out: &mut impl Write, principal: &WithSlugs<Principal>) -> Outcome {
    let workspace = principal.workspace_id.and_then(|id| principal.slug(id)).map_or("-", |slug| slug.as_str());
    let state = match principal.disabled_at {
        None => "enabled".to_owned(),
        since => format!("disabled since {}", shown(since)),
    };
    writeln!(
        out,
        "{}\t{}\t{}\t{workspace}\t{state}\tseen {}",
        principal.id,
        principal.handle,
        principal.kind,
        shown(principal.seen_at)
    )?;
    Ok(())
}
