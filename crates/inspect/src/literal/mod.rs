//! Python's literals, as `ast.literal_eval` reads them: the grammar that headers of NumPy's arrays are written in.
//! What it accepts beyond Python is what no reader could take for another value.

mod text;

use std::fmt;

/// The maximum nesting of brackets; Python's own tokenizer stops there too.
const MAX_DEPTH: usize = 200;
/// The maximum number of values of one literal.
const MAX_VALUES: usize = 100_000;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    None,
    Bool(bool),
    /// An integer, where it fits.
    Int(Option<i64>),
    /// A float or a complex number, or `...`.
    Other,
    /// A text; `None` where it has a character that is written by its Unicode name.
    Str(Option<String>),
    Bytes,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Set(Vec<Literal>),
    /// Keys with their values, in the order in which they are written; the last of a key counts.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// Reads a whole text; `None` where Python would refuse it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        if chars.contains(&'\0') {
            return None;
        }
        let mut parser = Parser { chars: &chars, at: 0, values: 0 };
        let value = parser.list(0)?;
        parser.space();
        (parser.at == chars.len()).then_some(value)
    }

    /// The value under a key of a dictionary.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        let fits = |name: &Self| matches!(name, Self::Str(Some(name)) if name == key);
        entries.iter().rev().find(|(name, _)| fits(name)).map(|(_, value)| value)
    }

    /// What iterating over it yields; `None` where Python could not.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::Tuple(items) | Self::List(items) | Self::Set(items) => Some(items.clone()),
            Self::Dict(entries) => Some(entries.iter().map(|(key, _)| key.clone()).collect()),
            Self::Str(Some(text)) => Some(text.chars().map(|each| Self::Str(Some(each.to_string()))).collect()),
            _ => None,
        }
    }
}

