//! Words, numbers, strings and signs of a filter, with their places.

use super::literals::{self, Literal};
use super::refused;
use crate::domain::Result;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or a name.
    Word(String),
    /// A name between backticks.
    Quoted(String),
    /// A string.
    Text(String),
    /// A number without a fraction, before its sign.
    Int(u64),
    /// Any other number.
    Double(f64),
    /// An operator or a separator.
    Sign(&'static str),
}

/// A token and the byte where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

const SIGNS: [&str; 16] = ["<=", ">=", "!=", "<>", "||", "=", "<", ">", "(", ")", ",", ".", "+", "-", "*", "/"];

/// Cuts a filter into tokens. `--` and `#` start a comment that ends with the line, `/*` one that ends with `*/`.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>> {
    let mut found: Vec<Placed> = Vec::new();
    let mut at = 0;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("--") || first == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| refused(text, at, "the comment that begins with /* never ends"))?;
            at += end + 2;
            continue;
        }
        let before = (found.last(), found.len().checked_sub(2).and_then(|index| found.get(index)));
        let (token, length) = token(rest, first, is_path(before)).map_err(|what| refused(text, at, what))?;
        found.push(Placed { token, at });
        at += length;
    }
    Ok(found)
}

/// Where a path stands: behind a dot every run of letters and digits is a name, behind a name every dot is a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    None,
    BehindName,
    BehindDot,
}

fn is_path((last, before): (Option<&Placed>, Option<&Placed>)) -> Path {
    let is_name =
        |placed: Option<&Placed>| matches!(placed.map(|placed| &placed.token), Some(Token::Word(_) | Token::Quoted(_)));
    let is_dot = matches!(last.map(|placed| &placed.token), Some(Token::Sign(".")));
    match (is_name(last), is_dot && is_name(before)) {
        (true, _) => Path::BehindName,
        (_, true) => Path::BehindDot,
        _ => Path::None,
    }
}

fn token(rest: &str, first: char, path: Path) -> Result<(Token, usize), String> {
    let starts_number = first.is_ascii_digit()
        || (first == '.' && path != Path::BehindName && rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit()));
    if path == Path::BehindDot && (first.is_ascii_alphanumeric() || first == '_') {
        let length = word_length(rest);
        return Ok((Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length));
    }
    if let Some(Literal { text, length }) = literals::string(rest)? {
        return Ok((Token::Text(text), length));
    }
    if first == '`' {
        let Literal { text, length } = literals::identifier(rest)?;
        return Ok((Token::Quoted(text), length));
    }
    if starts_number {
        return number(rest);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = word_length(rest);
        return Ok((Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length));
    }
    if first == '&' {
        return Ok((Token::Sign("&"), 1));
    }
    match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None if matches!(first, '?' | '@') => Err("query parameters are not supported".to_owned()),
        None => Err(format!("Syntax error: unexpected `{}`", first.escape_debug())),
    }
}

fn word_length(rest: &str) -> usize {
    rest.find(|each: char| !each.is_ascii_alphanumeric() && each != '_').unwrap_or(rest.len())
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let is_hex = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let length = if is_hex { word_length(rest) } else { decimal_length(rest) };
    let digits = rest.get(..length).unwrap_or_default();
    let bad = || format!("`{digits}` is not a number, or out of its range");
    if rest.get(length..).is_some_and(|behind| behind.starts_with(|each: char| each.is_alphanumeric() || each == '_')) {
        return Err(format!("Syntax error: a name begins right behind the number `{digits}`"));
    }
    let token = if let Some(hex) = digits.get(2..).filter(|_| is_hex) {
        u64::from_str_radix(hex, 16).map(Token::Int).map_err(|_| bad())?
    } else if digits.contains(['.', 'e', 'E']) {
        digits.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Double).ok_or_else(bad)?
    } else {
        digits.parse().map(Token::Int).map_err(|_| bad())?
    };
    Ok((token, length))
}

fn decimal_length(rest: &str) -> usize {
    let mut previous = ' ';
    let mut length = 0;
    for each in rest.chars() {
        let part = each.is_ascii_digit()
            || matches!(each, '.' | 'e' | 'E')
            || (matches!(each, '-' | '+') && matches!(previous, 'e' | 'E'));
        if !part {
            break;
        }
        previous = each;
        length += 1;
    }
    length
}
