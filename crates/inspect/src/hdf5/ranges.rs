//! The bytes of a file as the HDF5 library wants them. It shares its storage between threads, which a borrowed [`Source`]
//! cannot be: a step that misses a range is interrupted, the range is read, and the step begins again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_reader::error::{Error, Result};
use hdf5_reader::storage::{Storage, StorageBuffer};

use crate::error::{ParseError, ParseResult};
use crate::source::{Source, read_exact};

/// The maximum number of bytes that one step may hold.
const MAX_STEP: usize = 64 << 20;
/// Ranges are kept between steps up to this size, as neighbours share their headers.
const MAX_KEPT: usize = 4 << 20;
/// The maximum number of bytes of one file that are read.
const MAX_READ: u64 = 1 << 30;

/// The ranges of a file that were read.
pub(super) struct Ranges<'a> {
    source: &'a dyn Source,
    held: Held,
    read: u64,
}

/// What the library sees: addresses count from `base`, where the superblock is.
struct Held {
    base: u64,
    size: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ranges: HashMap<(u64, usize), Arc<[u8]>>,
    bytes: usize,
    missing: Option<(u64, usize)>,
}

impl<'a> Ranges<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        let held = Held { base: 0, size: source.size(), state: Mutex::default() };
        Self { source, held, read: 0 }
    }

    /// Counts addresses from `base` on.
    pub(super) fn set_base(&mut self, base: u64) {
        self.held = Held { base, size: self.source.size().saturating_sub(base), state: Mutex::default() };
    }

    /// Takes a step of the library, whose own error is the inner one.
    pub(super) fn step<T>(&mut self, step: impl Fn(&dyn Storage) -> Result<T>) -> ParseResult<Result<T>> {
        let state = self.held.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.bytes > MAX_KEPT {
            *state = State::default();
        }
        loop {
            let result = step(&self.held);
            let state = self.held.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            let Some((offset, length)) = state.missing.take() else { return Ok(result) };
            self.read = self.read.saturating_add(length as u64);
            if state.bytes.saturating_add(length) > MAX_STEP || self.read > MAX_READ {
                return Err(ParseError::limit("its structure takes more to read than a file may"));
            }
            let bytes = read_exact(self.source, self.held.base + offset, length)?;
            state.bytes += length;
            state.ranges.insert((offset, length), bytes.into());
        }
    }

    /// Takes a step whose error is one of the file.
    pub(super) fn read<T>(&mut self, read: impl Fn(&dyn Storage) -> Result<T>) -> ParseResult<T> {
        self.step(read)?.map_err(parse_error)
    }
}

/// What an error of the library says about the file.
pub(super) fn parse_error(error: Error) -> ParseError {
    match error {
        Error::UnexpectedEof { .. } => ParseError::Truncated,
        Error::ResourceLimit(why) => ParseError::Limit(why),
        other => ParseError::malformed(other.to_string()),
    }
}

impl Storage for Held {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        let needed = len as u64;
        if offset.checked_add(needed).is_none_or(|end| end > self.size) {
            return Err(Error::UnexpectedEof { offset, needed, available: self.size.saturating_sub(offset) });
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.ranges.get(&(offset, len)) {
            Some(bytes) => StorageBuffer::from_shared(Arc::clone(bytes), 0, len),
            None => {
                state.missing.get_or_insert((offset, len));
                Err(Error::OffsetOutOfBounds(offset))
            }
        }
    }
}
