//! What a search finds in `search_texts`: names by their beginnings, and any text by what stands in it. Triggers fill that table. Labels are
//! found by their beginnings in an index of properties: there are too many for trigrams of each.
//!
//! SQLite finds the texts in a full-text index of trigrams, which it reads backwards until there are enough. PostgreSQL has no order in its
//! index, so that all texts that match would be read and sorted: where many of the newest ones match, those are gone through instead.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::sqlite::Sqlite;

use super::Tx;
use super::connection::{AnyConnection, on_each};
use crate::error::DatabaseResult as _;
use modelport_domain::{Error, FilePath, NodeId, Result};

/// How many texts are looked at.
pub const MAX_MATCHES: usize = 10_000;

/// How many names of a kind that begin alike are looked at.
pub const MAX_NAMES: usize = 2_000;

/// The kind of a file, among the ids of types.
pub const FILE: i64 = 0;

/// The shortest text that stands in an index.
pub const MIN_CHARS: usize = 3;

/// How many kinds of texts there are.
const ALL_KINDS: usize = 10;

/// How many of the newest texts PostgreSQL looks at first, and of how many of them it goes on to the older ones.
const SAMPLE: usize = 20_000;
const MANY: usize = 1_000;

/// Where a text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The name of a node.
    Name,
    /// One of its properties.
    Property,
    /// The path of a file.
    Path,
}

/// A text that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The node, or the artifact that has the file.
    pub node: NodeId,
    /// The type of the node; [`FILE`] for a file.
    pub kind: i64,
    /// Where it is from.
    pub source: Source,
    /// The path of the file; empty for anything else.
    pub path: String,
    /// The text, of which ASCII letters are in lower case; empty for that of a property.
    pub text: String,
}

/// The texts that match, of those that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// The texts.
    pub found: Vec<Match>,
    /// Whether there may be more.
    pub is_cut: bool,
}

/// The names that begin with a text, of each kind the first [`MAX_NAMES`] in the order of the alphabet, of what the caller sees in the
/// request's workspace. ASCII letters of the text are in lower case.
pub fn names(tx: &mut Tx<'_>, beginning: &str, kinds: &[i64]) -> Result<Matches> {
    let end = format!("{beginning}{}", char::MAX);
    let mut all = Matches { found: Vec::new(), is_cut: false };
    for kind in kinds.iter().filter(|kind| **kind != FILE) {
        tx.check_deadline()?;
        let sql = format!(
            "SELECT s.node_id AS node, s.kind AS kind, s.source AS source, '' AS path, s.text AS text FROM search_texts AS s \
             WHERE s.source = 0 AND s.text >= $1 AND s.text < $2 AND {} ORDER BY s.text, s.id DESC LIMIT {}",
            place(tx, &[*kind]),
            MAX_NAMES + 1
        );
        let rows: Vec<Row> = on_each!(tx.conn, conn => {
            sql_query(sql).bind::<Text, _>(beginning).bind::<Text, _>(&end).load(conn).db()?
        });
        let Matches { found, is_cut } = matches(tx, rows, MAX_NAMES)?;
        all.found.extend(found);
        all.is_cut |= is_cut;
    }
    Ok(all)
}

