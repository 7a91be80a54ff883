//! Decompressors, read as they unpack and bounded by what the whole inspection may unpack.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use bzip2_rs::DecoderReader as Bzip2;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use lz4_flex::frame::FrameDecoder as Lz4;
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::error::{ParseError, ParseResult, SourceFailed};
use super::source::{ByteStream, Source, SourceStream, Window, read_head};

/// The maximum memory that a dictionary may take, in KiB; the strongest presets of xz take 64 MiB.
const MAX_DICTIONARY_KIB: u32 = 66 << 10;
/// The maximum number of compressed bytes that are read for the next unpacked ones: there may be any number of empty blocks.
const MAX_INPUT: u64 = 16 << 20;
/// The maximum length of a header that joblib's first own format has before its zlib stream.
const ZFILE_HEADER: u64 = 21;

/// How the bytes were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zlib,
    Deflate,
    Bzip2,
    Xz,
    Lzma,
    Lz4,
    Zstd,
    /// What joblib wrote until 0.9: a length in hexadecimal, then a zlib stream.
    Zfile,
}

impl Kind {
    /// The kind of that name, which is also the name of the format.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" => Self::Gzip,
            "zlib" => Self::Zlib,
            "bzip2" => Self::Bzip2,
            "xz" => Self::Xz,
            "lzma" => Self::Lzma,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            "joblib-zlib" => Self::Zfile,
            _ => return None,
        })
    }

    /// How much of what may be unpacked a byte costs: some formats take longer than others.
    fn cost(self) -> u64 {
        if matches!(self, Self::Bzip2 | Self::Xz | Self::Lzma) { 4 } else { 1 }
    }

    /// Whether its streams have neither a checksum near their beginning nor a long mark, so that raw numbers may look like one.
    pub(super) fn is_weak(self) -> bool {
        matches!(self, Self::Zlib | Self::Zfile | Self::Deflate | Self::Lzma | Self::Zstd)
    }
}

/// Compressed bytes as they unpack, within what the whole inspection may unpack.
pub(super) struct Unpack<'a> {
    reader: Box<dyn Read + 'a>,
    cost: u64,
    left: Rc<Cell<u64>>,
    /// How many compressed bytes may still be read.
    input: Rc<Cell<u64>>,
}

impl<'a> Unpack<'a> {
    pub(super) fn new(source: &'a dyn Source, kind: Kind, left: Rc<Cell<u64>>) -> Self {
        let place = Rc::new(Cell::new(0));
        let input = Rc::new(Cell::new(MAX_INPUT));
        let raw = |at| Raw { sequence: SourceStream::new(source, at), place: place.clone(), input: input.clone() };
        let reader: Box<dyn Read + 'a> = match kind {
            Kind::Gzip => Box::new(MultiGzDecoder::new(raw(0))),
            Kind::Zlib => Box::new(Zlib { decoder: ZlibDecoder::new(raw(0)), source }),
            Kind::Zfile => {
                // Python 2 wrote one more space after the length.
                let mut next = [0; 1];
                let read = source.read(ZFILE_HEADER, &mut next).unwrap_or(0);
                let at = ZFILE_HEADER + u64::from(read == 1 && next == *b" ");
                Box::new(ZlibDecoder::new(raw(at)))
            }
            Kind::Deflate => Box::new(DeflateDecoder::new(raw(0))),
            Kind::Bzip2 => Box::new(Bzip2::new(OneStream { raw: raw(0), seen: Vec::new(), first: true })),
            Kind::Xz => Box::new(XzReader::new_mem_limit(raw(0), true, MAX_DICTIONARY_KIB)),
            Kind::Lzma => Box::new(Lzma::Unread(raw(0))),
            Kind::Lz4 => Box::new(Frames { decoder: Lz4::new(raw(0)), place: place.clone(), size: source.size() }),
            Kind::Zstd => Box::new(Zstd::Between(raw(0))),
        };
        Self { reader, cost: kind.cost(), left, input }
    }
}

impl ByteStream for Unpack<'_> {
    fn pull(&mut self, buf: &mut [u8]) -> ParseResult<usize> {
        self.input.set(MAX_INPUT);
        let read = self.reader.read(buf).map_err(parse_error)?;
        let left = self.left.get().checked_sub((read as u64).saturating_mul(self.cost));
        self.left.set(left.ok_or_else(|| ParseError::limit("it unpacks to more than an inspection reads"))?);
        Ok(read)
    }
}

struct Raw<'a> {
    sequence: SourceStream<'a>,
    /// How many bytes were read.
    place: Rc<Cell<u64>>,
    /// How many more may be read before something is unpacked.
    input: Rc<Cell<u64>>,
}

impl Read for Raw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.sequence.pull(buf).map_err(|error| match error {
            ParseError::Failed(error) => SourceFailed::wrap(error),
            _ => io::ErrorKind::InvalidData.into(),
        })?;
        self.place.set(self.place.get() + read as u64);
        let input = self.input.get().checked_sub(read as u64);
        self.input.set(input.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "nothing comes of its bytes"))?);
        Ok(read)
    }
}

fn follows(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, format!("another {what} stream follows the first"))
}

/// A zlib stream; Python's readers would continue with another one after it.
struct Zlib<'a> {
    decoder: ZlibDecoder<Raw<'a>>,
    source: &'a dyn Source,
}

