//! The grammar, from the weakest operator to the comparisons; what is compared is in `operand`.

mod operand;

use std::ops::{Deref, DerefMut};

use super::build::{Mismatch, Typed, compared, is_between, is_in};
use super::{DIALECT, MAX_DEPTH, names, refused};
use crate::filter::cursor::Cursor;
use crate::filter::lexer::{Token, tokens};
use crate::filter::scalar::{Scalar, Truth};
use crate::filter::{Comparison, MAX_CONDITIONS, check_pattern};
use crate::{Error, NodeKind, Result, ValueKind};

/// Reads the whole text as one boolean expression.
pub(super) fn parse(kind: NodeKind, text: &str) -> Result<Scalar> {
    let mut parser = Parser { kind, cursor: Cursor::new(text, tokens(&DIALECT, text)?), count: 0 };
    let found = parser.or(0)?;
    if parser.next < parser.tokens.len() {
        return Err(parser.refuse("Syntax error: expected an operator or the end"));
    }
    match found.kind {
        None | Some(ValueKind::Bool) => parser.checked(found.coerced(ValueKind::Bool)),
        Some(_) => Err(refused(text, found.at, "it is not a valid boolean expression")),
    }
}

pub(super) struct Parser<'a> {
    kind: NodeKind,
    cursor: Cursor<'a, u64>,
    count: usize,
}

impl<'a> Deref for Parser<'a> {
    type Target = Cursor<'a, u64>;

    fn deref(&self) -> &Cursor<'a, u64> {
        &self.cursor
    }
}

impl<'a> DerefMut for Parser<'a> {
    fn deref_mut(&mut self) -> &mut Cursor<'a, u64> {
        &mut self.cursor
    }
}

