//! Clauses as conditions: on an expression, or that there is a row, or none, that meets them.

use super::frame::Frame;
use super::source::{PROPERTY_TEXT, Rows, Source, WRITTEN_HERE};
use crate::filter::Filter;
use modelport_domain::filter::{Comparison, Condition, Operand};
use modelport_domain::search::{Clause, Facet, Search, Searched, Test, TextFacet};
use modelport_domain::{LogicalType, Result, ValueKind};

/// Adds what must hold by the clauses, each after an AND.
pub(super) fn add(statement: &mut Filter, frame: &Frame, search: &Search) -> Result<()> {
    for clause in &search.clauses {
        statement.sql(" AND ");
        clause_holds(statement, frame, search, clause)?;
    }
    let is_of_metric = |clause: &Clause| matches!(clause.facet, Facet::Metric { .. });
    if !search.datasets.is_empty() && !search.clauses.iter().any(is_of_metric) {
        statement.sql(" AND EXISTS (SELECT 1 FROM logged_model_metrics AS m WHERE m.node_id = nodes.id");
        frame.add_seen(statement, "m.run_id");
        on_datasets(statement, &search.datasets);
        statement.sql(")");
    }
    Ok(())
}

fn clause_holds(statement: &mut Filter, frame: &Frame, search: &Search, clause: &Clause) -> Result<()> {
    if is_of_run_by_index(frame, clause) {
        of_runs(statement, frame, &clause.test);
        return Ok(());
    }
    match frame.source(&clause.facet)? {
        Source::Column(column) => column_meets(statement, &column, &clause.facet, &clause.test),
        Source::Rows(mut rows) => {
            if matches!(clause.facet, Facet::Metric { .. }) && frame.of == Searched::LoggedModels {
                on_datasets(&mut rows.rows, &search.datasets);
            }
            if matches!((&clause.facet, &clause.test), (Facet::Assessment(..), Test::Double(..))) {
                rows.value = "a.number";
            }
            row_meets(statement, &rows, &clause.test);
        }
    }
    Ok(())
}

fn column_meets(statement: &mut Filter, column: &str, facet: &Facet, test: &Test) {
    match test {
        Test::Absent => statement.sql(&format!("{column} IS NULL")),
        Test::Present => statement.sql(&format!("{column} IS NOT NULL")),
        Test::Not(_) => {
            statement.sql(&format!("({column} IS NULL OR "));
            meets(statement, column, test);
            statement.sql(")");
        }
        Test::In(_) | Test::NotIn(_) if matches!(facet, Facet::Number(_)) => {
            meets(statement, &format!("CAST({column} AS TEXT)"), test);
        }
        test => meets(statement, column, test),
    }
}

fn row_meets(statement: &mut Filter, rows: &Rows, test: &Test) {
    let is_negated = matches!(test, Test::Absent | Test::Not(_));
    statement.sql(if is_negated { "NOT EXISTS (SELECT 1 FROM " } else { "EXISTS (SELECT 1 FROM " });
    statement.append(&rows.rows);
    match test {
        Test::Absent | Test::Present => {}
        Test::Not(text) => {
            statement.sql(" AND ");
            meets(statement, rows.value, &Test::Text(Comparison::Equal, text.clone()));
        }
        test => {
            statement.sql(" AND ");
            meets(statement, rows.value, test);
        }
    }
    statement.sql(")");
}

