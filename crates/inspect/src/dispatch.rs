//! Which parser a file or a member of an archive goes to, by its first bytes and then by its name.

use std::cell::Cell;
use std::io::Result;
use std::rc::Rc;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::{Rule, Severity};
use super::inspection::Inspection;
use super::pickle::{self, Trust};
use super::siblings::Siblings;
use super::source::{Source, read_head};
use super::{
    compressed, config, gguf, hdf5, mlmodel, model_card, numpy, onnx, openvino, safetensors, shards, tar_members, zip,
    zip_directory,
};

/// The maximum number of bytes of opcodes of one pickle; what is skipped does not count.
pub(super) const MAX_PICKLE_BYTES: u64 = 256 << 20;
/// The maximum number of bytes that one file may unpack to.
const MAX_UNPACKED_BYTES: u64 = 2 << 30;
/// The maximum number of members of archives that are inspected.
const MAX_MEMBERS: usize = 50_000;
/// The maximum nesting of archives.
const MAX_DEPTH: usize = 3;

/// The state of one inspection.
pub(super) struct Scan<'a> {
    pub(super) path: &'a str,
    pub(super) siblings: &'a Siblings,
    pub(super) seen: Inspection,
    /// How many bytes may still be unpacked.
    pub(super) unpack: Rc<Cell<u64>>,
    members: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(path: &'a str, siblings: &'a Siblings) -> Self {
        let unpack = Rc::new(Cell::new(MAX_UNPACKED_BYTES));
        Self { path, siblings, seen: Inspection::default(), unpack, members: MAX_MEMBERS }
    }

    /// Counts a member; false once there were too many.
    pub(super) fn count_member(&mut self, place: &str) -> bool {
        if self.members == 0 {
            self.seen.add_finding(Rule::FormatLimit, place, format!("there are more than {MAX_MEMBERS} members"));
            return false;
        }
        self.members -= 1;
        true
    }
}

/// The format that the first bytes indicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    Zip,
    Tar,
    Gguf,
    Hdf5,
    Npy,
    Pickle,
    Packed(&'static str),
    None,
}

/// Reads the first bytes' meaning. Any text may begin with a few letters, and any numbers with a few bytes, so that more of each
/// format than its mark is looked at wherever it has more.
pub(super) fn magic(head: &[u8]) -> Magic {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let number = |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    match head {
        _ if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Magic::Zip,
        _ if begins(b"GGUF") && has_counts(head) && (is_version(number(4)) || is_version(number(4).swap_bytes())) => {
            Magic::Gguf
        }
        _ if begins(b"\x89HDF\r\n\x1a\n") && head.get(8).is_some_and(|version| *version <= 3) => Magic::Hdf5,
        _ if numpy::is_header(head) => Magic::Npy,
        _ if begins(b"\x1f\x8b\x08") => Magic::Packed("gzip"),
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
            if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
        {
            Magic::Packed("bzip2")
        }
        _ if begins(b"\xfd7zXZ\0") && head.get(6..8).map(crc32fast::hash) == Some(number(8)) => Magic::Packed("xz"),
        _ if begins(b"7z\xbc\xaf\x27\x1c")
            && (head.get(12..32).map(crc32fast::hash) == Some(number(8)) || number(8) == 0) =>
        {
            Magic::Packed("7z")
        }
        _ if begins(b"Rar!\x1a\x07\x00") || begins(b"Rar!\x1a\x07\x01\x00") => Magic::Packed("rar"),
        // Skippable frames may come first.
        _ if begins(b"\x28\xb5\x2f\xfd") || matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) => {
            Magic::Packed("zstd")
        }
        _ if begins(b"\x04\x22\x4d\x18") => Magic::Packed("lz4"),
        _ if begins(b"\x5d\0") && head.len() > 13 => Magic::Packed("lzma"),
        _ if begins(b"ZF") && head.get(2..21).is_some_and(is_hexadecimal) => Magic::Packed("joblib-zlib"),
        [0x78, second, ..] if (0x7800 + u32::from(*second)) % 31 == 0 && second & 0x20 == 0 => Magic::Packed("zlib"),
        [0x80, 0..=5, ..] => Magic::Pickle,
        _ if tar_members::is_header(head) => Magic::Tar,
        _ => Magic::None,
    }
}

/// Whether a GGUF file has any tensors or values.
fn has_counts(head: &[u8]) -> bool {
    head.get(8..24).is_some_and(|counts| counts.iter().any(|byte| *byte != 0))
}

fn is_version(number: u32) -> bool {
    (1..=255).contains(&number)
}

