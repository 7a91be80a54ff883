//! `modelport admin grant`, `revoke` and `bindings`.

use std::io::Write;

use super::{NAME, id, in_days, page, shown};
use crate::cli::Outcome;
use crate::config::Settings;
use crate::domain::access::{BindingId, BindingScope, Group, Role, Subject};
use crate::domain::{Error, Result};
use crate::registry::access::{BindingView, BindingsWanted, NewBinding, ScopeRef, SubjectRef};
use crate::runtime::administer;

/// For whom.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Grantee {
    /// The handle or id of a principal
    principal: Option<String>,
    /// A group, as ISSUER:NAME
    #[arg(long, value_name = "ISSUER:NAME")]
    group: Option<String>,
    /// Everybody who says believably who they are
    #[arg(long)]
    authenticated: bool,
    /// Everybody, whoever they are
    #[arg(long)]
    everyone: bool,
}

/// Where.
#[derive(clap::Args)]
#[group(multiple = false)]
pub(super) struct Where {
    /// In the workspace of that slug; everywhere unless given
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
    /// For the model, experiment or environment of that id
    #[arg(long, value_name = "ID")]
    root: Option<String>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Grant {
    /// viewer, reader, contributor, writer, maintainer, admin or auditor
    role: String,
    #[command(flatten)]
    to: Grantee,
    #[command(flatten)]
    scope: Where,
    /// For so many days; until it is taken back unless given
    #[arg(long)]
    days: Option<u32>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Those of this principal alone, by handle or id
    #[arg(long)]
    principal: Option<String>,
    #[command(flatten)]
    scope: Where,
}

impl Grantee {
    fn read(self) -> Result<SubjectRef> {
        match (self.principal, self.group) {
            (Some(named), _) => Ok(SubjectRef::Principal(named.parse()?)),
            (None, Some(group)) => {
                let (issuer, name) = group
                    .split_once(':')
                    .ok_or_else(|| Error::invalid("group", format!("group `{group}` is not `ISSUER:NAME`")))?;
                Ok(SubjectRef::Group(Group { issuer: issuer.to_owned(), name: name.to_owned() }))
            }
            (None, None) if self.authenticated => Ok(SubjectRef::Authenticated),
            (None, None) => Ok(SubjectRef::Everyone),
        }
    }
}

impl Where {
    fn read(&self) -> Result<Option<ScopeRef>> {
        Ok(match (&self.workspace, &self.root) {
            (Some(slug), _) => Some(ScopeRef::Workspace(slug.parse()?)),
            (None, Some(id)) => Some(ScopeRef::Root(id.parse()?)),
            (None, None) => None,
        })
    }
}

pub(super) fn grant(settings: &Settings, grant: Grant) -> Outcome {
    let new = NewBinding {
        subject: grant.to.read()?,
        role: grant.role.parse::<Role>()?,
        scope: grant.scope.read()?.unwrap_or(ScopeRef::Registry),
        expires_at: grant.days.map(in_days),
    };
    let made =
        administer(settings, NAME, async |registry, context| registry.accounts.create_binding(context, new).await)?;
    show(&mut std::io::stdout().lock(), &made)
}

pub(super) fn revoke(settings: &Settings, binding: &str) -> Outcome {
    let binding = BindingId(id("binding", binding)?);
    administer(settings, NAME, async |registry, context| registry.accounts.delete_binding(context, binding).await)?;
    writeln!(std::io::stdout().lock(), "binding {binding} is gone")?;
    Ok(())
}

pub(super) fn list(settings: &Settings, list: &List) -> Outcome {
    let subject = list.principal.as_deref().map(str::parse).transpose()?.map(SubjectRef::Principal);
    let wanted = BindingsWanted { subject, scope: list.scope.read()? };
    let found = administer(settings, NAME, async |registry, context| {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = registry.accounts.list_bindings(context, wanted.clone(), page(token)).await?;
            all.extend(page.items);
            token = page.next;
            if token.is_none() {
                return Ok(all);
            }
        }
    })?;
    let mut out = std::io::stdout().lock();
    found.iter().try_for_each(|view| show(&mut out, view))
}

/// A line of a binding.
fn show(out: &mut impl Write, view: &BindingView) -> Outcome {
    let binding = &view.binding;
    let subject = match &binding.subject {
        Subject::Principal(id) => view.handle.clone().unwrap_or_else(|| id.to_string()),
        Subject::Group(group) => format!("group {}:{}", group.issuer, group.name),
        Subject::Authenticated => "everybody authenticated".to_owned(),
        Subject::Everyone => "everyone".to_owned(),
    };
    let scope = match binding.scope {
        BindingScope::Registry => "registry".to_owned(),
        BindingScope::Workspace(id) => {
            format!("workspace {}", view.workspace.as_ref().map_or_else(|| id.to_string(), ToString::to_string))
        }
        BindingScope::Root(id) => format!("root {id}"),
    };
    writeln!(out, "{}\t{}\t{subject}\t{scope}\tuntil {}", binding.id, binding.role, shown(binding.expires_at))?;
    Ok(())
}
