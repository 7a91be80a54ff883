//! `modelport audit`: the audit trail, read from the database itself.

use std::io::Write;

use futures_util::TryStreamExt as _;
use serde_json::json;

use super::Outcome;
use super::admin::shown;
use crate::config::SettingsArgs;
use crate::domain::{Error, Millis, Result, date};
use crate::registry::audit::{AuditView, AuditWanted};
use crate::runtime::administer;
use crate::telemetry;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Of the model, experiment or environment of this id
    #[arg(long, value_name = "ID")]
    root: Option<String>,
    /// By this principal, by handle or id
    #[arg(long)]
    principal: Option<String>,
    /// Of the workspace of this slug
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
    /// Of this action, such as file.download
    #[arg(long)]
    action: Option<String>,
    /// That ended so: done, denied, unauthenticated or failed
    #[arg(long)]
    outcome: Option<String>,
    /// That began then or later: a date, or a time as in 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// That began before then
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// At most so many, the newest; all unless given
    #[arg(long)]
    limit: Option<usize>,
    /// Print each entry as a line of JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    fn wanted(&self) -> Result<AuditWanted> {
        Ok(AuditWanted {
            workspace: self.workspace.as_deref().map(str::parse).transpose()?,
            root: self.root.as_deref().map(str::parse).transpose()?,
            principal: self.principal.as_deref().map(str::parse).transpose()?,
            action: self.action.as_deref().map(str::parse).transpose()?,
            outcome: self.outcome.as_deref().map(str::parse).transpose()?,
            from: self.from.as_deref().map(|text| time("from", text)).transpose()?,
            to: self.to.as_deref().map(|text| time("to", text)).transpose()?,
        })
    }
}

fn time(option: &str, text: &str) -> Result<Millis> {
    date::from_rfc3339(text).ok_or_else(|| {
        let message =
            format!("--{option} `{}` is neither a date nor a time as in 2026-01-31T12:00:00Z", text.escape_debug());
        Error::invalid(option, message)
    })
}

pub(super) fn run(args: &SettingsArgs, options: &Args) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    let wanted = options.wanted()?;
    let mut out = std::io::stdout().lock();
    let line = if options.json { json_line } else { text_line };
    let mut left = options.limit.unwrap_or(usize::MAX);
    administer(&settings, "audit", async |registry, context| {
        let mut batches = registry.audit.export_audit(context, wanted).await?;
        while let Some(batch) = batches.try_next().await? {
            for view in batch.iter().take(left) {
                writeln!(out, "{}", line(view))
                    .map_err(|error| Error::unavailable("the output cannot be written").caused_by(error))?;
            }
            left = left.saturating_sub(batch.len());
            if left == 0 {
                break;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn text_line(view: &AuditView) -> String {
    let entry = &view.record.entry;
    let by = entry.principal_id.map(|id| view.handle.clone().unwrap_or_else(|| id.to_string()));
    let about = [
        view.workspace.as_ref().map(|slug| format!("workspace {slug}")),
        entry.root_id.map(|id| format!("root {id}")),
        entry.node_id.map(|id| format!("node {id}")),
        entry.path.as_ref().map(|path| path.escape_debug().to_string()),
        entry.details.as_ref().map(ToString::to_string),
    ];
    let about: Vec<String> = about.into_iter().flatten().collect();
    format!(
        "{}\t{}\t{}\t{}\t{}\t×{}\t{}",
        shown(Some(entry.at)),
        entry.action,
        entry.outcome,
        by.as_deref().unwrap_or("-"),
        entry.peer.as_deref().unwrap_or("-").escape_debug(),
        entry.requests,
        about.join(", ")
    )
}

fn json_line(view: &AuditView) -> String {
    let entry = &view.record.entry;
    let mut document = json!({
        "id": view.record.id.to_string(),
        "at": entry.at,
        "endedAt": entry.ended_at,
        "action": entry.action.name(),
        "outcome": entry.outcome.name(),
        "principal": entry.principal_id.map(|id| json!({ "id": id.to_string(), "handle": view.handle })),
        "tokenId": entry.token_id.map(|id| id.to_string()),
        "workspace": entry.workspace_id.map(|id| view.workspace.as_ref().map_or_else(|| id.to_string(), ToString::to_string)),
        "rootId": entry.root_id.map(|id| id.to_string()),
        "nodeId": entry.node_id.map(|id| id.to_string()),
        "path": entry.path,
        "bytes": entry.bytes,
        "requests": entry.requests,
        "door": entry.door,
        "requestId": entry.request_id,
        "peer": entry.peer,
        "agent": entry.agent,
        "details": entry.details,
    });
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    document.to_string()
}
