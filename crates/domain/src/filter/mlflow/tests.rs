//! The grammar of filters, sentence by sentence.

mod any_text;
mod orders;
mod traces;

use super::super::Comparison::{self, Equal, Greater, GreaterOrEqual, Less, NotEqual};
use super::super::{MAX_CONDITIONS, MAX_PROPERTIES};
use super::*;
use crate::search::{DatasetFacet, NumberFacet, TextFacet};

fn parsed(of: Searched, text: &str) -> Vec<Clause> {
    clauses(of, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn of_runs(text: &str) -> Clause {
    let mut found = parsed(Searched::Runs, text);
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

fn problem(of: Searched, text: &str) -> String {
    let error = clauses(of, text).unwrap_err();
    assert_eq!(error.field(), Some(FILTER), "{text}");
    error.message().to_owned()
}

fn order(of: Searched, text: &str) -> OrderKey {
    order_keys(of, &[text]).unwrap_or_else(|error| panic!("{text}: {error}")).remove(0)
}

fn metric(name: &str) -> Facet {
    Facet::Metric { name: name.to_owned(), dataset: None }
}

fn own_tag(name: &str) -> Facet {
    Facet::Tag { name: name.to_owned(), fallback: None }
}

fn text(comparison: Comparison, text: &str) -> Test {
    Test::Text(comparison, text.to_owned())
}

fn like(pattern: &str, ignore_case: bool) -> Test {
    Test::Like { pattern: pattern.to_owned(), ignore_case }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn a_path_names_an_entity_and_a_key() {
    for prefix in ["metrics.", "metric.", "`metrics`.", "\"metric\"."] {
        assert_eq!(of_runs(&format!("{prefix}loss > 1")).facet, metric("loss"), "{prefix}");
    }
    for prefix in ["params.", "param.", "parameters.", "parameter."] {
        assert_eq!(of_runs(&format!("{prefix}lr = '1'")).facet, Facet::Param("lr".to_owned()), "{prefix}");
    }
    for prefix in ["tags.", "tag."] {
        assert_eq!(of_runs(&format!("{prefix}team = '1'")).facet, own_tag("team"), "{prefix}");
    }
    for prefix in ["", "attributes.", "attribute.", "attr.", "run."] {
        assert_eq!(of_runs(&format!("{prefix}status = '1'")).facet, Facet::Text(TextFacet::Status), "{prefix}");
    }
    for (path, name) in [
        ("metrics.a.b.c", "a.b.c"),
        ("metrics.`a b/c`", "a b/c"),
        ("metrics.\"a b/c\"", "a b/c"),
        ("metrics.`a.b`.c", "a.b.c"),
        ("metrics.`a``b`", "a`b"),
        ("metrics.7b", "7b"),
        ("metrics.größe", "größe"),
        ("metrics . and", "and"),
    ] {
        assert_eq!(of_runs(&format!("{path} = 1")).facet, metric(name), "{path}");
    }
    for path in ["`run name`", "attributes.\"Run name\"", "attr.`Run Name`", "run_name", "attribute.`run_name`"] {
        assert_eq!(of_runs(&format!("{path} = 'a'")).facet, Facet::Text(TextFacet::Name), "{path}");
    }
}

#[test]
fn values_are_texts_in_quotes_and_numbers_without() {
    for (value, expected) in [
        ("'a'", "a"),
        ("\"a\"", "a"),
        ("\"it's\"", "it's"),
        ("'it''s'", "it's"),
        (r"'C:\new'", r"C:\new"),
        ("''", ""),
        ("'ü AND 1 = 1'", "ü AND 1 = 1"),
    ] {
        assert_eq!(of_runs(&format!("params.p = {value}")).test, text(Equal, expected), "{value}");
    }
    for (value, expected) in
        [("5", 5.0), ("-5", -5.0), ("+.5", 0.5), ("1e-5", 1e-5), ("9223372036854775808", 9_223_372_036_854_775_808.0)]
    {
        assert_eq!(of_runs(&format!("metrics.m<{value}")).test, Test::Double(Less, expected), "{value}");
    }
    let start = |value: &str| of_runs(&format!("start_time >= {value}")).test;
    assert_eq!(start("1700000000000"), Test::Int(GreaterOrEqual, 1_700_000_000_000));
    assert_eq!(start("1.5"), Test::Int(GreaterOrEqual, 2));
    let version = |value: &str| parsed(Searched::Versions, &format!("version_number > {value}")).remove(0).test;
    assert_eq!(version("3"), Test::Int(Greater, 3));
    assert_eq!(version("'3'"), Test::Int(Greater, 3));
}

#[test]
fn every_comparison_is_read_in_any_case() {
    let tag = |rest: &str| of_runs(&format!("tags.t {rest}")).test;
    assert_eq!(tag("= 'a'"), text(Equal, "a"));
    assert_eq!(tag("!= 'a'"), text(NotEqual, "a"));
    assert_eq!(tag("like 'a%'"), like("a%", false));
    assert_eq!(tag("ILike 'a%'"), like("a%", true));
    assert_eq!(tag("is null"), Test::Absent);
    assert_eq!(tag("IS NOT NULL"), Test::Present);
    let run = |rest: &str| of_runs(&format!("run_id {rest}")).test;
    assert_eq!(run("in ('a', \"b\")"), Test::In(texts(&["a", "b"])));
    assert_eq!(run("NOT IN ('a')"), Test::NotIn(texts(&["a"])));
    assert_eq!(run("IN ('a',)"), Test::In(texts(&["a"])), "as Python writes a tuple of one");
    assert_eq!(run("LIKE 'a%'"), like("a%", false));
    for (sign, comparison) in [
        ("=", Equal),
        ("!=", NotEqual),
        ("<", Less),
        ("<=", Comparison::LessOrEqual),
        (">", Greater),
        (">=", GreaterOrEqual),
    ] {
        assert_eq!(of_runs(&format!("metrics.m {sign} 1")).test, Test::Double(comparison, 1.0), "{sign}");
    }
}

#[test]
fn clauses_are_joined_by_and_alone() {
    assert_eq!(parsed(Searched::Runs, ""), []);
    assert_eq!(parsed(Searched::Runs, " \n"), []);
    let found = parsed(Searched::Runs, "metrics.a > 1 and params.b = 'x'\nAND tags.c IS NULL");
    assert_eq!(
        found,
        [
            Clause { facet: metric("a"), test: Test::Double(Greater, 1.0) },
            Clause { facet: Facet::Param("b".to_owned()), test: text(Equal, "x") },
            Clause { facet: own_tag("c"), test: Test::Absent },
        ]
    );
    for bad in [
        "metrics.a > 1 AND",
        "AND metrics.a > 1",
        "metrics.a > 1 AND AND metrics.b > 1",
        "metrics.a > 1 OR metrics.b > 1",
        "(metrics.a > 1)",
        "NOT metrics.a > 1",
        "metrics.a > 1;",
        "metrics.a > 1 metrics.b > 1",
        "metrics.a > 1 -- so it is",
        "metrics.a > 1 /* so it is */",
        "metrics.a BETWEEN 1 AND 2",
        "1 < metrics.a",
        "metrics.a",
        "metrics",
        "metrics. > 1",
        "metrics.`` > 1",
        "'metrics.a' > 1",
        "metrics.a > metrics.b",
        "metrics.a > 1e999",
        "metrics.a > 1.2.3",
        "metrics.a <> 1",
        "metrics.a == 1",
        "params.a = 'x",
        "params.`a = 'x'",
        "params.a-b = 'x'",
    ] {
        problem(Searched::Runs, bad);
    }
}

#[test]
fn each_kind_has_its_comparisons_and_values() {
    for (of, bad) in [
        (Searched::Runs, "metrics.m = '1'"),
        (Searched::Runs, "metrics.m LIKE 'a'"),
        (Searched::Runs, "metrics.m IS NULL"),
        (Searched::Runs, "metrics.m IN ('1')"),
        (Searched::Runs, "params.p = 1"),
        (Searched::Runs, "params.p > 'a'"),
        (Searched::Runs, "params.p IN ('a')"),
        (Searched::Runs, "tags.t >= 'a'"),
        (Searched::Runs, "tags.t LIKE 1"),
        (Searched::Runs, "status IN ('RUNNING')"),
        (Searched::Runs, "status IS NULL"),
        (Searched::Runs, "start_time > '1'"),
        (Searched::Runs, "end_time IS NULL"),
        (Searched::Runs, "run_id IN ()"),
        (Searched::Runs, "run_id IN ('a' 'b')"),
        (Searched::Runs, "run_id IN (1)"),
        (Searched::Runs, "run_id IN 'a'"),
        (Searched::Runs, "run_id NOT LIKE 'a'"),
        (Searched::Runs, "experiment_id = '1'"),
        (Searched::Runs, "datasets.source = 'a'"),
        (Searched::Runs, "datasets.name IS NULL"),
        (Searched::Runs, "foo.bar = 'a'"),
        (Searched::Runs, "Metrics.m = 1"),
        (Searched::Experiments, "experiment_id = 1"),
        (Searched::Experiments, "experiment_id = 'a'"),
        (Searched::Experiments, "experiment_id > '1'"),
        (Searched::Experiments, "experiment_id LIKE '1%'"),
        (Searched::Experiments, "name IN ('a')"),
        (Searched::Experiments, "name IS NULL"),
        (Searched::Experiments, "creation_time > 1.5"),
        (Searched::Experiments, "metrics.m > 1"),
        (Searched::Experiments, "params.p = 'a'"),
        (Searched::Experiments, "run.name = 'a'"),
        (Searched::Models, "version_number = 1"),
        (Searched::Models, "creation_timestamp > 1"),
        (Searched::Models, "tags.t IS NULL"),
        (Searched::Models, "name IS NOT NULL"),
        (Searched::Versions, "version_number = 1.0"),
        (Searched::Versions, "version_number LIKE '1'"),
        (Searched::Versions, "version_number = 'one'"),
        (Searched::Versions, "source_path IN ('a')"),
        (Searched::Versions, "tags.t IS NULL"),
        (Searched::Versions, "current_stage = 'a'"),
        (Searched::LoggedModels, "status = 'LIVE'"),
        (Searched::LoggedModels, "status LIKE 'READY'"),
        (Searched::LoggedModels, "status > 'READY'"),
        (Searched::LoggedModels, "tags.t IS NULL"),
        (Searched::LoggedModels, "datasets.name = 'a'"),
        (Searched::LoggedModels, "creation_timestamp = 'a'"),
    ] {
        problem(of, bad);
    }
}

#[test]
fn what_is_searched_has_its_own_attributes() {
    let facet = |of, text: &str| parsed(of, text).remove(0).facet;
    for (of, clause, expected) in [
        (Searched::Experiments, "name LIKE 'a%'", Facet::Text(TextFacet::Name)),
        (Searched::Experiments, "experiment_id IN ('1', '0')", Facet::Number(NumberFacet::ExperimentId)),
        (Searched::Experiments, "attribute.creation_time > 1", Facet::Number(NumberFacet::CreatedAt)),
        (Searched::Experiments, "last_update_time <= 1", Facet::Number(NumberFacet::UpdatedAt)),
        (Searched::Runs, "run_id = 'a'", Facet::Text(TextFacet::Id)),
        (Searched::Runs, "user_id != 'a'", Facet::Text(TextFacet::Owner)),
        (Searched::Runs, "artifact_uri ILIKE 's3%'", Facet::Text(TextFacet::ArtifactUri)),
        (Searched::Runs, "created > 1", Facet::Number(NumberFacet::StartTime)),
        (Searched::Runs, "Created > 1", Facet::Number(NumberFacet::StartTime)),
        (Searched::Runs, "end_time > 1", Facet::Number(NumberFacet::EndTime)),
        (Searched::Runs, "dataset.name IN ('a')", Facet::Dataset(DatasetFacet::Name)),
        (Searched::Runs, "datasets.digest = 'a'", Facet::Dataset(DatasetFacet::Digest)),
        (
            Searched::Runs,
            "datasets.context NOT IN ('a')",
            Facet::Dataset(DatasetFacet::Tag("mlflow.data.context".to_owned())),
        ),
        (Searched::Models, "name IN ('a')", Facet::Text(TextFacet::Name)),
        (Searched::Versions, "name = 'a'", Facet::Text(TextFacet::Name)),
        (Searched::Versions, "run_id IN ('a')", Facet::Text(TextFacet::Run)),
        (Searched::Versions, "source_path LIKE 's3%'", Facet::Text(TextFacet::Source)),
        (Searched::LoggedModels, "name = 'a'", Facet::Text(TextFacet::Name)),
        (Searched::LoggedModels, "model_id IN ('a')", Facet::Text(TextFacet::Id)),
        (Searched::LoggedModels, "attributes.model_type = 'a'", Facet::Text(TextFacet::ModelType)),
        (Searched::LoggedModels, "source_run_id = 'a'", Facet::Text(TextFacet::Run)),
        (Searched::LoggedModels, "creation_time > 1", Facet::Number(NumberFacet::CreatedAt)),
        (Searched::LoggedModels, "creation_timestamp > 1.5", Facet::Number(NumberFacet::CreatedAt)),
        (Searched::LoggedModels, "last_updated_timestamp > 1", Facet::Number(NumberFacet::UpdatedAt)),
        (Searched::LoggedModels, "params.p IN ('a')", Facet::Param("p".to_owned())),
    ] {
        assert_eq!(facet(of, clause), expected, "{clause}");
    }
    let test = |of, text: &str| parsed(of, text).remove(0).test;
    assert_eq!(test(Searched::Experiments, "experiment_id = '007'"), Test::Int(Equal, 7));
    assert_eq!(test(Searched::Experiments, "experiment_id NOT IN ('1', '0')"), Test::NotIn(texts(&["1", "0"])));
    for (name, state) in [("PENDING", 1), ("LOGGED_MODEL_READY", 2), ("UPLOAD_FAILED", 5), ("2", 2)] {
        assert_eq!(test(Searched::LoggedModels, &format!("status = '{name}'")), Test::Int(Equal, state), "{name}");
    }
    let ready = "status NOT IN ('READY', 'PENDING')";
    assert_eq!(test(Searched::LoggedModels, ready), Test::NotIn(texts(&["2", "1"])));
}

#[test]
fn some_tags_are_something_else_here() {
    for (tag, facet) in [
        ("mlflow.runName", Facet::Text(TextFacet::Name)),
        ("`mlflow.note.content`", Facet::Text(TextFacet::Description)),
        ("mlflow.user", Facet::Text(TextFacet::Owner)),
    ] {
        assert_eq!(of_runs(&format!("tags.{tag} ILIKE 'a'")), Clause { facet: facet.clone(), test: like("a", true) });
        assert_eq!(of_runs(&format!("tags.{tag} IS NULL")).test, Test::Absent);
        assert_eq!(order(Searched::Runs, &format!("tags.{tag}")).facet, facet);
    }
    let parent =
        Facet::Tag { name: "mlflow.parentRunId".to_owned(), fallback: Some("kubeflow.parent_run_id".to_owned()) };
    assert_eq!(of_runs("tags.mlflow.parentRunId = 'a'").facet, parent);
    let note = &parsed(Searched::Experiments, "tags.mlflow.note.content = 'a'")[0];
    assert_eq!(note.facet, Facet::Text(TextFacet::Description));
    assert_eq!(parsed(Searched::Experiments, "tags.mlflow.runName = 'a'")[0].facet, own_tag("mlflow.runName"));
    assert_eq!(parsed(Searched::Models, "tags.mlflow.user = 'a'")[0].facet, own_tag("mlflow.user"));
}

#[test]
fn prompts_are_hidden_unless_their_tag_is_named() {
    let hidden = || Clause { facet: own_tag(PROMPT), test: Test::Not("true".to_owned()) };
    for of in [Searched::Models, Searched::Versions] {
        assert_eq!(parsed(of, ""), [hidden()]);
        assert_eq!(parsed(of, "tags.a = 'b'")[1], hidden());
        for text in ["!= 'true'", "= 'false'"] {
            assert_eq!(parsed(of, &format!("tags.`{PROMPT}` {text}")), [hidden()], "{text}");
        }
        for (text, test) in [("= 'true'", text(Equal, "true")), ("LIKE 't%'", like("t%", false))] {
            assert_eq!(parsed(of, &format!("tag.{PROMPT} {text}")), [Clause { facet: own_tag(PROMPT), test }]);
        }
    }
    for of in [Searched::Experiments, Searched::Runs, Searched::LoggedModels] {
        assert_eq!(parsed(of, ""), []);
    }
}

#[test]
fn a_bad_filter_tells_where() {
    for (text, expected) in [
        ("metrics.m > ", "filter at character 13: expected a number"),
        ("métrics.m > 1", "filter at character 1: `métrics` is none of `attributes`, `metrics`, `params`, `tags`"),
        ("foo = 'x'", "filter at character 1: `foo` is none of `run_id`, `run_name`"),
        ("params.ä = 'x' OR", "filter at character 16: expected AND or the end"),
        ("params.a = 'x", "filter at character 12: the text that begins with ' never ends"),
        ("params.a > 'x'", "filter at character 10: it is compared with =, !=, LIKE, ILIKE, IS NULL and IS NOT NULL"),
        ("params.a IS 'x'", "filter at character 13: expected NULL"),
        ("params.a NOT 'x'", "filter at character 14: expected IN after NOT"),
        ("a = 'x' ;", "filter at character 9: unexpected `;`"),
    ] {
        let message = problem(Searched::Runs, text);
        assert!(message.starts_with(expected), "{text}: {message}");
    }
}

#[test]
fn filters_are_bounded() {
    let list = |items: usize| format!("run_id IN ({})", vec!["'a'"; items].join(","));
    assert!(clauses(Searched::Runs, &list(MAX_CONDITIONS - 1)).is_ok());
    problem(Searched::Runs, &list(MAX_CONDITIONS));
    let tags = |many: usize| vec!["tags.t = 'a'"; many].join(" AND ");
    assert!(clauses(Searched::Runs, &tags(MAX_PROPERTIES)).is_ok());
    problem(Searched::Runs, &tags(MAX_PROPERTIES + 1));
    problem(Searched::Runs, &format!("tags.t = '{}'", "a".repeat(17_000)));
    problem(Searched::Runs, &format!("tags.t LIKE '{}'", "%a".repeat(9)));
    problem(Searched::Runs, "tags.t = 'a\0'");
}
