//! Inspections of files: format, facts and findings, and the versions of the parsers and rules that they come from.

pub(super) mod facts;

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, MultiBackend, on_each};
use super::files::Holder;
use super::filter::narrow;
use super::nodes::MAX_IDS;
use super::schema::{blobs, files, inspections, members};
use crate::error::DatabaseResult as _;
use modelport_domain::policy::Act;
use modelport_domain::{Error, File, FilePath, NodeId, Properties, Result, Sha256, Tally};

/// The verdict of a file without findings.
pub const CLEAN: &str = "clean";

/// The inspection of a file. What only the inspection library understands is opaque JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct InspectionRecord {
    /// The format, where it is known.
    pub format: Option<String>,
    /// The version of the format.
    pub format_version: Option<String>,
    /// What the file says about itself.
    pub facts: Properties,
    /// What its pickles import.
    pub imports: String,
    /// What it says about data in other files.
    pub references: String,
    /// What is wrong with the bytes themselves.
    pub findings: String,
    /// The evaluation of the imports and references.
    pub evaluated: String,
    /// The weight of the heaviest finding, or [`CLEAN`].
    pub verdict: String,
    /// The version of the parsers that read the bytes.
    pub reader: u32,
    /// The version of the rules that evaluated the imports.
    pub rules: u32,
    /// What the policy does with the file.
    pub act: Act,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = inspections, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct InspectionRow {
    node_id: i64,
    path: String,
    blob_id: i64,
    reader: i64,
    rules: i64,
    format: Option<String>,
    format_version: Option<String>,
    facts: String,
    imports: String,
    refs: String,
    findings: String,
    judged: String,
    verdict: String,
    act: String,
}

pub(super) fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("what was learned is not JSON").caused_by(error))
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal("what was learned is broken").caused_by(error))
}

impl TryFrom<InspectionRow> for InspectionRecord {
    type Error = Error;

    fn try_from(row: InspectionRow) -> Result<Self> {
        let invalid_row = || Error::internal(format!("the inspection of file `{}` is broken", row.path));
        Ok(Self {
            facts: facts::read(&row.facts)?,
            reader: u32::try_from(row.reader).map_err(|_| invalid_row())?,
            rules: u32::try_from(row.rules).map_err(|_| invalid_row())?,
            act: Act::from_name(&row.act).ok_or_else(invalid_row)?,
            format: row.format,
            format_version: row.format_version,
            imports: row.imports,
            references: row.refs,
            findings: row.findings,
            evaluated: row.judged,
            verdict: row.verdict,
        })
    }
}

/// The row of an inspection.
fn row(node: NodeId, path: &FilePath, blob: i64, known: &InspectionRecord) -> Result<InspectionRow> {
    Ok(InspectionRow {
        node_id: node.0,
        path: path.to_string(),
        blob_id: blob,
        reader: known.reader.into(),
        rules: known.rules.into(),
        format: known.format.clone(),
        format_version: known.format_version.clone(),
        facts: facts::write(&known.facts)?,
        imports: known.imports.clone(),
        refs: known.references.clone(),
        findings: known.findings.clone(),
        judged: known.evaluated.clone(),
        verdict: known.verdict.clone(),
        act: known.act.name().to_owned(),
    })
}

/// Stores the inspection of a file, in place of an earlier one.
pub fn put(tx: &mut Tx<'_>, node: NodeId, path: &FilePath, blob: i64, known: &InspectionRecord) -> Result<()> {
    let row = row(node, path, blob, known)?;
    on_each!(tx.conn, conn => {
        diesel::insert_into(inspections::table)
            .values(&row)
            .on_conflict((inspections::node_id, inspections::path))
            .do_update()
            .set(&row)
            .execute(conn)
    })
    .db()?;
    Ok(())
}

/// Stores the inspections of many files, in place of earlier ones.
pub fn put_all(tx: &mut Tx<'_>, known: &[(File, InspectionRecord)]) -> Result<()> {
    if let [(file, known)] = known {
        return put(tx, file.node_id, &file.path, file.blob.id, known);
    }
    for chunk in known.chunks(MAX_IDS) {
        for node in chunk.iter().map(|(file, _)| file.node_id).collect::<BTreeSet<_>>() {
            let paths: Vec<&str> =
                chunk.iter().filter(|(file, _)| file.node_id == node).map(|(file, _)| file.path.as_str()).collect();
            let stale = inspections::node_id.eq(node.0).and(inspections::path.eq_any(paths));
            diesel::delete(inspections::table.filter(stale)).execute(tx.conn).db()?;
        }
        let rows = chunk.iter().map(|(file, known)| row(file.node_id, &file.path, file.blob.id, known));
        let rows: Vec<InspectionRow> = rows.collect::<Result<_>>()?;
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk(&rows).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => diesel::insert_into(inspections::table).values(&rows).execute(conn).db()?,
        };
    }
    Ok(())
}

