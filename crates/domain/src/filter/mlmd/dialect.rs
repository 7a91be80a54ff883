//! The tokens of `filter_query`. `--` and `#` start a comment that ends with the line, `/*` one that ends with `*/`.

use super::super::lexer::{CommentEnd, Dialect, Token, decimal_length};
use super::{literals, refused};

/// How `filter_query` is written.
pub(in super::super) const DIALECT: Dialect<u64> = Dialect {
    comments: &[("--", CommentEnd::Line), ("#", CommentEnd::Line), ("/*", CommentEnd::With("*/"))],
    signs: &["<=", ">=", "!=", "<>", "||", "=", "<", ">", "(", ")", ",", ".", "+", "-", "*", "/", "&"],
    starts_word: |first| first.is_ascii_alphabetic() || first == '_',
    continues_word,
    has_paths: true,
    string: literals::string,
    identifier: literals::identifier,
    starts_number,
    number,
    unexpected,
    refuse: |text, at, what| refused(text, at, what),
};

fn continues_word(each: char) -> bool {
    each.is_ascii_alphanumeric() || each == '_'
}

fn starts_number(rest: &str) -> bool {
    rest.strip_prefix('.').unwrap_or(rest).starts_with(|each: char| each.is_ascii_digit())
}

/// A number before its sign.
fn number(rest: &str) -> Result<(Token<u64>, usize), String> {
    let is_hex = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let word_length = || rest.find(|each| !continues_word(each)).unwrap_or(rest.len());
    let length = if is_hex { word_length() } else { decimal_length(rest) };
    let digits = rest.get(..length).unwrap_or_default();
    let bad = || format!("`{digits}` is not a number, or out of its range");
    if rest.get(length..).is_some_and(|after| after.starts_with(|each: char| each.is_alphanumeric() || each == '_')) {
        return Err(format!("Syntax error: a name begins right after the number `{digits}`"));
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

fn unexpected(first: char) -> String {
    match first {
        '?' | '@' => "query parameters are not supported".to_owned(),
        _ => format!("Syntax error: unexpected `{}`", first.escape_debug()),
    }
}
