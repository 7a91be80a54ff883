//! Compressed streams: gzip and zlib are unpacked as they are read, the others hide what they hold.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::cursor::Cursor;
use super::dispatch::{Look, Magic, PICKLE_BYTES, examine, is_pickle_name, magic};
use super::fault::{Fault, Step};
use super::finding::Rule;
use super::pickle::{self, Trust};
use super::source::{Bytes, Feed, Sequence, Source};
use super::{numpy, tar};
use crate::domain::Error;

/// How much other bytes than compressed ones may unpack to before unpacking fails.
const BY_CHANCE: usize = 4096;

/// What is unpacked into memory to be looked at as a file of its own.
pub(super) const SMALL: u64 = 1 << 20;

/// How the bytes were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zlib,
    Deflate,
}

/// Compressed bytes as they unpack, within what the whole inspection may unpack.
pub(super) struct Unpack<'a> {
    reader: Box<dyn Read + 'a>,
    left: Rc<Cell<u64>>,
}

impl<'a> Unpack<'a> {
    pub(super) fn new(source: &'a dyn Source, kind: Kind, left: Rc<Cell<u64>>) -> Self {
        let raw = Raw(Sequence::new(source, 0));
        let reader: Box<dyn Read + 'a> = match kind {
            Kind::Gzip => Box::new(MultiGzDecoder::new(raw)),
            Kind::Zlib => Box::new(ZlibDecoder::new(raw)),
            Kind::Deflate => Box::new(DeflateDecoder::new(raw)),
        };
        Self { reader, left }
    }
}

impl Feed for Unpack<'_> {
    fn pull(&mut self, buf: &mut [u8]) -> Step<usize> {
        let read = self.reader.read(buf).map_err(fault)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| Fault::limit("it unpacks to more than an inspection reads"))?);
        Ok(read)
    }
}

struct Raw<'a>(Sequence<'a>);

impl Read for Raw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.pull(buf).map_err(|fault| match fault {
            Fault::Failed(error) => io::Error::other(error),
            _ => io::ErrorKind::InvalidData.into(),
        })
    }
}

/// What a reader's error means; a failure of the source comes back as it was.
pub(super) fn fault(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Fault::Truncated;
    }
    let message = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => Fault::Failed(*error),
        _ => Fault::malformed(format!("its compression is broken: {message}")),
    }
}

/// Looks into a compressed file; false where it is none. Two bytes are easily had by chance: a file whose name does not say
/// so is none where unpacking breaks off at its beginning. What it unpacks to is looked at all the same.
pub(super) fn walk(
    look: &mut Look<'_>,
    place: &str,
    name: &str,
    (source, kind): (&dyn Source, &str),
    depth: usize,
) -> Step<bool> {
    let unpacked = match kind {
        "gzip" => Kind::Gzip,
        "zlib" => Kind::Zlib,
        _ => {
            look.seen.find(Rule::Compressed, place, format!("what `{kind}` holds is not looked into"));
            return Ok(true);
        }
    };
    let inner = inner_name(place, look.path.as_str());
    if !is_packed_name(name) && !is_pickle_name(name) {
        let (start, whole) = beginning(Unpack::new(source, unpacked, look.unpack.clone()))?;
        if !whole {
            examine(look, place, &inner, &Bytes(&start), depth + 1)?;
            return Ok(false);
        }
    }
    let mut input = Cursor::new(Unpack::new(source, unpacked, look.unpack.clone()), u64::MAX);
    if look.seen.format.is_none() {
        look.seen.set_format(kind, None);
    }
    stream(look, place, &inner, &mut input, depth + 1).map(|()| true)
}

/// What a stream begins with, at most [`BY_CHANCE`] bytes of it, and whether it went well up to there.
fn beginning(mut input: Unpack<'_>) -> Step<(Vec<u8>, bool)> {
    let mut start = vec![0; BY_CHANCE];
    let mut length = 0;
    let whole = loop {
        match input.pull(start.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break true,
            Ok(read) => length += read,
            Err(Fault::Truncated | Fault::Malformed(_)) => break false,
            Err(fault) => return Err(fault),
        }
    };
    start.truncate(length);
    Ok((start, whole))
}

/// Whether a name says that the file is compressed.
fn is_packed_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".gz", ".gzip", ".tgz", ".z", ".zlib"].iter().any(|end| name.ends_with(end))
}

fn inner_name(place: &str, path: &str) -> String {
    let name = if place.is_empty() { path } else { place };
    [".gz", ".gzip", ".z"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

/// Looks at bytes that can be read only once, in their order.
pub(super) fn stream(look: &mut Look<'_>, place: &str, name: &str, input: &mut Cursor<'_>, depth: usize) -> Step<()> {
    let mut start = Vec::new();
    let mut block = [0; 8192];
    let short = loop {
        let wanted = block.len().min(usize::try_from(SMALL).unwrap_or(0).saturating_sub(start.len()));
        match input.pull(block.get_mut(..wanted).unwrap_or_default()) {
            Ok(0) => break start.len() < usize::try_from(SMALL).unwrap_or(usize::MAX),
            Ok(read) => start.extend_from_slice(block.get(..read).unwrap_or_default()),
            // What came before a broken end is looked at all the same.
            Err(fault) => {
                look.seen.note(place, "the compressed stream", fault)?;
                break true;
            }
        }
    };
    if short {
        return Ok(examine(look, place, name, &Bytes(&start), depth)?);
    }
    let kind = magic(&start);
    if kind == Magic::Tar {
        let mut whole = Cursor::new(Both { start: &start, rest: input }, u64::MAX);
        return tar::stream(look, place, &mut whole, depth);
    }
    let mut whole = Cursor::new(Both { start: &start, rest: input }, PICKLE_BYTES);
    match kind {
        Magic::Npy => return numpy::read(&mut look.seen, place, &mut whole),
        Magic::Zip | Magic::Packed(_) => {
            look.seen.find(Rule::ArchiveNested, place, "an archive within a compressed stream is not looked into");
        }
        _ => {}
    }
    let trust = if is_pickle_name(name) && kind != Magic::Zip { Trust::Claimed } else { Trust::Guessed };
    let was_pickle = pickle::scan(&mut whole, place, trust, &mut look.seen)?;
    if was_pickle && place.is_empty() {
        look.seen.set_format("pickle", None);
    }
    Ok(())
}

/// Bytes that were read already, and those that follow them.
struct Both<'a, 'b> {
    start: &'a [u8],
    rest: &'a mut Cursor<'b>,
}

impl Feed for Both<'_, '_> {
    fn pull(&mut self, buf: &mut [u8]) -> Step<usize> {
        if self.start.is_empty() {
            return self.rest.pull(buf);
        }
        let length = self.start.len().min(buf.len());
        let (ready, rest) = self.start.split_at(length);
        if let Some(into) = buf.get_mut(..length) {
            into.copy_from_slice(ready);
        }
        self.start = rest;
        Ok(length)
    }
}
