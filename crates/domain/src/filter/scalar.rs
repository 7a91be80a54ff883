//! Typed expressions over the columns of a node and of what is next to it, for the dialects that join and compute.

use std::collections::BTreeSet;

use super::Comparison;
use crate::{NodeKind, ValueKind};

/// That there are such neighbours of a node, one for each name, of which something is true together.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// What kind of node the filter is about.
    pub kind: NodeKind,
    /// The neighbours, each there once; none when it is about the node alone.
    pub neighbours: Vec<Neighbour>,
    /// What is true of them and the node: a boolean.
    pub holds: Scalar,
}

/// A neighbour of a node, told from others of its relation by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Neighbour {
    /// What it is to the node.
    pub relation: Relation,
    /// The name of the property, or what the filter calls this one.
    pub name: String,
}

/// What a neighbour is to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The declared property of that name.
    Property,
    /// The free property of that name.
    CustomProperty,
    /// A context that an artifact or execution is a member of.
    Context,
    /// A context that a context is a member of.
    ParentContext,
    /// A context that is a member of a context.
    ChildContext,
    /// An artifact that is a member of a context.
    Artifact,
    /// An execution that is a member of a context.
    Execution,
    /// An event of an artifact or execution.
    Event,
}

/// A column of a node or of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The id of a node.
    Id,
    /// The id of its type.
    TypeId,
    /// The name of its type, whatever the version.
    TypeName,
    /// Its name as ML Metadata shows it.
    Name,
    /// Its id in another system.
    ExternalId,
    /// The URI of an artifact, empty when it has none.
    Uri,
    /// The state of an artifact or execution, as its number.
    State,
    /// When it was created.
    CreatedAt,
    /// When it was changed last.
    UpdatedAt,
    /// The value of a property that is an int.
    IntValue,
    /// The value of a property that is a double and a number.
    DoubleValue,
    /// The value of a property that is a string.
    StringValue,
    /// The value of a property that is a boolean.
    BoolValue,
    /// The type of an event, as its number.
    EventType,
    /// When an event took place.
    EventTime,
    /// The id of an event's artifact.
    EventArtifact,
    /// The id of an event's execution.
    EventExecution,
}

impl Column {
    /// The kind of its values.
    pub fn kind(self) -> ValueKind {
        match self {
            Self::TypeName | Self::Name | Self::ExternalId | Self::Uri | Self::StringValue => ValueKind::String,
            Self::DoubleValue => ValueKind::Double,
            Self::BoolValue => ValueKind::Bool,
            Self::Id
            | Self::TypeId
            | Self::State
            | Self::CreatedAt
            | Self::UpdatedAt
            | Self::IntValue
            | Self::EventType
            | Self::EventTime
            | Self::EventArtifact
            | Self::EventExecution => ValueKind::Int,
        }
    }
}

/// An expression that type-checks. Any operation on NULL is NULL, as in SQL, and so is a number out of range.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// NULL, of that kind.
    Null(ValueKind),
    /// An int.
    Int(i64),
    /// A double.
    Double(f64),
    /// A string.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// A column of a neighbour, or of the node itself.
    Column(Option<Neighbour>, Column),
    /// An int as a double.
    AsDouble(Box<Scalar>),
    /// The opposite of a number.
    Negate(Box<Scalar>),
    /// Two numbers of one kind, computed with.
    Arithmetic(Operator, Box<Scalar>, Box<Scalar>),
    /// A function of these.
    Call(Function, Vec<Scalar>),
    /// The second of the first pair whose first is true, or equal to the subject; else `otherwise`.
    Case {
        /// What the firsts are compared with.
        subject: Option<Box<Scalar>>,
        /// The pairs.
        arms: Vec<(Scalar, Scalar)>,
        /// NULL, when there is none.
        otherwise: Option<Box<Scalar>>,
    },
    /// All are true.
    And(Vec<Scalar>),
    /// One is true.
    Or(Vec<Scalar>),
    /// It is false.
    Not(Box<Scalar>),
    /// Two values of one kind compare so, or an int and a double, exactly.
    Compare(Comparison, Box<Scalar>, Box<Scalar>),
    /// The first is one of the others.
    In(Box<Scalar>, Vec<Scalar>),
    /// The first is between the others, both included.
    Between(Box<[Scalar; 3]>),
    /// The text is like a pattern: `%` any text, `_` any character, `\` takes the next one as it is.
    Like(Box<Scalar>, String),
    /// Whether it is so; never NULL.
    Is(Box<Scalar>, Truth),
}

