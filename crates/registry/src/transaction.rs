//! Transactions of use cases: the store's, with the context of the request, and a ledger of the changes where it writes.
//!
//! [`Core::read`] and [`Core::write`] are the one way from a use case to the graph. Functions of the store take
//! either transaction, because both stand for the store's own.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

use super::context::{At, RequestContext};
use crate::core::Core;
use crate::domain::access::{Access, Decision, Permission, Place, denied};
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::{Action, Error, ErrorKind, LogicalType, Millis, Node, NodeId, Result, Stage, change};
use crate::store::Tx;
use crate::store::changes::{self, NewChange};
use crate::store::nodes;

/// How many changes are kept before they are written: as many as one statement takes. What removes a large model records more
/// of them than should be in memory.
const LEDGER_BATCH: usize = 1000;

/// Where a transaction refused something, for the audit trail.
type RefusedAt = Arc<Mutex<At>>;

/// A running transaction, and on whose behalf it runs.
pub(super) struct ReadTransaction<'a, 'tx> {
    tx: &'a mut Tx<'tx>,
    context: &'a RequestContext,
    refused_at: &'a RefusedAt,
    /// What was found to be allowed, so that it is looked up once, and stays so while the transaction removes what it depended on.
    granted: BTreeSet<(Permission, Place)>,
}

impl<'a, 'tx> ReadTransaction<'a, 'tx> {
    /// The transaction of a request: from now on it sees and makes what its caller may.
    fn on_behalf_of(context: &'a RequestContext, refused_at: &'a RefusedAt, tx: &'a mut Tx<'tx>) -> Self {
        tx.act_for(context.access());
        Self { tx, context, refused_at, granted: BTreeSet::new() }
    }

    /// The context of the request.
    pub(super) fn context(&self) -> &'a RequestContext {
        self.context
    }

    /// Demands a permission for something that is visible.
    ///
    /// Errors: PermissionDenied.
    pub(super) fn demand(&mut self, permission: Permission, place: Place) -> Result<()> {
        let access = self.context.access();
        let is_granted = match access.decide(permission, place) {
            Decision::Granted => true,
            Decision::Denied => false,
            Decision::IfOwner if self.granted.contains(&(permission, place)) => true,
            Decision::IfOwner => nodes::owner(self.tx, place.root)? == access.principal(),
        };
        if is_granted {
            self.granted.insert((permission, place));
            Ok(())
        } else {
            let at = At { workspace: Some(place.workspace), root: Some(place.root) };
            Err(self.refused(at, denied(permission, format!("what belongs to node `{}`", place.root))))
        }
    }

    /// Demands a permission in the workspace of the request as such.
    ///
    /// Errors: PermissionDenied.
    pub(super) fn demand_in_workspace(&self, permission: Permission) -> Result<()> {
        let access = self.context.access();
        let at = At { workspace: Some(access.workspace()), root: None };
        access.demand_in_workspace(permission).map_err(|error| self.refused(at, error))
    }

    /// The same refusal, of which the audit trail is to say where it was.
    pub(super) fn refused(&self, at: At, error: Error) -> Error {
        *self.refused_at.lock().unwrap_or_else(PoisonError::into_inner) = at;
        error
    }

    /// Demands a permission for each of these nodes, which are visible.
    ///
    /// Errors: PermissionDenied.
    pub(super) fn demand_for(&mut self, permission: Permission, ids: impl Iterator<Item = NodeId>) -> Result<()> {
        if self.context.access().has_wherever_it_sees(permission) {
            return Ok(());
        }
        let ids: BTreeSet<NodeId> = ids.collect();
        let places = nodes::place_of(self.tx, &ids.into_iter().collect::<Vec<_>>())?;
        for place in places.into_values().collect::<BTreeSet<_>>() {
            self.demand(permission, place)?;
        }
        Ok(())
    }
}

impl<'tx> Deref for ReadTransaction<'_, 'tx> {
    type Target = Tx<'tx>;

    fn deref(&self) -> &Tx<'tx> {
        self.tx
    }
}

impl<'tx> DerefMut for ReadTransaction<'_, 'tx> {
    fn deref_mut(&mut self) -> &mut Tx<'tx> {
        self.tx
    }
}

