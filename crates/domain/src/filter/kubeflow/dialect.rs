//! The tokens of `filterQuery`. `--` starts a comment that ends with the line; words have letters, digits, `_` and, after the
//! first character, `-`.

use super::super::lexer::{CommentEnd, Dialect, Literal, Token, decimal_length};
use super::{FIELD, OWN_FIELD, refused};

/// How `filterQuery` is written.
pub(in super::super) const DIALECT: Dialect<i64> = Dialect {
    comments: &[("--", CommentEnd::Line)],
    signs: &["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ",", "."],
    starts_word: |first| first.is_alphabetic() || first == '_',
    continues_word: |each| each.is_alphanumeric() || matches!(each, '_' | '-'),
    has_paths: false,
    string,
    identifier: |rest| quoted(rest, '`'),
    starts_number,
    number,
    unexpected: |first| format!("unexpected `{}`", first.escape_debug()),
    refuse: |text, at, what| refused(FIELD, text, at, what),
};

/// The same, where the native API has it.
pub(super) const OWN_DIALECT: Dialect<i64> =
    Dialect { refuse: |text, at, what| refused(OWN_FIELD, text, at, what), ..DIALECT };

fn string(rest: &str) -> Result<Option<Literal>, String> {
    let quote = ['\'', '"'].into_iter().find(|quote| rest.starts_with(*quote));
    quote.map(|quote| quoted(rest, quote)).transpose()
}

/// What stands between quotes. A backslash takes the next character as it is.
fn quoted(rest: &str, quote: char) -> Result<Literal, String> {
    let unclosed = || format!("the text that begins with {quote} never ends");
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, each)) = chars.next() {
        if each == quote {
            return Ok(Literal { text, length: at + quote.len_utf8() });
        }
        if each == '\\' && quote != '`' {
            let (_, next) = chars.next().ok_or_else(unclosed)?;
            // Only quotes and backslashes are taken out of their meaning; LIKE patterns keep their own backslashes.
            if !matches!(next, '\'' | '"' | '\\') {
                text.push('\\');
            }
            text.push(next);
        } else {
            text.push(each);
        }
    }
    Err(unclosed())
}

fn starts_number(rest: &str) -> bool {
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    digits.starts_with(|each: char| each.is_ascii_digit())
}

/// A number with its sign; one that no int holds is a double.
fn number(rest: &str) -> Result<(Token<i64>, usize), String> {
    let sign = usize::from(rest.starts_with(['-', '+']));
    let length = sign + decimal_length(rest.get(sign..).unwrap_or_default());
    let digits = rest.get(..length).unwrap_or_default();
    let token = digits.parse().map(Token::Int).or_else(|_| digits.parse().map(Token::Double));
    let token = token.ok().filter(|token| !matches!(token, Token::Double(value) if !value.is_finite()));
    Ok((token.ok_or_else(|| format!("`{digits}` is not a number"))?, length))
}
