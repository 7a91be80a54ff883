//! Bulk inserts into PostgreSQL with one array per column: the statement's text does not depend on the number of rows, so that it
//! is prepared once per connection.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, Text};

use super::Tx;
use super::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use modelport_domain::Result;

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

/// Rows for a table.
pub(super) struct Insert<'a> {
    /// The table.
    pub table: &'static str,
    /// Its columns; all others get their defaults.
    pub columns: Vec<(&'static str, Column<'a>)>,
    /// The statement's end, such as `ON CONFLICT DO NOTHING`.
    pub end: &'static str,
}

impl Insert<'_> {
    /// Inserts the rows into either database; SQLite binds each value by itself. Returns how many were inserted or updated.
    pub(super) fn run(self, conn: &mut AnyConnection) -> QueryResult<usize> {
        let count = self.columns.first().map_or(0, |(_, column)| column.len());
        match conn {
            _ if count == 0 => Ok(0),
            AnyConnection::Postgres(conn) => self.execute(conn),
            AnyConnection::Sqlite(conn) => {
                let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
                let row = format!("({})", vec!["?"; names.len()].join(", "));
                let rows = vec![row; count].join(", ");
                let sql = format!("INSERT INTO {} ({}) VALUES {rows} {}", self.table, names.join(", "), self.end);
                let mut query = sql_query(sql).into_boxed();
                for row in 0..count {
                    for (_, column) in &self.columns {
                        query = match column {
                            Column::Int(values) => query.bind::<Nullable<BigInt>, _>(values.get(row).copied()),
                            Column::MaybeInt(values) => {
                                query.bind::<Nullable<BigInt>, _>(values.get(row).copied().flatten())
                            }
                            Column::MaybeDouble(values) => {
                                query.bind::<Nullable<Double>, _>(values.get(row).copied().flatten())
                            }
                            Column::Bool(values) => query.bind::<Nullable<Bool>, _>(values.get(row).copied()),
                            Column::Text(values) => query.bind::<Nullable<Text>, _>(values.get(row).copied()),
                            Column::MaybeText(values) => {
                                query.bind::<Nullable<Text>, _>(values.get(row).copied().flatten())
                            }
                            Column::MaybeBytes(values) => {
                                query.bind::<Nullable<Binary>, _>(values.get(row).copied().flatten())
                            }
                        };
                    }
                }
                query.execute(conn)
            }
        }
    }
}

impl Column<'_> {
    /// How many rows it has values for.
    fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::MaybeInt(values) => values.len(),
            Self::MaybeDouble(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::MaybeText(values) => values.len(),
            Self::MaybeBytes(values) => values.len(),
        }
    }
}

/// Inserts nodes with ids from their sequence, and their properties. Loading it returns the ids in the order of the nodes, which
/// `RETURNING` does not guarantee.
pub(super) struct InsertNodes<'a> {
    /// The columns of the nodes but for the id; all others get their defaults.
    pub columns: Vec<(&'static str, Column<'a>)>,
    /// Those of the properties; `node_id` is the place of the node among the others, from 1 on.
    pub properties: Vec<(&'static str, Column<'a>)>,
}

impl QueryFragment<Pg> for InsertNodes<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH drawn AS MATERIALIZED (SELECT nextval('nodes_id_seq') AS id, v.* FROM unnest");
        arrays(&self.columns, &mut out)?;
        out.push_sql(" WITH ORDINALITY AS v");
        names(&self.columns, &mut out)?;
        out.push_sql(", place)), made AS (INSERT INTO nodes");
        names(&self.columns, &mut out)?;
        out.push_sql(", id) SELECT ");
        for (name, _) in &self.columns {
            out.push_identifier(name)?;
            out.push_sql(", ");
        }
        out.push_sql("id FROM drawn), described AS (INSERT INTO properties");
        names(&self.properties, &mut out)?;
        out.push_sql(") SELECT ");
        let mut before = "";
        for (name, _) in &self.properties {
            out.push_sql(before);
            out.push_sql(if *name == "node_id" { "drawn.id" } else { "p." });
            if *name != "node_id" {
                out.push_identifier(name)?;
            }
            before = ", ";
        }
        out.push_sql(" FROM unnest");
        arrays(&self.properties, &mut out)?;
        out.push_sql(" AS p");
        names(&self.properties, &mut out)?;
        out.push_sql(") JOIN drawn ON drawn.place = p.node_id) SELECT id FROM drawn ORDER BY place");
        Ok(())
    }
}

