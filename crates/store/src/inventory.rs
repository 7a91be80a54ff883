//! What the registry holds, counted for its metrics.

use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;

use super::Tx;
use super::blobs::total;
use super::schema::{blobs, files, inspections, nodes, upkeep};
use crate::error::DatabaseResult as _;
use modelport_domain::{Inventory, LogicalType, Result};

/// Counts what is there. Five statements, each of which reads one index or table whole.
pub fn count(tx: &mut Tx<'_>) -> Result<Inventory> {
    let by_type: Vec<(i64, i64)> =
        nodes::table.group_by(nodes::type_id).select((nodes::type_id, count_star())).load(tx.conn).db()?;
    let mut inventory = Inventory::default();
    for (type_id, count) in by_type {
        match LogicalType::from_id(type_id) {
            Some(logical) => inventory.entities.push((logical, count.unsigned_abs())),
            None => inventory.other_nodes += count.unsigned_abs(),
        }
    }
    (inventory.blobs, inventory.blob_bytes) = total(tx, 0, i64::MAX)?;
    let (verified, oldest): (i64, Option<i64>) =
        blobs::table.select((diesel::dsl::count(blobs::verified_at), min(blobs::verified_at))).first(tx.conn).db()?;
    inventory.unverified_blobs = inventory.blobs.saturating_sub(verified.unsigned_abs());
    inventory.oldest_verification = oldest;
    let damaged: Vec<(Option<String>, i64)> = blobs::table
        .filter(blobs::damage.is_not_null())
        .group_by(blobs::damage)
        .select((blobs::damage, count_star()))
        .load(tx.conn)
        .db()?;
    inventory.damaged_blobs =
        damaged.into_iter().filter_map(|(damage, count)| Some((damage?, count.unsigned_abs()))).collect();
    let all_files: i64 = files::table.count().get_result(tx.conn).db()?;
    inventory.files = all_files.unsigned_abs();
    let by_action: Vec<(String, i64)> =
        inspections::table.group_by(inspections::act).select((inspections::act, count_star())).load(tx.conn).db()?;
    inventory.inspected_files = by_action.into_iter().map(|(action, count)| (action, count.unsigned_abs())).collect();
    inventory.last_verification =
        upkeep::table.filter(upkeep::task.eq("verify")).select(max(upkeep::ended_at)).first(tx.conn).db()?;
    Ok(inventory)
}