/// As Python's `repr` writes it, as far as NumPy's headers go.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |f: &mut fmt::Formatter<'_>, open: &str, items: &[Self], close: &str| {
            f.write_str(open)?;
            for (at, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
            }
            f.write_str(close)
        };
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(flag) => f.write_str(if *flag { "True" } else { "False" }),
            Self::Int(Some(number)) => write!(f, "{number}"),
            Self::Str(Some(text)) => write!(f, "'{}'", text.escape_debug()),
            Self::Int(None) | Self::Other | Self::Str(None) | Self::Bytes => f.write_str("?"),
            Self::Tuple(items) => all(f, "(", items, if items.len() == 1 { ",)" } else { ")" }),
            Self::List(items) => all(f, "[", items, "]"),
            Self::Set(items) => all(f, "{", items, "}"),
            Self::Dict(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    values: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at + by).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn take(&mut self, wanted: char) -> bool {
        let fits = self.peek() == Some(wanted);
        self.at += usize::from(fits);
        fits
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let fits = wanted.chars().enumerate().all(|(at, each)| self.ahead(at) == Some(each));
        self.at += if fits { wanted.chars().count() } else { 0 };
        fits
    }

    /// Spaces, ends of lines, and comments.
    fn space(&mut self) {
        while let Some(each) = self.peek() {
            match each {
                ' ' | '\t' | '\x0c' | '\n' | '\r' => self.at += 1,
                '\\' if matches!(self.ahead(1), Some('\n' | '\r')) => self.at += 2,
                '#' => {
                    while self.peek().is_some_and(|each| !matches!(each, '\n' | '\r')) {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
    }

    /// Values with commas between them: without brackets, they are a tuple too.
    fn list(&mut self, depth: usize) -> Option<Literal> {
        let first = self.value(depth)?;
        self.space();
        if self.peek() != Some(',') {
            return Some(first);
        }
        let mut items = vec![first];
        while self.take(',') {
            self.space();
            if matches!(self.peek(), None | Some(')')) {
                break;
            }
            items.push(self.value(depth)?);
            self.space();
        }
        Some(Literal::Tuple(items))
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return None;
        }
        self.space();
        match self.peek()? {
            '(' => {
                self.at += 1;
                self.space();
                let value = if self.peek() == Some(')') { Literal::Tuple(Vec::new()) } else { self.list(depth + 1)? };
                self.space();
                self.take(')').then_some(value)
            }
            '[' => {
                self.at += 1;
                Some(Literal::List(self.until(']', depth)?))
            }
            '{' => {
                self.at += 1;
                self.braces(depth)
            }
            '0'..='9' | '.' | '+' | '-' => self.sum(),
            _ if self.begins_text() => self.text(),
            _ => [("None", Literal::None), ("True", Literal::Bool(true)), ("False", Literal::Bool(false))]
                .into_iter()
                .chain([("set()", Literal::Set(Vec::new()))])
                .find_map(|(word, value)| self.takes(word).then_some(value)),
        }
    }

    fn until(&mut self, close: char, depth: usize) -> Option<Vec<Literal>> {
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take(close) {
                return Some(items);
            }
            items.push(self.value(depth + 1)?);
            self.space();
            if !self.take(',') && self.peek() != Some(close) {
                return None;
            }
        }
    }

    fn braces(&mut self, depth: usize) -> Option<Literal> {
        let (mut keys, mut entries) = (Vec::new(), Vec::new());
        loop {
            self.space();
            if self.take('}') {
                // `{}` is a dictionary; of both kinds at once Python makes nothing.
                return match (keys.is_empty(), entries.is_empty()) {
                    (true, _) => Some(Literal::Dict(entries)),
                    (false, true) => Some(Literal::Set(keys)),
                    (false, false) => None,
                };
            }
            let key = self.value(depth + 1)?;
            self.space();
            if self.take(':') {
                entries.push((key, self.value(depth + 1)?));
                self.space();
            } else {
                keys.push(key);
            }
            if !self.take(',') && self.peek() != Some('}') {
                return None;
            }
        }
    }

    /// A number, with signs before it, or a complex number as a sum.
    fn sum(&mut self) -> Option<Literal> {
        let mut value = self.number()?;
        loop {
            self.space();
            if !matches!(self.peek(), Some('+' | '-')) {
                return Some(value);
            }
            self.number()?;
            value = Literal::Other;
        }
    }

    fn number(&mut self) -> Option<Literal> {
        let mut negative = false;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            negative ^= sign == '-';
            self.at += 1;
            self.space();
        }
        if self.takes("...") {
            return Some(Literal::Other);
        }
        let start = self.at;
        while let Some(each) = self.peek() {
            let exponent = matches!(self.chars.get(self.at.wrapping_sub(1)), Some('e' | 'E'));
            let is_hex = matches!(self.chars.get(start + 1), Some('x' | 'X'));
            if each.is_ascii_alphanumeric()
                || matches!(each, '.' | '_')
                || (matches!(each, '+' | '-') && exponent && !is_hex)
            {
                self.at += 1;
            } else {
                break;
            }
        }
        let text: String = self.chars.get(start..self.at)?.iter().collect();
        // Python 2 wrote long integers with an `L` after them, which NumPy filters out.
        let digits = text.trim_end_matches('L').replace('_', "").to_ascii_lowercase();
        self.space();
        self.take('L');
        let radix = match digits.get(..2) {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        let rest = if radix == 10 { digits.as_str() } else { digits.get(2..)? };
        if !rest.is_empty() && rest.chars().all(|each| each.is_digit(radix)) {
            let number = i64::from_str_radix(rest, radix).ok();
            return Some(Literal::Int(number.map(|number| if negative { -number } else { number })));
        }
        let real = digits.strip_suffix('j').unwrap_or(&digits);
        let starts = real.starts_with(|first: char| first.is_ascii_digit() || first == '.');
        (starts && real.parse::<f64>().is_ok()).then_some(Literal::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Literal {
        Literal::Str(Some(text.to_owned()))
    }

    #[test]
    fn literals_are_read_as_python_reads_them() {
        for (written, meant) in [
            (r"'|\x4f'", text("|O")),
            (r"'\117' 'b' u'c'", text("Obc")),
            (r"r'\x4f'", text(r"\x4f")),
            ("'''a\nb'''", text("a\nb")),
            (r"'\N{BULLET}'", Literal::Str(None)),
            ("b'a'", Literal::Bytes),
            ("# c\n( 1_0 , -0x1F, 3L)", Literal::Tuple([10, -31, 3].map(|each| Literal::Int(Some(each))).to_vec())),
            ("('a')", text("a")),
            ("('a',)", Literal::Tuple(vec![text("a")])),
            ("[1.5e-3, 1j, ...]", Literal::List(vec![Literal::Other, Literal::Other, Literal::Other])),
            (
                "{'a': True, 'a': None,}",
                Literal::Dict(vec![(text("a"), Literal::Bool(true)), (text("a"), Literal::None)]),
            ),
            ("{'a'}", Literal::Set(vec![text("a")])),
        ] {
            assert_eq!(Literal::parse(written).as_ref(), Some(&meant), "{written}");
        }
        assert_eq!(Literal::parse("{'a': 1, 'a': 2}").unwrap().get("a"), Some(&Literal::Int(Some(2))));
        assert_eq!(Literal::parse(r"{'\x61': (1,)}").unwrap().to_string(), "{'a': (1,)}");
    }

    #[test]
    fn what_python_refuses_is_refused() {
        let deep = "[".repeat(300) + &"]".repeat(300);
        for refused in [
            "",
            "'a",
            "f'a'",
            "{'a': 1, 2}",
            "[1",
            "'a' b'b'",
            "a",
            "1 2",
            "'a\n'",
            "'\0'",
            "{**{}}",
            "'a' + 'b'",
            &deep,
        ] {
            assert_eq!(Literal::parse(refused), None, "{refused}");
        }
    }
}
