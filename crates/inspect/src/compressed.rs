//! Compressed files: they are unpacked as they are read, and what is inside is looked at as a file of its own.

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::magic::{Magic, has_header_checksum, is_pickle_name, is_storage, magic};
use super::pickle::{self, MAX_PICKLE_BYTES, Trust};
use super::scan::Scan;
use super::source::{ByteStream, Bytes, Source};
use super::unpack::{Kind, Unpack};
use super::{config, numpy, tar_members, zip_directory};

/// How much a file has to unpack to, or all of it, before it is taken for a compressed one that is not named so.
const MIN_UNPACKED_BYTES: usize = 4096;

/// What is unpacked into memory to be looked at as a file of its own.
pub(super) const MAX_BUFFERED_BYTES: u64 = 1 << 20;
/// The same of a configuration, which can only be read whole.
const MAX_CONFIGURATION: u64 = 32 << 20;

/// How much of the file called `name` is unpacked into memory.
pub(super) fn in_memory(name: &str) -> u64 {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".json") || config::is_template(&name) {
        config::max_bytes(&name).min(MAX_CONFIGURATION)
    } else {
        MAX_BUFFERED_BYTES
    }
}

/// Looks into a compressed file; false where it is none. The first bytes of any text or numbers may be those of a compressed
/// stream: a file that is not named so is one only where it unpacks, and where its format has hardly anything to tell it by, only
/// where a model is inside. What was unpacked up to there is inspected anyway.
pub(super) fn walk(
    scan: &mut Scan<'_>,
    place: &str,
    name: &str,
    (source, kind): (&dyn Source, &str),
    depth: usize,
) -> ParseResult<bool> {
    let Some(unpacked) = Kind::of(kind) else {
        scan.seen.add_finding(Rule::Compressed, place, format!("what `{kind}` holds is not looked into"));
        return Ok(true);
    };
    let inner = inner_name(place, scan.path);
    if !is_packed_name(name) && !is_pickle_name(name) {
        let begun = beginning(Unpack::new(source, unpacked, scan.unpack.clone()));
        let (start, whole) = match begun {
            // It is one, but asks for too much memory, or is followed by another.
            Err(ParseError::Limit(_)) if !unpacked.is_weak() => (vec![0], true),
            Err(ParseError::Limit(_)) => return Ok(false),
            begun => begun?,
        };
        if !whole || start.is_empty() {
            scan.examine(place, &inner, &Bytes(&start), depth + 1)?;
            return Ok(false);
        }
        if unpacked.is_weak() {
            return if holds_something(&start) {
                guessed(scan, place, &inner, (source, kind, unpacked), depth)
            } else {
                Ok(false)
            };
        }
    }
    let mut input = Cursor::new(Unpack::new(source, unpacked, scan.unpack.clone()), u64::MAX);
    if scan.seen.format.is_none() {
        scan.seen.set_format(kind, None);
    }
    stream(scan, place, &inner, &mut input, depth + 1).map(|()| true)
}

/// Looks into what may be a compressed stream; nothing is kept unless there is something in it.
fn guessed(
    scan: &mut Scan<'_>,
    place: &str,
    inner: &str,
    (source, kind, unpacked): (&dyn Source, &str, Kind),
    depth: usize,
) -> ParseResult<bool> {
    let before = std::mem::take(&mut scan.seen);
    let mut input = Cursor::new(Unpack::new(source, unpacked, scan.unpack.clone()), u64::MAX);
    let result = stream(scan, place, inner, &mut input, depth + 1);
    let mut found = std::mem::replace(&mut scan.seen, before);
    // Where another stream follows, what is inside may continue in it.
    let continues = found.findings.iter().any(|finding| finding.rule == Rule::FormatLimit);
    let holds = found.format.is_some() || !found.imports.is_empty() || continues;
    if let Err(error) = result {
        match error {
            ParseError::Failed(_) => return Err(error),
            error => found.note_error(place, "the compressed stream", error)?,
        }
    }
    if holds {
        if scan.seen.format.is_none() {
            scan.seen.set_format(kind, None);
        }
        scan.seen.merge(found, place);
    }
    Ok(holds)
}

/// Whether a model may begin so: by the mark of its format, or by the first opcode of an older pickle.
fn holds_something(start: &[u8]) -> bool {
    magic(start) != Magic::None || start.first().is_some_and(|first| b"(]}lcdiIFLSVN\x82\x95".contains(first))
}

