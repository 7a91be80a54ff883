//! Where a parser is in the tokens of its text, for all dialects.

use super::lexer::{Spanned, Token};

/// The tokens of a text, and which comes next.
pub(super) struct Cursor<'a, I> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Spanned<I>>,
    pub(super) next: usize,
}

impl<'a, I> Cursor<'a, I> {
    /// At the first token.
    pub(super) fn new(text: &'a str, tokens: Vec<Spanned<I>>) -> Self {
        Self { text, tokens, next: 0 }
    }

    /// The next token; none at the end.
    pub(super) fn peek(&self) -> Option<&Token<I>> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    /// The byte where the next token starts.
    pub(super) fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |placed| placed.at)
    }

    /// Passes by the keyword, where it is next.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    /// Passes by the sign, where it is next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.next += usize::from(found);
        found
    }
}
