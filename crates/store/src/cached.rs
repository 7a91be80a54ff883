//! Prepared statements that stay cached per connection, where Diesel would prepare them each time.

use diesel::backend::Backend;
use diesel::connection::Connection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A statement whose text is always the same, so that its prepared form may be cached. Diesel does not cache updates or raw SQL,
/// because the text of some depends on what is bound.
pub(super) struct CachedStatement<T>(pub(super) T);

impl<DB: Backend, T: QueryFragment<DB>> QueryFragment<DB> for CachedStatement<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<T> QueryId for CachedStatement<T> {
    type QueryId = ();
    // The text is the key of the cache.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T: Query> Query for CachedStatement<T> {
    type SqlType = T::SqlType;
}

impl<T, C: Connection> RunQueryDsl<C> for CachedStatement<T> {}