/// The nodes with a label that begins so, which is the value of a custom property, or the name of one that is an empty text: the first
/// [`MAX_NAMES`] in the order of the alphabet, of what the caller sees in the request's workspace. ASCII letters are in lower case.
pub fn labels(tx: &mut Tx<'_>, beginning: &str, kinds: &[i64]) -> Result<Matches> {
    // The expression and the condition of the index.
    const LABEL: &str = "lower(substr(CASE WHEN p.text_value = '' THEN p.name ELSE p.text_value END, 1, 64))";
    let beginning: String = beginning.chars().take(64).collect();
    let end = format!("{beginning}{}", char::MAX);
    let types: Vec<String> = kinds.iter().filter(|kind| **kind != FILE).map(i64::to_string).collect();
    if types.is_empty() {
        return Ok(Matches { found: Vec::new(), is_cut: false });
    }
    let visible = tx.listed("n").map(|visible| format!(" AND {}", visible.to_sql())).unwrap_or_default();
    let sql = format!(
        "SELECT p.node_id AS node, n.type_id AS kind, CAST(1 AS BIGINT) AS source, '' AS path, '' AS text \
         FROM properties AS p CROSS JOIN nodes AS n \
         WHERE {LABEL} >= $1 AND {LABEL} < $2 AND p.custom AND p.text_value IS NOT NULL AND substr(p.name, 1, 7) <> 'mlflow.' \
         AND n.id = p.node_id AND n.workspace_id = {} AND n.type_id IN ({}){visible} ORDER BY {LABEL}, p.node_id LIMIT {}",
        tx.access().workspace(),
        types.join(", "),
        MAX_NAMES + 1
    );
    let rows: Vec<Row> = on_each!(tx.conn, conn => {
        sql_query(sql).bind::<Text, _>(beginning).bind::<Text, _>(end).load(conn).db()?
    });
    matches(tx, rows, MAX_NAMES)
}

/// The texts that have all of these in them, the newest first, of what the caller sees in the request's workspace. Each is at least
/// [`MIN_CHARS`] long, and its ASCII letters are in lower case.
pub fn texts(tx: &mut Tx<'_>, parts: &[String], kinds: &[i64]) -> Result<Matches> {
    let place = place(tx, kinds);
    tx.check_deadline()?;
    let workspace = tx.access().workspace().0;
    let (rows, is_cut) = match tx.conn {
        AnyConnection::Sqlite(conn) => (full_text(conn, parts, kinds, workspace, &place)?, false),
        AnyConnection::Postgres(conn) => match of_newest(conn, parts, &place)? {
            Some(found) => found,
            None => (indexed(conn, parts, kinds, workspace, &place)?, false),
        },
    };
    let found = matches(tx, rows, MAX_MATCHES)?;
    Ok(Matches { is_cut: found.is_cut || is_cut, ..found })
}

/// What SQLite finds: among the few texts that its index does not have yet, and then in that.
fn full_text(
    conn: &mut SqliteConnection,
    parts: &[String],
    kinds: &[i64],
    workspace: i64,
    place: &str,
) -> Result<Vec<Row>> {
    let having: String = (1..=parts.len()).map(|at| format!("instr(s.text, ${at}) > 0 AND ")).collect();
    let sql = format!(
        "SELECT {SHOWN} FROM search_texts AS s WHERE s.id > (SELECT last_id FROM search_index_end) \
         AND {having}{place} ORDER BY s.id DESC"
    );
    let sql = parts.iter().fold(sql_query(sql).into_boxed::<Sqlite>(), |sql, part| sql.bind::<Text, _>(part));
    let mut rows: Vec<Row> = sql.load(conn).db()?;
    let sql = format!(
        "SELECT {SHOWN} FROM search_index AS f CROSS JOIN search_texts AS s \
         WHERE search_index MATCH $1 AND s.id = f.rowid AND {place} ORDER BY f.rowid DESC LIMIT {LIMIT}"
    );
    let indexed: Vec<Row> = sql_query(sql).bind::<Text, _>(expression(parts, kinds, workspace)).load(conn).db()?;
    rows.extend(indexed);
    Ok(rows)
}

/// The newest texts that match, where many of the newest ones do; and whether there are older ones that were not looked at.
fn of_newest(conn: &mut PgConnection, parts: &[String], place: &str) -> Result<Option<(Vec<Row>, bool)>> {
    let newest = |most: usize| format!("(SELECT s.* FROM search_texts AS s ORDER BY s.id DESC LIMIT {most}) AS s");
    let having = having(parts, 1);
    let sample = format!("SELECT count(*) AS count FROM {} WHERE {having}{place}", newest(SAMPLE));
    let CountRow { count } = bound(sql_query(sample).into_boxed(), parts).get_result(conn).db()?;
    let count = usize::try_from(count).unwrap_or(0);
    if count < MANY {
        return Ok(None);
    }
    // Half as many again as have enough of those that match, if the older ones match as often.
    let most = (SAMPLE * LIMIT / count).saturating_mul(3) / 2;
    let sql = format!("SELECT {SHOWN} FROM {} WHERE {having}{place} ORDER BY s.id DESC LIMIT {LIMIT}", newest(most));
    let rows: Vec<Row> = bound(sql_query(sql).into_boxed(), parts).load(conn).db()?;
    if rows.len() >= LIMIT {
        return Ok(Some((rows, true)));
    }
    let older = format!(
        "SELECT count(*) AS count FROM (SELECT s.id FROM search_texts AS s ORDER BY s.id DESC LIMIT 1 OFFSET {most}) AS s"
    );
    let CountRow { count } = sql_query(older).get_result(conn).db()?;
    Ok(Some((rows, count > 0)))
}

