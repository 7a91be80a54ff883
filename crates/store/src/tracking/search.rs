//! Searches of experiments, runs, models, versions, logged models, traces and data sets to evaluate on: one statement for a page, whatever is searched,
//! and one more for where the page ends.
//!
//! A page begins after the values that the last item of the one before had, so that what is added or removed meanwhile
//! moves nothing.

mod clauses;
mod frame;
mod keys;
pub mod measured;
mod ordered;
mod source;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Double, HasSqlType, Nullable, Text};
use diesel::{QueryResult, RunQueryDsl};

use crate::Tx;
use crate::connection::AnyConnection;
use crate::filter::{Filter, query_error};
use modelport_domain::filter::Operand;
use modelport_domain::search::{KeyValue, Search, Searched};
use modelport_domain::{Error, NodeId, PageSize, Result};

use frame::Frame;
use keys::Keys;

/// A page of what a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<Id = NodeId> {
    /// The ids, in order.
    pub ids: Vec<Id>,
    /// Where the next page begins, when there is more: what the last one has for each key of the order.
    pub end: Option<Vec<KeyValue>>,
}

/// The page of a search that begins after `after`, of what is visible in the workspace of the request.
///
/// Errors: InvalidArgument on `page_token` when `after` is not of this search's order; on `filter` when the database
/// cannot evaluate it.
pub fn page(tx: &mut Tx<'_>, search: &Search, after: Option<&[KeyValue]>, size: PageSize) -> Result<Found> {
    if let Some(order) = ordered::Order::of(tx, search) {
        return order.page(tx, search, after, size);
    }
    page_in_any_order(tx, search, after, size)
}

/// The same of a search in whatever order, for which all that is found may be sorted.
pub fn page_in_any_order(
    tx: &mut Tx<'_>,
    search: &Search,
    after: Option<&[KeyValue]>,
    size: PageSize,
) -> Result<Found> {
    let operand = |id: &i64| Operand::Int(*id);
    let Found { ids, end } = found(tx, search, after, size, |tx, filter| Ids(filter).load(tx.conn), operand)?;
    Ok(Found { ids: ids.into_iter().map(NodeId).collect(), end })
}

/// The same of what is no node and has an id that is a text: traces, and data sets to evaluate on.
///
/// Errors: as those of [`page`].
pub fn page_of_texts(
    tx: &mut Tx<'_>,
    search: &Search,
    after: Option<&[KeyValue]>,
    size: PageSize,
) -> Result<Found<String>> {
    let operand = |id: &String| Operand::Text(id.clone());
    found(tx, search, after, size, |tx, filter| TextIds(filter).load(tx.conn), operand)
}

fn found<Id>(
    tx: &mut Tx<'_>,
    search: &Search,
    after: Option<&[KeyValue]>,
    size: PageSize,
    load: impl FnOnce(&mut Tx<'_>, Filter) -> QueryResult<Vec<Id>>,
    operand: impl Fn(&Id) -> Operand,
) -> Result<Found<Id>> {
    let is_of_experiments = matches!(search.of, Searched::Runs | Searched::LoggedModels | Searched::Traces);
    if is_of_experiments && search.experiments.is_empty() {
        return Ok(Found { ids: Vec::new(), end: None });
    }
    let frame = Frame::of(tx, search);
    let keys = Keys::of(&frame, search)?;
    let limit = size.get();
    let mut statement = Filter::default();
    statement.sql(&format!("SELECT {} FROM ", frame.id()));
    statement.append(&frame.from);
    statement.append(&keys.joins);
    statement.sql(" WHERE ");
    statement.append(&frame.condition);
    clauses::add(&mut statement, &frame, search)?;
    if let Some(after) = after {
        statement.sql(" AND ");
        keys.add_after(&mut statement, after)?;
    }
    keys.add_order(&mut statement);
    statement.sql(" LIMIT ");
    statement.operand(&Operand::Int(i64::from(limit) + 1));
    tx.check_deadline()?;
    let statement = statement.prepared_if_repeated(tx);
    let mut ids = load(tx, statement).map_err(query_error)?;
    let more = ids.len() > limit as usize;
    ids.truncate(limit as usize);
    let end = match ids.last().filter(|_| more) {
        Some(last) => Some(end(tx, &frame, &keys, &operand(last))?),
        None => None,
    };
    Ok(Found { ids, end })
}

/// What the one with that id has for each key.
fn end(tx: &mut Tx<'_>, frame: &Frame, keys: &Keys, id: &Operand) -> Result<Vec<KeyValue>> {
    let mut statement = Filter::default();
    for (at, key) in keys.all.iter().enumerate() {
        statement.sql(if at > 0 { " UNION ALL SELECT " } else { "SELECT " });
        statement.sql(&format!("CAST({at} AS BIGINT) AS number, {}", key.columns()));
        statement.sql(" FROM ");
        statement.append(&frame.from);
        statement.append(&keys.joins);
        statement.sql(&format!(" WHERE {} = ", frame.id()));
        statement.operand(id);
    }
    let statement = Values(statement.prepared_if_repeated(tx));
    let mut rows: Vec<ValueRow> = statement.load(tx.conn).map_err(query_error)?;
    rows.sort_by_key(|row| row.0);
    let values: Vec<KeyValue> = rows.into_iter().zip(&keys.all).map(|(row, key)| key.value(row)).collect();
    if values.len() == keys.all.len() {
        return Ok(values);
    }
    Err(Error::internal("what the end of a page is ordered by is not there"))
}

/// The number of a key, its class, and its value.
type ValueRow = (i64, i64, Option<i64>, Option<f64>, Option<String>);

/// Whether the statement is for PostgreSQL.
fn is_postgres(tx: &Tx<'_>) -> bool {
    matches!(tx.conn, AnyConnection::Postgres(_))
}

/// A statement that gives ids.
struct Ids(Filter);

/// A statement that gives ids that are texts.
struct TextIds(Filter);

/// A statement that gives the values of keys.
struct Values(Filter);

/// A statement that gives runs with what they are ordered by.
struct Ordered(Filter);

macro_rules! statement {
    ($statement:ident, $row:ty) => {
        impl<DB> QueryFragment<DB> for $statement
        where
            DB: Backend + HasSqlType<BigInt> + HasSqlType<Double> + HasSqlType<Text>,
            i64: ToSql<BigInt, DB>,
            f64: ToSql<Double, DB>,
            String: ToSql<Text, DB>,
        {
            fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                self.0.walk_ast(out)
            }
        }

        impl QueryId for $statement {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl Query for $statement {
            type SqlType = $row;
        }

        impl<Conn> RunQueryDsl<Conn> for $statement {}
    };
}

use statement;

statement!(Ids, BigInt);
statement!(TextIds, Text);
statement!(Values, (BigInt, BigInt, Nullable<BigInt>, Nullable<Double>, Nullable<Text>));
statement!(Ordered, (BigInt, Nullable<Double>, Nullable<Text>, BigInt, Text));
