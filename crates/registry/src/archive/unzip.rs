//! The files of a zip, as its central directory has them. Reads by ranges, and blocks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::DeflateDecoder;
use modelport_inspect::{Source, archive_offset};
use rawzip::{
    CompressionMethod, EntryFlags, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, RangeReader, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipLocator,
};

use super::members::{Event, Sender, Unpacked, plain, refused, shown, unwanted};
use crate::domain::{Error, Result};
use crate::stored_object::source_error;

/// How many bytes of a file are handed on together.
const CHUNK: u64 = 1 << 18;

/// What a member's mode says about its kind.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// What a data descriptor may begin with.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// A file in the central directory.
struct Listed {
    name: Vec<u8>,
    place: ZipArchiveEntryWayfinder,
    header: u64,
    method: CompressionMethod,
    size: u64,
    packed: u64,
    crc: u32,
}

/// Sends the files of the zip.
///
/// Errors: InvalidBody when it is broken, contradicts itself, is encrypted or packed in a way that is not known here,
/// or has anything but files and folders; TooLarge; Unavailable when it cannot be read.
pub(crate) fn unzip(source: &dyn Source, mut unpacked: Unpacked, out: &Sender) -> Result<()> {
    let at = At::new(source)?;
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = at.archive(&mut buffer)?;
    if archive.end_offset() != at.size() {
        return Err(Error::invalid_body("the zip has bytes after its end"));
    }
    unpacked.expect(archive.entries_hint())?;
    let mut taken = BTreeMap::new();
    for file in list(&at, &archive, &mut buffer, &unpacked)? {
        check_place(&at, &archive, &file, &mut buffer, &mut taken)?;
        let path = unpacked.member(plain(&file.name), file.size)?;
        send(out, Event::Member(path, file.size))?;
        copy(&at, &archive, &file, &mut unpacked, out)?;
        send(out, Event::End)?;
    }
    send(out, Event::Done)
}

/// The files of the central directory; folders are skipped.
fn list(at: &At<'_>, archive: &ZipArchive<&At<'_>>, buffer: &mut [u8], unpacked: &Unpacked) -> Result<Vec<Listed>> {
    let (mut files, mut members) = (Vec::new(), 0);
    let mut entries = archive.entries(buffer);
    while let Some(entry) = entries.next_entry().map_err(|error| at.invalid("its directory", &error))? {
        members += 1;
        unpacked.expect(members)?;
        let name: &[u8] = entry.file_path().as_bytes();
        let kind = entry.mode().value() & KIND;
        if entry.is_dir() || kind == FOLDER {
            if entry.uncompressed_size_hint() > 0 {
                return Err(refused(name, "is a folder and has bytes"));
            }
            continue;
        }
        if entry.mode().is_symlink() {
            return Err(refused(name, "is a link"));
        }
        if kind != REGULAR && kind != 0 {
            return Err(refused(name, "is neither a file nor a folder"));
        }
        check_open(name, entry.flags())?;
        let method = entry.compression_method();
        if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
            let why = format!("is packed by method {}; known are 0 (stored) and 8 (deflated)", method.as_u16());
            return Err(refused(name, &why));
        }
        files.push(Listed {
            name: name.to_vec(),
            place: entry.wayfinder(),
            header: entry.local_header_offset(),
            method,
            size: entry.uncompressed_size_hint(),
            packed: entry.compressed_size_hint(),
            crc: entry.crc32(),
        });
    }
    if members != archive.entries_hint() {
        let message = format!("the zip says that it has {} members, and lists {members}", archive.entries_hint());
        return Err(Error::invalid_body(message));
    }
    Ok(files)
}

/// Refuses a file that cannot be read without a key.
pub(super) fn check_open(name: &[u8], flags: EntryFlags) -> Result<()> {
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
        return Err(refused(name, "is encrypted"));
    }
    Ok(())
}

