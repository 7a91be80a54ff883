//! The grammar, sentence by sentence, and that no text breaks the parser.

use proptest::prelude::*;

use super::*;

fn known(name: &str) -> Option<Known> {
    Some(match name {
        "id" => Known::Attribute(Attribute::Id),
        "name" => Known::Attribute(Attribute::Name),
        "state" => Known::State(&[("UNKNOWN", 0), ("LIVE", 2)]),
        "owner" => Known::Property("owner", ValueKind::String),
        "value" => Known::Attribute(Attribute::MetricValue),
        _ => return None,
    })
}

fn parsed(text: &str) -> Expr {
    parse(text, &known).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn problem(text: &str) -> String {
    let error = parse(text, &known).unwrap_err();
    assert_eq!(error.field(), Some("filterQuery"));
    error.message().to_owned()
}

fn custom(name: &str, condition: Condition) -> Expr {
    Expr::Test(Field::Custom(name.to_owned()), condition)
}

fn equal(value: Operand) -> Condition {
    Condition::Compare(Comparison::Equal, value)
}

#[test]
fn literals_say_which_values_of_a_free_property_match() {
    for (text, value) in [
        ("p = 'a'", Operand::Text("a".into())),
        ("p = \"it's\"", Operand::Text("it's".into())),
        (r"p = 'it\'s'", Operand::Text("it's".into())),
        ("p = 5", Operand::Number(5)),
        ("p = -5", Operand::Number(-5)),
        ("p = 0.5", Operand::Double(0.5)),
        ("p = 1e-5", Operand::Double(1e-5)),
        ("p = TRUE", Operand::Bool(true)),
        ("p.int_value = 5", Operand::Int(5)),
        ("p.int_value = '5'", Operand::Int(5)),
        ("p.double_value = 5", Operand::Double(5.0)),
    ] {
        assert_eq!(parsed(text), custom("p", equal(value)), "{text}");
    }
}

#[test]
fn names_may_have_dots_and_anything_between_backticks() {
    assert_eq!(parsed("a.b.c = 1"), custom("a.b.c", equal(Operand::Number(1))));
    assert_eq!(parsed("`my prop: x`.string_value = 'y'"), custom("my prop: x", equal(Operand::Text("y".into()))));
    assert_eq!(parsed("`name` = 'y'"), custom("name", equal(Operand::Text("y".into()))));
    assert_eq!(parsed("a.int_value.b = 1"), custom("a.int_value.b", equal(Operand::Number(1))));
}

#[test]
fn and_binds_stronger_than_or_and_not_strongest() {
    let one = || custom("a", equal(Operand::Number(1)));
    assert_eq!(
        parsed("a = 1 or not a = 1 AND (a = 1 OR a = 1) -- and so on"),
        Expr::Or(vec![one(), Expr::And(vec![Expr::Not(Box::new(one())), Expr::Or(vec![one(), one()])])])
    );
}

#[test]
fn well_known_names_have_types() {
    assert_eq!(
        parsed("id IN ('1', 2)"),
        Expr::Test(Field::Attribute(Attribute::Id), Condition::In(vec![Operand::Int(1), Operand::Int(2)]))
    );
    assert_eq!(
        parsed("state != 'LIVE'"),
        Expr::Test(Field::Attribute(Attribute::State), Condition::Compare(Comparison::NotEqual, Operand::Int(2)))
    );
    assert_eq!(
        parsed("owner NOT LIKE 'a%'"),
        Expr::Not(Box::new(Expr::Test(
            Field::Declared("owner".into(), ValueKind::String),
            Condition::Like { pattern: "a%".into(), ignore_case: false }
        )))
    );
    assert_eq!(
        parsed("value BETWEEN 1 AND 2.5"),
        Expr::Test(
            Field::Attribute(Attribute::MetricValue),
            Condition::Between(Operand::Double(1.0), Operand::Double(2.5))
        )
    );
    assert_eq!(parsed("externalId IS NOT NULL"), Expr::Not(Box::new(custom("externalId", Condition::Null))));
    assert_eq!(parsed("p IN ()"), custom("p", Condition::In(Vec::new())));
}

#[test]
fn a_bad_filter_tells_where() {
    for (text, expected) in [
        ("", "filterQuery at character 1: expected the name of a property"),
        ("name", "filterQuery at character 5: expected a comparison"),
        ("name = ", "filterQuery at character 8: expected a value"),
        ("name = 'x", "filterQuery at character 8: the text that begins with ' never ends"),
        ("näme = 'x' ;", "filterQuery at character 12: unexpected `;`"),
        ("name = 'x' y", "filterQuery at character 12: expected AND, OR or the end"),
        ("(name = 'x'", "filterQuery at character 12: expected `)`"),
        ("id = 'x'", "filterQuery at character 6: `x` is not an integer"),
        ("owner = 5", "filterQuery at character 9: expected a string"),
        ("owner.int_value = 5", "filterQuery at character 1: `owner` is a string, not a int"),
        ("state = 'GONE'", "filterQuery at character 9: `GONE` is none of `UNKNOWN`, `LIVE`"),
        ("state > 'LIVE'", "filterQuery at character 1: it has no order"),
        ("id LIKE '1%'", "filterQuery at character 1: only strings are LIKE a pattern"),
        ("p NOT = 1", "filterQuery at character 7: expected LIKE, ILIKE, IN or BETWEEN after NOT"),
        ("p = 1.2.3", "filterQuery at character 5: `1.2.3` is not a number"),
        ("p = 1e999", "filterQuery at character 5: `1e999` is not a number"),
    ] {
        let found = problem(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn depth_length_and_number_of_conditions_are_limited() {
    assert!(problem(&"(".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(&"NOT ".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(&format!("p IN ({}1)", "1,".repeat(1000))).contains("more than 500 conditions"));
    assert!(problem(&" ".repeat(20_000)).contains("more than 16384"));
    assert!(problem("p = 'a\0b'").contains("NUL"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse(&text, &known);
    }

    #[test]
    fn no_mix_of_tokens_makes_the_parser_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "name", "p", ".", "int_value", "=", "!=", "<", "LIKE", "IN", "(", ")", ",", "'x'", "1", "0.5", "true",
                "NOT", "AND", "OR", "IS", "NULL", "BETWEEN", "`q`",
            ]),
            0..20,
        )
    ) {
        let _ = parse(&words.join(" "), &known);
    }
}
