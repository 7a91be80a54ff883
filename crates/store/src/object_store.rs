//! The id of the object store that has the bytes of this database.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::object_store;
use crate::error::DatabaseResult as _;
use modelport_domain::Result;

/// The id that the object store has to carry; `None` before it is set.
pub fn id(tx: &mut Tx<'_>) -> Result<Option<String>> {
    object_store::table.find(1).select(object_store::store_id).first(tx.conn).optional().db()
}

/// Sets the id, unless it is set, and returns it.
pub fn get_or_set(tx: &mut Tx<'_>, store_id: &str) -> Result<String> {
    let row = (object_store::single.eq(1), object_store::store_id.eq(store_id));
    on_each!(tx.conn, conn => {
        diesel::insert_into(object_store::table).values(row).on_conflict_do_nothing().execute(conn)
    })
    .db()?;
    object_store::table.find(1).select(object_store::store_id).first(tx.conn).db()
}
