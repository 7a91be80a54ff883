//! Types: put and read.

use std::collections::BTreeMap;

use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::graph::{Type, TypeDraft, TypeRules};
use crate::domain::{Error, NodeKind, Result, ValueKind};
use crate::services::Graph;
use crate::store::graph::types::{self, Which, load};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// What identifies a type.
type Key = (i64, String, String);

fn key(kind: NodeKind, name: &str, version: &str) -> Key {
    (kind.number(), name.to_owned(), version.to_owned())
}

/// A type that is being put: as it is stored, if it is, and as it will be.
struct PendingType {
    stored: Option<Type>,
    now: Type,
}

impl Graph {
    /// Makes types, or puts more properties on those that are there, and returns their ids in the same order.
    ///
    /// Errors: as [`Type::evolved`]; InvalidArgument on a type without a name; AlreadyExists when an external id is taken.
    pub async fn put_types(
        &self,
        context: &RequestContext,
        drafts: Vec<TypeDraft>,
        rules: TypeRules,
    ) -> Result<Vec<i64>> {
        rules.check()?;
        drafts.iter().try_for_each(TypeDraft::check)?;
        self.core.write(context, move |tx| put(tx, &drafts, rules)).await
    }

    /// The type of that name and version. Errors: NotFound.
    pub async fn get_type(&self, context: &RequestContext, kind: NodeKind, name: &str, version: &str) -> Result<Type> {
        let (name, version) = (name.to_owned(), version.to_owned());
        self.core
            .read(context, move |tx| {
                let found = find(tx, kind, &name, &version)?;
                found.ok_or_else(|| Error::not_found(format!("type `{name}` of version `{version}`")))
            })
            .await
    }

    /// The types of the kind, without those that ML Metadata calls its system's, and of the registry's own without those
    /// that nothing has yet.
    pub async fn list_types(&self, context: &RequestContext, kind: NodeKind) -> Result<Vec<Type>> {
        self.core
            .read(context, move |tx| {
                let found = load(tx, Which::Kind(kind))?;
                Ok(found.into_values().filter(|each| !each.is_system()).collect())
            })
            .await
    }

    /// The types of the kind with these ids, in that order; what does not exist is left out.
    pub async fn types_by_ids(&self, context: &RequestContext, kind: NodeKind, ids: Vec<i64>) -> Result<Vec<Type>> {
        self.core
            .read(context, move |tx| {
                let mut found = load(tx, Which::Ids(&ids))?;
                found.retain(|_, each| each.kind == kind);
                Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
            })
            .await
    }

    /// The types of the kind with these ids in another system, those that exist.
    ///
    /// Errors: InvalidArgument on an empty id, NotFound when ids are given and none exists.
    pub async fn types_by_external_ids(
        &self,
        context: &RequestContext,
        kind: NodeKind,
        ids: Vec<String>,
    ) -> Result<Vec<Type>> {
        super::check_external_ids(&ids)?;
        self.core
            .read(context, move |tx| {
                let found = load(tx, Which::ExternalIds(kind, &ids))?;
                if found.is_empty() && !ids.is_empty() {
                    return Err(Error::not_found(format!("types with external ids `{}`", ids.join("`, `"))));
                }
                Ok(found.into_values().collect())
            })
            .await
    }
}

/// The type of that name and version.
pub(super) fn find(
    tx: &mut ReadTransaction<'_, '_>,
    kind: NodeKind,
    name: &str,
    version: &str,
) -> Result<Option<Type>> {
    // No database holds such a name, and PostgreSQL does not even take it.
    if name.contains('\0') {
        return Ok(None);
    }
    let found = load(tx, Which::Names(kind, &[name]))?;
    Ok(found.into_values().find(|each| each.version == version))
}

fn put(tx: &mut WriteTransaction<'_, '_>, drafts: &[TypeDraft], rules: TypeRules) -> Result<Vec<i64>> {
    let access = tx.context().access().clone();
    let mut pending: BTreeMap<Key, PendingType> = stored(tx, drafts)?;
    for draft in drafts {
        let key = key(draft.kind, &draft.name, &draft.version);
        match pending.get_mut(&key) {
            Some(found) => found.now = found.now.evolved(draft, rules)?,
            None => {
                pending.insert(key, PendingType { stored: None, now: draft.to_type() });
            }
        }
    }
    // What is put as it is changes nothing.
    let is_changed = |each: &&PendingType| each.stored.as_ref() != Some(&each.now);
    for each in pending.values().filter(is_changed) {
        match &each.stored {
            Some(stored) if stored.is_shared() => access.demand_in_registry(Permission::Manage)?,
            _ => access.demand_in_workspace(Permission::Create)?,
        }
    }
    create(tx, &mut pending)?;
    change(tx, &pending)?;
    let id_of = |draft: &TypeDraft| pending.get(&key(draft.kind, &draft.name, &draft.version)).map(|each| each.now.id);
    drafts.iter().map(|draft| id_of(draft).ok_or_else(|| super::internal("a type that was put is not there"))).collect()
}

fn stored(tx: &mut ReadTransaction<'_, '_>, drafts: &[TypeDraft]) -> Result<BTreeMap<Key, PendingType>> {
    let mut pending = BTreeMap::new();
    for kind in [NodeKind::Artifact, NodeKind::Execution, NodeKind::Context] {
        let names: Vec<&str> =
            drafts.iter().filter(|draft| draft.kind == kind).map(|draft| draft.name.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        for found in load(tx, Which::Names(kind, &names))?.into_values() {
            let key = key(kind, &found.name, &found.version);
            pending.insert(key, PendingType { stored: Some(found.clone()), now: found });
        }
    }
    Ok(pending)
}

fn create(tx: &mut WriteTransaction<'_, '_>, pending: &mut BTreeMap<Key, PendingType>) -> Result<()> {
    let mut new: Vec<&mut PendingType> = pending.values_mut().filter(|each| each.stored.is_none()).collect();
    if new.is_empty() {
        return Ok(());
    }
    let ids = types::insert(tx, &new.iter().map(|each| &each.now).collect::<Vec<_>>())?;
    for (each, id) in new.iter_mut().zip(ids) {
        each.now.id = id;
    }
    Ok(())
}

fn change(tx: &mut WriteTransaction<'_, '_>, pending: &BTreeMap<Key, PendingType>) -> Result<()> {
    let mut added: Vec<(i64, &str, ValueKind)> = Vec::new();
    for PendingType { stored, now } in pending.values() {
        let Some(stored) = stored else { continue };
        let new = now.properties.iter().filter(|(name, _)| !stored.properties.contains_key(*name));
        added.extend(new.map(|(name, kind)| (now.id, name.as_str(), *kind)));
        if (&stored.external_id, stored.base_type) != (&now.external_id, now.base_type) {
            types::update(tx, now)?;
        }
    }
    types::add_properties(tx, &added)
}