impl Read for Zlib<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buf)?;
        if read == 0 && !buf.is_empty() {
            let next = match read_head(&Window::new(self.source, self.decoder.total_in(), 2), 2) {
                Err(ParseError::Failed(error)) => return Err(SourceFailed::wrap(error)),
                next => next.unwrap_or_default(),
            };
            if let [0x78, check] = next.as_slice()
                && u16::from_be_bytes([0x78, *check]).is_multiple_of(31)
            {
                return Err(follows("zlib"));
            }
        }
        Ok(read)
    }
}

/// The bytes of one bzip2 stream; where a second one begins, it fails.
struct OneStream<'a> {
    raw: Raw<'a>,
    /// The last bytes that were read.
    seen: Vec<u8>,
    first: bool,
}

impl Read for OneStream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        const MARKS: [&[u8]; 2] = [b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"];
        let read = self.raw.read(buf)?;
        self.seen.extend_from_slice(buf.get(..read).unwrap_or_default());
        let from = usize::from(self.first);
        let begins =
            |bytes: &[u8]| bytes.starts_with(b"BZh") && bytes.get(4..).is_some_and(|mark| MARKS.contains(&mark));
        if self.seen.windows(10).skip(from).any(begins) {
            return Err(follows("bzip2"));
        }
        let kept = self.seen.len().saturating_sub(9);
        self.first &= kept == 0;
        self.seen.drain(..kept);
        Ok(read)
    }
}

/// LZMA's older format. Python's readers would continue with another stream after the first.
enum Lzma<'a> {
    Unread(Raw<'a>),
    Open(Box<LzmaReader<Raw<'a>>>),
    Done,
}

impl Read for Lzma<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Self::Unread(_) = self {
            let Self::Unread(mut raw) = std::mem::replace(self, Self::Done) else { return Ok(0) };
            let (mut properties, mut dictionary, mut size) = ([0; 1], [0; 4], [0; 8]);
            raw.read_exact(&mut properties)?;
            raw.read_exact(&mut dictionary)?;
            raw.read_exact(&mut size)?;
            // A header may ask for any dictionary: only what reaches back farther than this one would need it.
            let dictionary = u32::from_le_bytes(dictionary).min(MAX_DICTIONARY_KIB << 10);
            let [properties] = properties;
            let reader = LzmaReader::new_with_props(raw, u64::from_le_bytes(size), properties, dictionary, None)?;
            *self = Self::Open(Box::new(reader));
        }
        let Self::Open(reader) = self else { return Ok(0) };
        let read = reader.read(buf)?;
        if read > 0 || buf.is_empty() {
            return Ok(read);
        }
        let Self::Open(reader) = std::mem::replace(self, Self::Done) else { return Ok(0) };
        let (raw, mut rest) = reader.into_parts();
        raw.take(16).read_to_end(&mut rest)?;
        if rest.len() > 13 && rest.starts_with(&[0x5d, 0]) {
            return Err(follows("lzma"));
        }
        Ok(0)
    }
}

/// Frames of LZ4, of which one may follow the other.
struct Frames<'a> {
    decoder: Lz4<Raw<'a>>,
    place: Rc<Cell<u64>>,
    size: u64,
}

impl Read for Frames<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let before = self.place.get();
            let read = self.decoder.read(buf)?;
            if read > 0 || buf.is_empty() || self.place.get() >= self.size || self.place.get() == before {
                return Ok(read);
            }
        }
    }
}

/// Frames of Zstandard, with those between them that readers skip.
enum Zstd<'a> {
    Between(Raw<'a>),
    Within(Box<StreamingDecoder<Raw<'a>, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Self::Done) {
                Self::Done => return Ok(0),
                Self::Between(mut raw) => {
                    let mut first = [0; 1];
                    if raw.read(&mut first)? == 0 {
                        return Ok(0);
                    }
                    let at = raw.place.get() - 1;
                    *self = frame(raw, at)?;
                }
                Self::Within(mut frame) => match frame.read(buf)? {
                    0 if !buf.is_empty() => *self = Self::Between(frame.into_inner()),
                    read => {
                        *self = Self::Within(frame);
                        return Ok(read);
                    }
                },
            }
        }
    }
}

/// Opens the frame that begins there, or skips it.
fn frame(raw: Raw<'_>, begin: u64) -> io::Result<Zstd<'_>> {
    let again = |at: u64| {
        raw.place.set(at);
        Raw { sequence: raw.sequence.from(at), place: raw.place.clone(), input: raw.input.clone() }
    };
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    decoder.set_max_window_size(u64::from(MAX_DICTIONARY_KIB) << 10);
    match StreamingDecoder::new_with_decoder(again(begin), decoder) {
        Ok(frame) => Ok(Zstd::Within(Box::new(frame))),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            Ok(Zstd::Between(again(begin + 8 + u64::from(length))))
        }
        Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
            Err(io::Error::new(io::ErrorKind::OutOfMemory, format!("a window of {requested} bytes")))
        }
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// What a reader's error means; a failure of the source comes back as it was.
pub(super) fn parse_error(error: io::Error) -> ParseError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => return ParseError::Truncated,
        // Decompressors say so before they take the memory.
        io::ErrorKind::OutOfMemory => return ParseError::limit(error.to_string()),
        _ => {}
    }
    let message = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<SourceFailed>()) {
        Some(Ok(failed)) => ParseError::Failed(failed.0),
        _ => ParseError::malformed(format!("its compression is broken: {message}")),
    }
}
