//! No text breaks the parser, and any text can be written.

use proptest::prelude::*;

use super::super::super::Comparison::Equal;
use super::super::{FILTER, ORDER_BY, clauses, logged_model_order, order_keys};
use super::of_runs;
use crate::search::{Clause, Facet, Searched, Test};

const ALL: [Searched; 5] =
    [Searched::Experiments, Searched::Runs, Searched::Models, Searched::Versions, Searched::LoggedModels];

/// Texts that are nearly filters.
fn near_filters() -> impl Strategy<Value = String> {
    let words = [
        "metrics.",
        "params.",
        "tags.",
        "attributes.",
        "datasets.",
        "run_id",
        "name",
        "status",
        "start_time",
        "`a b`",
        "\"",
        "'",
        "`",
        "=",
        "!=",
        "<",
        ">=",
        "LIKE",
        "ILIKE",
        "IN",
        "NOT",
        "IS",
        "NULL",
        "(",
        ")",
        ",",
        ".",
        "AND",
        "OR",
        "1",
        "-1.5e3",
        "1e",
        "'a'",
        "'%a_'",
        "ü",
        "\u{10ffff}",
        ";",
        "--",
        "DESC",
        "mlflow.runName",
        "version_number",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12)
        .prop_flat_map(|words| prop::sample::select(vec![" ", ""]).prop_map(move |between| words.join(between)))
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in prop_oneof![any::<String>(), near_filters()]) {
        for of in ALL {
            if let Err(error) = clauses(of, &text) {
                prop_assert_eq!(error.field(), Some(FILTER));
            }
            if let Err(error) = order_keys(of, &[&text]) {
                prop_assert_eq!(error.field(), Some(ORDER_BY));
            }
        }
        let _ = logged_model_order(&text, true, Some((&text, Some(&text))));
    }

    #[test]
    fn any_key_and_text_can_be_written(key in "[^\0`]{1,20}", value in "[^\0]{0,20}") {
        let quoted = value.replace('\'', "''");
        let found = of_runs(&format!("params.`{key}` = '{quoted}'"));
        prop_assert_eq!(found, Clause { facet: Facet::Param(key), test: Test::Text(Equal, value) });
    }
}
