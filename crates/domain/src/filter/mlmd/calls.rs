//! Functions and CASE.

use super::build::{Typed, are_compared_one_by_one, arithmetic, equalities, is_number, mismatch, unified};
use super::parser::Parser;
use crate::filter::scalar::{Function, Operator, Scalar};
use crate::{Result, ValueKind};

/// What TRIM takes away when it is not told what: white space.
const BLANKS: &str = " \t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
    \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

const NAMES: &str = "LOWER, UPPER, LENGTH, SUBSTR, TRIM, ABS, COALESCE, IFNULL, IF, MOD, DIV, CONCAT and STARTS_WITH";

impl Parser<'_> {
    /// A function with its arguments; the name is in upper case and is the next token.
    pub(super) fn call(&mut self, name: &str, depth: usize) -> Result<Typed> {
        let at = self.at();
        if !NAMES.split([',', ' ']).any(|known| known == name && known != "and") {
            return Err(self.refuse(format_args!("Function not found: {name}; there are {NAMES}")));
        }
        self.skip();
        self.expect_sign("(")?;
        let deeper = self.deeper(depth)?;
        let mut given = Vec::new();
        if !self.sign(")") {
            given.push(self.or(deeper)?);
            while self.sign(",") {
                given.push(self.or(deeper)?);
            }
            self.expect_sign(")")?;
        }
        let scalar = self.function(name, given, at)?;
        Ok(Typed::new(scalar, at))
    }

    fn function(&self, name: &str, mut given: Vec<Typed>, at: usize) -> Result<Scalar> {
        use ValueKind::{Int, String};
        let what = format!("function {name}");
        let simple = match name {
            "LOWER" => Some((Function::Lower, &[String][..], 1)),
            "UPPER" => Some((Function::Upper, &[String][..], 1)),
            "LENGTH" => Some((Function::Length, &[String][..], 1)),
            "SUBSTR" => Some((Function::Substr, &[String, Int, Int][..], 2)),
            "TRIM" => Some((Function::Trim, &[String, String][..], 1)),
            "STARTS_WITH" => Some((Function::StartsWith, &[String, String][..], 2)),
            _ => None,
        };
        if let Some((function, kinds, least)) = simple {
            let fits = (least..=kinds.len()).contains(&given.len())
                && given.iter().zip(kinds).all(|(each, kind)| each.kind.is_none_or(|own| own == *kind));
            if !fits {
                return Err(self.no_signature(&what, &given, at));
            }
            let arguments = given.into_iter().zip(kinds).map(|(each, kind)| each.coerced(*kind));
            let mut arguments = self.checked(arguments.collect::<Result<Vec<_>, _>>())?;
            if function == Function::Trim && arguments.len() == 1 {
                arguments.push(Scalar::Text(BLANKS.to_owned()));
            }
            return Ok(match (function, arguments.pop()) {
                // An index can answer a LIKE.
                (Function::StartsWith, Some(Scalar::Text(prefix))) => {
                    let text = arguments.pop().unwrap_or(Scalar::Null(String));
                    Scalar::Like(Box::new(text), as_pattern(&prefix))
                }
                (function, last) => {
                    arguments.extend(last);
                    Scalar::Call(function, arguments)
                }
            });
        }
        match (name, given.len()) {
            ("ABS", 1) if given.iter().all(|each| each.kind.is_none_or(is_number)) => {
                let kind = given.first().and_then(|each| each.kind).unwrap_or(Int);
                Ok(Scalar::Call(Function::Abs, vec![self.checked(given.remove(0).coerced(kind))?]))
            }
            ("COALESCE", 1..) | ("IFNULL", 2) => {
                Ok(Scalar::Call(Function::Coalesce, self.checked(unified(&what, given))?))
            }
            ("CONCAT", 1..) if given.iter().all(|each| each.kind.is_none_or(|kind| kind == String)) => {
                let parts = given.into_iter().map(|each| each.coerced(String)).collect::<Result<Vec<_>, _>>();
                Ok(Scalar::Call(Function::Concat, self.checked(parts)?))
            }
            ("IF", 3) => {
                let condition = self.checked(given.remove(0).coerced(ValueKind::Bool))?;
                let mut results = self.checked(unified(&what, given))?;
                let otherwise = results.pop().map(Box::new);
                let arms = results.into_iter().map(|result| (condition.clone(), result)).collect();
                Ok(Scalar::Case { subject: None, arms, otherwise })
            }
            ("MOD" | "DIV", 2) => {
                let right = given.pop();
                let (Some(left), Some(right)) = (given.pop(), right) else {
                    return Err(self.no_signature(&what, &given, at));
                };
                let operator = if name == "MOD" { Operator::Modulo } else { Operator::Quotient };
                Ok(self.checked(arithmetic(operator, name, left, right))?.scalar)
            }
            _ => Err(self.no_signature(&what, &given, at)),
        }
    }

    fn no_signature(&self, what: &str, given: &[Typed], at: usize) -> crate::Error {
        self.refuse_at(at, mismatch(what, given).1)
    }

    /// `CASE`, which is the next token.
    pub(super) fn case(&mut self, depth: usize) -> Result<Typed> {
        let at = self.at();
        self.skip();
        let deeper = self.deeper(depth)?;
        let mut compared = Vec::new();
        if !self.keyword("WHEN") {
            compared.push(self.or(deeper)?);
            self.expect_keyword("WHEN")?;
        }
        let simple = !compared.is_empty();
        let mut results = Vec::new();
        loop {
            compared.push(self.or(deeper)?);
            self.expect_keyword("THEN")?;
            results.push(self.or(deeper)?);
            if !self.keyword("WHEN") {
                break;
            }
        }
        let has_otherwise = self.keyword("ELSE");
        if has_otherwise {
            results.push(self.or(deeper)?);
        }
        self.expect_keyword("END")?;
        let mut results = self.checked(unified("CASE", results))?;
        let otherwise = if has_otherwise { results.pop().map(Box::new) } else { None };
        let (subject, conditions) = if simple {
            let subject = compared.remove(0);
            if are_compared_one_by_one(&subject, &compared) {
                (None, self.checked(equalities("CASE", &subject, compared))?)
            } else {
                compared.insert(0, subject);
                let mut all = self.checked(unified("CASE", compared))?;
                (Some(Box::new(all.remove(0))), all)
            }
        } else {
            let all = compared.into_iter().map(|each| each.coerced(ValueKind::Bool)).collect::<Result<Vec<_>, _>>();
            (None, self.checked(all)?)
        };
        let arms = conditions.into_iter().zip(results).collect();
        Ok(Typed::new(Scalar::Case { subject, arms, otherwise }, at))
    }
}

/// The pattern of the texts that begin so.
fn as_pattern(prefix: &str) -> String {
    let mut pattern = String::new();
    for each in prefix.chars() {
        if matches!(each, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(each);
    }
    pattern.push('%');
    pattern
}
