//! What is compared: arithmetic, literals, calls and names, from the weakest operator to the strongest.

use super::Parser;
use crate::filter::lexer::Token;
use crate::filter::mlmd::build::{Typed, arithmetic, is_number, mismatch, negated};
use crate::filter::mlmd::names;
use crate::filter::scalar::{Function, Neighbour, Operator, Relation, Scalar};
use crate::{Error, Result, ValueKind};

impl Parser<'_> {
    pub(super) fn bits(&mut self, depth: usize) -> Result<Typed> {
        let mut left = self.sum(depth)?;
        while self.sign("&") {
            let right = self.sum(depth)?;
            left = self.checked(arithmetic(Operator::BitAnd, "&", left, right))?;
        }
        Ok(left)
    }

    fn sum(&mut self, depth: usize) -> Result<Typed> {
        let mut left = self.product(depth)?;
        loop {
            left = if self.sign("+") {
                let right = self.product(depth)?;
                self.checked(arithmetic(Operator::Add, "+", left, right))?
            } else if self.sign("-") {
                let right = self.product(depth)?;
                self.checked(arithmetic(Operator::Subtract, "-", left, right))?
            } else if self.sign("||") {
                let right = self.product(depth)?;
                let at = left.at;
                let right = self.checked(right.coerced(ValueKind::String))?;
                let parts = match self.checked(left.coerced(ValueKind::String))? {
                    Scalar::Call(Function::Concat, mut parts) => {
                        parts.push(right);
                        parts
                    }
                    left => vec![left, right],
                };
                Typed::new(Scalar::Call(Function::Concat, parts), at)
            } else {
                return Ok(left);
            };
        }
    }

    fn product(&mut self, depth: usize) -> Result<Typed> {
        let mut left = self.signed(depth)?;
        loop {
            let (operator, sign) = if self.sign("*") {
                (Operator::Multiply, "*")
            } else if self.sign("/") {
                (Operator::Divide, "/")
            } else {
                return Ok(left);
            };
            let right = self.signed(depth)?;
            left = self.checked(arithmetic(operator, sign, left, right))?;
        }
    }

    fn signed(&mut self, depth: usize) -> Result<Typed> {
        let at = self.at();
        if self.sign("-") {
            // The smallest int has no opposite that could be read first.
            if self.peek() == Some(&Token::Int(i64::MIN.unsigned_abs())) {
                self.next += 1;
                self.counted()?;
                return Ok(Typed::new(Scalar::Int(i64::MIN), at));
            }
            let deeper = self.deeper(depth)?;
            let inner = self.signed(deeper)?;
            return self.checked(negated(inner, at));
        }
        if self.sign("+") {
            let deeper = self.deeper(depth)?;
            let inner = self.signed(deeper)?;
            return match inner.kind {
                Some(kind) if !is_number(kind) => self.checked(Err(mismatch("operator +", &[inner]))),
                _ => Ok(inner),
            };
        }
        self.primary(depth)
    }

    fn primary(&mut self, depth: usize) -> Result<Typed> {
        let at = self.at();
        let Some(token) = self.peek().cloned() else {
            return Err(self.refuse("Syntax error: unexpected end of the filter"));
        };
        self.counted()?;
        let scalar = match token {
            Token::Text(text) => Scalar::Text(text),
            Token::Double(value) => Scalar::Double(value),
            Token::Int(value) => match i64::try_from(value) {
                Ok(value) => Scalar::Int(value),
                Err(_) => return Err(self.refuse(format_args!("`{value}` is more than an INT64 holds"))),
            },
            Token::Sign("(") => {
                self.next += 1;
                let deeper = self.deeper(depth)?;
                if matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case("SELECT")) {
                    return Err(self.refuse("subqueries are not supported"));
                }
                let inner = self.or(deeper)?;
                self.expect_sign(")")?;
                return Ok(inner);
            }
            Token::Word(word) => return self.word(&word, depth),
            Token::Quoted(name) => return self.path(&name, true),
            Token::Sign(sign) => {
                return Err(self.refuse(format_args!("Syntax error: expected a value or a name, found `{sign}`")));
            }
        };
        self.next += 1;
        Ok(Typed::new(scalar, at))
    }

    fn word(&mut self, word: &str, depth: usize) -> Result<Typed> {
        let at = self.at();
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "TRUE" | "FALSE" => {
                self.next += 1;
                return Ok(Typed::new(Scalar::Bool(upper == "TRUE"), at));
            }
            "NULL" => {
                self.next += 1;
                return Ok(Typed::null(at));
            }
            "CASE" => return self.case(depth),
            _ => {}
        }
        let is_call = matches!(self.tokens.get(self.next + 1).map(|placed| &placed.token), Some(Token::Sign("(")));
        if is_call { self.call(&upper, depth) } else { self.path(word, false) }
    }

    /// A column of the node, or of a neighbour.
    fn path(&mut self, first: &str, quoted: bool) -> Result<Typed> {
        let at = self.at();
        self.next += 1;
        let relation = match first {
            _ if quoted => None,
            "properties" => Some(Relation::Property),
            "custom_properties" => Some(Relation::CustomProperty),
            word => names::relation(self.kind, word),
        };
        let Some(relation) = relation else {
            let column = names::column(self.kind, first);
            let column = column.ok_or_else(|| self.unrecognized(at, first))?;
            return Ok(Typed::new(Scalar::Column(None, column), at));
        };
        self.expect_sign(".")?;
        let name = match relation {
            Relation::Property | Relation::CustomProperty => {
                let name = self.name("the name of a property")?;
                self.expect_sign(".")?;
                name
            }
            _ => first.to_owned(),
        };
        let field_at = self.at();
        let field = self.name("the name of a field")?;
        let Some(column) = names::neighbour_column(self.kind, relation, &field) else {
            return Err(
                self.refuse_at(field_at, format_args!("Field name {} does not exist in {first}", field.escape_debug()))
            );
        };
        Ok(Typed::new(Scalar::Column(Some(Neighbour { relation, name }), column), at))
    }

    fn unrecognized(&self, at: usize, name: &str) -> Error {
        self.refuse_at(at, format_args!("Unrecognized name: {}", name.escape_debug()))
    }
}
