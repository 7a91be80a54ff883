//! The grammar, what type-checks, how joins are grouped, and that no text breaks the parser.

mod printing;

use proptest::prelude::*;

use super::super::Comparison;
use super::super::scalar::{Column, Operator, Relation, Scalar, Truth};
use super::*;
use crate::ErrorKind;
use NodeKind::{Artifact, Context, Execution};
use printing::{exprs, printed};

fn parsed(kind: NodeKind, text: &str) -> Expr {
    parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}")).unwrap()
}

/// The groups of a filter.
fn joins(expr: Expr) -> Vec<Join> {
    match expr {
        Expr::Some(join) => vec![join],
        Expr::And(terms) => terms.into_iter().flat_map(joins).collect(),
        other => panic!("not made by this dialect: {other:?}"),
    }
}

fn holds(text: &str) -> Scalar {
    let mut found = joins(parsed(Artifact, text));
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0).holds
}

fn problem(kind: NodeKind, text: &str) -> String {
    let error = parse(kind, text).expect_err(text);
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("filter_query")));
    error.message().strip_prefix("Invalid `filter_query`: ").unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn no_text_is_no_filter() {
    for kind in [Artifact, Execution, Context] {
        assert_eq!(parse(kind, "").unwrap(), None);
    }
    assert!(problem(Artifact, " ").starts_with("at character 2: Syntax error"));
    assert!(problem(Artifact, "-- nothing").contains("Syntax error"));
}

#[test]
fn what_upstream_accepts_is_accepted() {
    for (kind, text) in [
        (Artifact, "uri IS NOT NULL and NOT external_id is null"),
        (Artifact, "properties.`a b`.int_value = 1"),
        (Artifact, "properties.0.int_value = 1"),
        (Artifact, "properties.5x.int_value = .5"),
        (Artifact, "properties.select.STRING_VALUE = ''"),
        (Artifact, "contexts_a.name = 'x' AND contexts_0.external_id = 'y' AND events_9.execution_id = 1"),
        (Artifact, "`name` = 'x' AND Name = \"y\" AND NAME = '''z\n''' AND name = \"\"\"it's \"x\" \"\"\""),
        (Artifact, "id = 0xfF AND id = 1e2 AND id = 1. AND id = .5e-3"),
        (Artifact, "id = -9223372036854775808 AND id < 9223372036854775807"),
        (Artifact, "state=LIVE AND state IN(UNKNOWN,PENDING,MARKED_FOR_DELETION,DELETED,ABANDONED,REFERENCE)"),
        (Artifact, "events_a.type IN (UNKNOWN, DECLARED_OUTPUT, DECLARED_INPUT, INPUT, OUTPUT, PENDING_OUTPUT)"),
        (Execution, "last_known_state NOT IN (UNKNOWN, NEW, RUNNING, COMPLETE, FAILED, CACHED, CANCELED)"),
        (Execution, "events_a.artifact_id = 1 AND contexts_a.last_update_time_since_epoch > 1"),
        (Context, "parent_contexts_a.external_id = 'x' OR child_contexts_b.create_time_since_epoch > 0"),
        (Context, "artifacts_a.uri = 'x' AND executions_a.last_known_state = FAILED"),
        (Artifact, "id*-1=-1 AND id - -1 = 2 AND - - id = 1 and + id = 1"),
        (Artifact, "(((true)))"),
    ] {
        parsed(kind, text);
    }
}

#[test]
fn strings_have_every_form() {
    for (literal, text) in [
        ("'a'", "a"),
        ("\"a'b\"", "a'b"),
        ("'''a'b\nc'''", "a'b\nc"),
        ("\"\"\"a\"b\"\"\"", "a\"b"),
        (r"r'a\'b\n'", r"a\'b\n"),
        (r"R'''a'b\n'''", r"a'b\n"),
        (r"'\a\b\f\n\r\t\v\\\?\'\x22\`'", "\u{7}\u{8}\u{c}\n\r\t\u{b}\\?'\"`"),
        (r"'\x41\X42\103\u00e4\U0001F980'", "ABCä🦀"),
        (r"'\xc3\xa4'", "ä"),
        ("'ä--#/*'", "ä--#/*"),
        ("''", ""),
    ] {
        let name = Scalar::Column(None, Column::Name);
        let expected = Scalar::Compare(Comparison::Equal, Box::new(name), Box::new(Scalar::Text(text.into())));
        assert_eq!(holds(&format!("name = {literal}")), expected, "{literal}");
    }
}