/// A transaction that writes, at one time, and records what it changes.
pub(super) struct WriteTransaction<'a, 'tx> {
    read: ReadTransaction<'a, 'tx>,
    now: Millis,
    ledger: Vec<(Millis, NewChange)>,
}

/// What whoever changes something needs for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needed {
    /// A permission where the changed node is.
    Permission(Permission),
    /// The permission to make something of that in its workspace.
    ToCreate,
    /// Nothing: the change follows from another one, or from what the server knows.
    Nothing,
}

/// What an action on a node needs.
fn permission(action: Action, node: &Node) -> Permission {
    let is_deployed = matches!(
        node.logical_type(),
        Some(LogicalType::ServingEnvironment | LogicalType::InferenceService | LogicalType::ServeModel)
    );
    match action {
        Action::Delete | Action::DeleteFile => Permission::Delete,
        Action::SetAlias | Action::DeleteAlias => Permission::Promote,
        Action::Create | Action::Update if is_deployed => Permission::Promote,
        Action::Create | Action::Update | Action::Attach | Action::Detach | Action::PutEvents | Action::PutFile => {
            Permission::Write
        }
    }
}

impl WriteTransaction<'_, '_> {
    /// Demands that the caller may make something that belongs to nothing else.
    fn demand_to_create(&mut self, place: Place) -> Result<()> {
        let at = At { workspace: Some(place.workspace), root: None };
        let access = self.context().access().in_workspace(place.workspace);
        access.demand_in_workspace(Permission::Create).map_err(|error| self.refused(at, error))
    }

    /// The time of all that is written.
    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// Does `work` at a time that is not before `earliest`, for what must be seen to be later than something that is stored.
    pub(super) fn not_before<T>(&mut self, earliest: Millis, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let now = self.now;
        self.now = now.max(earliest);
        let done = work(self);
        self.now = now;
        done
    }

    /// Records one change of one node, with what the node itself does not show. Nobody records what they may not do, and so what they
    /// did is undone.
    ///
    /// Errors: PermissionDenied.
    pub(super) fn record<'d>(
        &mut self,
        action: Action,
        node: &Node,
        details: impl IntoIterator<Item = (&'d str, Json)>,
    ) -> Result<()> {
        let document = document(node, details);
        let needed = match (action, node.home_id) {
            (Action::Create, None) => Needed::ToCreate,
            _ => Needed::Permission(permission(action, node)),
        };
        self.record_all(
            needed,
            [NewChange { action, node_id: node.id, place: node.place, revision: node.revision, document }],
        )
    }

    /// Records that a node was updated, with what was before. One that changes nothing is an update, too: it raises the revision.
    pub(super) fn record_update(&mut self, was: &Node, node: &Node) -> Result<()> {
        let before = change::before(was, node);
        let is_changed = |name: &str| before.get("properties").is_some_and(|changed| changed.get(name).is_some());
        let is_of_state = is_changed("state") || is_changed(Stage::PROPERTY);
        let needed = match node.logical_type() {
            Some(LogicalType::RegisteredModel | LogicalType::ModelVersion) if is_of_state => {
                self.demand(Permission::Write, node.place)?;
                Needed::Permission(Permission::Promote)
            }
            _ => Needed::Permission(permission(Action::Update, node)),
        };
        let document = document(node, [("before", before)]);
        self.record_all(
            needed,
            [NewChange {
                action: Action::Update,
                node_id: node.id,
                place: node.place,
                revision: node.revision,
                document,
            }],
        )
    }

    /// Records changes, in their order, by whoever has what is needed for each.
    ///
    /// Errors: PermissionDenied.
    pub(super) fn record_all(&mut self, needed: Needed, entries: impl IntoIterator<Item = NewChange>) -> Result<()> {
        for entry in entries {
            match needed {
                Needed::Permission(permission) => self.demand(permission, entry.place)?,
                Needed::ToCreate => self.demand_to_create(entry.place)?,
                Needed::Nothing => {}
            }
            self.ledger.push((self.now, entry));
            if self.ledger.len() >= LEDGER_BATCH {
                self.write_ledger()?;
            }
        }
        Ok(())
    }

