//! Kubeflow's `filterQuery` of Kubeflow Model Registry, and beyond it `NOT`, `NOT IN`, `IS NULL`, `IS NOT NULL` and `BETWEEN`.
//!
//! ```text
//! or    := and { OR and }
//! and   := not { AND not }
//! not   := NOT not | "(" or ")" | test
//! test  := field ( cmp value | [NOT] (LIKE | ILIKE) text | [NOT] IN "(" [value {"," value}] ")"
//!                | [NOT] BETWEEN value AND value | IS [NOT] NULL )
//! field := name { "." name } [ ".string_value" | ".int_value" | ".double_value" | ".bool_value" ]
//! ```

mod dialect;
mod typed;

use std::ops::{Deref, DerefMut};

use super::cursor::Cursor;
use super::lexer::{Dialect, Token, tokens};
use super::{
    Attribute, Comparison, Condition, Expr, Field, MAX_CONDITIONS, MAX_DEPTH, MAX_PROPERTIES, Operand, check_length,
    check_pattern, refused,
};
use crate::{Error, Result, ValueKind};

pub(super) use dialect::DIALECT;
use dialect::OWN_DIALECT;
use typed::{typed, value_kind, with_article};

/// The parameter that errors name, of Kubeflow's API and of our own.
const FIELD: &str = "filterQuery";
const OWN_FIELD: &str = "filter";

/// What a well-known name means; every other name is that of a free property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// An attribute of the node.
    Attribute(Attribute),
    /// The node's state, given by these names with their numbers.
    State(&'static [(&'static str, i64)]),
    /// Another attribute that is given by names with their numbers.
    Named(Attribute, &'static [(&'static str, i64)]),
    /// A property that the type declares.
    Property(&'static str, ValueKind),
    /// A declared string of some entities and an attribute that is a number of others: the value it is compared with says
    /// which is meant.
    TextOrNumber(&'static str, Attribute),
}

/// Reads a filter. `known` says what the entity's well-known names mean.
///
/// Errors: InvalidArgument on `filterQuery` that tells the character where it cannot continue.
pub fn parse(text: &str, known: &dyn Fn(&str) -> Option<Known>) -> Result<Expr> {
    parse_as(FIELD, &DIALECT, text, known)
}

/// The same, of the native API's `filter`.
///
/// Errors: InvalidArgument on `filter`, likewise.
pub fn parse_own(text: &str, known: &dyn Fn(&str) -> Option<Known>) -> Result<Expr> {
    parse_as(OWN_FIELD, &OWN_DIALECT, text, known)
}

fn parse_as(
    field: &'static str,
    dialect: &'static Dialect<i64>,
    text: &str,
    known: &dyn Fn(&str) -> Option<Known>,
) -> Result<Expr> {
    check_length(field, text)?;
    let tokens = tokens(dialect, text)?;
    let mut parser = Parser { field, cursor: Cursor::new(text, tokens), known, conditions: 0, properties: 0 };
    let expr = parser.or(0)?;
    match parser.tokens.get(parser.next) {
        None => Ok(expr),
        Some(_) => Err(parser.refuse("expected AND, OR or the end")),
    }
}

struct Parser<'a> {
    field: &'static str,
    cursor: Cursor<'a, i64>,
    known: &'a dyn Fn(&str) -> Option<Known>,
    conditions: usize,
    properties: usize,
}

/// A field with the place where it stands, and what its values must be.
struct Target {
    field: Field,
    kind: Expected,
    at: usize,
    /// What must be absent too when it is.
    twin: Option<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Kind(ValueKind),
    State(&'static [(&'static str, i64)]),
    Any,
}

impl<'a> Deref for Parser<'a> {
    type Target = Cursor<'a, i64>;

    fn deref(&self) -> &Cursor<'a, i64> {
        &self.cursor
    }
}

impl<'a> DerefMut for Parser<'a> {
    fn deref_mut(&mut self) -> &mut Cursor<'a, i64> {
        &mut self.cursor
    }
}

