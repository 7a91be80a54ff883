//! From tokens to clauses and keys.

use std::ops::{Deref, DerefMut};

use super::super::cursor::Cursor;
use super::super::exact::for_ints;
use super::super::lexer::{Token, tokens};
use super::super::{Comparison, MAX_CONDITIONS, MAX_PROPERTIES, check_pattern, refused};
use super::dialect::{FILTER, ORDER, Whole};
use super::words::{
    Entity, Use, Values, attribute, attribute_names, dataset, entities, entity, span, state, tag, values_of_texts,
};
use crate::search::{Clause, Facet, OrderKey, Searched, Test};
use crate::trace::AssessmentKind;
use crate::{Error, Result};

/// Reads one text.
pub(super) struct Parser<'a> {
    field: &'static str,
    of: Searched,
    cursor: Cursor<'a, Whole>,
    conditions: usize,
    looked_up: usize,
}

/// What a path names, and how that is compared.
struct Named {
    facet: Facet,
    values: Values,
    entity: Entity,
}

/// How something is compared, before the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Compare(Comparison),
    Like { ignore_case: bool },
    List { negated: bool },
    Null { negated: bool },
}

impl<'a> Deref for Parser<'a> {
    type Target = Cursor<'a, Whole>;

    fn deref(&self) -> &Cursor<'a, Whole> {
        &self.cursor
    }
}

impl<'a> DerefMut for Parser<'a> {
    fn deref_mut(&mut self) -> &mut Cursor<'a, Whole> {
        &mut self.cursor
    }
}

impl<'a> Parser<'a> {
    /// A parser of a text that is the value of a parameter.
    pub(super) fn new(field: &'static str, of: Searched, text: &'a str) -> Result<Self> {
        let tokens = tokens(if field == super::FILTER { &FILTER } else { &ORDER }, text)?;
        Ok(Self { field, of, cursor: Cursor::new(text, tokens), conditions: 0, looked_up: 0 })
    }

    /// The clauses of a filter.
    pub(super) fn clauses(mut self) -> Result<Vec<Clause>> {
        let mut clauses = Vec::new();
        if self.tokens.is_empty() {
            return Ok(clauses);
        }
        loop {
            clauses.push(self.clause()?);
            if self.peek().is_none() {
                return Ok(clauses);
            }
            if !self.keyword("AND") {
                return Err(self.refuse("expected AND or the end"));
            }
        }
    }

    /// The key of an order.
    pub(super) fn order_key(mut self) -> Result<OrderKey> {
        let at = self.at();
        let named = self.path(Use::Order)?;
        let orders = match named.entity {
            Entity::Attribute => true,
            Entity::Metric => matches!(self.of, Searched::Runs | Searched::LoggedModels),
            Entity::Param | Entity::Tag => matches!(self.of, Searched::Runs | Searched::Traces),
            Entity::Metadata => true,
            Entity::Dataset | Entity::Span | Entity::Assessment(_) | Entity::Issue => false,
        };
        if !orders {
            return Err(refused(self.field, self.text, at, "nothing is ordered by that"));
        }
        let descending = self.keyword("DESC");
        if !descending {
            self.keyword("ASC");
        }
        match self.peek() {
            None => Ok(OrderKey { facet: named.facet, descending }),
            Some(_) => Err(self.refuse("expected ASC, DESC or the end")),
        }
    }

    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Error {
        refused(self.field, self.text, self.at(), what)
    }

    fn clause(&mut self) -> Result<Clause> {
        self.count(1)?;
        let named = self.path(Use::Filter)?;
        self.looked_up += usize::from(named.entity != Entity::Attribute);
        if self.looked_up > MAX_PROPERTIES {
            return Err(self.refuse(format_args!("more than {MAX_PROPERTIES} clauses on what is no attribute")));
        }
        let at = self.at();
        let comparator = self.comparator()?;
        if !is_allowed(named.values, comparator) {
            let expected = comparators(named.values);
            return Err(refused(self.field, self.text, at, format_args!("it is compared with {expected}")));
        }
        let test = match comparator {
            Comparator::Compare(comparison) => self.compare(named.values, comparison)?,
            Comparator::Like { ignore_case } => Test::Like { pattern: self.pattern()?, ignore_case },
            Comparator::List { negated: false } => Test::In(self.list(named.values)?),
            Comparator::List { negated: true } => Test::NotIn(self.list(named.values)?),
            Comparator::Null { negated: false } => Test::Absent,
            Comparator::Null { negated: true } => Test::Present,
        };
        // What is said of an issue has its id as its name.
        if let (Entity::Issue, Test::Text(_, id)) = (named.entity, &test) {
            return Ok(Clause { facet: Facet::Assessment(AssessmentKind::Issue, id.clone()), test: Test::Present });
        }
        Ok(Clause { facet: named.facet, test })
    }

