//! Any expression that the parser can make, and its text.

use proptest::prelude::*;

use crate::filter::Comparison;
use crate::filter::scalar::{Column, Function, Neighbour, Operator, Relation, Scalar, Truth};

fn all(parts: &[Scalar], between: &str) -> String {
    parts.iter().map(printed).collect::<Vec<_>>().join(between)
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r"))
}

/// An expression as text that reads back as the same tree.
pub(super) fn printed(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Null(_) => "NULL".to_owned(),
        Scalar::Int(value) => format!("({value})"),
        Scalar::Double(value) => format!("({value:e})"),
        Scalar::Text(value) => text(value),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Column(neighbour, column) => {
            let neighbour = neighbour.as_ref().map(|Neighbour { relation, name }| match relation {
                Relation::Property => format!("properties.`{name}`."),
                Relation::CustomProperty => format!("custom_properties.`{name}`."),
                _ => format!("{name}."),
            });
            format!("{}{}", neighbour.unwrap_or_default(), column_name(*column))
        }
        // An int is a double wherever one is divided.
        Scalar::AsDouble(inner) => printed(inner),
        Scalar::Negate(inner) => format!("(-{})", printed(inner)),
        Scalar::Arithmetic(operator, left, right) => {
            let (left, right) = (printed(left), printed(right));
            match operator {
                Operator::Add => format!("({left} + {right})"),
                Operator::Subtract => format!("({left} - {right})"),
                Operator::Multiply => format!("({left} * {right})"),
                Operator::Divide => format!("({left} / {right})"),
                Operator::BitAnd => format!("({left} & {right})"),
                Operator::Quotient => format!("DIV({left}, {right})"),
                Operator::Modulo => format!("mod({left}, {right})"),
            }
        }
        Scalar::Call(function, arguments) => {
            let name = match function {
                Function::Lower => "LOWER",
                Function::Upper => "Upper",
                Function::Length => "length",
                Function::Substr => "SUBSTR",
                Function::Trim => "TRIM",
                Function::Abs => "ABS",
                Function::Coalesce => "COALESCE",
                Function::Concat => "CONCAT",
                Function::StartsWith => "STARTS_WITH",
            };
            format!("{name}({})", all(arguments, ", "))
        }
        Scalar::Case { subject, arms, otherwise } => {
            let arm = |(when, then): &(Scalar, Scalar)| format!("WHEN {} THEN {} ", printed(when), printed(then));
            let subject = subject.as_ref().map(|subject| printed(subject)).unwrap_or_default();
            let otherwise = otherwise.as_ref().map(|last| format!("ELSE {} ", printed(last))).unwrap_or_default();
            format!("CASE {subject} {}{otherwise}END", arms.iter().map(arm).collect::<String>())
        }
        Scalar::And(terms) => format!("({})", all(terms, " AND ")),
        Scalar::Or(terms) => format!("({})", all(terms, " or ")),
        Scalar::Not(inner) => format!("(NOT {})", printed(inner)),
        Scalar::Compare(comparison, left, right) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({} {sign} {})", printed(left), printed(right))
        }
        Scalar::In(value, list) => format!("({} IN ({}))", printed(value), all(list, ", ")),
        Scalar::Between(parts) => {
            let [value, low, high] = &**parts;
            format!("({} BETWEEN {} AND {})", printed(value), printed(low), printed(high))
        }
        Scalar::Like(value, pattern) => format!("({} LIKE {})", printed(value), text(pattern)),
        Scalar::Is(value, truth) => {
            let truth = match truth {
                Truth::Null => "NULL",
                Truth::True => "TRUE",
                Truth::False => "FALSE",
            };
            format!("({} IS {truth})", printed(value))
        }
    }
}

fn column_name(column: Column) -> &'static str {
    match column {
        Column::Id => "id",
        Column::Name => "name",
        Column::Uri => "uri",
        Column::IntValue => "int_value",
        Column::DoubleValue => "double_value",
        Column::StringValue => "string_value",
        Column::BoolValue => "bool_value",
        Column::EventTime => "milliseconds_since_epoch",
        other => panic!("not made here: {other:?}"),
    }
}

fn neighbours() -> impl Strategy<Value = Neighbour> {
    let relation = prop::sample::select(vec![Relation::Property, Relation::CustomProperty]);
    (relation, prop::sample::select(vec!["a", "b c", "0", "ä'\"", "select"]))
        .prop_map(|(relation, name)| Neighbour { relation, name: name.to_owned() })
}

fn property(column: Column) -> impl Strategy<Value = Scalar> {
    neighbours().prop_map(move |neighbour| Scalar::Column(Some(neighbour), column))
}

