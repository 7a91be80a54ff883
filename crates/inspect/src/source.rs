//! Ranged reads over a file's bytes, and sequential readers on top of them that stop at a bound.

use std::io::Result;

use super::error::{ParseError, ParseResult};

/// A file's bytes, read by ranges. [`Bytes`] is one in memory, [`BlockReader`](crate::BlockReader) one that is loaded by
/// blocks, from an open file or from elsewhere.
pub trait Source {
    /// How many bytes the file has.
    fn size(&self) -> u64;

    /// Fills the start of `buf` with the bytes from `at` on and says how many: at least one, unless `buf` is empty or `at` is the end.
    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize>;
}

/// Bytes in memory.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Source for Bytes<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        let rest = self.0.get(from..).unwrap_or_default();
        let length = rest.len().min(buf.len());
        if let (Some(into), Some(bytes)) = (buf.get_mut(..length), rest.get(..length)) {
            into.copy_from_slice(bytes);
        }
        Ok(length)
    }
}

/// A range of another source, such as a member that an archive stores as it is.
pub(super) struct Window<'a> {
    source: &'a dyn Source,
    start: u64,
    size: u64,
}

impl<'a> Window<'a> {
    /// The range of at most `size` bytes from `start` on; never longer than what there is.
    pub(super) fn new(source: &'a dyn Source, start: u64, size: u64) -> Self {
        Self { source, start, size: size.min(source.size().saturating_sub(start)) }
    }
}

impl Source for Window<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX).min(buf.len());
        match buf.get_mut(..left) {
            Some(buf) if left > 0 => self.source.read(self.start.saturating_add(at), buf),
            _ => Ok(0),
        }
    }
}

/// Reads `length` bytes at `at`; a file that ends before is truncated. `length` must be bounded by the caller.
pub(super) fn read_exact(source: &dyn Source, at: u64, length: usize) -> ParseResult<Vec<u8>> {
    if at.checked_add(length as u64).is_none_or(|end| end > source.size()) {
        return Err(ParseError::Truncated);
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(at + filled as u64, rest)? {
            0 => return Err(ParseError::Truncated),
            read => filled += read,
        }
    }
    Ok(bytes)
}

/// The first bytes, at most `length` of them.
pub(super) fn read_head(source: &dyn Source, length: usize) -> ParseResult<Vec<u8>> {
    let length = usize::try_from(source.size()).unwrap_or(usize::MAX).min(length);
    read_exact(source, 0, length)
}

/// The whole file, when it is not longer than `limit`.
pub(super) fn read_all(source: &dyn Source, limit: u64) -> ParseResult<Vec<u8>> {
    if source.size() > limit {
        return Err(ParseError::limit(format!("{} bytes are more than the {limit} that are read", source.size())));
    }
    read_head(source, usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Bytes that come one after the other, as out of a decompressor.
pub(super) trait ByteStream {
    /// Fills the start of `buf`, and says how much; nothing means the end.
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize>;

    /// Skips `count` bytes, or to the end, and says how many there were.
    fn pass(&mut self, count: u64) -> ParseResult<u64> {
        let mut buf = [0; 8192];
        let mut passed = 0;
        while passed < count {
            let length = usize::try_from(count - passed).unwrap_or(usize::MAX).min(buf.len());
            match self.pull(buf.get_mut(..length).unwrap_or_default())? {
                0 => break,
                read => passed += read as u64,
            }
        }
        Ok(passed)
    }
}

/// A source read from its start to its end, skipping what is not asked for without reading it.
pub(super) struct SourceStream<'a> {
    source: &'a dyn Source,
    at: u64,
}

impl<'a> SourceStream<'a> {
    /// Reads `source` from `at` on.
    pub(super) fn new(source: &'a dyn Source, at: u64) -> Self {
        Self { source, at }
    }

    /// The same source from `at` on.
    pub(super) fn from(&self, at: u64) -> Self {
        Self { source: self.source, at }
    }
}

impl ByteStream for SourceStream<'_> {
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize> {
        let read = self.source.read(self.at, buf)?;
        self.at += read as u64;
        Ok(read)
    }

    fn pass(&mut self, count: u64) -> ParseResult<u64> {
        let passed = count.min(self.source.size().saturating_sub(self.at));
        self.at += passed;
        Ok(passed)
    }
}
