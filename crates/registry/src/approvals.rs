//! The approval of versions: who decided what, when and why, and what stands in the way.

use serde_json::json;

use super::conditions::Conditions;
use super::context::{At, RequestContext};
use super::entities::increment_revision;
use super::etags::{artifacts_of, version_tag};
use super::protection::{policy_of_model, state_of};
use super::resolve::resolve;
use super::transaction::{Needed, ReadTransaction, WriteTransaction, document};
use crate::domain::access::Permission;
use crate::domain::approval::{ApprovalStep, check_note};
use crate::domain::{Action, ApprovalState, Error, LogicalType, Name, Node, NodeId, Result, VersionRef, change};
use crate::services::Models;
use crate::store::changes::NewChange;
use crate::store::{aliases, approvals, nodes};

/// What stands in the way of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// One of its files is quarantined: it is not approved, and gets no alias.
    Quarantined,
    /// It is not approved, and so gets no protected alias of its model.
    NotApproved,
    /// The policy forbids whoever asks to approve it, because they made it or put files into it.
    Author,
}

impl Gate {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quarantined, Self::NotApproved, Self::Author];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::NotApproved => "not_approved",
            Self::Author => "author",
        }
    }
}

/// The approval of a version, as whoever asks sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The state of the version.
    pub state: ApprovalState,
    /// The latest step; `None` for a version that was always a draft.
    pub step: Option<ApprovalStep>,
    /// What stands in the way, each with a sentence about it.
    pub gates: Vec<(Gate, String)>,
    /// The ETag of the version.
    pub tag: String,
}

/// A step of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStep {
    /// The state that the version is to have.
    pub state: ApprovalState,
    /// Why.
    pub note: Option<String>,
    /// The preconditions on the version.
    pub conditions: Conditions,
}

impl Models {
    /// The approval of the version that `version` means now.
    ///
    /// Errors: NotFound.
    pub async fn approval(&self, context: &RequestContext, model: &Name, version: &VersionRef) -> Result<Approval> {
        let (model, version) = (model.clone(), version.clone());
        self.core
            .read(context, move |tx| {
                let (home, found) = resolve(tx, &model, &version)?;
                shown(tx, &home, &found)
            })
            .await
    }

    /// Takes the next step of a version's approval. To ask for a review is to write; to decide, and to take an approval back, is to promote.
    ///
    /// Errors: NotFound; PreconditionFailed where a condition does not hold; PermissionDenied without the right, and for an author where the
    /// policy of the model forbids them to approve; InvalidState when a version with a quarantined file is to be approved, and when one that
    /// holds a protected alias is to be approved no longer.
    pub async fn set_approval(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        step: NewStep,
    ) -> Result<Approval> {
        check_note(step.note.as_deref().unwrap_or_default())?;
        let (model, version) = (model.clone(), version.clone());
        self.core
            .write(context, move |tx| {
                let (home, found) = lock(tx, &model, &version)?;
                if !step.conditions.is_empty() {
                    step.conditions.check("version", Some(&version_tag(tx, &found)?))?;
                }
                let node = take(tx, &home, &found, &step)?;
                shown(tx, &home, &node)
            })
            .await
    }
}

/// The model and the version, locked, with the artifacts whose files are approved with it.
fn lock(tx: &mut WriteTransaction<'_, '_>, model: &Name, version: &VersionRef) -> Result<(Node, Node)> {
    let (home, found) = resolve(tx, model, version)?;
    // The model first, in the same order as when an alias is set.
    nodes::lock(tx, &[home.id])?;
    nodes::lock(tx, &[found.id])?;
    // As whoever changes a file does, so that either this sees the file or the other sees the approval.
    let artifacts: Vec<NodeId> = artifacts_of(tx, found.id)?.into_iter().map(|artifact| artifact.id).collect();
    nodes::lock(tx, &artifacts)?;
    let locked = resolve(tx, model, version)?;
    if locked.1.id != found.id {
        return Err(Error::conflict(format!("version `{version}` became another one meanwhile; retry")));
    }
    Ok(locked)
}

