//! `modelport admin token`.

use std::io::Write;

use clap::Subcommand;

use super::{NAME, id, in_days, page, shown};
use crate::cli::Outcome;
use crate::config::Settings;
use crate::domain::access::{ApiToken, Permission, Permissions, PrincipalRef, Role, TokenId};
use crate::domain::{NodeId, Result};
use crate::registry::access::{NewToken, WithSlugs};
use crate::runtime::administer;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// Make a token, and print its text, which is shown this once
    Create(Create),
    /// List the tokens of a principal, without their secrets
    List {
        /// The handle or id of the principal
        owner: String,
    },
    /// Revoke a token
    Revoke {
        /// Its id
        id: String,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    /// The handle or id of the principal whose rights it has
    owner: String,
    /// What it is called
    #[arg(long)]
    name: String,
    /// No more than what this role has: viewer, reader, contributor, writer, maintainer, admin or auditor
    #[arg(long, conflicts_with = "permissions")]
    role: Option<String>,
    /// No others than this permission, as often as needed: see, download, write, create, promote, delete, manage or audit
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// In no other workspace than that of this slug, as often as needed
    #[arg(long = "workspace", value_name = "SLUG")]
    workspaces: Vec<String>,
    /// For nothing but the model, experiment or environment of this id, as often as needed
    #[arg(long = "root", value_name = "ID")]
    roots: Vec<String>,
    /// For so many days
    #[arg(long, default_value_t = 90)]
    days: u32,
}

impl Create {
    fn read(self) -> Result<NewToken> {
        let permissions = match (self.role, &*self.permissions) {
            (Some(role), _) => role.parse::<Role>()?.permissions(),
            (None, []) => Permissions::ALL,
            (None, names) => names.iter().map(|name| name.parse()).collect::<Result<Permissions>>()?,
        };
        let workspaces = self.workspaces.iter().map(|slug| slug.parse()).collect::<Result<Vec<_>>>()?;
        let roots = self.roots.iter().map(|id| id.parse()).collect::<Result<Vec<NodeId>>>()?;
        Ok(NewToken {
            name: self.name,
            owner: Some(self.owner.parse()?),
            permissions,
            workspaces: Some(workspaces).filter(|some| !some.is_empty()),
            roots: Some(roots).filter(|some| !some.is_empty()),
            expires_at: Some(in_days(self.days)),
        })
    }
}

pub(super) fn run(settings: &Settings, command: Command) -> Outcome {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Create(create) => {
            let new = create.read()?;
            let made = administer(settings, NAME, async |registry, context| {
                registry.accounts.create_token(context, new).await
            })?;
            writeln!(out, "{}", made.text.expose())?;
            eprintln!("token {} of {} until {}", made.token.id, made.owner, shown(Some(made.token.expires_at)));
            Ok(())
        }
        Command::List { owner } => {
            let owner: PrincipalRef = owner.parse()?;
            let found = administer(settings, NAME, async |registry, context| {
                let (mut all, mut token) = (Vec::new(), None);
                loop {
                    let page = registry.accounts.list_tokens(context, Some(owner.clone()), page(token)).await?;
                    all.extend(page.items);
                    token = page.next;
                    if token.is_none() {
                        return Ok(all);
                    }
                }
            })?;
            found.iter().try_for_each(|token| show(&mut out, token))
        }
        Command::Revoke { id: token } => {
            let token = TokenId(id("token", &token)?);
            administer(settings, NAME, async |registry, context| registry.accounts.revoke_token(context, token).await)?;
            writeln!(out, "token {token} is revoked")?;
            Ok(())
        }
    }
}

/// A line of a token.
fn show(out: &mut impl Write, token: &WithSlugs<ApiToken>) -> Outcome {
    let permissions: Vec<_> = token.limits.permissions.iter().map(Permission::name).collect();
    let state = match token.revoked_at {
        None => format!("until {}", shown(Some(token.expires_at))),
        since => format!("revoked {}", shown(since)),
    };
    writeln!(
        out,
        "{}\t{}\t{}\t{}\t{state}\tused {}",
        token.id,
        token.public_id,
        token.name.escape_debug(),
        permissions.join(","),
        shown(token.last_used_at)
    )?;
    Ok(())
}
