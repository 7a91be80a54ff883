//! Members of a tar as files: stored stretches, and zeros in the holes between them.

use std::io::Result;

use super::cursor::Cursor;
use super::error::ParseResult;
use super::source::{ByteStream, Source};
use super::tar::{Fragment, Layout};

/// A member of an archive that can be read anywhere.
pub(super) struct SparseSource<'a> {
    source: &'a dyn Source,
    size: u64,
    /// Each with where it begins in the archive.
    fragments: Vec<(Fragment, u64)>,
}

impl<'a> SparseSource<'a> {
    /// The member whose stored bytes begin at `start`.
    pub(super) fn new(source: &'a dyn Source, start: u64, layout: Layout) -> Self {
        let place = |at: &mut u64, fragment: Fragment| {
            let begins = *at;
            *at = at.saturating_add(fragment.length);
            Some((fragment, begins))
        };
        Self { source, size: layout.size, fragments: layout.fragments.into_iter().scan(start, place).collect() }
    }

    /// Fills the start of `buf` with what lies at `at`, which is within the file.
    fn some(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let next =
            self.fragments.partition_point(|(fragment, _)| fragment.offset.saturating_add(fragment.length) <= at);
        let end = match self.fragments.get(next) {
            Some((fragment, begins)) if fragment.offset <= at => {
                let within = at - fragment.offset;
                let buf = bounded(buf, fragment.length - within);
                return self.source.read(begins.saturating_add(within), buf);
            }
            Some((fragment, _)) => fragment.offset,
            None => self.size,
        };
        let hole = bounded(buf, end.saturating_sub(at));
        hole.fill(0);
        Ok(hole.len())
    }
}

fn bounded(buf: &mut [u8], length: u64) -> &mut [u8] {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(buf.len());
    buf.get_mut(..length).unwrap_or_default()
}

impl Source for SparseSource<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = at.saturating_add(filled as u64);
            if at >= self.size {
                break;
            }
            match self.some(at, rest)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

/// A member of an archive that is read once, in its order.
pub(super) struct SparseStream<'a, 'b> {
    input: &'a mut Cursor<'b>,
    layout: Layout,
    next: usize,
    at: u64,
}

impl<'a, 'b> SparseStream<'a, 'b> {
    /// The member whose stored bytes `input` has next.
    pub(super) fn new(input: &'a mut Cursor<'b>, layout: Layout) -> Self {
        Self { input, layout, next: 0, at: 0 }
    }

    /// How far the hole or the fragment reaches that lies here, and whether it is a fragment.
    fn next_segment(&mut self) -> (u64, bool) {
        let ends = |fragment: &Fragment| fragment.offset.saturating_add(fragment.length);
        while self.layout.fragments.get(self.next).is_some_and(|fragment| ends(fragment) <= self.at) {
            self.next += 1;
        }
        match self.layout.fragments.get(self.next) {
            Some(fragment) if fragment.offset <= self.at => (ends(fragment) - self.at, true),
            Some(fragment) => (fragment.offset - self.at, false),
            None => (self.layout.size.saturating_sub(self.at), false),
        }
    }
}

impl ByteStream for SparseStream<'_, '_> {
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize> {
        let (length, is_stored) = self.next_segment();
        let buf = bounded(buf, length);
        if buf.is_empty() {
            return Ok(0);
        }
        let read = if is_stored {
            self.input.pull(buf)?
        } else {
            buf.fill(0);
            buf.len()
        };
        self.at += read as u64;
        Ok(read)
    }

    fn pass(&mut self, count: u64) -> ParseResult<u64> {
        let mut passed = 0;
        while passed < count {
            let (length, is_stored) = self.next_segment();
            let step = length.min(count - passed);
            if step == 0 {
                break;
            }
            let done = if is_stored { self.input.pass(step)? } else { step };
            self.at += done;
            passed += done;
            if done < step {
                break;
            }
        }
        Ok(passed)
    }
}