fn take(tx: &mut WriteTransaction<'_, '_>, home: &Node, found: &Node, step: &NewStep) -> Result<Node> {
    let (from, to) = (state_of(tx, found.id)?, step.state);
    let needed = if from.needs_promote(to) { Permission::Promote } else { Permission::Write };
    tx.demand(needed, found.place)?;
    if to == ApprovalState::Approved {
        check_may_be_approved(tx, home, found)?;
    } else if from == ApprovalState::Approved {
        check_holds_nothing_protected(tx, home, found)?;
    }
    let (actor, now) = (tx.context().actor(), tx.now());
    approvals::set(tx, found.id, (to, step.note.as_deref()), actor, now)?;
    let before = increment_revision(tx, LogicalType::ModelVersion, found.id, None)?;
    let mut node = before.clone();
    to.put(&mut node.custom);
    nodes::replace(tx, &before, &node)?;
    let approval = json!({"state": to.name(), "from": from.name(), "note": step.note});
    let document = document(&node, [("approval", approval), ("before", change::before(&before, &node))]);
    let (node_id, place, revision) = (node.id, node.place, node.revision);
    let entry = NewChange { action: Action::Update, node_id, place, revision, document };
    // What it needs was demanded before anything was said of the version.
    tx.record_all(Needed::Nothing, [entry])?;
    Ok(node)
}

fn check_may_be_approved(tx: &mut ReadTransaction<'_, '_>, home: &Node, found: &Node) -> Result<()> {
    let name = found.name.as_deref().unwrap_or_default();
    if let Some(why) = quarantined(tx, found.id)? {
        return Err(Error::invalid_state(format!("version `{name}` cannot be approved: {why}")).on_field("state"));
    }
    if let Some(why) = authored(tx, home, found)? {
        let at = At { workspace: Some(found.place.workspace), root: Some(found.place.root) };
        let error = Error::permission_denied(format!("version `{name}` cannot be approved by you: {why}"));
        return Err(tx.refused(at, error));
    }
    Ok(())
}

fn check_holds_nothing_protected(tx: &mut ReadTransaction<'_, '_>, home: &Node, found: &Node) -> Result<()> {
    let policy = policy_of_model(tx, home.id)?;
    let held = aliases::of_version(tx, found.id)?;
    match held.iter().find(|alias| policy.is_protected(alias)) {
        Some(alias) => {
            let name = found.name.as_deref().unwrap_or_default();
            let message = format!(
                "version `{name}` has the protected alias `{alias}`, which only an approved version may hold; \
                 move or remove the alias first"
            );
            Err(Error::invalid_state(message).on_field("state"))
        }
        None => Ok(()),
    }
}

/// What is quarantined of the version, if anything is.
fn quarantined(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<Option<String>> {
    let path = approvals::quarantined_path(tx, version)?;
    Ok(path.map(|path| format!("its file `{}` is quarantined", path.escape_debug())))
}

/// Why whoever asks may not approve the version, where that is because they are its author.
fn authored(tx: &mut ReadTransaction<'_, '_>, home: &Node, found: &Node) -> Result<Option<String>> {
    let is_forbidden = policy_of_model(tx, home.id)?.forbid_author_approval;
    let principal = tx.access().principal();
    if !is_forbidden || !approvals::is_author(tx, found.id, principal)? {
        return Ok(None);
    }
    Ok(Some("the policy of its model forbids that to whoever made it or put files into it".to_owned()))
}

fn shown(tx: &mut ReadTransaction<'_, '_>, home: &Node, found: &Node) -> Result<Approval> {
    let step = approvals::find(tx, found.id)?;
    let state = step.as_ref().map(|step| step.state).unwrap_or_default();
    let mut gates = Vec::new();
    gates.extend(quarantined(tx, found.id)?.map(|why| (Gate::Quarantined, why)));
    if state != ApprovalState::Approved {
        let policy = policy_of_model(tx, home.id)?;
        if !policy.protects_nothing() {
            let protected = policy.protected_aliases.join("`, `");
            gates.push((Gate::NotApproved, format!("only an approved version may hold the aliases `{protected}`")));
        }
        gates.extend(authored(tx, home, found)?.map(|why| (Gate::Author, why)));
    }
    Ok(Approval { state, step, gates, tag: version_tag(tx, found)? })
}
