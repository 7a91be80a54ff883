//! What people mean by the name of a model and of a version.

use std::collections::BTreeMap;

use super::transaction::ReadTransaction;
use crate::domain::{Error, ErrorKind, LogicalType, Name, Node, NodeId, Order, OrderBy, Result, Selection, VersionRef};
use crate::store::{aliases, nodes};

/// The model with that name, inside a transaction.
pub(super) fn model_named(tx: &mut ReadTransaction<'_, '_>, model: &Name) -> Result<Node> {
    nodes::find_named(tx, LogicalType::RegisteredModel, None, model)?.ok_or_else(|| no_model(model))
}

/// Says that there is no such model.
pub(super) fn no_model(model: &Name) -> Error {
    Error::not_found(format!("registered model `{model}`"))
}

/// The model and the version, inside a transaction.
pub(super) fn resolve(tx: &mut ReadTransaction<'_, '_>, model: &Name, version: &VersionRef) -> Result<(Node, Node)> {
    let model = model_named(tx, model)?;
    let found = match version {
        VersionRef::Named(name) => nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), name)?,
        VersionRef::Aliased(alias) => match aliases::find(tx, model.id, alias)? {
            Some(id) => nodes::find(tx, id)?,
            None => None,
        },
        VersionRef::Latest => {
            let newest_first = Order { by: OrderBy::CreateTime, descending: true };
            let selection =
                Selection { home: Some(model.id), order: newest_first, ..Selection::of(LogicalType::ModelVersion) };
            nodes::list(tx, &selection, None, 1)?.pop()
        }
    };
    match found {
        Some(version) => Ok((model, version)),
        None => Err(Error::not_found(format!(
            "version `{version}` of registered model `{}`",
            model.name.as_deref().unwrap_or_default()
        ))),
    }
}

/// Refuses a name for a new version that is reserved in this API. Other protocols may still create it.
pub fn check_free_of_reserved_words(name: &Name) -> Result<()> {
    if !name.is_reserved_for_versions() {
        return Ok(());
    }
    let message =
        format!("`{name}` cannot be the name of a new version: `latest` and names that begin with `@` are reserved");
    Err(Error::invalid("version", message))
}

/// The id and the name of a node, as they are shown beside another one.
pub(super) fn id_and_name(node: &Node) -> (NodeId, String) {
    (node.id, node.display_name().unwrap_or_default().to_owned())
}

/// The homes of these nodes, by their ids.
pub(super) fn homes<'a>(
    tx: &mut ReadTransaction<'_, '_>,
    of: impl IntoIterator<Item = &'a Node>,
) -> Result<BTreeMap<NodeId, Node>> {
    let mut ids: Vec<_> = of.into_iter().filter_map(|node| node.home_id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(nodes::find_all(tx, &ids)?.into_iter().map(|node| (node.id, node)).collect())
}

/// The same thing was created concurrently: the transaction is retried and finds it.
pub(super) fn made(created: Result<Node>) -> Result<Node> {
    created.map_err(|error| match error.kind() {
        kind if kind.is_taken() => Error::conflict("the same version was created concurrently; retry").caused_by(error),
        _ => error,
    })
}

/// The error when a name was taken concurrently: a Conflict, which is retried.
pub(super) fn created_concurrently(error: Error) -> Error {
    if error.kind() == ErrorKind::NameTaken {
        return Error::conflict("it was created concurrently; retry").caused_by(error);
    }
    error
}