    /// Writes what was recorded, in one statement for all that has one time.
    fn write_ledger(&mut self) -> Result<()> {
        let mut entries = std::mem::take(&mut self.ledger).into_iter().peekable();
        while let Some((at, first)) = entries.next() {
            let mut together = vec![first];
            while let Some((_, next)) = entries.next_if(|(time, _)| *time == at) {
                together.push(next);
            }
            changes::append(self.read.tx, self.read.context.actor(), at, &together)?;
        }
        Ok(())
    }
}

impl<'a, 'tx> Deref for WriteTransaction<'a, 'tx> {
    type Target = ReadTransaction<'a, 'tx>;

    fn deref(&self) -> &ReadTransaction<'a, 'tx> {
        &self.read
    }
}

impl<'a, 'tx> DerefMut for WriteTransaction<'a, 'tx> {
    fn deref_mut(&mut self) -> &mut ReadTransaction<'a, 'tx> {
        &mut self.read
    }
}

impl Core {
    /// Reads in a transaction over one snapshot; retried and failing as [`crate::store::Store::read`].
    pub(super) async fn read<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let (work, refused_at) = reading(context, work);
        let done = self.store.read(work).await;
        self.noting_refusal(context, &refused_at, done)
    }

    /// The same for reads whose cost the client decides, as by a filter.
    pub(super) async fn read_long<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let (work, refused_at) = reading(context, work);
        let done = self.store.read_long(work).await;
        self.noting_refusal(context, &refused_at, done)
    }

    /// The same for reads by a single statement.
    pub(super) async fn read_once<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let (work, refused_at) = reading(context, work);
        let done = self.store.read_once(work).await;
        self.noting_refusal(context, &refused_at, done)
    }

    /// Writes in a transaction that commits if `work` returns Ok, together with what it recorded; retried and failing as
    /// [`crate::store::Store::write`]. The time is that of the call, however often it is tried. What counts is what whoever asks may do
    /// by then, and not when the request or the job began.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        context: &RequestContext,
        work: impl Fn(&mut WriteTransaction<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (asked, now) = (self.accounts().of_now(context).await?, context.now());
        let refused_at = RefusedAt::default();
        let at = Arc::clone(&refused_at);
        let access = asked.access().clone();
        let done = self
            .store
            .write(move |tx| {
                let read = ReadTransaction::on_behalf_of(&asked, &at, tx);
                let mut tx = WriteTransaction { read, now, ledger: Vec::new() };
                let done = work(&mut tx)?;
                tx.write_ledger()?;
                Ok(done)
            })
            .await;
        self.noting_refusal(context, &refused_at, done).map_err(|error| telling_usage(error, &access))
    }

    /// Notes in the audit trail, soon, that somebody was refused what they may not do.
    fn noting_refusal<T>(&self, context: &RequestContext, at: &RefusedAt, done: Result<T>) -> Result<T> {
        if let Err(error) = &done
            && error.kind() == ErrorKind::PermissionDenied
        {
            let entry = context.audit_entry(context.now(), AuditAction::Access, Outcome::Denied);
            let At { workspace, root } = *at.lock().unwrap_or_else(PoisonError::into_inner);
            self.audit_queue.push(AuditEntry {
                workspace_id: workspace,
                root_id: root,
                details: Some(json!({"message": error.message()})),
                ..entry
            });
        }
        done
    }
}

/// The same work as the store does it, on behalf of whoever asks; and where it will have refused something.
fn reading<T>(
    context: &RequestContext,
    work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
) -> (impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static, RefusedAt) {
    let (asked, refused_at) = (context.clone(), RefusedAt::default());
    let at = Arc::clone(&refused_at);
    (move |tx: &mut Tx<'_>| work(&mut ReadTransaction::on_behalf_of(&asked, &at, tx)), refused_at)
}

/// Tells whoever manages a workspace how much it holds, where that is too much.
fn telling_usage(error: Error, access: &Access) -> Error {
    match error.exceeded() {
        Some(exceeded) if access.rights().in_workspace(exceeded.workspace).has(Permission::Manage) => {
            exceeded.error_with_usage()
        }
        _ => error,
    }
}

/// A node for the record of changes, with what the node itself does not show.
pub(super) fn document<'a>(node: &Node, details: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let mut document = change::document(node);
    if let Some(members) = document.as_object_mut() {
        members.extend(details.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    document
}