/// What a value may be found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// NULL.
    Null,
    /// True.
    True,
    /// False.
    False,
}

/// What is computed from two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, of doubles; NULL when the divisor is 0.
    Divide,
    /// `DIV`, of ints, towards zero; NULL when the divisor is 0.
    Quotient,
    /// `MOD`, of ints, with the sign of the dividend; NULL when the divisor is 0.
    Modulo,
    /// `&`, of ints.
    BitAnd,
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The text with the ASCII letters in lower case.
    Lower,
    /// The text with the ASCII letters in upper case.
    Upper,
    /// The number of characters.
    Length,
    /// The text from a character on, counted from 1, or from the end when negative; a number of characters at most.
    Substr,
    /// The text without the characters of the second at its ends.
    Trim,
    /// The number without its sign.
    Abs,
    /// The first that is not NULL.
    Coalesce,
    /// The texts one after the other.
    Concat,
    /// Whether the text begins with the second.
    StartsWith,
}

impl Scalar {
    /// The kind of its values.
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Null(kind) => *kind,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) | Self::AsDouble(_) => ValueKind::Double,
            Self::Text(_) => ValueKind::String,
            Self::Column(_, column) => column.kind(),
            Self::Negate(inner) => inner.kind(),
            Self::Arithmetic(_, left, _) => left.kind(),
            Self::Call(function, arguments) => match function {
                Function::Lower | Function::Upper | Function::Substr | Function::Trim | Function::Concat => {
                    ValueKind::String
                }
                Function::Length => ValueKind::Int,
                Function::StartsWith => ValueKind::Bool,
                Function::Abs | Function::Coalesce => arguments.first().map_or(ValueKind::Int, Self::kind),
            },
            Self::Case { arms, .. } => arms.first().map_or(ValueKind::Int, |(_, result)| result.kind()),
            Self::Bool(_)
            | Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::Compare(..)
            | Self::In(..)
            | Self::Between(_)
            | Self::Like(..)
            | Self::Is(..) => ValueKind::Bool,
        }
    }

    /// The expressions it is made of.
    pub fn parts(&self) -> Vec<&Scalar> {
        match self {
            Self::Null(_) | Self::Int(_) | Self::Double(_) | Self::Text(_) | Self::Bool(_) | Self::Column(..) => {
                Vec::new()
            }
            Self::AsDouble(inner)
            | Self::Negate(inner)
            | Self::Not(inner)
            | Self::Like(inner, _)
            | Self::Is(inner, _) => vec![inner],
            Self::Arithmetic(_, left, right) | Self::Compare(_, left, right) => vec![left, right],
            Self::Call(_, parts) | Self::And(parts) | Self::Or(parts) => parts.iter().collect(),
            Self::Case { subject, arms, otherwise } => {
                let arms = arms.iter().flat_map(|(when, then)| [when, then]);
                subject
                    .iter()
                    .map(|subject| &**subject)
                    .chain(arms)
                    .chain(otherwise.iter().map(|last| &**last))
                    .collect()
            }
            Self::In(value, list) => std::iter::once(&**value).chain(list).collect(),
            Self::Between(parts) => parts.iter().collect(),
        }
    }

    /// How many expressions it nests.
    pub fn depth(&self) -> usize {
        1 + self.parts().into_iter().map(Self::depth).max().unwrap_or(0)
    }

    /// Adds the neighbours that it names.
    pub fn add_neighbours(&self, found: &mut BTreeSet<Neighbour>) {
        if let Self::Column(Some(neighbour), _) = self {
            found.insert(neighbour.clone());
        }
        self.parts().into_iter().for_each(|part| part.add_neighbours(found));
    }
}
