//! The tokens of filters and orders. There are no comments; words have letters, digits and `_`.

use super::super::lexer::{Dialect, Literal, Token, decimal_length};
use super::refused;

/// A number without a fraction, as both kinds of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Whole {
    pub(super) int: i64,
    pub(super) double: f64,
}

/// How filters are written.
pub(super) const FILTER: Dialect<Whole> = dialect(|text, at, what| refused(super::FILTER, text, at, what));

/// How the keys of orders are written.
pub(super) const ORDER: Dialect<Whole> = dialect(|text, at, what| refused(super::ORDER_BY, text, at, what));

const fn dialect(refuse: fn(&str, usize, &str) -> crate::Error) -> Dialect<Whole> {
    Dialect {
        comments: &[],
        signs: &["<=", ">=", "!=", "=", "<", ">", "(", ")", ",", "."],
        starts_word: |first| first.is_alphabetic() || first == '_',
        continues_word: |each| each.is_alphanumeric() || each == '_',
        has_paths: true,
        string,
        identifier: |rest| quoted(rest, '`'),
        starts_number,
        number,
        unexpected: |first| format!("unexpected `{}`", first.escape_debug()),
        refuse,
    }
}

fn string(rest: &str) -> Result<Option<Literal>, String> {
    let quote = ['\'', '"'].into_iter().find(|quote| rest.starts_with(*quote));
    quote.map(|quote| quoted(rest, quote)).transpose()
}

/// What stands between quotes. A doubled quote stands for itself.
fn quoted(rest: &str, quote: char) -> Result<Literal, String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, each)) = chars.next() {
        if each != quote {
            text.push(each);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok(Literal { text, length: at + quote.len_utf8() });
        }
    }
    Err(format!("the text that begins with {quote} never ends"))
}

fn starts_number(rest: &str) -> bool {
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    digits.starts_with(|each: char| each.is_ascii_digit())
}

/// A number with its sign; one that no int holds is a double.
fn number(rest: &str) -> Result<(Token<Whole>, usize), String> {
    let sign = usize::from(rest.starts_with(['-', '+']));
    let length = sign + decimal_length(rest.get(sign..).unwrap_or_default());
    let digits = rest.get(..length).unwrap_or_default();
    let double: Option<f64> = digits.parse().ok().filter(|value: &f64| value.is_finite());
    let double = double.ok_or_else(|| format!("`{digits}` is not a number, or out of its range"))?;
    let token = digits.parse().map_or(Token::Double(double), |int| Token::Int(Whole { int, double }));
    Ok((token, length))
}
