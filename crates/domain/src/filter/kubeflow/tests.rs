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
        "either" => Known::TextOrNumber("text", Attribute::MetricValue),
        "tags" => Known::Property("tags", ValueKind::Struct),
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
        ("p = 0.5", Operand::Decimal(0.5)),
        ("p = 1e-5", Operand::Decimal(1e-5)),
        ("p.double_value = 0.5", Operand::Double(0.5)),
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
        ("owner.int_value = 5", "filterQuery at character 1: `owner` is a string, not an int"),
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
fn the_value_says_whether_a_text_or_a_number_is_meant() {
    let text = |condition| Expr::Test(Field::Declared("text".into(), ValueKind::String), condition);
    let number = |condition| Expr::Test(Field::Attribute(Attribute::MetricValue), condition);
    let x = || Operand::Text("x".into());
    assert_eq!(parsed("either = 'x'"), text(equal(x())));
    assert_eq!(parsed("either IN ('x')"), text(Condition::In(vec![x()])));
    assert_eq!(parsed("either.string_value > 'x'"), text(Condition::Compare(Comparison::Greater, x())));
    assert_eq!(parsed("either LIKE 'x'"), text(Condition::Like { pattern: "x".into(), ignore_case: false }));
    assert_eq!(parsed("either = 1"), number(equal(Operand::Double(1.0))));
    assert_eq!(parsed("either NOT BETWEEN 1 AND 2.5"), {
        Expr::Not(Box::new(number(Condition::Between(Operand::Double(1.0), Operand::Double(2.5)))))
    });
    assert_eq!(parsed("either IS NULL AND p = 'x'"), {
        let absent = Expr::And(vec![text(Condition::Null), number(Condition::Null)]);
        Expr::And(vec![absent, custom("p", equal(x()))])
    });
    for (filter, expected) in [
        ("either = true", "expected a string"),
        ("either IN ('x', 1)", "expected a string"),
        ("either.int_value = 1", "`either` is a double, not an int"),
        ("either LIKE 1", "only strings are LIKE a pattern"),
    ] {
        assert!(problem(filter).ends_with(expected), "{filter}: {}", problem(filter));
    }
}

#[test]
fn absence_may_be_that_of_one_kind() {
    assert_eq!(parsed("p.int_value IS NULL"), custom("p", Condition::NullOf(ValueKind::Int)));
    assert_eq!(parsed("p.bool_value IS NOT NULL"), {
        Expr::Not(Box::new(custom("p", Condition::NullOf(ValueKind::Bool))))
    });
    let owner = Expr::Test(Field::Declared("owner".into(), ValueKind::String), Condition::Null);
    assert_eq!(parsed("owner.string_value IS NULL"), owner);
}

#[test]
fn a_list_has_items_and_neither_order_nor_pattern() {
    let tags = |condition| Expr::Test(Field::Declared("tags".into(), ValueKind::Struct), condition);
    assert_eq!(parsed("tags = 'en'"), tags(equal(Operand::Text("en".into()))));
    assert_eq!(parsed("tags IS NULL"), tags(Condition::Null));
    for (filter, expected) in [
        ("tags LIKE 'e%'", "it is a list, compare an item with =, != or IN"),
        ("tags > 'e'", "it has no order, compare with = or !="),
        ("tags BETWEEN 'a' AND 'b'", "it has no order, compare with = or !="),
        ("tags = 1", "expected a string"),
    ] {
        assert!(problem(filter).ends_with(expected), "{filter}: {}", problem(filter));
    }
}