    fn count(&mut self, conditions: usize) -> Result<()> {
        self.conditions += conditions;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.refuse(format_args!("more than {MAX_CONDITIONS} conditions")));
        }
        Ok(())
    }

    /// A path, and what it names.
    fn path(&mut self, wanted: Use) -> Result<Named> {
        let at = self.at();
        let first = self.name()?;
        let mut rest: Vec<String> = Vec::new();
        while self.sign(".") {
            rest.push(self.name()?);
        }
        let (kind, name) = if rest.is_empty() {
            (Entity::Attribute, first)
        } else {
            let unknown = || format!("`{}` is none of {}", first.escape_debug(), entities(self.of));
            let kind = entity(self.of, &first).ok_or_else(|| refused(self.field, self.text, at, unknown()))?;
            (kind, rest.join("."))
        };
        let one_of = |names: String| {
            refused(self.field, self.text, at, format_args!("`{}` is none of {names}", name.escape_debug()))
        };
        let (facet, values) = match kind {
            Entity::Attribute => {
                let found = attribute(self.of, &name, wanted);
                let found = found.ok_or_else(|| one_of(attribute_names(self.of, wanted)))?;
                (found.facet.clone(), found.values)
            }
            Entity::Metric => (Facet::Metric { name, dataset: None }, Values::Doubles),
            Entity::Param => (Facet::Param(name), values_of_texts(self.of)),
            Entity::Tag => (tag(self.of, name), values_of_texts(self.of)),
            Entity::Dataset => {
                let found = dataset(&name).ok_or_else(|| one_of("`name`, `digest`, `context`".to_owned()))?;
                (Facet::Dataset(found), Values::Texts { lists: true, absence: false })
            }
            Entity::Metadata => (Facet::Metadata(name), values_of_texts(self.of)),
            Entity::Span => {
                let known = "`name`, `type`, `status`, `content`, `attributes.…`";
                span(&name).ok_or_else(|| one_of(known.to_owned()))?
            }
            Entity::Assessment(kind) => (Facet::Assessment(kind, name), Values::Assessed),
            Entity::Issue if name == "id" => (Facet::Assessment(AssessmentKind::Issue, String::new()), Values::Exact),
            Entity::Issue => return Err(one_of("`id`".to_owned())),
        };
        Ok(Named { facet, values, entity: kind })
    }

    /// A name of a path. What is between single quotes is a text.
    pub(super) fn name(&mut self) -> Result<String> {
        let is_quoted = self.text.get(self.at()..).is_some_and(|rest| rest.starts_with('"'));
        let name = match self.peek() {
            Some(Token::Word(name) | Token::Quoted(name)) => name.clone(),
            Some(Token::Text(name)) if is_quoted => name.clone(),
            _ => return Err(self.refuse("expected the name of what is searched by")),
        };
        if name.is_empty() {
            return Err(self.refuse("the name is empty"));
        }
        self.next += 1;
        Ok(name)
    }

    fn comparator(&mut self) -> Result<Comparator> {
        let signs = [
            ("=", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        if let Some((_, comparison)) = signs.into_iter().find(|(sign, _)| self.sign(sign)) {
            return Ok(Comparator::Compare(comparison));
        }
        if self.keyword("LIKE") {
            return Ok(Comparator::Like { ignore_case: false });
        }
        if self.keyword("ILIKE") {
            return Ok(Comparator::Like { ignore_case: true });
        }
        if self.keyword("IS") {
            let negated = self.keyword("NOT");
            let found = self.keyword("NULL");
            return if found { Ok(Comparator::Null { negated }) } else { Err(self.refuse("expected NULL")) };
        }
        let negated = self.keyword("NOT");
        if self.keyword("IN") {
            return Ok(Comparator::List { negated });
        }
        Err(self.refuse(if negated { "expected IN after NOT" } else { "expected a comparison, such as = or LIKE" }))
    }

    fn compare(&mut self, values: Values, comparison: Comparison) -> Result<Test> {
        Ok(match values {
            Values::Texts { .. } | Values::Exact => Test::Text(comparison, self.text_value()?),
            Values::Doubles => Test::Double(comparison, self.number()?),
            Values::Assessed if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) => {
                Test::Double(comparison, self.number()?)
            }
            Values::Assessed | Values::Patterns => Test::Text(comparison, self.text_value()?),
            Values::Ids | Values::States => Test::Int(comparison, self.int_in_quotes(values)?),
            Values::Ints { fractions, quoted } => match self.peek() {
                Some(Token::Int(whole)) => {
                    let int = whole.int;
                    self.next += 1;
                    Test::Int(comparison, int)
                }
                Some(Token::Double(double)) if fractions => {
                    let (comparison, int) = for_ints(comparison, *double);
                    self.next += 1;
                    Test::Int(comparison, int)
                }
                Some(Token::Text(_)) if quoted => Test::Int(comparison, self.int_in_quotes(Values::Ids)?),
                _ => return Err(self.refuse(if fractions { "expected a number" } else { "expected an integer" })),
            },
        })
    }

    fn number(&mut self) -> Result<f64> {
        let number = match self.peek() {
            Some(Token::Int(whole)) => whole.double,
            Some(Token::Double(double)) => *double,
            _ => return Err(self.refuse("expected a number")),
        };
        self.next += 1;
        Ok(number)
    }

    pub(super) fn text_value(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.refuse("expected a text in quotes")),
        }
    }

    /// An id or the name of a state, as an integer.
    fn int_in_quotes(&mut self, values: Values) -> Result<i64> {
        let at = self.at();
        let text = self.text_value()?;
        let (found, what) = match values {
            Values::States => (state(&text), "none of `PENDING`, `READY` and `UPLOAD_FAILED`"),
            _ => (text.parse().ok(), "not an integer"),
        };
        found.ok_or_else(|| refused(self.field, self.text, at, format_args!("`{}` is {what}", text.escape_debug())))
    }

    fn pattern(&mut self) -> Result<String> {
        let at = self.at();
        let pattern = self.text_value()?;
        check_pattern(&pattern).map_err(|what| refused(self.field, self.text, at, what))?;
        Ok(pattern)
    }

    /// A list of texts. It may end with a comma, as tuples of Python's do that have one item.
    fn list(&mut self, values: Values) -> Result<Vec<String>> {
        if !self.sign("(") {
            return Err(self.refuse("expected `(`"));
        }
        let mut list = Vec::new();
        loop {
            self.count(1)?;
            list.push(match values {
                Values::Ids | Values::States => self.int_in_quotes(values)?.to_string(),
                _ => self.text_value()?,
            });
            let goes_on = self.sign(",");
            if self.sign(")") {
                return Ok(list);
            }
            if !goes_on {
                return Err(self.refuse("expected `,` or `)`"));
            }
        }
    }
}

