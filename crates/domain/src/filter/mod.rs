//! Filters: one typed expression tree, and a parser for each dialect that makes it.
//!
//! The tree names attributes of nodes and properties by kind; the store renders it to SQL with bound parameters. What does
//! not parse or does not type-check never gets there.

mod cursor;
pub mod exact;
pub mod kubeflow;
mod lexer;
pub mod mlflow;
pub mod mlmd;
pub mod scalar;

use super::{Error, Result, ValueKind};

/// The longest filter, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// How deep parentheses and NOT may nest.
pub const MAX_DEPTH: usize = 64;

/// How many conditions a filter may have, each value of a list counted.
pub const MAX_CONDITIONS: usize = 500;

/// How many conditions on properties a filter may have, the values of one list counted once: each of them is looked up for
/// every node that is left.
pub const MAX_PROPERTIES: usize = 32;

/// The longest pattern of a LIKE, in bytes: comparing a text with it takes time by the length of both.
pub const MAX_PATTERN_BYTES: usize = 256;

/// How many wildcards a pattern may have.
pub const MAX_WILDCARDS: usize = 8;

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of them hold.
    And(Vec<Expr>),
    /// One of them holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A condition on one field.
    Test(Field, Condition),
    /// Such neighbours are there.
    Some(scalar::Join),
}

/// What a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// An attribute that every node has.
    Attribute(Attribute),
    /// A property that the type declares, which has one kind. One that is a struct is a list of texts: it equals, and is
    /// in a list with, each of its items.
    Declared(String, ValueKind),
    /// A free property; the kind of the value that it is compared with says which of them match.
    Custom(String),
}

impl Field {
    /// Whether it is looked up beside the node, which costs much more than what the node has itself.
    fn is_looked_up(&self) -> bool {
        use Attribute::{Alias, Format, MetricStep, MetricTime, MetricValue, Verdict};
        match self {
            Self::Attribute(attribute) => {
                matches!(attribute, MetricValue | MetricStep | MetricTime | Alias | Format | Verdict)
            }
            Self::Declared(..) | Self::Custom(_) => true,
        }
    }
}

/// An attribute of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The id.
    Id,
    /// The name as people see it.
    Name,
    /// The id in another system.
    ExternalId,
    /// The URI.
    Uri,
    /// The state, as its number.
    State,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The id of the home.
    Home,
    /// The value of a metric's latest point.
    MetricValue,
    /// The step of a metric's latest point.
    MetricStep,
    /// The time of a metric's latest point.
    MetricTime,
    /// The names of the aliases of a model, or of those that point at a version. A condition holds when it holds of one of them; `!=`
    /// when it holds of all of them, and there is one.
    Alias,
    /// The formats of the files of a version, or of the latest version of a model; conditions on them hold as those on aliases.
    Format,
    /// The heaviest verdict on the files of a version, or of the latest version of a model, by its place in [`VERDICTS`]; absent where no
    /// file was inspected.
    Verdict,
    /// Whether a registered model is a prompt, which MLflow keeps as one.
    Prompt,
}

/// The verdicts on files with their places, the lightest first.
pub const VERDICTS: [(&str, i64); 5] = [("clean", 0), ("info", 1), ("warn", 2), ("suspicious", 3), ("danger", 4)];

impl Attribute {
    /// The kind of its values.
    pub fn kind(self) -> ValueKind {
        match self {
            Self::Name | Self::ExternalId | Self::Uri | Self::Alias | Self::Format => ValueKind::String,
            Self::MetricValue => ValueKind::Double,
            Self::Prompt => ValueKind::Bool,
            Self::Id
            | Self::State
            | Self::CreatedAt
            | Self::UpdatedAt
            | Self::Home
            | Self::MetricStep
            | Self::MetricTime
            | Self::Verdict => ValueKind::Int,
        }
    }
}

/// What must be true of the field. Except for `Null` and `NullOf`, an absent field meets no condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// It compares so with the value.
    Compare(Comparison, Operand),
    /// It is one of the values; never, when there are none.
    In(Vec<Operand>),
    /// It is between the two, both included.
    Between(Operand, Operand),
    /// It is like the pattern: `%` any text, `_` any character, `\` takes the next one as it is.
    Like {
        /// The pattern.
        pattern: String,
        /// Whether the case of ASCII letters is ignored.
        ignore_case: bool,
    },
    /// It is absent.
    Null,
    /// It has no value of that kind.
    NullOf(ValueKind),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=` and `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value that a field is compared with, and by its kind which values of a free property it can match.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Ints; doubles too, when the field is a free property and the dialect named no kind.
    Number(i64),
    /// Doubles, and ints too: a number that may have a fraction, of a free property whose kind the dialect did not name.
    Decimal(f64),
    /// Ints alone.
    Int(i64),
    /// Doubles alone.
    Double(f64),
    /// Strings.
    Text(String),
    /// Booleans.
    Bool(bool),
}

/// A filter that cannot be accepted, at that byte of its text.
fn refused(field: &str, text: &str, at: usize, what: impl std::fmt::Display) -> Error {
    let column = text.get(..at).map_or(at, |before| before.chars().count()) + 1;
    Error::invalid(field, format!("{field} at character {column}: {what}"))
}

/// Refuses a pattern that would cost too much to compare with a long text.
fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("the pattern has {} bytes, more than {MAX_PATTERN_BYTES}", pattern.len()));
    }
    let mut escaped = false;
    let mut wildcards = 0;
    for each in pattern.chars() {
        wildcards += usize::from(!escaped && matches!(each, '%' | '_'));
        escaped = !escaped && each == '\\';
    }
    if wildcards > MAX_WILDCARDS {
        return Err(format!("the pattern has {wildcards} wildcards, `%` and `_`, more than {MAX_WILDCARDS}"));
    }
    Ok(())
}

fn check_length(field: &str, text: &str) -> Result<()> {
    super::value::check_text(field, text)?;
    if text.len() > MAX_BYTES {
        return Err(Error::invalid(field, format!("{field} has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_few_bytes_and_wildcards() {
        for good in ["", "%", "_%_%_%_%", &"\\%".repeat(100), &"a".repeat(256), "\\\\%%%%%%%%"] {
            assert_eq!(check_pattern(good), Ok(()), "{good}");
        }
        assert_eq!(check_pattern(&"é".repeat(129)).unwrap_err(), "the pattern has 258 bytes, more than 256");
        for bad in ["%%%%%%%%%", "_________", "%a%a%a%a%a%a%a%a%", "\\%%%%%%%%%%"] {
            assert_eq!(
                check_pattern(bad).unwrap_err(),
                "the pattern has 9 wildcards, `%` and `_`, more than 8",
                "{bad}"
            );
        }
        assert_eq!(
            check_pattern("\\\\%%%%%%%%%").unwrap_err(),
            "the pattern has 9 wildcards, `%` and `_`, more than 8"
        );
    }
}