#[test]
fn conditions_on_properties_are_limited_further() {
    let many = |one: &str, times: usize| vec![one; times].join(" OR ");
    for one in ["p = 1", "owner = 'x'", "value > 1", "p IS NULL", "p IN (1, 2, 3)", "p BETWEEN 1 AND 2"] {
        parsed(&many(one, MAX_PROPERTIES));
        assert!(problem(&many(one, MAX_PROPERTIES + 1)).ends_with("more than 32 conditions on properties"), "{one}");
    }
    parsed(&many("name = 'x'", MAX_CONDITIONS / 2));
    parsed(&format!("p IN ({}1)", "1,".repeat(400)));
    // Each item of a list is looked for on its own.
    assert!(problem(&format!("tags IN ({}'x')", "'x',".repeat(32))).ends_with("more than 32 conditions on properties"));
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

/// A filter as text that reads back as the same tree.
fn printed(expr: &Expr) -> String {
    let all = |terms: &[Expr], between: &str| {
        terms.iter().map(|term| format!("({})", printed(term))).collect::<Vec<_>>().join(between)
    };
    match expr {
        Expr::And(terms) => all(terms, " AND "),
        Expr::Or(terms) => all(terms, " OR "),
        Expr::Not(inner) => format!("NOT ({})", printed(inner)),
        Expr::Some(_) => panic!("this dialect joins nothing"),
        Expr::Test(field, condition) => {
            format!("{} {}", printed_field(field, condition), printed_condition(field, condition))
        }
    }
}

fn printed_field(field: &Field, condition: &Condition) -> String {
    let operand = match condition {
        Condition::Compare(_, operand) | Condition::Between(operand, _) => Some(operand),
        Condition::In(operands) => operands.first(),
        Condition::Like { .. } | Condition::Null | Condition::NullOf(_) => None,
    };
    match (field, operand) {
        (Field::Attribute(Attribute::Id), _) => "id".to_owned(),
        (Field::Attribute(Attribute::State), _) => "state".to_owned(),
        (Field::Attribute(Attribute::MetricValue), _) => "value".to_owned(),
        (Field::Attribute(_), _) => "name".to_owned(),
        (Field::Declared(name, _), _) => name.clone(),
        (Field::Custom(name), Some(Operand::Int(_))) => format!("`{name}`.int_value"),
        (Field::Custom(name), None) if matches!(condition, Condition::NullOf(_)) => format!("`{name}`.int_value"),
        (Field::Custom(name), _) => format!("`{name}`"),
    }
}

fn printed_condition(field: &Field, condition: &Condition) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let value = |operand: &Operand| match operand {
        Operand::Int(0) if *field == Field::Attribute(Attribute::State) => "'UNKNOWN'".to_owned(),
        Operand::Int(_) if *field == Field::Attribute(Attribute::State) => "'LIVE'".to_owned(),
        Operand::Number(value) | Operand::Int(value) => value.to_string(),
        Operand::Double(value) | Operand::Decimal(value) => format!("{value:e}"),
        Operand::Text(value) => text(value),
        Operand::Bool(value) => value.to_string(),
    };
    match condition {
        Condition::Compare(comparison, operand) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{sign}{}", value(operand))
        }
        Condition::In(operands) => format!("IN ({})", operands.iter().map(value).collect::<Vec<_>>().join(", ")),
        Condition::Between(low, high) => format!("between {} and {}", value(low), value(high)),
        Condition::Like { pattern, ignore_case } => {
            format!("{} {}", if *ignore_case { "ILIKE" } else { "LIKE" }, text(pattern))
        }
        Condition::Null | Condition::NullOf(_) => "IS NULL".to_owned(),
    }
}

/// A field with a value that it can be compared with, and whether it has an order and is text.
fn fields() -> impl Strategy<Value = (Field, BoxedStrategy<Operand>, bool, bool)> {
    let text = || any::<String>().prop_map(|text| Operand::Text(text.replace('\0', ""))).boxed();
    let double = || prop::num::f64::NORMAL.prop_map(Operand::Double).boxed();
    let int = || any::<i64>().prop_map(Operand::Int).boxed();
    let attribute = |attribute| Just(Field::Attribute(attribute));
    let custom = || "[^`\0]{0,12}".prop_map(Field::Custom);
    let state = prop::sample::select(vec![Operand::Int(0), Operand::Int(2)]).boxed();
    prop_oneof![
        attribute(Attribute::Id).prop_map(move |field| (field, int(), true, false)),
        attribute(Attribute::Name).prop_map(move |field| (field, text(), true, true)),
        attribute(Attribute::MetricValue).prop_map(move |field| (field, double(), true, false)),
        attribute(Attribute::State).prop_map(move |field| (field, state.clone(), false, false)),
        Just(Field::Declared("owner".into(), ValueKind::String)).prop_map(move |field| (field, text(), true, true)),
        custom().prop_map(move |field| (field, text(), true, true)),
        custom().prop_map(move |field| (field, int(), true, false)),
        custom().prop_map(move |field| {
            let number = any::<i64>().prop_map(Operand::Number);
            let bool = any::<bool>().prop_map(Operand::Bool);
            let decimal = prop::num::f64::NORMAL.prop_map(Operand::Decimal);
            (field, prop_oneof![number, decimal, bool, text()].boxed(), true, false)
        }),
    ]
}

fn exprs() -> impl Strategy<Value = Expr> {
    let test = fields().prop_flat_map(|(field, value, ordered, is_text)| {
        let equal = vec![Comparison::Equal, Comparison::NotEqual];
        let order = [Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];
        let comparisons = if ordered { [equal, order.to_vec()].concat() } else { equal };
        let compare = (prop::sample::select(comparisons), value.clone())
            .prop_map(|(comparison, value)| Condition::Compare(comparison, value));
        let list = prop::collection::vec(value.clone(), 0..4).prop_map(Condition::In);
        let between = (value.clone(), value).prop_map(|(low, high)| Condition::Between(low, high));
        let like = (any::<String>(), any::<bool>())
            .prop_map(|(pattern, ignore_case)| Condition::Like { pattern: pattern.replace('\0', ""), ignore_case });
        let condition = match (ordered, is_text) {
            (false, _) => prop_oneof![compare, list, Just(Condition::Null)].boxed(),
            (true, false) => prop_oneof![compare, list, between, Just(Condition::Null)].boxed(),
            (true, true) => prop_oneof![compare, list, between, like, Just(Condition::Null)].boxed(),
        };
        condition.prop_map(move |condition| match (&field, condition) {
            // Half of the tests for absence, told by the name, are of one kind.
            (Field::Custom(name), Condition::Null) if name.len() % 2 == 0 => {
                Expr::Test(field.clone(), Condition::NullOf(ValueKind::Int))
            }
            (_, condition) => Expr::Test(field.clone(), condition),
        })
    });
    test.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_it_was(expr in exprs()) {
        let text = printed(&expr);
        let read = parse(&text, &known).map_err(|error| error.to_string());
        prop_assert_eq!(read, Ok(expr), "{}", text);
    }
}