/// Refuses a file whose own header says something else than the directory, or whose bytes are another's, too.
fn check_place(
    at: &At<'_>,
    archive: &ZipArchive<&At<'_>>,
    file: &Listed,
    buffer: &mut [u8],
    taken: &mut BTreeMap<u64, u64>,
) -> Result<()> {
    let place = format!("member `{}`", shown(&file.name));
    let entry = archive.get_entry(file.place).map_err(|error| at.invalid(&place, &error))?;
    let header = entry.local_header(buffer).map_err(|error| at.invalid(&place, &error))?;
    let mut same = header.file_path().as_bytes() == file.name.as_slice()
        && header.compression_method() == file.method
        && !header.flags().is_encrypted();
    // Where a descriptor follows the bytes, the header before them does not know yet.
    if !header.flags().has_data_descriptor() {
        same &= header.crc32() == file.crc
            && header.uncompressed_size_hint() == file.size
            && header.compressed_size_hint() == file.packed;
    } else {
        same &=
            descriptor_agrees(at, entry.compressed_data_range().1, file).map_err(|error| at.invalid(&place, &error))?;
    }
    if !same {
        return Err(refused(&file.name, "is described differently in the zip's directory and beside its bytes"));
    }
    let (_, end) = entry.compressed_data_range();
    let before = taken.range(..=file.header).next_back().is_some_and(|(_, end)| *end > file.header);
    let after = taken.range(file.header..).next().is_some_and(|(start, _)| *start < end);
    if before || after || end > archive.directory_offset() {
        return Err(refused(&file.name, "shares its bytes with something else in the zip"));
    }
    taken.insert(file.header, end);
    Ok(())
}

/// Whether the descriptor after a file's bytes says what the directory says (APPNOTE 4.3.9).
///
/// Its signature is optional, and its sizes have eight bytes where the header before the bytes was prepared for a large file,
/// however small the file became: the directory does not tell. So any reading that agrees will do.
fn descriptor_agrees(at: &At<'_>, end: u64, file: &Listed) -> io::Result<bool> {
    let mut bytes = Vec::new();
    RangeReader::new(at, end..end.saturating_add(24)).read_to_end(&mut bytes)?;
    let narrow = |size: u64| u32::try_from(size).ok().map(u32::to_le_bytes);
    let crc = file.crc.to_le_bytes();
    let wide = [&crc[..], &file.packed.to_le_bytes(), &file.size.to_le_bytes()].concat();
    let narrow = narrow(file.packed).zip(narrow(file.size)).map(|(packed, size)| [crc, packed, size].concat());
    let agrees =
        |bytes: &[u8]| bytes.starts_with(&wide) || narrow.as_ref().is_some_and(|narrow| bytes.starts_with(narrow));
    Ok(agrees(&bytes) || bytes.strip_prefix(&DESCRIPTOR).is_some_and(agrees))
}

fn copy(
    at: &At<'_>,
    archive: &ZipArchive<&At<'_>>,
    file: &Listed,
    unpacked: &mut Unpacked,
    out: &Sender,
) -> Result<()> {
    let place = format!("member `{}`", shown(&file.name));
    let entry = archive.get_entry(file.place).map_err(|error| at.invalid(&place, &error))?;
    let bytes: Box<dyn Read> = if file.method == CompressionMethod::DEFLATE {
        Box::new(DeflateDecoder::new(BufReader::with_capacity(1 << 16, entry.reader())))
    } else {
        Box::new(entry.reader())
    };
    let mut bytes = entry.verifying_reader(bytes);
    loop {
        let mut chunk = Vec::new();
        let read = (&mut bytes).take(CHUNK).read_to_end(&mut chunk).map_err(|error| at.invalid(&place, &error))?;
        if read == 0 {
            return Ok(());
        }
        unpacked.add(&file.name, read)?;
        send(out, Event::Bytes(Bytes::from(chunk)))?;
    }
}

fn send(out: &Sender, event: Event) -> Result<()> {
    out.blocking_send(Ok(event)).map_err(|_| unwanted())
}

/// A source as the crate reads it, from where the archive begins.
pub(super) struct At<'a> {
    source: &'a dyn Source,
    start: u64,
    source_failure: RefCell<Option<Error>>,
}

impl<'a> At<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Result<Self> {
        Ok(Self { source, start: archive_offset(source).map_err(source_error)?, source_failure: RefCell::new(None) })
    }

    fn size(&self) -> u64 {
        self.source.size().saturating_sub(self.start)
    }

    /// The zip, by its end.
    pub(super) fn archive(&self, buffer: &mut [u8]) -> Result<ZipArchive<&Self>> {
        let located = ZipLocator::new().locate_in_reader(self, buffer, self.size());
        located.map_err(|(_, error)| self.invalid("its end", &error))
    }

    /// The source's own error, where it has one.
    pub(super) fn invalid(&self, place: &str, error: &dyn std::error::Error) -> Error {
        let source_failure = self.source_failure.borrow_mut().take();
        let broken = || Error::invalid_body(format!("the zip is broken at {place}: {error}")).naming_place();
        source_failure.unwrap_or_else(broken)
    }
}

impl ReaderAt for At<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.source.read(self.start.saturating_add(offset), buf).map_err(|error| {
            *self.source_failure.borrow_mut() = Some(source_error(error));
            io::Error::other("the stored zip cannot be read")
        })
    }
}
