//! Nodes of the registry's own types, written through ML Metadata: they keep the rules of models, versions and runs.

use super::put_options::PutOptions;
use crate::domain::graph::{NodeWrite, Type};
use crate::domain::{
    Change, Draft, Error, LogicalType, Name, Node, NodeId, NodeKind, Patch, Properties, Result, Value,
};
use crate::entities;
use crate::store::{self, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};
use crate::uris::fill_uris;
use crate::uris::is_same_place;

/// Makes one. Where its type has a home, its name begins with the home's id and a colon.
pub(super) fn create(tx: &mut WriteTransaction<'_, '_>, logical: LogicalType, write: &NodeWrite) -> Result<Node> {
    let (home, name) = home_and_name(tx, logical, write.name.as_deref().unwrap_or_default())?;
    if name.is_none() && logical.kind() == NodeKind::Context {
        return Err(Error::invalid("name", format!("the name of a `{}` is empty", logical.type_name())));
    }
    let draft = Draft {
        name,
        external_id: given(write.external_id.as_deref()).map(str::parse).transpose()?,
        uri: given(write.uri.as_deref()).map(ToOwned::to_owned),
        state: write.state,
        properties: write.properties.clone(),
        custom: write.custom.clone(),
        round_trip: write.round_trip,
    };
    draft.check(logical)?;
    entities::create(tx, logical, home, &draft)
}

/// The context of that type and name, when there is one.
pub(super) fn find_context(tx: &mut ReadTransaction<'_, '_>, logical: LogicalType, name: &str) -> Result<Option<Node>> {
    match home_and_name(tx, logical, name)? {
        (home, Some(name)) => nodes::find_named(tx, logical, home, &name),
        (_, None) => Ok(None),
    }
}

/// The home and the name that a name as ML Metadata shows it stands for.
fn home_and_name(
    tx: &mut ReadTransaction<'_, '_>,
    logical: LogicalType,
    shown: &str,
) -> Result<(Option<NodeId>, Option<Name>)> {
    let plain = |name: &str| given(Some(name)).map(str::parse::<Name>).transpose();
    let [home_type, ..] = logical.homes() else { return Ok((None, plain(shown)?)) };
    if let Some((prefix, rest)) = shown.split_once(':')
        && let Ok(id) = prefix.parse::<NodeId>()
        && let Some(home) = nodes::find(tx, id)?
        && home.logical_type().is_some_and(|found| logical.homes().contains(&found))
    {
        return Ok((Some(id), plain(rest)?));
    }
    if LogicalType::ARTIFACTS.contains(&logical) {
        return Ok((None, plain(shown)?));
    }
    let (of, home) = (logical.type_name(), home_type.noun());
    Err(Error::invalid("name", format!("the name of a `{of}` is the id of its {home}, a colon, and its own name")))
}

/// Changes one. Its name never changes.
pub(super) fn update(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    (stored, of): (&Node, &Type),
    write: &NodeWrite,
    options: &PutOptions<'_>,
) -> Result<Node> {
    let mut shown = stored.clone();
    fill_uris(tx, std::slice::from_mut(&mut shown))?;
    let is_unsaid = stored.uri.as_deref().unwrap_or_default().is_empty();
    if let Some(sent) = write.uri.as_ref().filter(|sent| is_unsaid && is_same_place(&shown, sent)) {
        shown.uri = Some(sent.clone());
    }
    if options.mask.is_none() && !options.force_update_time && write.is_unchanged(logical.kind(), &shown, of) {
        return Ok(stored.clone());
    }
    let mut node = write.applied(logical.kind(), stored, options.mask)?;
    if write.uri == shown.uri {
        node.uri.clone_from(&stored.uri);
    }
    if node.name != stored.name && node.name != stored.graph_name() {
        return Err(Error::invalid("name", format!("the name of a `{}` does not change", logical.type_name())));
    }
    let patch = Patch {
        external_id: change(&stored.external_id, &node.external_id).try_map(|id| id.parse())?,
        uri: change(&stored.uri, &node.uri),
        state: change(&stored.state, &node.state),
        properties: changes(&stored.properties, &node.properties),
        custom: (stored.custom != node.custom).then_some(node.custom),
        if_revision: None,
        round_trip: write.round_trip,
    };
    patch.check(logical)?;
    // A comparison of times must show every change.
    tx.not_before(stored.updated_at + 1, |tx| entities::update(tx, logical, stored.id, &patch))
}

fn change<T: Clone + PartialEq>(before: &Option<T>, now: &Option<T>) -> Change<T> {
    match now {
        now if now == before => Change::Keep,
        Some(now) => Change::Set(now.clone()),
        None => Change::Clear,
    }
}

fn changes(before: &Properties, now: &Properties) -> std::collections::BTreeMap<String, Change<Value>> {
    let names = before.keys().chain(now.keys());
    names
        .map(|name| (name.clone(), change(&before.get(name).cloned(), &now.get(name).cloned())))
        .filter(|(_, change)| *change != Change::Keep)
        .collect()
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The node of that type whose name is shown so.
pub(super) fn find_by_name(tx: &mut ReadTransaction<'_, '_>, of: &Type, shown: &str) -> Result<Option<Node>> {
    if shown.contains('\0') {
        return Ok(None);
    }
    if let Some(found) = store::graph::nodes::find_named(tx, &[of.id], &[shown.to_owned()])?.pop() {
        return Ok(Some(found));
    }
    let Some(logical) = LogicalType::from_id(of.id) else { return Ok(None) };
    let Some((prefix, rest)) = shown.split_once(':') else { return Ok(None) };
    match (prefix.parse::<NodeId>(), rest.parse::<Name>()) {
        (Ok(home), Ok(name)) => nodes::find_named(tx, logical, Some(home), &name),
        _ => Ok(None),
    }
}