impl Parser<'_> {
    pub(super) fn refuse(&self, what: impl std::fmt::Display) -> Error {
        refused(self.text, self.at(), what)
    }

    pub(super) fn refuse_at(&self, at: usize, what: impl std::fmt::Display) -> Error {
        refused(self.text, at, what)
    }

    pub(super) fn checked<T>(&self, found: Result<T, Mismatch>) -> Result<T> {
        found.map_err(|(at, what)| refused(self.text, at, what))
    }

    pub(super) fn expect_keyword(&mut self, keyword: &str) -> Result<()> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.refuse(format_args!("Syntax error: expected {keyword}"))) }
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.refuse(format_args!("Syntax error: expected `{sign}`"))) }
    }

    pub(super) fn or(&mut self, depth: usize) -> Result<Typed> {
        let first = self.and(depth)?;
        self.terms(first, "OR", |parser| parser.and(depth))
    }

    fn and(&mut self, depth: usize) -> Result<Typed> {
        let first = self.not(depth)?;
        self.terms(first, "AND", |parser| parser.not(depth))
    }

    /// One term, or several between a keyword; those of the same keyword in parentheses become terms themselves.
    fn terms(
        &mut self,
        first: Typed,
        keyword: &str,
        mut next: impl FnMut(&mut Self) -> Result<Typed>,
    ) -> Result<Typed> {
        let at = first.at;
        let mut found = vec![first];
        while self.keyword(keyword) {
            found.push(next(self)?);
        }
        if found.len() == 1 {
            return Ok(found.remove(0));
        }
        let mut terms = Vec::new();
        for each in found {
            match (self.checked(each.coerced(ValueKind::Bool))?, keyword) {
                (Scalar::And(inner), "AND") | (Scalar::Or(inner), "OR") => terms.extend(inner),
                (other, _) => terms.push(other),
            }
        }
        Ok(Typed::new(if keyword == "AND" { Scalar::And(terms) } else { Scalar::Or(terms) }, at))
    }

    fn not(&mut self, depth: usize) -> Result<Typed> {
        let at = self.at();
        if !self.keyword("NOT") {
            return self.test(depth);
        }
        let deeper = self.deeper(depth)?;
        let inner = self.not(deeper)?;
        Ok(Typed::new(Scalar::Not(Box::new(self.checked(inner.coerced(ValueKind::Bool))?)), at))
    }

    pub(super) fn deeper(&self, depth: usize) -> Result<usize> {
        if depth >= MAX_DEPTH {
            return Err(self.refuse(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(depth + 1)
    }

    fn test(&mut self, depth: usize) -> Result<Typed> {
        let left = self.bits(depth)?;
        let at = left.at;
        if let Some(scalar) = self.enum_test(&left)? {
            return Ok(Typed::new(scalar, at));
        }
        let scalar = if let Some((sign, comparison)) = self.comparison() {
            let right = self.bits(depth)?;
            self.checked(compared(sign, comparison, left, right))?
        } else if self.keyword("IS") {
            let negated = self.keyword("NOT");
            let truth = if self.keyword("NULL") {
                Truth::Null
            } else if self.keyword("TRUE") {
                Truth::True
            } else if self.keyword("FALSE") {
                Truth::False
            } else {
                return Err(self.refuse("Syntax error: expected NULL, TRUE or FALSE"));
            };
            let kind = if truth == Truth::Null { left.kind.unwrap_or(ValueKind::Bool) } else { ValueKind::Bool };
            let scalar = Scalar::Is(Box::new(self.checked(left.coerced(kind))?), truth);
            if negated { Scalar::Not(Box::new(scalar)) } else { scalar }
        } else {
            let negated = self.keyword("NOT");
            let scalar = if self.keyword("IN") {
                self.list(left, depth)?
            } else if self.keyword("LIKE") {
                self.like(left)?
            } else if self.keyword("BETWEEN") {
                let low = self.bits(depth)?;
                self.expect_keyword("AND")?;
                let high = self.bits(depth)?;
                self.checked(is_between(left, low, high))?
            } else if negated {
                return Err(self.refuse("Syntax error: expected IN, LIKE or BETWEEN after NOT"));
            } else {
                return Ok(left);
            };
            if negated { Scalar::Not(Box::new(scalar)) } else { scalar }
        };
        Ok(Typed::new(scalar, at))
    }

    fn list(&mut self, left: Typed, depth: usize) -> Result<Scalar> {
        self.expect_sign("(")?;
        let deeper = self.deeper(depth)?;
        let mut list = vec![self.bits(deeper)?];
        while self.sign(",") {
            list.push(self.bits(deeper)?);
        }
        self.expect_sign(")")?;
        self.checked(is_in(left, list))
    }

    fn like(&mut self, left: Typed) -> Result<Scalar> {
        let left = self.checked(left.coerced(ValueKind::String))?;
        match self.peek().cloned() {
            Some(Token::Text(pattern)) => {
                check_pattern(&pattern).map_err(|what| self.refuse(what))?;
                self.next += 1;
                self.counted()?;
                Ok(Scalar::Like(Box::new(left), pattern))
            }
            _ => Err(self.refuse("Syntax error: expected a pattern in quotes")),
        }
    }

    fn comparison(&mut self) -> Option<(&'static str, Comparison)> {
        let signs = [
            ("=", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        signs.into_iter().find(|(sign, _)| self.sign(sign))
    }

    /// What stands after an enum that is compared with names: `None` when it is used as a number.
    ///
    /// A state that was never set is unequal to every name, unlike in SQL.
    fn enum_test(&mut self, left: &Typed) -> Result<Option<Scalar>> {
        let Scalar::Column(neighbour, column) = &left.scalar else { return Ok(None) };
        let Some(names) = names::enum_names(self.kind, neighbour.as_ref(), *column) else { return Ok(None) };
        let start = self.next;
        let value = || Box::new(left.scalar.clone());
        let (test, negated) = if self.sign("=") {
            (Scalar::Compare(Comparison::Equal, value(), Box::new(self.enum_name(names)?)), false)
        } else if self.sign("!=") || self.sign("<>") {
            (Scalar::Compare(Comparison::NotEqual, value(), Box::new(self.enum_name(names)?)), true)
        } else {
            let negated = self.keyword("NOT");
            if !self.keyword("IN") {
                self.next = start;
                return Ok(None);
            }
            self.expect_sign("(")?;
            let mut list = vec![self.enum_name(names)?];
            while self.sign(",") {
                list.push(self.enum_name(names)?);
            }
            self.expect_sign(")")?;
            let test = Scalar::In(value(), list);
            (if negated { Scalar::Not(Box::new(test)) } else { test }, negated)
        };
        Ok(Some(if negated { Scalar::Or(vec![test, Scalar::Is(value(), Truth::Null)]) } else { test }))
    }

    fn enum_name(&mut self, names: names::Names) -> Result<Scalar> {
        let found = match self.peek() {
            Some(Token::Word(word)) => names.iter().find(|(name, _)| name == word),
            _ => None,
        };
        match found {
            Some((_, number)) => {
                self.next += 1;
                self.counted()?;
                Ok(Scalar::Int(*number))
            }
            None => {
                let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                let names = names.join("`, `");
                Err(self
                    .refuse(format_args!("Unsupported enum value specified in the query: expected one of `{names}`")))
            }
        }
    }

    pub(super) fn counted(&mut self) -> Result<()> {
        self.count += 1;
        if self.count > MAX_CONDITIONS {
            return Err(self.refuse(format_args!("more than {MAX_CONDITIONS} values and names")));
        }
        Ok(())
    }

    fn name(&mut self, what: &str) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::Word(name) | Token::Quoted(name)) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.refuse(format_args!("Syntax error: expected {what}"))),
        }
    }

    pub(super) fn skip(&mut self) {
        self.next += 1;
    }
}
