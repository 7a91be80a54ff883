//! What is protected: files of approved versions, aliases that only approved versions may hold, and what is served. Every use case that
//! changes one of these asks here, whichever door it came through.

use super::transaction::ReadTransaction;
use crate::domain::{Alias, ApprovalState, Error, LogicalType, Node, NodeId, Result};
use crate::policy::ModelPolicy;
use crate::store::serving::{self, Counted};
use crate::store::{aliases, approvals, files, nodes, policies};

/// The field of an error about a removal that has to be forced.
pub(super) const FORCE: &str = "force";

/// The field of an error about an alias that may not point there.
const ALIAS: &str = "alias";

/// What the model says for itself.
pub(super) fn policy_of_model(tx: &mut ReadTransaction<'_, '_>, model: NodeId) -> Result<ModelPolicy> {
    Ok(policies::find(tx, model)?.unwrap_or_default())
}

/// The state of a version's approval, as it is under the lock of its model.
pub(super) fn state_of(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<ApprovalState> {
    Ok(approvals::find(tx, version)?.map(|step| step.state).unwrap_or_default())
}

/// Refuses to point an alias at a version with a quarantined file, and a protected alias at one that is not approved. The caller holds the
/// lock of the model.
///
/// Errors: InvalidState.
pub(super) fn check_may_hold(
    tx: &mut ReadTransaction<'_, '_>,
    model: NodeId,
    alias: &Alias,
    version: &Node,
) -> Result<()> {
    let name = version.name.as_deref().unwrap_or_default();
    if let Some(path) = approvals::quarantined_path(tx, version.id)? {
        let path = path.escape_debug();
        let message = format!("alias `{alias}` cannot point at version `{name}`: its file `{path}` is quarantined");
        return Err(Error::invalid_state(message).on_field(ALIAS));
    }
    if policy_of_model(tx, model)?.is_protected(alias.as_str()) {
        let state = state_of(tx, version.id)?;
        if state != ApprovalState::Approved {
            let message = format!(
                "alias `{alias}` is protected: only an approved version may hold it, and version `{name}` is `{state}`"
            );
            return Err(Error::invalid_state(message).on_field(ALIAS));
        }
    }
    Ok(())
}

/// The first of these aliases that points at a version which is not approved, with that version. The caller holds the lock of the model.
pub(super) fn held_without_approval(
    tx: &mut ReadTransaction<'_, '_>,
    model: NodeId,
    policy: &ModelPolicy,
) -> Result<Option<(Alias, NodeId)>> {
    if policy.protects_nothing() {
        return Ok(None);
    }
    for (alias, version) in aliases::of_model(tx, model)? {
        if policy.is_protected(alias.as_str()) && state_of(tx, version)? != ApprovalState::Approved {
            return Ok(Some((alias, version)));
        }
    }
    Ok(None)
}

/// Refuses to change the files of artifacts that are part of an approved version. The caller has locked the artifacts.
///
/// Errors: InvalidState.
pub(super) fn check_unlocked(tx: &mut ReadTransaction<'_, '_>, artifacts: &[NodeId]) -> Result<()> {
    match approvals::holding(tx, artifacts, &[], None)? {
        Some(version) => Err(locked(tx, version)?),
        None => Ok(()),
    }
}

/// Refuses to make artifacts with files members of an approved version, as pairs of version and artifact.
///
/// Errors: InvalidState.
pub(super) fn check_gain_nothing(tx: &mut ReadTransaction<'_, '_>, joined: &[(NodeId, NodeId)]) -> Result<()> {
    let versions: Vec<NodeId> = joined.iter().map(|(version, _)| *version).collect();
    for version in approvals::approved_among(tx, &versions)? {
        let members: Vec<NodeId> =
            joined.iter().filter(|(into, _)| *into == version).map(|(_, member)| *member).collect();
        if !files::holders_among(tx, &members, 1)?.is_empty() {
            return Err(locked(tx, version)?);
        }
    }
    Ok(())
}

/// Refuses to remove nodes with files that an approved version has, unless that is removed with them: it is one of `homes`, or belongs to
/// `root`.
///
/// Errors: InvalidState.
pub(super) fn check_not_held(
    tx: &mut ReadTransaction<'_, '_>,
    gone: &[NodeId],
    homes: &[NodeId],
    root: NodeId,
) -> Result<()> {
    if approvals::holding(tx, gone, homes, Some(root))?.is_none() {
        return Ok(());
    }
    let holders: Vec<NodeId> = files::summaries(tx, gone)?.into_keys().collect();
    match approvals::holding(tx, &holders, homes, Some(root))? {
        Some(version) => Err(locked(tx, version)?),
        None => Ok(()),
    }
}

/// Refuses to remove a model or a version that is served now, or that holds a protected alias. The caller holds the lock of the model.
///
/// Errors: HasDependents.
pub(super) fn check_removable(tx: &mut ReadTransaction<'_, '_>, node: &Node, logical: LogicalType) -> Result<()> {
    let (model, serving) = match logical {
        LogicalType::RegisteredModel => (Some(node.id), serving::of_model(tx, node.id, Counted::Live)?),
        LogicalType::ModelVersion => (node.home_id, serving::of_version(tx, node.id, Counted::Live)?),
        _ => return Ok(()),
    };
    let what = format!("{} `{}`", logical.noun(), node.name.as_deref().unwrap_or_default());
    let forced = "only the native API removes it, with `force=true`";
    if let Some(id) = serving {
        let by = shown(tx, id)?;
        return Err(Error::has_dependents(FORCE, format!("{what} is served by {by}; {forced}")));
    }
    let Some(model) = model else { return Ok(()) };
    let policy = policy_of_model(tx, model)?;
    if policy.protects_nothing() {
        return Ok(());
    }
    let held: Vec<String> = match logical {
        LogicalType::ModelVersion => aliases::of_version(tx, node.id)?,
        _ => aliases::of_model(tx, model)?.into_iter().map(|(alias, _)| alias.to_string()).collect(),
    };
    match held.iter().find(|alias| policy.is_protected(alias)) {
        Some(alias) => Err(Error::has_dependents(FORCE, format!("{what} has the protected alias `{alias}`; {forced}"))),
        None => Ok(()),
    }
}

/// What serves something, as messages say it.
pub(super) fn shown(tx: &mut ReadTransaction<'_, '_>, id: NodeId) -> Result<String> {
    let found = nodes::find(tx, id)?;
    let noun = found.as_ref().and_then(Node::logical_type).map_or("node", LogicalType::noun);
    let name = found.as_ref().and_then(Node::display_name).unwrap_or_default();
    Ok(format!("{noun} `{name}`, id `{id}`"))
}

/// Says that the files of that version are locked, and by name only to whoever sees it.
fn locked(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<Error> {
    let found = nodes::find_bare(tx, version)?;
    let home = found.as_ref().and_then(|version| version.home_id);
    let home = home.map(|home| nodes::find_bare(tx, home)).transpose()?.flatten();
    let names = found.and_then(|version| version.name).zip(home.and_then(|home| home.name));
    let message = match names {
        Some((version, model)) => format!(
            "version `{version}` of model `{model}` is approved, and its files are locked; \
             set its approval back to `draft` to change them"
        ),
        None => "the files belong to an approved version, which locks them".to_owned(),
    };
    Ok(Error::invalid_state(message))
}
