//! A source that is read by blocks, such as an open file or an object of a store.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;

use super::source::Source;

/// How much is read together.
const BLOCK_BYTES: u64 = 256 * 1024;
/// How many blocks are kept.
const MAX_BLOCKS: usize = 16;

/// What blocks are loaded from.
pub trait LoadBlock {
    /// The bytes of a block.
    type Block: AsRef<[u8]>;

    /// Loads a range of bytes, which is not empty and ends where the source does at the latest.
    ///
    /// Errors: any that keep the whole range from being read.
    fn load(&self, range: Range<u64>) -> Result<Self::Block>;
}

/// A source that is loaded by blocks, of which the last ones are kept: 4 MiB at most, however large it is.
#[derive(Debug)]
pub struct BlockReader<L: LoadBlock> {
    loader: L,
    size: u64,
    /// The last used at the back.
    kept: RefCell<VecDeque<(u64, L::Block)>>,
}

impl<L: LoadBlock> BlockReader<L> {
    /// Reads the first `size` bytes of what `loader` loads.
    pub fn over(loader: L, size: u64) -> Self {
        Self { loader, size, kept: RefCell::default() }
    }
}

impl<R: Read + Seek> BlockReader<Seekable<R>> {
    /// Reads `reader`, such as an open file, from its start to where it ends now.
    ///
    /// Errors: those of seeking to its end.
    pub fn new(mut reader: R) -> Result<Self> {
        let size = reader.seek(SeekFrom::End(0))?;
        Ok(Self::over(Seekable(RefCell::new(reader)), size))
    }
}

impl<L: LoadBlock> Source for BlockReader<L> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        if at >= self.size || buf.is_empty() {
            return Ok(0);
        }
        let (number, within) = (at / BLOCK_BYTES, usize::try_from(at % BLOCK_BYTES).unwrap_or(usize::MAX));
        let mut kept = self.kept.borrow_mut();
        let block = match kept.iter().position(|(kept, _)| *kept == number).and_then(|at| kept.remove(at)) {
            Some((_, block)) => block,
            None => {
                let start = number.saturating_mul(BLOCK_BYTES);
                self.loader.load(start..start.saturating_add(BLOCK_BYTES).min(self.size))?
            }
        };
        let rest = block.as_ref().get(within..).unwrap_or_default();
        let length = rest.len().min(buf.len());
        if let (Some(into), Some(bytes)) = (buf.get_mut(..length), rest.get(..length)) {
            into.copy_from_slice(bytes);
        }
        if kept.len() >= MAX_BLOCKS {
            kept.pop_front();
        }
        kept.push_back((number, block));
        Ok(length)
    }
}

/// Anything that can be sought in.
#[derive(Debug)]
pub struct Seekable<R>(RefCell<R>);

impl<R: Read + Seek> LoadBlock for Seekable<R> {
    type Block = Vec<u8>;

    fn load(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut block = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        let mut reader = self.0.borrow_mut();
        reader.seek(SeekFrom::Start(range.start))?;
        reader.read_exact(&mut block).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Error::new(ErrorKind::UnexpectedEof, "the file is shorter than it was"),
            _ => error,
        })?;
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Cursor;
    use std::rc::Rc;

    use super::*;
    use crate::source::read_exact;

    /// Counts the bytes that are read.
    struct Counted {
        inner: Cursor<Vec<u8>>,
        read: Rc<Cell<usize>>,
    }

    impl Read for Counted {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
            let read = self.inner.read(buf)?;
            self.read.set(self.read.get() + read);
            Ok(read)
        }
    }

    impl Seek for Counted {
        fn seek(&mut self, to: SeekFrom) -> Result<u64> {
            self.inner.seek(to)
        }
    }

    #[test]
    fn any_range_is_read_and_a_block_only_once_while_it_is_kept() {
        let bytes: Vec<u8> = (0..3 * BLOCK_BYTES + 7).map(|at| (at % 251) as u8).collect();
        let read = Rc::new(Cell::new(0));
        let reader = Counted { inner: Cursor::new(bytes.clone()), read: Rc::clone(&read) };
        let source = BlockReader::new(reader).unwrap();
        assert_eq!(source.size(), bytes.len() as u64);
        for (at, length) in [(0, 10), (5, 100), (BLOCK_BYTES - 3, 6), (BLOCK_BYTES * 3 - 1, 8), (0, bytes.len())] {
            let from = usize::try_from(at).unwrap();
            assert_eq!(read_exact(&source, at, length).unwrap(), bytes[from..from + length], "{at}");
        }
        assert_eq!(read.get(), bytes.len());
        assert_eq!(source.read(source.size(), &mut [0; 4]).unwrap(), 0);
    }

    #[test]
    fn few_blocks_are_kept() {
        let source = BlockReader::new(Cursor::new(vec![1; usize::try_from(BLOCK_BYTES).unwrap() * 40])).unwrap();
        for number in 0..40 {
            assert_eq!(source.read(number * BLOCK_BYTES, &mut [0; 1]).unwrap(), 1);
        }
        assert_eq!(source.kept.borrow().len(), MAX_BLOCKS);
    }

    #[test]
    fn what_became_shorter_is_an_error() {
        let source = BlockReader { size: 20, ..BlockReader::new(Cursor::new(vec![1; 10])).unwrap() };
        assert!(source.read(0, &mut [0; 4]).is_err());
    }
}
