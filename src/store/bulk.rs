//! Many rows put into PostgreSQL by one statement whose text stays the same however many they are, so that it is read
//! and planned once for a connection: each column goes as an array.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, Text};

/// What a column gets, row by row.
pub(super) enum Column<'a> {
    Int(Vec<i64>),
    MaybeInt(Vec<Option<i64>>),
    MaybeDouble(Vec<Option<f64>>),
    Bool(Vec<bool>),
    Text(Vec<&'a str>),
    MaybeText(Vec<Option<&'a str>>),
    MaybeBytes(Vec<Option<&'a [u8]>>),
}

/// Rows for a table, in their order. Gives the ids that they got when it is loaded.
pub(super) struct Insert<'a> {
    /// The table.
    pub table: &'static str,
    /// Its columns; all others get their defaults.
    pub columns: Vec<(&'static str, Column<'a>)>,
    /// The statement's end, such as `RETURNING id`.
    pub end: &'static str,
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_identifier(self.table)?;
        let mut before = " (";
        for (name, _) in &self.columns {
            out.push_sql(before);
            out.push_identifier(name)?;
            before = ", ";
        }
        let mut before = ") SELECT * FROM unnest(";
        for (_, column) in &self.columns {
            out.push_sql(before);
            column.walk_ast(out.reborrow())?;
            before = ", ";
        }
        out.push_sql(") ");
        out.push_sql(self.end);
        Ok(())
    }
}

impl QueryFragment<Pg> for Column<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Int(values) => out.push_bind_param::<Array<BigInt>, _>(values),
            Self::MaybeInt(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values),
            Self::MaybeDouble(values) => out.push_bind_param::<Array<Nullable<Double>>, _>(values),
            Self::Bool(values) => out.push_bind_param::<Array<Bool>, _>(values),
            Self::Text(values) => out.push_bind_param::<Array<Text>, _>(values),
            Self::MaybeText(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values),
            Self::MaybeBytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values),
        }
    }
}

impl QueryId for Insert<'_> {
    type QueryId = ();
    // Its text tells it.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Insert<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<PgConnection> for Insert<'_> {}
