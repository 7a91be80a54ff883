//! Many artifacts that one thing owns, made at once.

use super::entities::properties_of_home;
use super::resolve::created_concurrently;
use super::transaction::WriteTransaction;
use crate::domain::{LogicalType, Node, NodeId, Properties, Result};
use crate::store::graph;

/// Makes artifacts of a type that a run or an experiment owns, each with its name and declared properties, with a fixed number of statements. Nothing is
/// recorded.
pub(super) fn make_owned<'a>(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    home: &Node,
    new: impl Iterator<Item = (&'a str, Properties)>,
) -> Result<Vec<Node>> {
    let now = tx.now();
    let of_home = properties_of_home(home, logical);
    let mut made: Vec<Node> = new
        .map(|(name, mut properties)| {
            properties.extend(of_home.clone());
            Node {
                id: NodeId(0),
                type_id: logical.id(),
                home_id: Some(home.id),
                place: home.place,
                name: Some(name.to_owned()),
                external_id: None,
                uri: None,
                state: None,
                created_at: now,
                updated_at: now,
                revision: 1,
                properties,
                custom: Properties::new(),
            }
        })
        .collect();
    if made.is_empty() {
        return Ok(made);
    }
    graph::nodes::insert_all(tx, logical.kind(), &mut made).map_err(created_concurrently)?;
    graph::memberships::insert(tx, &made.iter().map(|node| (home.id, node.id)).collect())?;
    Ok(made)
}
