//! A buffered reader over a feed: numbers, lines and counted bytes, with the place and a bound on what is read.

use super::error::{ParseError, ParseResult};
use super::source::{ByteStream, Source, SourceStream};

const BLOCK: usize = 16 * 1024;

/// Reads a feed from its start, and knows where it is.
pub(super) struct Cursor<'a> {
    feed: Box<dyn ByteStream + 'a>,
    buffer: Vec<u8>,
    next: usize,
    place: u64,
    read: u64,
    limit: u64,
    big_endian: bool,
}

impl<'a> Cursor<'a> {
    /// A cursor that reads at most `limit` bytes; what is skipped does not count.
    pub(super) fn new(feed: impl ByteStream + 'a, limit: u64) -> Self {
        Self { feed: Box::new(feed), buffer: Vec::new(), next: 0, place: 0, read: 0, limit, big_endian: false }
    }

    /// A cursor over a whole source.
    pub(super) fn over(source: &'a dyn Source, limit: u64) -> Self {
        Self::new(SourceStream::new(source, 0), limit)
    }

    /// How many bytes were read or skipped.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Reads numbers with their highest byte first from now on.
    pub(super) fn set_big_endian(&mut self) {
        self.big_endian = true;
    }

    fn refill(&mut self) -> ParseResult<bool> {
        if self.next < self.buffer.len() {
            return Ok(true);
        }
        if self.read >= self.limit {
            return Err(ParseError::limit(format!("more than {} bytes would have to be read", self.limit)));
        }
        self.buffer.resize(BLOCK, 0);
        self.next = 0;
        let result = self.feed.pull(&mut self.buffer);
        let read = *result.as_ref().unwrap_or(&0);
        self.buffer.truncate(read);
        self.read += read as u64;
        result.map(|read| read > 0)
    }

    /// The next byte, without passing it; nothing at the end.
    pub(super) fn peek(&mut self) -> ParseResult<Option<u8>> {
        Ok(if self.refill()? { self.buffer.get(self.next).copied() } else { None })
    }

    /// The next byte; nothing at the end.
    pub(super) fn byte_or_end(&mut self) -> ParseResult<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.next += 1;
            self.place += 1;
        }
        Ok(byte)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> ParseResult<u8> {
        self.byte_or_end()?.ok_or(ParseError::Truncated)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> ParseResult<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// A 16-bit number.
    pub(super) fn u16(&mut self) -> ParseResult<u16> {
        let bytes = self.array()?;
        Ok(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// A 32-bit number.
    pub(super) fn u32(&mut self) -> ParseResult<u32> {
        let bytes = self.array()?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// A 64-bit number.
    pub(super) fn u64(&mut self) -> ParseResult<u64> {
        let bytes = self.array()?;
        Ok(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// Appends the next `count` bytes to `into`, which the caller has bounded.
    pub(super) fn append(&mut self, into: &mut Vec<u8>, count: u64) -> ParseResult<()> {
        let mut left = count;
        while left > 0 {
            if !self.refill()? {
                return Err(ParseError::Truncated);
            }
            let ready = self.buffer.get(self.next..).unwrap_or_default();
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(ready.len());
            into.extend_from_slice(ready.get(..taken).unwrap_or_default());
            self.next += taken;
            self.place += taken as u64;
            left -= taken as u64;
        }
        Ok(())
    }

    /// The next `count` bytes, which may not be more than `most`.
    pub(super) fn bytes(&mut self, count: u64, most: u64) -> ParseResult<Vec<u8>> {
        if count > most {
            return Err(ParseError::limit(format!("{count} bytes in one piece are more than {most}")));
        }
        let mut bytes = Vec::new();
        self.append(&mut bytes, count)?;
        Ok(bytes)
    }

    /// A line without its end, which may not be longer than `most`. A line that never ends is truncated.
    pub(super) fn line(&mut self, most: usize) -> ParseResult<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                _ if line.len() >= most => {
                    return Err(ParseError::limit(format!("a line is longer than {most} bytes")));
                }
                byte => line.push(byte),
            }
        }
    }

    /// Skips `count` bytes.
    pub(super) fn skip(&mut self, count: u64) -> ParseResult<()> {
        let ready = (self.buffer.len() - self.next.min(self.buffer.len())) as u64;
        let within = ready.min(count);
        self.next += usize::try_from(within).unwrap_or(0);
        self.place += within;
        let beyond = count - within;
        if beyond > 0 {
            let passed = self.feed.pass(beyond)?;
            self.place += passed;
            if passed < beyond {
                return Err(ParseError::Truncated);
            }
        }
        Ok(())
    }
}

impl ByteStream for Cursor<'_> {
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize> {
        if !self.refill()? {
            return Ok(0);
        }
        let ready = self.buffer.get(self.next..).unwrap_or_default();
        let length = ready.len().min(buf.len());
        if let (Some(into), Some(bytes)) = (buf.get_mut(..length), ready.get(..length)) {
            into.copy_from_slice(bytes);
        }
        self.next += length;
        self.place += length as u64;
        Ok(length)
    }
}
