//! What inspection learned of files, what was made of it, and by which rules.

pub(super) mod facts;

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tx;
use super::connection::on_each;
use super::files::Holder;
use super::schema::{blobs, files, inspections, members};
use crate::domain::inspect::{Format, Inspection, verdict_name};
use crate::domain::policy::Act;
use crate::domain::{Error, File, FilePath, NodeId, Result, Sha256};

/// What is known of a file's bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// What was learned.
    pub seen: Inspection,
    /// The version of the parsers that read the bytes.
    pub reader: u32,
    /// The version of the rules that judged the imports.
    pub rules: u32,
    /// What the policy does with the file.
    pub act: Act,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = inspections, treat_none_as_null = true)]
struct InspectionRow {
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
    serde_json::to_string(value).map_err(|error| Error::internal("what was learned is no JSON").caused_by(error))
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal("what was learned is broken").caused_by(error))
}

impl TryFrom<InspectionRow> for Inspected {
    type Error = Error;

    fn try_from(row: InspectionRow) -> Result<Self> {
        let broken = || Error::internal(format!("the inspection of file `{}` is broken", row.path));
        let seen = Inspection {
            format: row.format.map(|name| Format { name, version: row.format_version }),
            facts: facts::read(&row.facts)?,
            imports: read(&row.imports)?,
            references: read(&row.refs)?,
            findings: read(&row.findings)?,
            judged: read(&row.judged)?,
        };
        Ok(Self {
            seen,
            reader: u32::try_from(row.reader).map_err(|_| broken())?,
            rules: u32::try_from(row.rules).map_err(|_| broken())?,
            act: Act::from_name(&row.act).ok_or_else(broken)?,
        })
    }
}

/// Keeps what is known of a file, instead of what was known before.
pub fn put(tx: &mut Tx<'_>, node: NodeId, path: &FilePath, blob: i64, known: &Inspected) -> Result<()> {
    let seen = &known.seen;
    let row = InspectionRow {
        node_id: node.0,
        path: path.to_string(),
        blob_id: blob,
        reader: known.reader.into(),
        rules: known.rules.into(),
        format: seen.format.as_ref().map(|format| format.name.clone()),
        format_version: seen.format.as_ref().and_then(|format| format.version.clone()),
        facts: facts::write(&seen.facts)?,
        imports: write(&seen.imports)?,
        refs: write(&seen.references)?,
        findings: write(&seen.findings)?,
        judged: write(&seen.judged)?,
        verdict: verdict_name(seen.severity()).to_owned(),
        act: known.act.name().to_owned(),
    };
    on_each!(tx.conn, conn => {
        diesel::insert_into(inspections::table)
            .values(&row)
            .on_conflict((inspections::node_id, inspections::path))
            .do_update()
            .set(&row)
            .execute(conn)
    })?;
    Ok(())
}

/// What the parsers of that version learned of these bytes under that path, wherever they are stored.
pub fn of_bytes(tx: &mut Tx<'_>, sha256: &Sha256, path: &FilePath, reader: u32) -> Result<Option<Inspection>> {
    let row = inspections::table
        .inner_join(blobs::table)
        .filter(blobs::sha256.eq(sha256.to_string()).and(inspections::path.eq(path.as_str())))
        .filter(inspections::reader.eq(i64::from(reader)))
        .order((inspections::node_id, inspections::path))
        .select(InspectionRow::as_select())
        .first(tx.conn)
        .optional()?;
    Ok(row.map(Inspected::try_from).transpose()?.map(|known| known.seen))
}

/// What is known of a page of files, which is ordered by path.
pub fn of_files(tx: &mut Tx<'_>, page: &[File]) -> Result<BTreeMap<(NodeId, FilePath), Inspected>> {
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(BTreeMap::new()) };
    let mut nodes: Vec<_> = page.iter().map(|file| file.node_id.0).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let rows: Vec<InspectionRow> = inspections::table
        .filter(inspections::node_id.eq_any(nodes))
        .filter(inspections::path.between(first.path.as_str(), last.path.as_str()))
        .select(InspectionRow::as_select())
        .load(tx.conn)?;
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

/// The files of a node with what is known of them, ordered by path.
pub fn of_node(tx: &mut Tx<'_>, node: NodeId, which: Which) -> Result<Vec<(File, Inspected)>> {
    let mut query = inspections::table
        .filter(inspections::node_id.eq(node.0))
        .order(inspections::path)
        .select(InspectionRow::as_select())
        .into_boxed::<super::connection::MultiBackend>();
    if which == Which::Telling {
        let facts = inspections::facts.ne("{}");
        query =
            query.filter(inspections::format.is_not_null().or(facts).or(inspections::verdict.ne(verdict_name(None))));
    }
    let rows: Vec<InspectionRow> = query.load(tx.conn)?;
    let mut found = super::files::among(tx, node, rows.iter().map(|row| row.path.as_str()).collect())?;
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(file) = found.remove(&row.path) {
            known.push((file, row.try_into()?));
        }
    }
    Ok(known)
}

/// The files of a node whose bytes no parser of that version has read, ordered by path.
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
        .load(tx.conn)?;
    paths.into_iter().map(|path| path.parse()).collect()
}

/// How many files there are of each format, verdict and act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The format, where it is known.
    pub format: Option<String>,
    /// The weight of the heaviest finding, or `clean`.
    pub verdict: String,
    /// What the policy does.
    pub act: String,
    /// How many.
    pub files: i64,
}

/// What is known of a holder's files, counted.
pub fn tally(tx: &mut Tx<'_>, holder: Holder) -> Result<Vec<Tally>> {
    let nodes: Vec<i64> = match holder {
        Holder::Node(node) => vec![node.0],
        Holder::Members(context) => {
            members::table.filter(members::context_id.eq(context.0)).select(members::node_id).load(tx.conn)?
        }
    };
    let mut tallies: BTreeMap<(Option<String>, String, String), i64> = BTreeMap::new();
    for chunk in nodes.chunks(super::nodes::CHUNK) {
        let rows: Vec<(Option<String>, String, String, i64)> = inspections::table
            .filter(inspections::node_id.eq_any(chunk.to_vec()))
            .group_by((inspections::format, inspections::verdict, inspections::act))
            .select((inspections::format, inspections::verdict, inspections::act, diesel::dsl::count_star()))
            .load(tx.conn)?;
        for (format, verdict, act, files) in rows {
            *tallies.entry((format, verdict, act)).or_default() += files;
        }
    }
    Ok(tallies.into_iter().map(|((format, verdict, act), files)| Tally { format, verdict, act, files }).collect())
}