/// What a stream begins with, at most [`MIN_UNPACKED_BYTES`] bytes of it, and whether it went well up to there.
fn beginning(mut input: Unpack<'_>) -> ParseResult<(Vec<u8>, bool)> {
    let mut start = vec![0; MIN_UNPACKED_BYTES];
    let mut length = 0;
    let whole = loop {
        match input.pull(start.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break true,
            Ok(read) => length += read,
            Err(ParseError::Truncated | ParseError::Malformed(_)) => break false,
            Err(ParseError::Limit(_)) if length > 0 => break true,
            Err(error) => return Err(error),
        }
    };
    start.truncate(length);
    Ok((start, whole))
}

/// What the names of compressed files end in.
const PACKED: [&str; 13] =
    [".gz", ".gzip", ".tgz", ".z", ".zlib", ".bz2", ".tbz2", ".xz", ".txz", ".lzma", ".lz4", ".zst", ".zstd"];

/// Whether a name says that the file is compressed.
fn is_packed_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PACKED.iter().any(|end| name.ends_with(end))
}

fn inner_name(place: &str, path: &str) -> String {
    let name = if place.is_empty() { path } else { place };
    PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

/// Looks at bytes that can be read only once, in their order.
pub(super) fn stream(
    scan: &mut Scan<'_>,
    place: &str,
    name: &str,
    input: &mut Cursor<'_>,
    depth: usize,
) -> ParseResult<()> {
    let mut start = Vec::new();
    let mut block = [0; 8192];
    let most = usize::try_from(in_memory(name)).unwrap_or(usize::MAX);
    let short = loop {
        let wanted = block.len().min(most.saturating_sub(start.len()));
        match input.pull(block.get_mut(..wanted).unwrap_or_default()) {
            Ok(0) => break start.len() < most,
            Ok(read) => start.extend_from_slice(block.get(..read).unwrap_or_default()),
            // What came before a broken end is inspected anyway.
            Err(error) => {
                scan.seen.note_error(place, "the compressed stream", error)?;
                break true;
            }
        }
    };
    if short {
        return Ok(scan.examine(place, name, &Bytes(&start), depth)?);
    }
    let kind = magic(&start);
    if kind == Magic::Tar {
        let mut whole = Cursor::new(Both { start: &start, rest: input }, u64::MAX);
        return tar_members::stream(scan, place, &mut whole, depth);
    }
    let mut whole = Cursor::new(Both { start: &start, rest: input }, MAX_PICKLE_BYTES);
    match kind {
        Magic::Npy => {
            // What cannot be read again is taken for what it begins as.
            return numpy::read(&mut scan.seen, place, &mut whole, true).map(drop);
        }
        Magic::Zip | Magic::Packed(_) if is_archive(scan, name, &start, kind)? => {
            scan.seen.add_finding(
                Rule::ArchiveNested,
                place,
                "an archive within a compressed stream is not looked into",
            );
        }
        _ => {}
    }
    let trust = if is_pickle_name(name) && kind != Magic::Zip { Trust::Claimed } else { Trust::Guessed };
    let was_pickle = pickle::scan(&mut whole, place, trust, &mut scan.seen)?;
    if was_pickle && place.is_empty() {
        scan.seen.set_format("pickle", None);
    }
    Ok(())
}

/// Whether what was unpacked begins as an archive, by more than its mark; its end is not there yet.
fn is_archive(scan: &Scan<'_>, name: &str, start: &[u8], magic: Magic) -> ParseResult<bool> {
    match magic {
        _ if is_storage(name) => Ok(false),
        Magic::Zip => Ok(zip_directory::is_member(start)),
        Magic::Packed(kind) => unpacks(scan, &Bytes(start), kind, start),
        _ => Ok(false),
    }
}

/// Whether what begins as a compressed stream unpacks as one, and holds something where hardly anything else tells it.
pub(super) fn unpacks(scan: &Scan<'_>, source: &dyn Source, kind: &str, start: &[u8]) -> ParseResult<bool> {
    let Some(kind) = Kind::of(kind) else { return Ok(has_header_checksum(start)) };
    match beginning(Unpack::new(source, kind, scan.unpack.clone())) {
        Err(ParseError::Limit(_)) => Ok(!kind.is_weak()),
        Err(error) => Err(error),
        Ok((start, whole)) => Ok(whole && !start.is_empty() && (!kind.is_weak() || holds_something(&start))),
    }
}

/// Bytes that were read already, and those that follow them.
struct Both<'a, 'b> {
    start: &'a [u8],
    rest: &'a mut Cursor<'b>,
}

impl ByteStream for Both<'_, '_> {
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize> {
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
