//! Artifacts of versions and runs: made, changed and attached there; metrics are measured.

use std::sync::Arc;

use super::context::RequestContext;
use super::entities::{Expected, add_point, create, get, get_bare, increment_revision, properties_of_home, update};
use super::inspection::on_members_added;
use super::transaction::WriteTransaction;
use super::uris::{fill_uris, is_own_uri};
use crate::domain::access::Permission;
use crate::domain::experiment::without_value;
use crate::domain::{Action, Change, Draft, LogicalType, MetricPoint, Node, NodeId, Patch, Result};
use crate::resolve::created_concurrently;
use crate::services::Entities;
use crate::store::{members, nodes};

impl Entities {
    /// Creates an artifact in a version or run; a metric or parameter of a name that is taken there is changed instead.
    ///
    /// Returns the artifact and whether it is new. Errors: as [`Entities::create`]; a metric needs a value;
    /// PreconditionFailed when there is not what `expected` says.
    pub async fn upsert_artifact(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        parent: (LogicalType, NodeId),
        draft: Draft,
        expected: Expected,
    ) -> Result<(Node, bool)> {
        draft.check(logical)?;
        self.core
            .write(context, move |tx| {
                let home = get_bare(tx, parent.0, parent.1)?;
                upsert(tx, logical, home.id, &draft, expected)
            })
            .await
    }

    /// Makes an artifact of a version (or run) a member of another one, or changes it there.
    ///
    /// Errors: as [`Entities::update`], and NotFound when the context does not exist.
    pub async fn attach(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        id: NodeId,
        parent: (LogicalType, NodeId),
        patch: Patch,
    ) -> Result<Node> {
        patch.check(logical)?;
        let policy = Arc::clone(&self.core.policy);
        self.core
            .write(context, move |tx| {
                nodes::lock(tx, &[parent.1])?;
                let home = get(tx, parent.0, parent.1)?;
                let mut patch = patch.clone();
                if is_own_uri(tx, id, &patch.uri)? {
                    patch.uri = Change::Keep;
                }
                let said_by_home = properties_of_home(&home, logical).into_iter();
                patch.properties.extend(said_by_home.map(|(name, value)| (name, Change::Set(value))));
                let mut node = update(tx, logical, id, &patch)?;
                if members::insert(tx, home.id, id)? {
                    tx.record(Action::Attach, &home, Some(("memberId", id.0.into())))?;
                    let changed = on_members_added(tx, &policy, std::slice::from_ref(&home), &[(home.id, id)])?;
                    node = changed.into_iter().next().unwrap_or(node);
                }
                fill_uris(tx, std::slice::from_mut(&mut node))?;
                Ok(node)
            })
            .await
    }
}

/// Creates an artifact in its home, or changes the one of its name there where the type is upserted.
fn upsert(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: NodeId,
    draft: &Draft,
    expected: Expected,
) -> Result<(Node, bool)> {
    let now = tx.now();
    let existing = match &draft.name {
        Some(name) if logical.is_upserted() => nodes::find_named_bare(tx, logical, Some(home), name)?,
        _ => None,
    };
    let Some(existing) = existing else {
        expected.check_absent(logical)?;
        let created = create(tx, logical, Some(home), draft);
        let created = created.map(|node| (node, true));
        return if logical.is_upserted() { created.map_err(created_concurrently) } else { created };
    };
    let mut properties = draft.properties.clone();
    let point = if logical == LogicalType::Metric { MetricPoint::take(&mut properties, now)? } else { None };
    let is_point_alone = properties.is_empty()
        && draft.custom.is_empty()
        && draft.state.is_none_or(|state| existing.state == Some(state))
        && draft.external_id.is_none()
        && draft.uri.is_none();
    match point {
        // Points are their own history: one that is measured again counts a revision, and nothing more is recorded of it.
        Some(point) if is_point_alone => {
            tx.demand(Permission::Write, existing.place)?;
            let mut node = increment_revision(tx, logical, existing.id, expected.revision)?;
            add_point(tx, &mut node, point)?;
            Ok((node, false))
        }
        None if logical == LogicalType::Metric => Err(without_value()),
        // Measured again, whatever else is said of it: an older step or time does not stay.
        point => {
            let mut patch = Patch { if_revision: expected.revision, ..Patch::from(draft) };
            let measured = point.into_iter().flat_map(MetricPoint::properties);
            patch.properties.extend(measured.map(|(name, value)| (name, Change::Set(value))));
            Ok((update(tx, logical, existing.id, &patch)?, false))
        }
    }
}
