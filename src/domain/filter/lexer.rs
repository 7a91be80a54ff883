//! Words, numbers, strings and signs of a filter, with their places.

use super::refused;
use crate::domain::Result;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word: a keyword, or a name of letters, digits, `_` and `-` in it.
    Word(String),
    /// A name between backticks.
    Quoted(String),
    /// A text between single or double quotes.
    Text(String),
    /// A number without a fraction.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// One of `( ) , . = != < <= > >= <>`.
    Sign(&'static str),
}

/// A token and the byte where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

const SIGNS: [&str; 11] = ["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ",", "."];

/// Cuts a filter into tokens. `--` starts a comment that ends with the line.
pub(super) fn tokens(field: &str, text: &str) -> Result<Vec<Placed>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (token, length) = if matches!(first, '\'' | '"' | '`') {
            let (inner, length) = quoted(rest, first).ok_or_else(|| {
                refused(field, text, at, format_args!("the text that begins with {first} never ends"))
            })?;
            (if first == '`' { Token::Quoted(inner) } else { Token::Text(inner) }, length)
        } else if starts_number(rest) {
            let length = number_length(rest);
            let digits = rest.get(..length).unwrap_or_default();
            let token = digits.parse().map(Token::Int).or_else(|_| digits.parse().map(Token::Float));
            let token = token.ok().filter(|token| !matches!(token, Token::Float(value) if !value.is_finite()));
            (token.ok_or_else(|| refused(field, text, at, format_args!("`{digits}` is not a number")))?, length)
        } else if first.is_alphabetic() || first == '_' {
            let length =
                rest.find(|each: char| !each.is_alphanumeric() && !matches!(each, '_' | '-')).unwrap_or(rest.len());
            (Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            return Err(refused(field, text, at, format_args!("unexpected `{}`", first.escape_debug())));
        };
        found.push(Placed { token, at });
        at += length;
    }
    Ok(found)
}

/// The text between quotes, and how many bytes it takes with them. A backslash takes the next character as it is.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, each)) = chars.next() {
        if each == quote {
            return Some((inner, at + quote.len_utf8()));
        }
        if each == '\\' && quote != '`' {
            let (_, next) = chars.next()?;
            // Only quotes and backslashes are taken out of their meaning; LIKE patterns keep their own backslashes.
            if !matches!(next, '\'' | '"' | '\\') {
                inner.push('\\');
            }
            inner.push(next);
        } else {
            inner.push(each);
        }
    }
    None
}

fn starts_number(rest: &str) -> bool {
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    digits.starts_with(|each: char| each.is_ascii_digit())
}

fn number_length(rest: &str) -> usize {
    let mut length = usize::from(rest.starts_with(['-', '+']));
    let mut previous = ' ';
    for each in rest.chars().skip(length) {
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