/// What PostgreSQL's index finds.
fn indexed(conn: &mut PgConnection, parts: &[String], kinds: &[i64], workspace: i64, place: &str) -> Result<Vec<Row>> {
    let any: Vec<String> = kinds.iter().map(|kind| format!("#t{kind}")).collect();
    let of_kinds = if is_all(kinds) { "" } else { "AND search_keys(s.text, s.kind, s.workspace_id) && $2 " };
    let sql = sql_query(format!(
        // Materialized, or PostgreSQL might compute the keys of one text after the other for the sake of their order.
        "WITH found AS MATERIALIZED (SELECT s.id AS id, {SHOWN} FROM search_texts AS s \
         WHERE search_keys(s.text, s.kind, s.workspace_id) @> $1 {of_kinds}AND {}{place}) \
         SELECT node, kind, source, path, text FROM found ORDER BY id DESC LIMIT {LIMIT}",
        having(parts, if is_all(kinds) { 2 } else { 3 })
    ));
    let sql = sql.into_boxed().bind::<Array<Text>, _>(keys(parts, workspace));
    let sql = if is_all(kinds) { sql } else { sql.bind::<Array<Text>, _>(any) };
    bound(sql, parts).load(conn).db()
}

/// The condition that the text has all of the parts, which are the parameters from that number on.
fn having(parts: &[String], first: usize) -> String {
    (first..first + parts.len()).map(|at| format!("strpos(s.text, ${at}) > 0 AND ")).collect()
}

fn bound<'a>(sql: BoxedSqlQuery<'a, Pg, SqlQuery>, parts: &'a [String]) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    parts.iter().fold(sql, |sql, part| sql.bind::<Text, _>(part))
}

fn is_all(kinds: &[i64]) -> bool {
    kinds.len() == ALL_KINDS
}

/// The files whose bytes have a digest that begins so, those of the newest artifacts first, of what the caller sees in the request's workspace.
pub fn files_with_digest(tx: &mut Tx<'_>, beginning: &str) -> Result<Matches> {
    let visible = tx.listed("n").map(|visible| format!(" AND {}", visible.to_sql())).unwrap_or_default();
    let sql = format!(
        "SELECT x.node AS node, x.kind AS kind, x.source AS source, x.path AS path, '' AS text FROM \
         (SELECT f.node_id AS node, CAST(0 AS BIGINT) AS kind, CAST(3 AS BIGINT) AS source, f.path AS path \
          FROM blobs AS b CROSS JOIN files AS f CROSS JOIN nodes AS n \
          WHERE b.sha256 >= $1 AND b.sha256 < $2 AND f.blob_id = b.id AND n.id = f.node_id{visible} LIMIT {LIMIT}) AS x \
         ORDER BY x.node DESC, x.path"
    );
    // After the last digit.
    let end = format!("{beginning}g");
    let rows: Vec<Row> = on_each!(tx.conn, conn => {
        sql_query(sql).bind::<Text, _>(beginning).bind::<Text, _>(end).load(conn).db()?
    });
    matches(tx, rows, MAX_MATCHES)
}

/// How many rows are read: one more than are looked at, where there are more.
const LIMIT: usize = MAX_MATCHES + 1;