#[test]
fn a_bad_filter_tells_where_and_why() {
    for (text, expected) in [
        ("name == 'x'", "at character 7: Syntax error: expected a value or a name, found `=`"),
        ("name = 'x';", "at character 11: Syntax error: unexpected `;`"),
        ("name = 'x' uri", "at character 12: Syntax error: expected an operator or the end"),
        ("nme = 'x'", "at character 1: Unrecognized name: nme"),
        ("LIVE = state", "at character 1: Unrecognized name: LIVE"),
        ("last_known_state = NEW", "at character 1: Unrecognized name"),
        ("properties.x = 1", "at character 14: Syntax error: expected `.`"),
        ("properties.x.struct_value = 1", "at character 14: Field name struct_value does not exist in properties"),
        ("contexts_a = 1", "at character 12: Syntax error: expected `.`"),
        ("contexts_a.uri = 'x'", "at character 12: Field name uri does not exist in contexts_a"),
        ("contexts_.id = 1", "at character 1: Unrecognized name: contexts_"),
        ("parent_contexts_a.id = 1", "at character 1: Unrecognized name"),
        ("events_a.artifact_id = 1", "at character 10: Field name artifact_id does not exist in events_a"),
        ("state = live", "at character 9: Unsupported enum value specified in the query: expected one of `UNKNOWN`"),
        ("state = 2", "at character 9: Unsupported enum value"),
        ("state != RUNNING", "at character 10: Unsupported enum value"),
        ("state IN LIVE", "at character 10: Syntax error: expected `(`"),
        ("state IN ()", "at character 11: Unsupported enum value"),
        ("id", "at character 1: it is not a valid boolean expression"),
        ("id = 'x'", "at character 1: No matching signature for operator = for argument types: INT64, STRING"),
        ("true AND id", "at character 10: No matching signature: expected BOOL, found INT64"),
        ("name LIKE uri", "at character 11: Syntax error: expected a pattern"),
        ("id LIKE 'x'", "at character 1: No matching signature: expected STRING"),
        ("name + 1 = 2", "at character 1: No matching signature for operator + for argument types: STRING, INT64"),
        ("-name = 2", "at character 2: No matching signature for operator -"),
        ("id & 1.5 = 1", "at character 1: No matching signature for operator &"),
        ("LENGTH(id) = 1", "at character 1: No matching signature for function LENGTH for argument types: INT64"),
        ("SUBSTR(name) = 'x'", "at character 1: No matching signature for function SUBSTR"),
        ("IF(true, 1, 'x') = 1", "at character 10: No matching signature for function IF"),
        ("COUNT(id) > 1", "at character 1: Function not found: COUNT"),
        ("AND(id) > 1", "at character 1: Function not found: AND"),
        ("name = ?", "at character 8: query parameters are not supported"),
        ("name = @p", "at character 8: query parameters are not supported"),
        ("id IN (SELECT 1)", "at character 8: "),
        ("(SELECT 1) = id", "at character 2: subqueries are not supported"),
        ("id IN ()", "at character 8: Syntax error"),
        ("id = 1 = 1", "at character 8: Syntax error"),
        ("id NOT = 1", "at character 8: Syntax error: expected IN, LIKE or BETWEEN"),
        ("id IS 1", "at character 7: Syntax error: expected NULL, TRUE or FALSE"),
        ("id BETWEEN 1", "at character 13: Syntax error: expected AND"),
        ("CASE WHEN true THEN 1", "at character 22: Syntax error: expected END"),
        (r"name = 'a\_b'", r"at character 8: Syntax error: Illegal escape sequence: \_"),
        (r"name = '\xff'", "at character 8: the escapes of a text are not UTF-8"),
        (r"name = '\ud800'", "at character 8: Syntax error: Illegal escape"),
        (r"name = '\x00'", "at character 8: a NUL"),
        ("näme = 'x'", "at character 2: Syntax error: unexpected `ä`"),
        ("name = 'x", "at character 8: Syntax error: the text that begins with ' never ends"),
        ("name = 'x\ny'", "at character 8: Syntax error: the text"),
        ("name = b'x'", "at character 8: bytes are not supported"),
        ("`` = 1", "at character 1: Syntax error: an empty name"),
        ("/* id = 1", "at character 1: the comment"),
        ("id = 1abc", "at character 6: Syntax error: a name begins right after"),
        ("id = 9223372036854775808", "at character 6: `9223372036854775808` is more than an INT64 holds"),
        ("id = 1e999", "at character 6: `1e999` is not a number"),
        ("id = 0xg", "at character 6: `0xg` is not a number"),
    ] {
        let found = problem(Artifact, text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
    assert!(problem(Context, "uri = 'x'").contains("Unrecognized name: uri"));
    assert!(problem(Artifact, "name = 'ä\0'").starts_with("at character 10: a NUL"));
}

#[test]
fn size_is_limited() {
    assert!(problem(Artifact, &"(".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(Artifact, &"NOT ".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(Artifact, &"- ".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(Artifact, &"CASE ".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(Artifact, &"ABS(".repeat(1000)).contains("nested deeper than 64"));
    assert!(problem(Artifact, &format!("id{} = 1", " + 1".repeat(130))).contains("nest deeper than 128"));
    assert!(problem(Artifact, &format!("id IN ({}1)", "1,".repeat(1000))).contains("more than 500"));
    assert!(problem(Artifact, &format!("name = '{}'", "x".repeat(17_000))).contains("more than 16384"));
    let neighbours = |count| (0..count).map(|at| format!("contexts_{at}.id = 1")).collect::<Vec<_>>().join(" OR ");
    parsed(Artifact, &neighbours(16));
    assert!(problem(Artifact, &neighbours(17)).contains("mentions 17"));
}

#[test]
fn conditions_are_grouped_by_the_neighbours_they_tie() {
    let groups = |text: &str| {
        let names = |join: &Join| join.neighbours.iter().map(|each| each.name.clone()).collect::<Vec<_>>();
        joins(parsed(Artifact, text)).iter().map(names).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(groups("id = 1 AND name = 'x'"), [none]);
    assert_eq!(groups("properties.a.int_value = 1 AND properties.b.int_value = 1"), [["a"], ["b"]]);
    assert_eq!(groups("properties.a.int_value = 1 OR properties.b.int_value = 1"), [["a", "b"]]);
    assert_eq!(
        groups("properties.a.int_value = 1 AND id = 1 AND properties.b.int_value = 1 AND state = LIVE"),
        [vec!["a"], vec![], vec!["b"]]
    );
    assert_eq!(
        groups(
            "properties.a.int_value = 1 AND properties.b.int_value = 1 AND properties.c.int_value = 1 \
             AND properties.a.int_value < properties.c.int_value"
        ),
        [vec!["a", "c"], vec!["b"]]
    );
    let both = joins(parsed(Artifact, "properties.a.int_value = 1 AND custom_properties.a.int_value = 1"));
    let relations: Vec<_> = both.iter().flat_map(|join| &join.neighbours).map(|each| each.relation).collect();
    assert_eq!(relations, [Relation::Property, Relation::CustomProperty]);
}

#[test]
fn operators_bind_as_upstream() {
    for (text, same) in [
        ("id = 1 OR id = 2 AND NOT id = 3", "(id = 1) OR ((id = 2) AND (NOT (id = 3)))"),
        ("id + 2 * 3 - 1 = 1", "((id + (2 * 3)) - 1) = 1"),
        ("id & 2 + 1 = 1", "(id & (2 + 1)) = 1"),
        ("-id * 2 = 1", "((-id) * 2) = 1"),
        ("NOT id = 1 AND id = 2", "(NOT (id = 1)) AND (id = 2)"),
        ("id BETWEEN 1 AND 2 AND id = 3", "(id BETWEEN 1 AND 2) AND (id = 3)"),
        ("STARTS_WITH(name, 'a%')", r"name LIKE 'a\\%%'"),
        ("true", "TRUE"),
    ] {
        assert_eq!(holds(text), holds(same), "{text}");
    }
    let state = || Box::new(Scalar::Column(None, Column::State));
    let differs = Scalar::Compare(Comparison::NotEqual, state(), Box::new(Scalar::Int(2)));
    assert_eq!(holds("state != LIVE"), Scalar::Or(vec![differs, Scalar::Is(state(), Truth::Null)]));
    let Scalar::Compare(_, left, _) = holds("id / 2 = 1") else { panic!() };
    assert!(matches!(*left, Scalar::Arithmetic(Operator::Divide, ref id, _) if matches!(**id, Scalar::AsDouble(_))));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse(Artifact, &text);
    }

    #[test]
    fn no_bytes_in_quotes_make_the_parser_panic(text in "name = r?['\"]{1,3}[\\\\xuU0-9a-f'\"\\n🦀]{0,20}['\"]{0,3}") {
        let _ = parse(Artifact, &text);
    }

    #[test]
    fn no_mix_of_tokens_makes_the_parser_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "name", "id", "state", "LIVE", "properties", ".", "p", "int_value", "contexts_a", "=", "!=", "<", "LIKE",
                "IN", "(", ")", ",", "'x'", "1", "0.5", "true", "NOT", "AND", "OR", "IS", "NULL", "BETWEEN", "`q`", "CASE",
                "WHEN", "THEN", "ELSE", "END", "-", "+", "*", "/", "&", "||", "IF", "COALESCE", "SUBSTR", "--", "/*",
            ]),
            0..20,
        )
    ) {
        let _ = parse(Artifact, &words.join(" "));
    }

    #[test]
    fn print_then_parse_gives_the_same_tree(scalar in exprs()) {
        let text = format!("NOT ({})", printed(&scalar));
        let read = parse(Artifact, &text).map_err(|error| error.to_string());
        let joins = read.map(|expr| joins(expr.unwrap()));
        prop_assert_eq!(joins.map(|mut joins| joins.remove(0).holds), Ok(Scalar::Not(Box::new(scalar))), "{}", text);
    }
}