impl Parser<'_> {
    fn refuse(&self, what: impl std::fmt::Display) -> Error {
        refused(self.field, self.text, self.at(), what)
    }

    fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.refuse(format_args!("expected `{sign}`"))) }
    }

    fn or(&mut self, depth: usize) -> Result<Expr> {
        let mut terms = vec![self.and(depth)?];
        while self.keyword("OR") {
            terms.push(self.and(depth)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::Or(terms) })
    }

    fn and(&mut self, depth: usize) -> Result<Expr> {
        let mut terms = vec![self.not(depth)?];
        while self.keyword("AND") {
            terms.push(self.not(depth)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::And(terms) })
    }

    fn not(&mut self, depth: usize) -> Result<Expr> {
        if depth >= MAX_DEPTH {
            return Err(self.refuse(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        if self.keyword("NOT") {
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.sign("(") {
            let inner = self.or(depth + 1)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Expr> {
        let target = self.field()?;
        self.count_property(&target)?;
        let negated = self.keyword("NOT");
        let condition = if self.keyword("LIKE") {
            self.like(&target, false)?
        } else if self.keyword("ILIKE") {
            self.like(&target, true)?
        } else if self.keyword("IN") {
            self.expect_sign("(")?;
            let mut values = Vec::new();
            if !self.sign(")") {
                values.push(self.value(&target)?);
                while self.sign(",") {
                    if is_list(&target) {
                        self.count_property(&target)?;
                    }
                    values.push(self.value(&target)?);
                }
                self.expect_sign(")")?;
            }
            Condition::In(values)
        } else if self.keyword("BETWEEN") {
            if is_unordered(&target) {
                return Err(refused(self.field, self.text, target.at, "it has no order, compare with = or !="));
            }
            let low = self.value(&target)?;
            if !self.keyword("AND") {
                return Err(self.refuse("expected AND"));
            }
            Condition::Between(low, self.value(&target)?)
        } else if negated {
            return Err(self.refuse("expected LIKE, ILIKE, IN or BETWEEN after NOT"));
        } else if self.keyword("IS") {
            let present = self.keyword("NOT");
            if !self.keyword("NULL") {
                return Err(self.refuse("expected NULL"));
            }
            self.count()?;
            let null = match (&target.field, target.kind) {
                (Field::Custom(_), Expected::Kind(kind)) => Condition::NullOf(kind),
                _ => Condition::Null,
            };
            let absent = Expr::Test(target.field, null);
            let absent = match target.twin {
                Some(twin) => Expr::And(vec![absent, Expr::Test(twin, Condition::Null)]),
                None => absent,
            };
            return Ok(if present { Expr::Not(Box::new(absent)) } else { absent });
        } else {
            let comparison = self.comparison()?;
            if comparison != Comparison::Equal && comparison != Comparison::NotEqual && is_unordered(&target) {
                return Err(refused(self.field, self.text, target.at, "it has no order, compare with = or !="));
            }
            Condition::Compare(comparison, self.value(&target)?)
        };
        self.count()?;
        let of_doubles = target.kind == Expected::Kind(ValueKind::Double);
        let condition = if of_doubles { condition.of_doubles() } else { condition };
        let test = Expr::Test(target.field, condition);
        Ok(if negated { Expr::Not(Box::new(test)) } else { test })
    }

    fn count(&mut self) -> Result<()> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.refuse(format_args!("more than {MAX_CONDITIONS} conditions")));
        }
        Ok(())
    }

    fn count_property(&mut self, target: &Target) -> Result<()> {
        self.properties += usize::from(target.field.is_looked_up());
        if self.properties > MAX_PROPERTIES {
            return Err(self.refuse(format_args!("more than {MAX_PROPERTIES} conditions on properties")));
        }
        Ok(())
    }

    fn comparison(&mut self) -> Result<Comparison> {
        let signs = [
            ("=", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let found = signs.into_iter().find(|(sign, _)| self.sign(sign)).map(|(_, comparison)| comparison);
        found.ok_or_else(|| self.refuse("expected a comparison: =, !=, <, <=, >, >=, LIKE, ILIKE, IN, BETWEEN or IS"))
    }

    /// A name, and where it is not well-known perhaps the kind of value after it.
    fn field(&mut self) -> Result<Target> {
        let at = self.at();
        let (mut name, quoted) = self.name()?;
        let mut parts = 1;
        let mut kind = None;
        while self.sign(".") {
            let (part, quoted) = self.name()?;
            let is_last = !matches!(self.peek(), Some(Token::Sign(".")));
            kind = value_kind(&part).filter(|_| is_last && !quoted);
            if kind.is_none() {
                name = format!("{name}.{part}");
                parts += 1;
            }
        }
        let known = if quoted || parts > 1 { None } else { (self.known)(&name) };
        let (field, expected, twin) = match known {
            Some(known) => self.meant(known, kind),
            None => (Field::Custom(name.clone()), kind.map_or(Expected::Any, Expected::Kind), None),
        };
        if let (Some(_), Some(given), Expected::Kind(own)) = (known, kind, expected)
            && given != own
        {
            let problem = format!("`{name}` is {}, not {}", with_article(own), with_article(given));
            return Err(refused(self.field, self.text, at, problem));
        }
        Ok(Target { field, kind: expected, at, twin })
    }

    /// The field that a well-known name stands for, what its values must be, and its twin; `kind` is that of a suffix.
    fn meant(&self, known: Known, kind: Option<ValueKind>) -> (Field, Expected, Option<Field>) {
        let declared = |name: &str, kind| (Field::Declared(name.to_owned(), kind), Expected::Kind(kind));
        let (field, expected) = match known {
            Known::Attribute(attribute) => (Field::Attribute(attribute), Expected::Kind(attribute.kind())),
            Known::State(names) => (Field::Attribute(Attribute::State), Expected::State(names)),
            Known::Named(attribute, names) => (Field::Attribute(attribute), Expected::State(names)),
            Known::Property(property, kind) => declared(property, kind),
            Known::TextOrNumber(text, number) => match kind.or_else(|| self.kind_ahead()) {
                Some(ValueKind::String) => declared(text, ValueKind::String),
                Some(_) => (Field::Attribute(number), Expected::Kind(number.kind())),
                None => {
                    let (field, expected) = declared(text, ValueKind::String);
                    return (field, expected, Some(Field::Attribute(number)));
                }
            },
        };
        (field, expected, None)
    }

    /// The kind of the value that the field is compared with; `None` when it is asked for its absence.
    fn kind_ahead(&self) -> Option<ValueKind> {
        if matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case("IS")) {
            return None;
        }
        self.tokens.iter().skip(self.next).find_map(|placed| match placed.token {
            Token::Text(_) => Some(ValueKind::String),
            Token::Int(_) | Token::Double(_) => Some(ValueKind::Double),
            _ => None,
        })
    }

    fn name(&mut self) -> Result<(String, bool)> {
        let found = match self.peek() {
            Some(Token::Word(word)) => (word.clone(), false),
            Some(Token::Quoted(name)) => (name.clone(), true),
            _ => return Err(self.refuse("expected the name of a property")),
        };
        self.next += 1;
        Ok(found)
    }

    fn like(&mut self, target: &Target, ignore_case: bool) -> Result<Condition> {
        if is_list(target) {
            return Err(refused(self.field, self.text, target.at, "it is a list, compare an item with =, != or IN"));
        }
        if !matches!(target.kind, Expected::Any | Expected::Kind(ValueKind::String)) {
            return Err(refused(self.field, self.text, target.at, "only strings are LIKE a pattern"));
        }
        match self.peek().cloned() {
            Some(Token::Text(pattern)) => {
                check_pattern(&pattern).map_err(|what| self.refuse(what))?;
                self.next += 1;
                Ok(Condition::Like { pattern, ignore_case })
            }
            _ => Err(self.refuse("expected a pattern in quotes")),
        }
    }

    fn value(&mut self, target: &Target) -> Result<Operand> {
        self.count()?;
        let value = match self.peek() {
            Some(Token::Text(text)) => Operand::Text(text.clone()),
            Some(Token::Int(value)) => Operand::Number(*value),
            Some(Token::Double(value)) => Operand::Double(*value),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Operand::Bool(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Operand::Bool(false),
            _ => return Err(self.refuse("expected a value: a text in quotes, a number, true or false")),
        };
        let typed = typed(value, target.kind).map_err(|what| self.refuse(what))?;
        self.next += 1;
        Ok(typed)
    }
}

fn is_unordered(target: &Target) -> bool {
    matches!(target.kind, Expected::State(_) | Expected::Kind(ValueKind::Bool | ValueKind::Struct))
}

fn is_list(target: &Target) -> bool {
    target.kind == Expected::Kind(ValueKind::Struct)
}

#[cfg(test)]
mod tests;