/// The arrays of columns, in parentheses.
fn arrays<'b>(columns: &'b [(&'static str, Column<'_>)], out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let mut before = "(";
    for (_, column) in columns {
        out.push_sql(before);
        column.walk_ast(out.reborrow())?;
        before = ", ";
    }
    out.push_sql(")");
    Ok(())
}

/// The names of columns, after an opened parenthesis.
pub(super) fn names<'b>(columns: &'b [(&'static str, Column<'_>)], out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let mut before = " (";
    for (name, _) in columns {
        out.push_sql(before);
        out.push_identifier(name)?;
        before = ", ";
    }
    Ok(())
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_identifier(self.table)?;
        names(&self.columns, &mut out)?;
        out.push_sql(") SELECT * FROM unnest");
        arrays(&self.columns, &mut out)?;
        out.push_sql(" ");
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

macro_rules! told_by_their_text {
    ($($statement:ident),*) => {$(
        impl QueryId for $statement<'_> {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl Query for $statement<'_> {
            type SqlType = BigInt;
        }

        impl RunQueryDsl<PgConnection> for $statement<'_> {}
    )*};
}

told_by_their_text!(Insert, InsertNodes);

/// Takes `count` ids from a table's sequence, the smallest first, so that the caller knows which row got which id.
pub(super) fn draw_ids(tx: &mut Tx<'_>, table: &'static str, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            let drawn = format!("SELECT nextval('{table}_id_seq') AS id FROM generate_series(1, $1)");
            let drawn: Vec<Drawn> = sql_query(drawn).bind::<BigInt, _>(count).load(conn).db()?;
            let mut ids: Vec<i64> = drawn.into_iter().map(|drawn| drawn.id).collect();
            ids.sort_unstable();
            Ok(ids)
        }
        // SQLite has a single writer, so that the next ids stay free until the rows are inserted.
        AnyConnection::Sqlite(conn) => {
            let last = "SELECT coalesce(max(seq), 0) AS id FROM sqlite_sequence WHERE name = ?";
            let last: Drawn = sql_query(last).bind::<Text, _>(table).get_result(conn).db()?;
            Ok((1..=count).map(|number| last.id + number).collect())
        }
    }
}

#[derive(QueryableByName)]
struct Drawn {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_the_order_of_the_rows_because_the_statement_says_so() {
        let columns = vec![("kind", Column::Int(vec![1, 2])), ("name", Column::MaybeText(vec![Some("a"), None]))];
        let properties = vec![("name", Column::Text(vec!["p"])), ("node_id", Column::Int(vec![2]))];
        let statement = InsertNodes { columns, properties };
        let text = diesel::debug_query::<Pg, _>(&statement).to_string();
        assert!(
            text.starts_with(
                "WITH drawn AS MATERIALIZED (SELECT nextval('nodes_id_seq') AS id, v.* FROM unnest($1, $2) WITH ORDINALITY \
                 AS v (\"kind\", \"name\", place)), made AS (INSERT INTO nodes (\"kind\", \"name\", id) \
                 SELECT \"kind\", \"name\", id FROM drawn), described AS (INSERT INTO properties (\"name\", \"node_id\") \
                 SELECT p.\"name\", drawn.id FROM unnest($3, $4) AS p (\"name\", \"node_id\") \
                 JOIN drawn ON drawn.place = p.node_id) SELECT id FROM drawn ORDER BY place"
            ),
            "{text}"
        );
    }
}
