//! The tables: the same on both databases, as Diesel sees them, and under the house's rules for references and text.

use std::collections::BTreeSet;

use super::introspection::{self, Schema};
use crate::support::{Backend, Database, on_both};

on_both! {
    every_reference_has_an_index_and_a_delete_rule,
    the_tables_are_as_diesel_sees_them,
}

fn schema(backend: Backend) -> Schema {
    introspection::of(backend, &Database::new(backend))
}

#[test]
fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (schema(Backend::Sqlite), schema(Backend::Postgres));
    assert!(sqlite.columns.len() > 80 && sqlite.indexes.len() > 20, "{sqlite:?}");
    assert_eq!(sqlite, postgres);
}

async fn every_reference_has_an_index_and_a_delete_rule(backend: Backend) {
    let schema = schema(backend);
    assert!(schema.foreign_keys.len() >= 12, "{:?}", schema.foreign_keys);
    // An index of what is there at all has every row that a reference comes from.
    let present = |key: &str, place: &str| {
        let column = key.split_once(" (").unwrap().1.split([',', ')']).next().unwrap();
        place.trim_matches(['(', ')']) == format!("{column} is not null")
    };
    let keys = schema.indexes.iter().map(|index| index.split_once(" on ").unwrap().1);
    let whole = keys.filter_map(|key| match key.split_once(" where ") {
        Some((key, place)) => present(key, place).then_some(key),
        None => Some(key),
    });
    let whole = whole.chain(schema.primary_keys.iter().map(|key| &**key));
    let starts: BTreeSet<_> = whole
        .map(|key| {
            let (table, columns) = key.split_once(" (").unwrap();
            (table, columns.split([',', ')']).next().unwrap())
        })
        .collect();
    for key in &schema.foreign_keys {
        assert!(!key.ends_with("on delete no action"), "{key}");
        let from = key.split(" -> ").next().unwrap().split_once('.').unwrap();
        assert!(starts.contains(&from), "{key} has no index");
    }
}

/// The rows of `table!` in the store's schema, worded as the introspection words columns and primary keys.
async fn the_tables_are_as_diesel_sees_them(backend: Backend) {
    let schema = schema(backend);
    let columns: BTreeSet<_> =
        schema.columns.iter().map(|line| line.splitn(4, ' ').take(3).collect::<Vec<_>>()).collect();
    let columns: BTreeSet<String> = columns.into_iter().map(|words| words.join(" ")).collect();
    let (mut seen, mut table, mut renamed) = (BTreeSet::new(), String::new(), None);
    let mut tables = 0;
    for line in include_str!("../../crates/store/src/schema.rs").lines().map(str::trim) {
        if let Some((name, key)) = line.strip_suffix(" {").and_then(|line| line.split_once(" (")) {
            assert!(schema.primary_keys.contains(&format!("{name} ({key}")), "{name} ({key}");
            table = format!("{name}.");
            tables += 1;
        } else if line == "}" {
            table.clear();
        } else if let Some(name) = line.strip_prefix("#[sql_name = \"").and_then(|line| line.strip_suffix("\"]")) {
            renamed = Some(name);
        } else if let Some((name, kind)) = line.trim_end_matches(',').split_once(" -> ").filter(|_| !table.is_empty()) {
            let name = renamed.take().unwrap_or(name);
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(inner) => (inner.trim_end_matches('>'), "nullable"),
                None => (kind, "required"),
            };
            seen.insert(format!("{table}{name} {kind} {null}"));
        }
    }
    assert!(tables >= 8 && seen.len() > 40, "{seen:?}");
    let unknown: Vec<_> = seen.difference(&columns).collect();
    assert!(unknown.is_empty(), "not in the database: {unknown:?}");
    let mapped = |line: &&String| seen.iter().any(|known| known.split('.').next() == line.split('.').next());
    let missed: Vec<_> = columns.iter().filter(mapped).filter(|line| !seen.contains(*line)).collect();
    assert!(missed.is_empty(), "not in the code: {missed:?}");
}

#[test]
fn postgres_compares_text_by_its_bytes() {
    let others = Database::new(Backend::Postgres).lines(
        "SELECT format('%s.%s %s', table_name, column_name, collation_name) AS line
         FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'",
    );
    assert!(others.is_empty(), "{others:?}");
}