/// A number as joblib's first own format writes it, with spaces up to its width.
fn is_hexadecimal(field: &[u8]) -> bool {
    let digits = field.trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a name says what the first bytes say, so that what breaks the format's rules is suspicious, not another format.
fn claims(name: &str, magic: Magic) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
    match magic {
        Magic::Zip => is_pickle_name(&name) || ends(&[".zip", ".npz", ".keras", ".jar", ".whl"]),
        Magic::Tar => true,
        Magic::Gguf => ends(&[".gguf"]),
        Magic::Hdf5 => ends(&[".h5", ".hdf5", ".keras", ".he5"]),
        Magic::Npy => ends(&[".npy"]) || is_pickle_name(&name),
        Magic::Packed("7z" | "rar") => is_pickle_name(&name) || ends(&[".7z", ".rar"]),
        Magic::Pickle | Magic::Packed(_) | Magic::None => false,
    }
}

/// Whether a name says that the file is a pickle.
pub(super) fn is_pickle_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "pkl" | "pickle" | "pck" | "pcl" | "joblib" | "dill" | "cloudpickle" | "pt" | "pth" | "ckpt" | "sav" | "mar"
    ) || name.ends_with("pytorch_model.bin")
        || name.ends_with("training_args.bin")
}

/// Examines one file, or one member of an archive under its own `name`.
pub(super) fn examine(scan: &mut Scan<'_>, place: &str, name: &str, source: &dyn Source, depth: usize) -> Result<()> {
    let start = match read_head(source, 512) {
        Ok(start) => start,
        Err(error) => return scan.seen.note_error(place, "the file", error),
    };
    if start.is_empty() {
        return Ok(());
    }
    let magic = magic(&start);
    let claimed = claims(name, magic);
    if depth >= MAX_DEPTH && is_nested(scan, name, (source, &start), magic)? {
        scan.seen.add_finding(Rule::ArchiveNested, place, format!("it lies more than {MAX_DEPTH} archives deep"));
        return Ok(());
    }
    let parsed = match magic {
        Magic::Zip if claimed || is_archive(source)? => zip::walk(scan, place, name, source, depth).map(|()| true),
        Magic::Tar => tar_members::walk(scan, place, source, depth).map(|()| true),
        Magic::Packed("7z" | "rar") if !claimed && !has_header_checksum(&start) => Ok(false),
        Magic::Packed(kind) if !is_storage(name) => compressed::walk(scan, place, name, (source, kind), depth),
        Magic::Gguf if claimed => gguf::read(&mut scan.seen, place, source).map(|()| true),
        Magic::Gguf => parse_tentatively(scan, |scan| gguf::read(&mut scan.seen, place, source)),
        Magic::Hdf5 if claimed => hdf5::read(&mut scan.seen, place, source).map(|()| true),
        Magic::Hdf5 => parse_tentatively(scan, |scan| hdf5::read(&mut scan.seen, place, source)),
        Magic::Npy => match numpy::read(&mut scan.seen, place, &mut Cursor::over(source, MAX_PICKLE_BYTES), claimed) {
            Err(ParseError::Truncated) if !claimed => Ok(false),
            read => read,
        },
        Magic::Zip | Magic::Pickle | Magic::Packed(_) | Magic::None => Ok(false),
    };
    let parsed = match parsed {
        Ok(true) => Ok(()),
        Ok(false) => by_name(scan, place, name, (source, &start), depth),
        Err(error) => Err(error),
    };
    parsed.or_else(|error| scan.seen.note_error(place, "the file", error))
}

/// Whether there is an archive, by more than its first bytes.
fn is_nested(scan: &Scan<'_>, name: &str, (source, start): (&dyn Source, &[u8]), magic: Magic) -> Result<bool> {
    match magic {
        Magic::Zip => Ok(claims(name, magic) || is_archive(source)?),
        Magic::Tar => Ok(true),
        Magic::Packed(kind) if !is_storage(name) => match compressed::unpacks(scan, source, kind, start) {
            Err(ParseError::Failed(error)) => Err(error),
            unpacks => Ok(unpacks.unwrap_or(true)),
        },
        _ => Ok(false),
    }
}

/// Whether what begins as a zip archive ends as one. An error of its end is reported by the walk.
fn is_archive(source: &dyn Source) -> Result<bool> {
    match zip_directory::has_end(source) {
        Err(ParseError::Failed(error)) => Err(error),
        has_end => Ok(has_end.unwrap_or(true)),
    }
}

