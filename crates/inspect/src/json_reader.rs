//! Reading JSON value by value: whole, member by member, or skipped. Nothing recurses, and depth and size are bounded.

use serde_json::{Map, Number, Value};

use super::error::{ParseError, ParseResult};

/// The maximum nesting of lists and objects. Python reads about a thousand; whoever handles a value may recurse.
const MAX_DEPTH: usize = 400;
/// The maximum number of values that are kept of one document.
pub(super) const MAX_VALUES: usize = 1 << 20;

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, String),
}

/// Reads a document from its start, value by value.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, values: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The byte that the next token begins with.
    fn peek(&mut self) -> ParseResult<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte().ok_or(ParseError::Truncated)
    }

    /// Whether the next token is this one, which is passed then.
    fn takes(&mut self, byte: u8) -> ParseResult<bool> {
        let is = self.peek()? == byte;
        self.at += usize::from(is);
        Ok(is)
    }

    fn wrong(&self) -> ParseError {
        ParseError::malformed(format!("the JSON at byte {} is not what belongs there", self.at))
    }

    fn expect(&mut self, byte: u8) -> ParseResult<()> {
        if self.takes(byte)? { Ok(()) } else { Err(self.wrong()) }
    }

    fn key(&mut self) -> ParseResult<String> {
        self.peek()?;
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Whether another member follows, or else `close`.
    fn more(&mut self, close: u8) -> ParseResult<bool> {
        if self.takes(b',')? {
            return Ok(true);
        }
        self.expect(close).map(|()| false)
    }

    /// Nothing but space may follow.
    pub(super) fn end(&mut self) -> ParseResult<()> {
        match self.peek() {
            Err(ParseError::Truncated) => Ok(()),
            _ => Err(self.wrong()),
        }
    }

    /// Reads the next value whole.
    pub(super) fn value(&mut self) -> ParseResult<Value> {
        let mut open: Vec<Open> = Vec::new();
        'values: loop {
            if open.len() > MAX_DEPTH {
                return Err(ParseError::limit(format!("the JSON is more than {MAX_DEPTH} deep")));
            }
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(ParseError::limit(format!("the JSON has more than {MAX_VALUES} values")));
            }
            let mut value = match self.peek()? {
                b'[' => {
                    self.at += 1;
                    if !self.takes(b']')? {
                        open.push(Open::List(Vec::new()));
                        continue;
                    }
                    Value::Array(Vec::new())
                }
                b'{' => {
                    self.at += 1;
                    if !self.takes(b'}')? {
                        let key = self.key()?;
                        open.push(Open::Map(Map::new(), key));
                        continue;
                    }
                    Value::Object(Map::new())
                }
                _ => self.scalar()?,
            };
            loop {
                value = match open.pop() {
                    None => return Ok(value),
                    Some(Open::List(mut items)) => {
                        items.push(value);
                        if self.more(b']')? {
                            open.push(Open::List(items));
                            continue 'values;
                        }
                        Value::Array(items)
                    }
                    Some(Open::Map(mut members, key)) => {
                        // Where a name comes twice, Python keeps the last one, too.
                        members.insert(key, value);
                        if self.more(b'}')? {
                            let key = self.key()?;
                            open.push(Open::Map(members, key));
                            continue 'values;
                        }
                        Value::Object(members)
                    }
                };
            }
        }
    }

    /// Skips the next value.
    pub(super) fn skip(&mut self) -> ParseResult<()> {
        let mut open = Vec::new();
        loop {
            if open.len() > MAX_DEPTH {
                return Err(ParseError::limit(format!("the JSON is more than {MAX_DEPTH} deep")));
            }
            match self.peek()? {
                b'[' => {
                    self.at += 1;
                    if !self.takes(b']')? {
                        open.push(b']');
                        continue;
                    }
                }
                b'{' => {
                    self.at += 1;
                    if !self.takes(b'}')? {
                        self.key()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'"' => self.string().map(drop)?,
                _ => self.scalar().map(drop)?,
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.more(close)? {
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Whether the next value is an object.
    pub(super) fn is_object(&mut self) -> bool {
        matches!(self.peek(), Ok(b'{'))
    }

    /// Whether the next value is a list.
    pub(super) fn is_list(&mut self) -> bool {
        matches!(self.peek(), Ok(b'['))
    }

    /// Reads an object member by member; `each` is called where the value of the name begins, and reads or skips it.
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, String) -> ParseResult<()>) -> ParseResult<()> {
        self.expect(b'{')?;
        if self.takes(b'}')? {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            each(self, key)?;
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Reads a list item by item, as [`Reader::object`] does.
    pub(super) fn list(&mut self, mut each: impl FnMut(&mut Self) -> ParseResult<()>) -> ParseResult<()> {
        self.expect(b'[')?;
        if self.takes(b']')? {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.more(b']')? {
                return Ok(());
            }
        }
    }

    fn scalar(&mut self) -> ParseResult<Value> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [
            ("null", Value::Null),
            ("true", true.into()),
            ("false", false.into()),
            ("NaN", Value::Null),
            ("Infinity", Value::Null),
            ("-Infinity", Value::Null),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        if rest.starts_with('"') { self.string().map(Value::String) } else { self.number(rest) }
    }

    fn number(&mut self, rest: &str) -> ParseResult<Value> {
        let digits = |from: usize| rest.as_bytes().iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let at = |at: usize| rest.as_bytes().get(at).copied();
        let sign = usize::from(at(0) == Some(b'-'));
        let whole = if at(sign) == Some(b'0') { 1 } else { digits(sign) };
        if whole == 0 {
            return Err(self.wrong());
        }
        let mut length = sign + whole;
        if at(length) == Some(b'.') && digits(length + 1) > 0 {
            length += 1 + digits(length + 1);
        }
        if matches!(at(length), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(at(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + signed);
            length += if exponent > 0 { 1 + signed + exponent } else { 0 };
        }
        self.at += length;
        let text = rest.get(..length).unwrap_or_default();
        let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        let number = number.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
        Ok(number.map_or(Value::Null, Value::Number))
    }

    /// Reads a string, which begins here.
    pub(super) fn string(&mut self) -> ParseResult<String> {
        if self.byte() != Some(b'"') {
            return Err(self.wrong());
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain =
                rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).ok_or(ParseError::Truncated)?;
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.wrong()),
            }
        }
    }

    fn escape(&mut self) -> ParseResult<char> {
        self.at += 1;
        let escaped = match self.byte().ok_or(ParseError::Truncated)? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            same @ (b'"' | b'\\' | b'/') => char::from(same),
            b'u' => {
                let first = self.unit(self.at + 1)?;
                self.at += 5;
                let follows = self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u"));
                if (0xd800..0xdc00).contains(&first) && follows {
                    let second = self.unit(self.at + 2)?;
                    if (0xdc00..0xe000).contains(&second) {
                        self.at += 6;
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
                return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unit(&self, at: usize) -> ParseResult<u32> {
        let digits = self.text.get(at..at + 4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| self.wrong())
    }
}
