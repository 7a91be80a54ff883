//! What values models have of what they are filtered by, counted for any number of models with the same statements.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::Tx;
use crate::error::DatabaseResult as _;
use crate::summaries::{latest_versions, list};
use modelport_domain::filter::VERDICTS;
use modelport_domain::{NodeId, Result};

/// How many models a statement names.
const CHUNK: usize = 2_000;

/// Values, and how many models have each.
pub type Counts = BTreeMap<String, u64>;

/// The values of properties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyCounts {
    /// The texts of declared properties, by their names.
    pub declared: BTreeMap<String, Counts>,
    /// The names of custom properties that are empty texts.
    pub labels: Counts,
}

/// The values of the latest versions' files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Their formats.
    pub formats: Counts,
    /// The heaviest verdicts on them.
    pub verdicts: Counts,
}

/// The values of these models' declared properties of those names, and their labels. Texts of more than a thousand characters count as none.
pub fn of_properties(tx: &mut Tx<'_>, models: &[NodeId], names: &[&'static str]) -> Result<PropertyCounts> {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let mut counts = PropertyCounts::default();
    for chunk in models.chunks(CHUNK) {
        tx.check_deadline()?;
        let sql = format!(
            "SELECT p.custom AS custom, p.name AS name, p.text_value AS value, count(*) AS models FROM properties AS p \
             WHERE p.node_id IN ({}) AND (p.custom = FALSE AND p.name IN ({}) AND length(p.text_value) BETWEEN 1 AND 1000 \
             OR p.custom = TRUE AND p.kind = 3 AND p.text_value = '') GROUP BY p.custom, p.name, p.text_value",
            list(chunk),
            names.join(", ")
        );
        let rows: Vec<PropertyRow> = sql_query(sql).load(tx.conn).db()?;
        tx.loaded.add(rows.iter().map(|row| row.name.len() + row.value.len()).sum())?;
        for PropertyRow { custom, name, value, models } in rows {
            let (of, value) =
                if custom { (&mut counts.labels, name) } else { (counts.declared.entry(name).or_default(), value) };
            *of.entry(value).or_default() += models.unsigned_abs();
        }
    }
    Ok(counts)
}

/// The names of these models' aliases.
pub fn of_aliases(tx: &mut Tx<'_>, models: &[NodeId]) -> Result<Counts> {
    let mut counts = Counts::new();
    for chunk in models.chunks(CHUNK) {
        tx.check_deadline()?;
        let sql = format!(
            "SELECT a.name AS value, count(*) AS models FROM aliases AS a WHERE a.model_id IN ({}) GROUP BY a.name",
            list(chunk)
        );
        let rows: Vec<ValueRow> = sql_query(sql).load(tx.conn).db()?;
        tx.loaded.add(rows.iter().map(|row| row.value.len()).sum())?;
        for ValueRow { value, models } in rows {
            *counts.entry(value).or_default() += models.unsigned_abs();
        }
    }
    Ok(counts)
}

/// The formats of the files of these models' latest versions, and the heaviest verdicts on them, of those that are visible.
pub fn of_files(tx: &mut Tx<'_>, models: &[NodeId]) -> Result<FileCounts> {
    let weights: Vec<String> = VERDICTS.iter().map(|(name, weight)| format!("WHEN '{name}' THEN {weight}")).collect();
    let visible = tx.visible_sql("a").map(|visible| format!(" AND {visible}")).unwrap_or_default();
    let mut versions: Vec<NodeId> = latest_versions(tx, models)?.into_values().collect();
    versions.sort_unstable();
    let mut counts = FileCounts::default();
    for chunk in versions.chunks(CHUNK) {
        tx.check_deadline()?;
        let sql = format!(
            "SELECT m.context_id AS version, h.format AS format, CAST(max(CASE h.verdict {} END) AS BIGINT) AS weight \
             FROM members AS m JOIN nodes AS a ON a.id = m.node_id JOIN inspections AS h ON h.node_id = a.id \
             WHERE m.context_id IN ({}){visible} GROUP BY m.context_id, h.format",
            weights.join(" "),
            list(chunk)
        );
        let rows: Vec<FilesRow> = sql_query(sql).load(tx.conn).db()?;
        let mut heaviest: BTreeMap<i64, i64> = BTreeMap::new();
        let mut formats: BTreeSet<(i64, String)> = BTreeSet::new();
        for FilesRow { version, format, weight } in rows {
            if let Some(weight) = weight {
                let known = heaviest.entry(version).or_insert(weight);
                *known = weight.max(*known);
            }
            formats.extend(format.map(|format| (version, format)));
        }
        for (_, format) in formats {
            *counts.formats.entry(format).or_default() += 1;
        }
        for weight in heaviest.into_values() {
            let verdict = VERDICTS.iter().find(|(_, known)| *known == weight);
            if let Some((name, _)) = verdict {
                *counts.verdicts.entry((*name).to_owned()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

#[derive(QueryableByName)]
struct PropertyRow {
    #[diesel(sql_type = Bool)]
    custom: bool,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = BigInt)]
    models: i64,
}

#[derive(QueryableByName)]
struct ValueRow {
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = BigInt)]
    models: i64,
}

#[derive(QueryableByName)]
struct FilesRow {
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<Text>)]
    format: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    weight: Option<i64>,
}