/// What is selected of a row that is called `s`.
const SHOWN: &str = "s.node_id AS node, s.kind AS kind, s.source AS source, CASE WHEN s.source = 3 THEN s.key ELSE '' END AS path, \
     CASE WHEN s.source IN (0, 3) THEN s.text ELSE '' END AS text";

/// The condition on rows, which are called `s`, that the caller sees them, in the request's workspace, and that they are of these kinds.
fn place(tx: &Tx<'_>, kinds: &[i64]) -> String {
    let kinds: Vec<String> = kinds.iter().map(i64::to_string).collect();
    let visible = tx.listed("s").map_or_else(|| "TRUE".to_owned(), |visible| visible.to_sql());
    let workspace = tx.access().workspace();
    format!("s.workspace_id = {workspace} AND s.kind IN ({}) AND {visible}", kinds.join(", "))
}

/// The expression by which SQLite finds the rows of these kinds that have all parts in their texts. Each kind and each workspace is a
/// trigram of its own in `place`, as the triggers write them.
fn expression(parts: &[String], kinds: &[i64], workspace: i64) -> String {
    let mut all = String::new();
    if !is_all(kinds) {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"t{kind:02}\"")).collect();
        // Writing into a text cannot fail.
        let _ = write!(all, "place : ({}) AND ", kinds.join(" OR "));
    }
    let digit = |number: i64| u32::try_from(number % 4096).ok().and_then(|low| char::from_u32(0x4e00 + low));
    let digits: String = [workspace / 4096, workspace].into_iter().filter_map(digit).collect();
    let _ = write!(all, "place : \"w{digits}\"");
    for part in parts {
        let _ = write!(all, " AND text : \"{}\"", part.replace('"', "\"\""));
    }
    all
}

/// The keys that all such rows have in PostgreSQL, as `search_keys` makes them.
fn keys(parts: &[String], workspace: i64) -> Vec<String> {
    let mut keys = BTreeSet::from([format!("#w{workspace}")]);
    for part in parts {
        let chars: Vec<char> = part.chars().collect();
        keys.extend(chars.windows(MIN_CHARS).map(|window| window.iter().collect::<String>()));
    }
    keys.into_iter().collect()
}

/// The rows, which are one more than are looked at where there are more.
fn matches(tx: &mut Tx<'_>, mut rows: Vec<Row>, most: usize) -> Result<Matches> {
    let is_cut = rows.len() > most;
    rows.truncate(most);
    tx.loaded.add(rows.iter().map(|row| row.path.len() + row.text.len()).sum())?;
    let found = |Row { node, kind, source, path, text }: Row| {
        let source = match source {
            0 => Source::Name,
            3 => Source::Path,
            _ => Source::Property,
        };
        Match { node: NodeId(node), kind, source, path, text }
    };
    Ok(Matches { found: rows.into_iter().map(found).collect(), is_cut })
}

/// The path of a file that matches.
///
/// Errors: Internal where it is none.
pub fn file_path(path: &str) -> Result<FilePath> {
    path.parse().map_err(|error: Error| Error::internal("a file has a path that is none").caused_by(error))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    node: i64,
    #[diesel(sql_type = BigInt)]
    kind: i64,
    #[diesel(sql_type = BigInt)]
    source: i64,
    #[diesel(sql_type = Text)]
    path: String,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_sqlite_is_asked_names_kinds_and_the_workspace_by_trigrams() {
        let every: Vec<i64> = (0..10).collect();
        assert_eq!(expression(&texts(&["abc"]), &every, 1), r#"place : "w一丁" AND text : "abc""#);
        let asked = expression(&texts(&["abcd", "\"é\""]), &[11, FILE], 4097);
        assert_eq!(asked, r#"place : ("t11" OR "t00") AND place : "w丁丁" AND text : "abcd" AND text : """é""""#);
    }

    #[test]
    fn what_postgres_is_asked_has_each_trigram_once() {
        assert_eq!(keys(&texts(&["aaaa", "aab"]), 7), ["#w7", "aaa", "aab"]);
        assert_eq!(keys(&texts(&["模型库"]), 1), ["#w1", "模型库"]);
    }
}
