//! The texts among Python's literals: prefixes, quotes and escapes.

use super::{Literal, Parser};

impl Parser<'_> {
    pub(super) fn begins_text(&self) -> bool {
        let mut at = 0;
        while matches!(self.ahead(at), Some('r' | 'R' | 'b' | 'B' | 'u' | 'U')) && at < 3 {
            at += 1;
        }
        matches!(self.ahead(at), Some('\'' | '"'))
    }

    /// Texts that stand beside each other are one.
    pub(super) fn text(&mut self) -> Option<Literal> {
        let mut whole = Some(String::new());
        let mut all_bytes = None;
        while self.begins_text() {
            let (part, bytes) = self.one_text()?;
            if *all_bytes.get_or_insert(bytes) != bytes {
                return None;
            }
            whole = whole.zip(part).map(|(whole, part)| whole + &part);
            self.space();
        }
        Some(if all_bytes == Some(true) { Literal::Bytes } else { Literal::Str(whole) })
    }

    fn one_text(&mut self) -> Option<(Option<String>, bool)> {
        let (mut raw, mut bytes) = (false, false);
        while let Some(prefix @ ('r' | 'R' | 'b' | 'B' | 'u' | 'U')) = self.peek() {
            raw |= matches!(prefix, 'r' | 'R');
            bytes |= matches!(prefix, 'b' | 'B');
            self.at += 1;
        }
        let quote = self.next()?;
        let long = self.peek() == Some(quote) && self.ahead(1) == Some(quote);
        self.at += if long { 2 } else { 0 };
        let mut text = Some(String::new());
        loop {
            let mut each = Some(self.next()?);
            match each {
                Some('\n' | '\r') if !long => return None,
                Some('\\') if raw => {
                    let escaped = self.next()?;
                    text = text.map(|text| text + "\\");
                    each = Some(escaped);
                }
                Some('\\') => match self.escape(bytes)? {
                    Escape::Character(escaped) => each = Some(escaped),
                    Escape::Nothing => continue,
                    Escape::Kept(escaped) => {
                        text = text.map(|text| text + "\\");
                        each = Some(escaped);
                    }
                    Escape::Unknown => each = None,
                },
                Some(end) if end == quote => {
                    if !long {
                        return Some((text, bytes));
                    }
                    if self.peek() == Some(quote) && self.ahead(1) == Some(quote) {
                        self.at += 2;
                        return Some((text, bytes));
                    }
                }
                _ => {}
            }
            text = text.zip(each).map(|(mut text, each)| {
                text.push(each);
                text
            });
        }
    }

    fn escape(&mut self, bytes: bool) -> Option<Escape> {
        // Half of a surrogate pair is no character of its own, though Python keeps it.
        let character =
            |code: Option<u32>| code.map(|code| char::from_u32(code).map_or(Escape::Unknown, Escape::Character));
        match self.next()? {
            '\r' => {
                self.take('\n');
                Some(Escape::Nothing)
            }
            '\n' => Some(Escape::Nothing),
            'a' => character(Some(7)),
            'b' => character(Some(8)),
            'f' => character(Some(12)),
            'n' => character(Some(10)),
            'r' => character(Some(13)),
            't' => character(Some(9)),
            'v' => character(Some(11)),
            'x' => character(self.hexadecimal(2)),
            'u' if !bytes => character(self.hexadecimal(4)),
            'U' if !bytes => character(self.hexadecimal(8)),
            'N' if !bytes && self.peek() == Some('{') => {
                while self.next()? != '}' {}
                Some(Escape::Unknown)
            }
            first @ '0'..='7' => {
                let mut number = first.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|each| each.to_digit(8)) else { break };
                    number = number * 8 + digit;
                    self.at += 1;
                }
                character(Some(number))
            }
            same @ ('\\' | '\'' | '"') => Some(Escape::Character(same)),
            other => Some(Escape::Kept(other)),
        }
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 16 + self.next()?.to_digit(16)?;
        }
        Some(number)
    }
}

enum Escape {
    Character(char),
    /// An end of line within a text.
    Nothing,
    /// No escape: the backslash stays.
    Kept(char),
    /// A character by its Unicode name, which is not looked up, or none.
    Unknown,
}
