//! Statements that are read and planned once for a connection, where Diesel would do so each time.

use diesel::backend::Backend;
use diesel::connection::Connection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A statement whose text is always the same, and that the database is to keep. Diesel keeps none that updates or has SQL of
/// its own, because the text of some depends on what is bound.
pub(super) struct Kept<T>(pub(super) T);

impl<DB: Backend, T: QueryFragment<DB>> QueryFragment<DB> for Kept<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<T> QueryId for Kept<T> {
    type QueryId = ();
    // Its text tells it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: Query> Query for Kept<T> {
    type SqlType = T::SqlType;
}

impl<T, C: Connection> RunQueryDsl<C> for Kept<T> {}
