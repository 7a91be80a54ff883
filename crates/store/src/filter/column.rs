//! Columns of nodes and their neighbours, and the conditions on them that an index answers.

use super::join::Scope;
use super::pattern::prefix_range;
use super::text::start;
use super::{Filter, sign, well_formed};
use modelport_domain::ValueKind;
use modelport_domain::filter::Comparison;
use modelport_domain::filter::scalar::{Column, Neighbour, Scalar};

/// What a column must be, in terms of values that are bound.
#[derive(Debug, Clone, Copy)]
enum Test<'a> {
    Compare(Comparison, &'a Scalar),
    In(&'a [Scalar]),
    Between(&'a Scalar, &'a Scalar),
    Like(&'a str),
}

impl<'a> Test<'a> {
    /// The condition as a test of one column.
    fn of(scalar: &'a Scalar) -> Option<(Option<&'a Neighbour>, Column, Self)> {
        let (value, test) = match scalar {
            Scalar::Compare(comparison, left, right) if is_literal(right) => {
                (&**left, Self::Compare(*comparison, right))
            }
            Scalar::Compare(comparison, left, right) if is_literal(left) => {
                (&**right, Self::Compare(comparison.mirrored(), left))
            }
            Scalar::In(value, list) if list.iter().all(is_literal) => (&**value, Self::In(list)),
            Scalar::Between(parts) => match &**parts {
                [value, low, high] if is_literal(low) && is_literal(high) => (value, Self::Between(low, high)),
                _ => return None,
            },
            Scalar::Like(value, pattern) => (&**value, Self::Like(pattern)),
            Scalar::Column(..) => (scalar, Self::Compare(Comparison::Equal, &Scalar::Bool(true))),
            _ => return None,
        };
        match value {
            Scalar::Column(neighbour, column) => Some((neighbour.as_ref(), *column, test)),
            _ => None,
        }
    }

    /// The texts of which it must be one.
    fn texts(self) -> Option<Vec<&'a str>> {
        let text = |scalar: &'a Scalar| if let Scalar::Text(text) = scalar { Some(text.as_str()) } else { None };
        match self {
            Self::Compare(Comparison::Equal, value) => Some(vec![text(value)?]),
            Self::In(list) => list.iter().map(text).collect(),
            Self::Compare(..) | Self::Between(..) | Self::Like(_) => None,
        }
    }
}

impl Filter {
    /// Renders a condition on one column, where NULL counts as false. `false` when it is none.
    pub(super) fn column_holds(&mut self, scope: Scope<'_>, scalar: &Scalar) -> bool {
        let Some((neighbour, column, test)) = Test::of(scalar) else { return false };
        let table = scope.table(neighbour);
        let kind = scope.node_kind(neighbour);
        self.sql("(");
        match column {
            Column::IntValue => self.value_of(&table, ValueKind::Int, "int_value", test),
            Column::DoubleValue => self.value_of(&table, ValueKind::Double, "double_value", test),
            Column::StringValue => {
                self.sql(&format!("{table}.kind = {} AND ", ValueKind::String.number()));
                self.string_value(&format!("{table}.text_value"), test);
            }
            Column::BoolValue => self.bool_value(&table, scope, scalar, test),
            Column::TypeName => {
                self.sql(&format!("{table}.type_id IN (SELECT t.id FROM types AS t WHERE t.kind = {kind} AND "));
                self.test("t.name", test);
                self.sql(")");
            }
            Column::Name => {
                self.name_hint(&table, kind, test);
                self.test(&name(&table), test);
            }
            Column::ExternalId => {
                self.sql(&format!("{table}.kind = {kind} AND "));
                self.test(&format!("{table}.external_id"), test);
            }
            // Where there is a URI to look for, none is none of them, and the index is on those there are.
            Column::Uri if is_of_uris(test) => {
                let uri = format!("{table}.uri");
                self.uri_hint(&uri, test);
                self.test(&uri, test);
            }
            _ => self.test(&sql(&table, column), test),
        }
        self.sql(")");
        true
    }

    /// The column's value.
    pub(super) fn column(&mut self, scope: Scope<'_>, neighbour: Option<&Neighbour>, column: Column) {
        self.sql(&sql(&scope.table(neighbour), column));
    }

    fn value_of(&mut self, table: &str, kind: ValueKind, column: &str, test: Test<'_>) {
        self.sql(&format!("{table}.kind = {} AND ", kind.number()));
        self.test(&format!("{table}.{column}"), test);
    }

    fn bool_value(&mut self, table: &str, scope: Scope<'_>, scalar: &Scalar, test: Test<'_>) {
        match test {
            Test::Compare(comparison, Scalar::Bool(value))
                if matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
            {
                let value = i64::from(*value);
                self.sql(&format!("{table}.kind = {} AND ", ValueKind::Bool.number()));
                self.sql(&format!("{table}.int_value {} {value}", sign(comparison)));
            }
            _ => self.value(scope, scalar),
        }
    }

    fn test(&mut self, column: &str, test: Test<'_>) {
        match test {
            Test::Compare(comparison, value) => {
                self.sql(&format!("{column} {} ", sign(comparison)));
                self.literal(value);
            }
            Test::In(list) => {
                self.sql(&format!("{column} IN ("));
                self.list(list, Self::literal);
                self.sql(")");
            }
            Test::Between(low, high) => {
                self.sql(&format!("{column} BETWEEN "));
                self.literal(low);
                self.sql(" AND ");
                self.literal(high);
            }
            Test::Like(pattern) => {
                self.sql(&format!("{column} LIKE "));
                self.text(&well_formed(pattern));
                self.sql(" ESCAPE '\\'");
            }
        }
    }

    /// A string as the value of a property.
    fn string_value(&mut self, column: &str, test: Test<'_>) {
        if let Some(texts) = test.texts() {
            return self.text_is(column, &texts);
        }
        if let Test::Like(pattern) = test
            && let Some((first, end)) = prefix_range(pattern)
        {
            self.text_begins(column, &first, &end);
            self.sql(" AND ");
        }
        self.test(column, test);
    }

    /// What the index on the beginnings of URIs can tell, and an AND.
    fn uri_hint(&mut self, column: &str, test: Test<'_>) {
        if let Some(texts) = test.texts() {
            self.starts_as(column, &texts);
            self.sql(" AND ");
        } else if let Test::Like(pattern) = test
            && let Some((first, end)) = prefix_range(pattern)
        {
            self.range(&start(column), &first, &end);
            self.sql(" AND ");
        }
    }

    /// What the index on names as stored can tell, and an AND: what has an owner is shown with the id of that before it.
    fn name_hint(&mut self, table: &str, kind: i64, test: Test<'_>) {
        let stored = format!("{table}.name");
        if let Some(texts) = test.texts() {
            self.sql(&format!("{table}.kind = {kind} AND "));
            let unowned = texts.iter().filter_map(|text| text.split_once(':')).map(|(_, rest)| rest);
            self.equals(&stored, &texts.iter().copied().chain(unowned).collect::<Vec<_>>());
            self.sql(" AND ");
        } else if let Test::Like(pattern) = test
            && let Some((first, end)) = prefix_range(pattern)
            && !first.starts_with(|each: char| each.is_ascii_digit())
        {
            self.sql(&format!("{table}.kind = {kind} AND "));
            self.range(&stored, &first, &end);
            self.sql(" AND ");
        }
    }
}

fn sql(table: &str, column: Column) -> String {
    let of_kind =
        |kind: ValueKind, value: &str| format!("(CASE WHEN {table}.kind = {} THEN {table}.{value} END)", kind.number());
    match column {
        Column::Id => format!("{table}.id"),
        Column::TypeId => format!("{table}.type_id"),
        Column::TypeName => format!("(SELECT t.name FROM types AS t WHERE t.id = {table}.type_id)"),
        Column::Name => name(table),
        Column::ExternalId => format!("{table}.external_id"),
        Column::Uri => format!("coalesce({table}.uri, '')"),
        Column::State => format!("{table}.state"),
        Column::CreatedAt => format!("{table}.created_at"),
        Column::UpdatedAt => format!("{table}.updated_at"),
        Column::IntValue => of_kind(ValueKind::Int, "int_value"),
        Column::DoubleValue => of_kind(ValueKind::Double, "double_value"),
        Column::StringValue => of_kind(ValueKind::String, "text_value"),
        Column::BoolValue => of_kind(ValueKind::Bool, "int_value = 1"),
        Column::EventType => format!("{table}.type"),
        Column::EventTime => format!("{table}.at"),
        Column::EventArtifact => format!("{table}.artifact_id"),
        Column::EventExecution => format!("{table}.execution_id"),
    }
}

/// The name as ML Metadata shows it: with the id of the owner, where a logical type has one.
fn name(table: &str) -> String {
    format!(
        "(CASE WHEN {table}.home_id IS NOT NULL AND {table}.type_id BETWEEN 11 AND 22 \
         THEN CAST({table}.home_id AS TEXT) || ':' || {table}.name ELSE {table}.name END)"
    )
}

fn is_literal(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Int(_) | Scalar::Double(_) | Scalar::Text(_) | Scalar::Bool(_))
}

/// Whether it finds URIs alone, and none of the artifacts that have none.
fn is_of_uris(test: Test<'_>) -> bool {
    match test {
        Test::Like(pattern) => prefix_range(pattern).is_some(),
        _ => test.texts().is_some_and(|texts| !texts.contains(&"")),
    }
}
