//! Words, numbers, strings and signs of a filter, with their places. What differs between the dialects is in a [`Dialect`].

use crate::{Error, Result};

/// What a token is. `I` holds a number without a fraction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<I> {
    /// A keyword or a name.
    Word(String),
    /// A name between backticks.
    Quoted(String),
    /// A text between quotes.
    Text(String),
    /// A number without a fraction.
    Int(I),
    /// Any other number.
    Double(f64),
    /// An operator or a separator.
    Sign(&'static str),
}

/// A token and the byte where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned<I> {
    pub(super) token: Token<I>,
    pub(super) at: usize,
}

/// What stands between quotes, and how many bytes it takes with them.
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) length: usize,
}

/// A token and how many bytes it takes, or what is wrong with it.
pub(super) type Scanned<I> = Result<(Token<I>, usize), String>;

/// How a dialect writes its tokens. Each function is given the text from the token on; its error says what is wrong there.
pub(super) struct Dialect<I: 'static> {
    /// What comments begin with, and what ends them.
    pub(super) comments: &'static [(&'static str, CommentEnd)],
    /// The operators and separators, none before one that begins with it.
    pub(super) signs: &'static [&'static str],
    /// The characters that words begin with.
    pub(super) starts_word: fn(char) -> bool,
    /// The characters that words continue with.
    pub(super) continues_word: fn(char) -> bool,
    /// Whether after a dot every run of characters of words is a name, and after a name every dot is a separator.
    pub(super) has_paths: bool,
    /// The string that the text begins with, if it does.
    pub(super) string: fn(&str) -> Result<Option<Literal>, String>,
    /// The name between backticks that the text begins with.
    pub(super) identifier: fn(&str) -> Result<Literal, String>,
    /// Whether the text begins with a number.
    pub(super) starts_number: fn(&str) -> bool,
    /// The number that the text begins with, and how many bytes it takes.
    pub(super) number: fn(&str) -> Scanned<I>,
    /// What is wrong with a character that no token begins with.
    pub(super) unexpected: fn(char) -> String,
    /// The error of a text that is wrong at that byte.
    pub(super) refuse: fn(&str, usize, &str) -> Error,
}

/// Where a comment ends.
pub(super) enum CommentEnd {
    /// With the line.
    Line,
    /// With these characters.
    With(&'static str),
}

/// Cuts a filter into tokens.
pub(super) fn tokens<I>(dialect: &Dialect<I>, text: &str) -> Result<Vec<Spanned<I>>> {
    let mut found: Vec<Spanned<I>> = Vec::new();
    let mut at = 0;
    while let Some(piece) = piece(dialect, text.get(at..).unwrap_or_default(), &found) {
        let (token, length) = piece.map_err(|what| (dialect.refuse)(text, at, &what))?;
        found.extend(token.map(|token| Spanned { token, at }));
        at += length;
    }
    Ok(found)
}

/// A token or what separates tokens, and how many bytes it takes.
type Piece<I> = Result<(Option<Token<I>>, usize), String>;

/// What `rest` begins with, after these tokens; `None` at the end of the text.
fn piece<I>(dialect: &Dialect<I>, rest: &str, before: &[Spanned<I>]) -> Option<Piece<I>> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(Ok((None, first.len_utf8())));
    }
    if let Some((start, end)) = dialect.comments.iter().find(|(start, _)| rest.starts_with(start)) {
        let length = match end {
            CommentEnd::Line => Ok(rest.find('\n').unwrap_or(rest.len())),
            CommentEnd::With(end) => rest
                .find(end)
                .map(|at| at + end.len())
                .ok_or_else(|| format!("the comment that begins with {start} never ends")),
        };
        return Some(length.map(|length| (None, length)));
    }
    let position = if dialect.has_paths { Position::after(before) } else { Position::Elsewhere };
    Some(token(dialect, rest, first, position).map(|(token, length)| (Some(token), length)))
}

/// Where in a path of names something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    AfterName,
    AfterDot,
    Elsewhere,
}

impl Position {
    fn after<I>(tokens: &[Spanned<I>]) -> Self {
        let mut last = tokens.iter().rev().map(|placed| &placed.token);
        match (last.next(), last.next()) {
            (Some(Token::Word(_) | Token::Quoted(_)), _) => Self::AfterName,
            (Some(Token::Sign(".")), Some(Token::Word(_) | Token::Quoted(_))) => Self::AfterDot,
            _ => Self::Elsewhere,
        }
    }
}

fn token<I>(dialect: &Dialect<I>, rest: &str, first: char, position: Position) -> Scanned<I> {
    if position == Position::AfterDot && (dialect.continues_word)(first) {
        return Ok(word(dialect, rest));
    }
    if let Some(Literal { text, length }) = (dialect.string)(rest)? {
        return Ok((Token::Text(text), length));
    }
    if first == '`' {
        let Literal { text, length } = (dialect.identifier)(rest)?;
        return Ok((Token::Quoted(text), length));
    }
    if (dialect.starts_number)(rest) && (first != '.' || position != Position::AfterName) {
        return (dialect.number)(rest);
    }
    if (dialect.starts_word)(first) {
        return Ok(word(dialect, rest));
    }
    let sign = dialect.signs.iter().find(|sign| rest.starts_with(**sign));
    sign.map(|sign| (Token::Sign(sign), sign.len())).ok_or_else(|| (dialect.unexpected)(first))
}

fn word<I>(dialect: &Dialect<I>, rest: &str) -> (Token<I>, usize) {
    let length = rest.find(|each| !(dialect.continues_word)(each)).unwrap_or(rest.len());
    (Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length)
}

/// How many bytes the digits take that the text begins with, with a point and an exponent among them.
pub(super) fn decimal_length(rest: &str) -> usize {
    let mut previous = ' ';
    let mut length = 0;
    for each in rest.chars() {
        let is_part = each.is_ascii_digit()
            || matches!(each, '.' | 'e' | 'E')
            || (matches!(each, '-' | '+') && matches!(previous, 'e' | 'E'));
        if !is_part {
            break;
        }
        previous = each;
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests;