fn bulk(rows: &[InspectionRow]) -> Insert<'_> {
    type Row = InspectionRow;
    let ints = |of: fn(&Row) -> i64| Column::Int(rows.iter().map(of).collect());
    fn texts(rows: &[Row], of: fn(&Row) -> &str) -> Column<'_> {
        Column::Text(rows.iter().map(of).collect())
    }
    fn maybe(rows: &[Row], of: fn(&Row) -> Option<&str>) -> Column<'_> {
        Column::MaybeText(rows.iter().map(of).collect())
    }
    let columns = vec![
        ("node_id", ints(|row| row.node_id)),
        ("path", texts(rows, |row| &row.path)),
        ("blob_id", ints(|row| row.blob_id)),
        ("reader", ints(|row| row.reader)),
        ("rules", ints(|row| row.rules)),
        ("format", maybe(rows, |row| row.format.as_deref())),
        ("format_version", maybe(rows, |row| row.format_version.as_deref())),
        ("facts", texts(rows, |row| &row.facts)),
        ("imports", texts(rows, |row| &row.imports)),
        ("refs", texts(rows, |row| &row.refs)),
        ("findings", texts(rows, |row| &row.findings)),
        ("judged", texts(rows, |row| &row.judged)),
        ("verdict", texts(rows, |row| &row.verdict)),
        ("act", texts(rows, |row| &row.act)),
    ];
    Insert { table: "inspections", columns, end: "" }
}

/// The inspection by that version of the parsers of the same bytes under the same path, in any artifact.
pub fn of_bytes(tx: &mut Tx<'_>, sha256: &Sha256, path: &FilePath, reader: u32) -> Result<Option<InspectionRecord>> {
    let row = inspections::table
        .inner_join(blobs::table)
        .filter(blobs::sha256.eq(sha256.to_string()).and(inspections::path.eq(path.as_str())))
        .filter(inspections::reader.eq(i64::from(reader)))
        .order((inspections::node_id, inspections::path))
        .select(InspectionRow::as_select())
        .first(tx.conn)
        .optional()
        .db()?;
    row.map(InspectionRecord::try_from).transpose()
}

/// The inspections of these files, which are most of those between the first and the last of their paths.
pub fn of_files(tx: &mut Tx<'_>, page: &[File]) -> Result<BTreeMap<(NodeId, FilePath), InspectionRecord>> {
    let by_path = |one: &&File, other: &&File| one.path.cmp(&other.path);
    let (first, last) = (page.iter().min_by(by_path), page.iter().max_by(by_path));
    let Some((first, last)) = first.zip(last) else { return Ok(BTreeMap::new()) };
    let mut nodes: Vec<_> = page.iter().map(|file| file.node_id.0).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let rows: Vec<InspectionRow> = inspections::table
        .filter(inspections::node_id.eq_any(nodes))
        .filter(inspections::path.between(first.path.as_str(), last.path.as_str()))
        .select(InspectionRow::as_select())
        .load(tx.conn)
        .db()?;
    let mut known = BTreeMap::new();
    for row in rows {
        known.insert((NodeId(row.node_id), row.path.parse()?), row.try_into()?);
    }
    Ok(known)
}

/// Which inspections of a node's files are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that say anything: a format, facts or findings.
    Telling,
    /// All of them.
    All,
}

/// The files of a node with their inspections, ordered by path.
pub fn of_node(tx: &mut Tx<'_>, node: NodeId, which: Which) -> Result<Vec<(File, InspectionRecord)>> {
    let mut query = inspections::table
        .filter(inspections::node_id.eq(node.0))
        .order(inspections::path)
        .select(InspectionRow::as_select())
        .into_boxed::<super::connection::MultiBackend>();
    if which == Which::Telling {
        let facts = inspections::facts.ne("{}");
        query = query.filter(inspections::format.is_not_null().or(facts).or(inspections::verdict.ne(CLEAN)));
    }
    let rows: Vec<InspectionRow> = query.load(tx.conn).db()?;
    let mut found = super::files::among(tx, node, rows.iter().map(|row| row.path.as_str()).collect())?;
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(file) = found.remove(&row.path) {
            known.push((file, row.try_into()?));
        }
    }
    Ok(known)
}

/// The files of a node that no parser of that version has read, ordered by path.
pub fn unread(tx: &mut Tx<'_>, node: NodeId, reader: u32) -> Result<Vec<FilePath>> {
    let read = inspections::table
        .filter(inspections::node_id.eq(node.0))
        .filter(inspections::reader.ge(i64::from(reader)))
        .select(inspections::path);
    let paths: Vec<String> = files::table
        .filter(files::node_id.eq(node.0))
        .filter(files::path.ne_all(read))
        .order(files::path)
        .select(files::path)
        .load(tx.conn)
        .db()?;
    paths.into_iter().map(|path| path.parse()).collect()
}

/// Counts a holder's files by format, verdict and act.
pub fn tally(tx: &mut Tx<'_>, holder: Holder) -> Result<Vec<Tally>> {
    let nodes: Vec<i64> = match holder {
        Holder::Node(node) => vec![node.0],
        Holder::Members(context) => {
            let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
            let mut members = members.into_boxed::<MultiBackend>();
            narrow!(members, tx.visible_by_id("members.node_id"));
            members.load(tx.conn).db()?
        }
    };
    let mut tallies: BTreeMap<(Option<String>, String, String), i64> = BTreeMap::new();
    for chunk in nodes.chunks(super::nodes::MAX_IDS) {
        let rows: Vec<(Option<String>, String, String, i64)> = inspections::table
            .filter(inspections::node_id.eq_any(chunk.to_vec()))
            .group_by((inspections::format, inspections::verdict, inspections::act))
            .select((inspections::format, inspections::verdict, inspections::act, diesel::dsl::count_star()))
            .load(tx.conn)
            .db()?;
        for (format, verdict, act, files) in rows {
            *tallies.entry((format, verdict, act)).or_default() += files;
        }
    }
    Ok(tallies.into_iter().map(|((format, verdict, act), files)| Tally { format, verdict, act, files }).collect())
}