/// That there is a value, and it meets the test.
fn meets(statement: &mut Filter, value: &str, test: &Test) {
    if value == PROPERTY_TEXT
        && let Some(texts) = texts_alone(test)
    {
        // Which the index on names and texts finds.
        statement.sql(&format!("{WITH_TEXT} AND "));
        return statement.text_is("p.text_value", &texts);
    }
    let texts = |texts: &[String]| Condition::In(texts.iter().cloned().map(Operand::Text).collect());
    match test {
        Test::Text(comparison, text) => {
            statement.condition(value, &Condition::Compare(*comparison, Operand::Text(text.clone())));
        }
        Test::Int(comparison, int) => {
            statement.condition(value, &Condition::Compare(*comparison, Operand::Int(*int)));
        }
        // The value of a NaN is NULL.
        Test::Double(Comparison::NotEqual, double) => {
            statement.sql(&format!("({value} IS NULL OR "));
            statement.condition(value, &Condition::Compare(Comparison::NotEqual, Operand::Double(*double)));
            statement.sql(")");
        }
        Test::Double(comparison, double) => {
            statement.condition(value, &Condition::Compare(*comparison, Operand::Double(*double)));
        }
        Test::Like { pattern, ignore_case } => {
            statement.condition(value, &Condition::Like { pattern: pattern.clone(), ignore_case: *ignore_case });
        }
        Test::In(list) => statement.condition(value, &texts(list)),
        Test::NotIn(list) => {
            statement.sql("NOT (");
            statement.condition(value, &texts(list));
            statement.sql(")");
        }
        // Where there is a value, only that has to hold.
        Test::Not(text) => {
            statement.condition(value, &Condition::Compare(Comparison::NotEqual, Operand::Text(text.clone())));
        }
        Test::Present => statement.sql(&format!("{value} IS NOT NULL")),
        Test::Absent => statement.sql("FALSE"),
    }
}

/// That the property `p` is of a kind whose values are in the column of texts.
const WITH_TEXT: &str = "p.kind IN (3, 4, 5)";

/// The kinds that it names.
const _: () = assert!(ValueKind::String as i64 == 3 && ValueKind::Struct as i64 == 4 && ValueKind::Proto as i64 == 5);

/// The texts of which a property has to be one, where none of them is how a number or a boolean is written.
fn texts_alone(test: &Test) -> Option<Vec<&str>> {
    let texts: Vec<&str> = match test {
        Test::Text(Comparison::Equal, text) => vec![text],
        Test::In(texts) => texts.iter().map(String::as_str).collect(),
        _ => return None,
    };
    let is_text_alone = |text: &&str| text.parse::<f64>().is_err() && !matches!(*text, "true" | "false");
    texts.iter().all(is_text_alone).then_some(texts)
}

/// That a metric of a logged model was measured on one of the data sets, where there are any.
fn on_datasets(rows: &mut Filter, datasets: &[(String, Option<String>)]) {
    for (at, (name, digest)) in datasets.iter().enumerate() {
        rows.sql(if at > 0 { " OR (m.dataset_name = " } else { " AND ((m.dataset_name = " });
        rows.text(name);
        if let Some(digest) = digest {
            rows.sql(" AND m.dataset_digest = ");
            rows.text(digest);
        }
        rows.sql(")");
    }
    rows.sql(if datasets.is_empty() { "" } else { ")" });
}

/// Whether versions are those of a few runs: an index has what refers to a run, and the versions are not gone through.
fn is_of_run_by_index(frame: &Frame, clause: &Clause) -> bool {
    frame.of == Searched::Versions
        && clause.facet == Facet::Text(TextFacet::Run)
        && matches!(clause.test, Test::Text(Comparison::Equal, _) | Test::In(_))
}

fn of_runs(statement: &mut Filter, frame: &Frame, test: &Test) {
    let artifact = LogicalType::ModelArtifact.id();
    statement.sql(&format!(
        "nodes.id IN (SELECT a.home_id FROM runs AS r JOIN properties AS p ON p.int_value = r.node_id \
         AND p.name = 'experiment_run_id' AND p.kind = 1 AND p.custom = FALSE \
         JOIN nodes AS a ON a.id = p.node_id WHERE a.type_id = {artifact} AND "
    ));
    meets(statement, "r.run_id", test);
    frame.add_seen(statement, "r.node_id");
    // The index on texts is one of those that are not long.
    statement.sql(&format!(
        " UNION ALL SELECT a.home_id FROM properties AS p CROSS JOIN nodes AS a WHERE a.id = p.node_id \
         AND a.type_id = {artifact} AND p.name = 'model_source_group' AND p.kind = 3 AND p.custom = FALSE \
         AND length(p.text_value) <= 128 AND {WRITTEN_HERE} AND "
    ));
    meets(statement, "p.text_value", test);
    statement.sql(")");
}