/// Whether the checksum of an archive's first header fits; those of other archives than zip are not inspected.
pub(super) fn has_header_checksum(start: &[u8]) -> bool {
    let number =
        |at: usize| start.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    match start {
        [b'7', b'z', ..] => start.get(12..32).map(crc32fast::hash) == Some(number(8)),
        [b'R', b'a', b'r', b'!', 0x1a, 7, 0, _, _, kind, ..] => *kind == 0x73,
        [b'R', b'a', b'r', b'!', 0x1a, 7, 1, 0, ..] => {
            // Its length is a number of one or more bytes, and counts what follows it.
            let size = usize::from(start.get(12).copied().unwrap_or(0));
            size < 0x80 && start.get(12..13 + size).map(crc32fast::hash) == Some(number(8))
        }
        _ => false,
    }
}

/// Parses a file whose format only its first bytes indicate. If it breaks the format's rules it is something else, so that
/// only dangerous findings of it stay, and the result is false.
fn parse_tentatively(scan: &mut Scan<'_>, read: impl FnOnce(&mut Scan<'_>) -> ParseResult<()>) -> ParseResult<bool> {
    let before = std::mem::take(&mut scan.seen);
    let result = read(scan);
    let mut found = std::mem::replace(&mut scan.seen, before);
    let breaks = |rule: Rule| matches!(rule, Rule::FormatMalformed | Rule::FormatTruncated | Rule::FormatLimit);
    let fits = match result {
        Err(ParseError::Failed(error)) => return Err(ParseError::Failed(error)),
        result => result.is_ok() && !found.findings.iter().any(|finding| breaks(finding.rule)),
    };
    if !fits {
        found.findings.retain(|finding| finding.severity() == Severity::Danger);
        found = Inspection { findings: found.findings, ..Inspection::default() };
    }
    scan.seen.merge(found, "");
    Ok(fits)
}

/// PyTorch's tensors within its archives are bare numbers.
pub(super) fn is_storage(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or_default();
    parts.next() == Some("data") && !last.is_empty() && last.bytes().all(|each| each.is_ascii_digit())
}

fn by_name(
    scan: &mut Scan<'_>,
    place: &str,
    name: &str,
    (source, start): (&dyn Source, &[u8]),
    depth: usize,
) -> ParseResult<()> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let lower = file.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    let seen = &mut scan.seen;
    // A pickle under another format's name is still one to whoever unpickles it.
    if magic(start) == Magic::Pickle && !is_pickle_name(name) {
        pickle::scan(&mut Cursor::over(source, MAX_PICKLE_BYTES), place, Trust::Guessed, seen)?;
    }
    match (lower.as_str(), extension) {
        (_, "safetensors") => return safetensors::read(seen, place, source),
        (_, "gguf") => return gguf::read(seen, place, source),
        (_, "onnx") => return onnx::read(scan, place, source),
        (_, "xml") if openvino::is_model(start) => return openvino::read(scan, place, source),
        (lower, _) if lower.ends_with(".index.json") => return shards::read(scan, place, lower, source),
        (lower, "json") => config::read(seen, place, lower, source)?,
        (lower, _) if config::is_template(lower) => config::read_template(seen, place, lower, source)?,
        ("mlmodel", _) => return mlmodel::read(seen, place, source),
        ("readme.md", _) if depth == 0 => return model_card::read(seen, source),
        (_, "py") => {
            seen.add_finding(Rule::PythonCode, place, format!("`{}` is Python code", file.escape_debug()));
            return Ok(());
        }
        _ => {}
    }
    if safetensors::is_header(source, start)
        && parse_tentatively(scan, |scan| safetensors::read(&mut scan.seen, place, source))?
    {
        return Ok(());
    }
    let seen = &mut scan.seen;
    if matches!(extension, "keras" | "h5" | "hdf5") && hdf5::is_behind_user_block(source)? {
        return hdf5::read(seen, place, source);
    }
    if matches!(extension, "keras" | "h5" | "hdf5" | "npz" | "npy" | "zip" | "nemo" | "tar") {
        seen.add_finding(Rule::FormatUnexpected, place, format!("its content is not what `.{extension}` says"));
    }
    let claimed = is_pickle_name(name);
    let trust = if claimed { Trust::Claimed } else { Trust::Guessed };
    let was_pickle = pickle::scan(&mut Cursor::over(source, MAX_PICKLE_BYTES), place, trust, seen)?;
    if was_pickle && seen.format.is_none() {
        seen.set_format("pickle", None);
    }
    // Python finds an archive's directory at the end of a file, whatever the file begins with.
    if !is_storage(name) && zip_directory::has_end(source)? {
        if !openvino::is_weights(scan.siblings, scan.path) {
            scan.seen.add_finding(Rule::ArchiveInconsistent, place, "an archive lies behind other content");
        }
        return zip::walk(scan, place, name, source, depth);
    }
    Ok(())
}