fn boxed(scalar: Scalar) -> Box<Scalar> {
    Box::new(scalar)
}

fn ints() -> BoxedStrategy<Scalar> {
    let event = Neighbour { relation: Relation::Event, name: "events_a".to_owned() };
    let leaf = prop_oneof![
        any::<i64>().prop_filter("read as the opposite", |value| *value != i64::MIN).prop_map(Scalar::Int),
        Just(Scalar::Column(None, Column::Id)),
        Just(Scalar::Column(Some(event), Column::EventTime)),
        property(Column::IntValue),
    ];
    let operators = vec![
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Quotient,
        Operator::Modulo,
        Operator::BitAnd,
    ];
    leaf.prop_recursive(3, 8, 2, move |inner| {
        prop_oneof![
            (prop::sample::select(operators.clone()), inner.clone(), inner.clone())
                .prop_map(|(operator, left, right)| Scalar::Arithmetic(operator, boxed(left), boxed(right))),
            inner.clone().prop_map(|inner| match inner {
                Scalar::Int(value) => Scalar::Int(value),
                inner => Scalar::Negate(boxed(inner)),
            }),
            inner.clone().prop_map(|inner| Scalar::Call(Function::Abs, vec![inner])),
            (inner.clone(), inner).prop_map(|(one, other)| Scalar::Call(Function::Coalesce, vec![one, other])),
        ]
    })
    .boxed()
}

fn doubles() -> BoxedStrategy<Scalar> {
    let as_double = |scalar| match scalar {
        #[expect(clippy::cast_precision_loss, reason = "as the parser does")]
        Scalar::Int(value) => Scalar::Double(value as f64),
        other => Scalar::AsDouble(boxed(other)),
    };
    prop_oneof![
        prop::num::f64::NORMAL.prop_map(Scalar::Double),
        property(Column::DoubleValue),
        (ints(), ints()).prop_map(move |(left, right)| {
            Scalar::Arithmetic(Operator::Divide, boxed(as_double(left)), boxed(as_double(right)))
        }),
    ]
    .boxed()
}

fn texts() -> BoxedStrategy<Scalar> {
    let leaf = prop_oneof![
        "[^\0]{0,8}".prop_map(Scalar::Text),
        Just(Scalar::Column(None, Column::Name)),
        Just(Scalar::Column(None, Column::Uri)),
        property(Column::StringValue),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Scalar::Call(Function::Lower, vec![inner])),
            (inner.clone(), ints(), ints())
                .prop_map(|(text, start, length)| { Scalar::Call(Function::Substr, vec![text, start, length]) }),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| Scalar::Call(Function::Concat, parts)),
            (inner.clone(), inner).prop_map(|(one, other)| Scalar::Call(Function::Trim, vec![one, other])),
        ]
    })
    .boxed()
}

/// Boolean expressions about an artifact.
pub(super) fn exprs() -> impl Strategy<Value = Scalar> {
    let comparison = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ]);
    let pair = prop_oneof![(ints(), ints()), (doubles(), doubles()), (texts(), texts())];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        property(Column::BoolValue),
        (comparison, pair.clone()).prop_map(|(comparison, (left, right))| Scalar::Compare(
            comparison,
            boxed(left),
            boxed(right)
        )),
        pair.clone().prop_map(|(value, other)| Scalar::In(boxed(value), vec![other.clone(), other])),
        (pair, texts()).prop_map(|((value, other), _)| Scalar::Between(Box::new([value, other.clone(), other]))),
        (texts(), "[^\0]{0,8}").prop_map(|(value, pattern)| Scalar::Like(boxed(value), pattern)),
        texts().prop_map(|value| Scalar::Is(boxed(value), Truth::Null)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|terms| {
                let flat =
                    terms.into_iter().flat_map(|term| if let Scalar::And(inner) = term { inner } else { vec![term] });
                Scalar::And(flat.collect())
            }),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|terms| {
                let flat =
                    terms.into_iter().flat_map(|term| if let Scalar::Or(inner) = term { inner } else { vec![term] });
                Scalar::Or(flat.collect())
            }),
            inner.clone().prop_map(|inner| Scalar::Not(boxed(inner))),
            inner.clone().prop_map(|inner| Scalar::Is(boxed(inner), Truth::True)),
            (inner.clone(), inner.clone(), texts(), texts()).prop_map(|(one, other, first, second)| {
                let arms = vec![(one, first.clone()), (other, second)];
                Scalar::Is(boxed(Scalar::Case { subject: None, arms, otherwise: Some(boxed(first)) }), Truth::Null)
            }),
        ]
    })
}