fn is_allowed(values: Values, comparator: Comparator) -> bool {
    let is_equality = matches!(comparator, Comparator::Compare(Comparison::Equal | Comparison::NotEqual));
    match (values, comparator) {
        (Values::Doubles | Values::Ints { .. } | Values::Assessed, Comparator::Compare(_)) => true,
        (Values::Texts { .. } | Values::Patterns | Values::Assessed, Comparator::Like { .. }) => true,
        (Values::Assessed, Comparator::Null { .. }) => true,
        (Values::Texts { lists, .. }, Comparator::List { .. }) => lists,
        (Values::Texts { absence, .. }, Comparator::Null { .. }) => absence,
        (Values::Ids | Values::States, Comparator::List { .. }) => true,
        (Values::Texts { .. } | Values::Ids | Values::States, Comparator::Compare(_)) => is_equality,
        (Values::Exact, Comparator::Compare(Comparison::Equal)) => true,
        _ => false,
    }
}

/// What it may be compared with, for messages.
fn comparators(values: Values) -> &'static str {
    match values {
        Values::Doubles | Values::Ints { .. } => "=, !=, <, <=, > and >=",
        Values::Texts { lists: false, absence: false } => "=, !=, LIKE and ILIKE",
        Values::Texts { lists: true, absence: false } => "=, !=, LIKE, ILIKE, IN and NOT IN",
        Values::Texts { lists: false, absence: true } => "=, !=, LIKE, ILIKE, IS NULL and IS NOT NULL",
        Values::Texts { lists: true, absence: true } => "=, !=, LIKE, ILIKE, IN, NOT IN, IS NULL and IS NOT NULL",
        Values::Ids | Values::States => "=, !=, IN and NOT IN",
        Values::Patterns => "LIKE and ILIKE",
        Values::Exact => "=",
        Values::Assessed => "=, !=, <, <=, >, >=, LIKE, ILIKE, IS NULL and IS NOT NULL",
    }
}
