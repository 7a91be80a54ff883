//! Which parser a file or a member of an archive goes to, by its first bytes and then by its name.

use std::cell::Cell;
use std::rc::Rc;

use super::cursor::Cursor;
use super::fault::Step;
use super::finding::Rule;
use super::inspection::Inspection;
use super::pickle::{self, Trust};
use super::siblings::Siblings;
use super::source::{Source, head};
use super::{
    card, compressed, config, gguf, keras, mlmodel, numpy, onnx, openvino, safetensors, tar, zip, zip_directory,
};
use crate::domain::{FilePath, Result};

/// The most bytes of opcodes of one pickle; what is passed over does not count.
pub(super) const PICKLE_BYTES: u64 = 256 << 20;
/// The most bytes that one file may unpack to.
const UNPACKED_BYTES: u64 = 2 << 30;
/// The most members of archives that are looked at.
const MEMBERS: usize = 50_000;
/// Archives within each other.
const DEPTH: usize = 3;

/// One inspection under way.
pub(super) struct Look<'a> {
    pub(super) path: &'a FilePath,
    pub(super) siblings: &'a Siblings,
    pub(super) seen: Inspection,
    /// How many bytes may still be unpacked.
    pub(super) unpack: Rc<Cell<u64>>,
    members: usize,
}

impl<'a> Look<'a> {
    pub(super) fn new(path: &'a FilePath, siblings: &'a Siblings) -> Self {
        let unpack = Rc::new(Cell::new(UNPACKED_BYTES));
        Self { path, siblings, seen: Inspection::default(), unpack, members: MEMBERS }
    }

    /// Counts a member; false once there were too many.
    pub(super) fn count_member(&mut self, place: &str) -> bool {
        if self.members == 0 {
            self.seen.find(Rule::FormatLimit, place, format!("there are more than {MEMBERS} members"));
            return false;
        }
        self.members -= 1;
        true
    }
}

/// What the first bytes say.
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

/// Reads the first bytes' meaning.
pub(super) fn magic(head: &[u8]) -> Magic {
    let begins = |magic: &[u8]| head.starts_with(magic);
    match head {
        _ if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Magic::Zip,
        _ if begins(b"GGUF") => Magic::Gguf,
        _ if begins(b"\x89HDF\r\n\x1a\n") => Magic::Hdf5,
        _ if begins(b"\x93NUMPY") => Magic::Npy,
        _ if begins(b"\x1f\x8b") => Magic::Packed("gzip"),
        _ if begins(b"BZh") => Magic::Packed("bzip2"),
        _ if begins(b"\xfd7zXZ\0") => Magic::Packed("xz"),
        _ if begins(b"7z\xbc\xaf\x27\x1c") => Magic::Packed("7z"),
        _ if begins(b"Rar!\x1a\x07") => Magic::Packed("rar"),
        _ if begins(b"\x28\xb5\x2f\xfd") => Magic::Packed("zstd"),
        _ if begins(b"\x04\x22\x4d\x18") => Magic::Packed("lz4"),
        _ if begins(b"\x5d\0\0") && head.len() > 13 => Magic::Packed("lzma"),
        _ if begins(b"ZF0x") => Magic::Packed("joblib's old zlib"),
        [0x78, second, ..] if (0x7800 + u32::from(*second)) % 31 == 0 && second & 0x20 == 0 => Magic::Packed("zlib"),
        [0x80, 0..=5, ..] => Magic::Pickle,
        _ if tar::is_header(head) => Magic::Tar,
        _ => Magic::None,
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
pub(super) fn examine(look: &mut Look<'_>, place: &str, name: &str, source: &dyn Source, depth: usize) -> Result<()> {
    let start = match head(source, 512) {
        Ok(start) => start,
        Err(fault) => return look.seen.note(place, "the file", fault),
    };
    if start.is_empty() {
        return Ok(());
    }
    let magic = magic(&start);
    if matches!(magic, Magic::Zip | Magic::Tar | Magic::Packed(_)) && depth >= DEPTH {
        look.seen.find(Rule::ArchiveNested, place, format!("it lies more than {DEPTH} archives deep"));
        return Ok(());
    }
    let parsed = match magic {
        Magic::Zip => zip::walk(look, place, name, source, depth),
        Magic::Tar => tar::walk(look, place, source, depth),
        Magic::Packed(kind) if packs(kind, name) => match compressed::walk(look, place, name, (source, kind), depth) {
            Ok(false) => by_name(look, place, name, (source, &start), depth),
            walked => walked.map(drop),
        },
        Magic::Gguf => gguf::read(&mut look.seen, place, source),
        Magic::Hdf5 => keras::hdf5(&mut look.seen, place, source),
        Magic::Npy => numpy::read(&mut look.seen, place, &mut Cursor::over(source, PICKLE_BYTES)),
        Magic::Pickle | Magic::Packed(_) | Magic::None => by_name(look, place, name, (source, &start), depth),
    };
    parsed.or_else(|fault| look.seen.note(place, "the file", fault))
}

/// Two bytes are too few to call any file packed; where they are all there is, the name has to agree.
fn packs(kind: &str, name: &str) -> bool {
    let plain = [".safetensors", ".onnx", ".xml", ".json", ".md", ".py", ".yaml", ".yml", ".txt"];
    !matches!(kind, "zlib" | "lzma")
        || is_pickle_name(name)
        || !plain.iter().any(|extension| name.ends_with(extension)) && !name.ends_with(".bin") && !is_storage(name)
}

/// PyTorch's tensors within its archives are bare numbers.
fn is_storage(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or_default();
    parts.next() == Some("data") && !last.is_empty() && last.bytes().all(|each| each.is_ascii_digit())
}

fn by_name(
    look: &mut Look<'_>,
    place: &str,
    name: &str,
    (source, start): (&dyn Source, &[u8]),
    depth: usize,
) -> Step<()> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let lower = file.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    let seen = &mut look.seen;
    // A pickle under another format's name is still one to whoever unpickles it.
    if magic(start) == Magic::Pickle && !is_pickle_name(name) {
        pickle::scan(&mut Cursor::over(source, PICKLE_BYTES), place, Trust::Guessed, seen)?;
    }
    match (lower.as_str(), extension) {
        (_, "safetensors") => return safetensors::read(seen, place, source),
        (_, "gguf") => return gguf::read(seen, place, source),
        (_, "onnx") => return onnx::read(look, place, source),
        (_, "xml") if openvino::is_model(start) => return openvino::read(look, place, source),
        (lower, _) if lower.ends_with(".index.json") => return safetensors::index(look, place, source),
        ("config.json" | "tokenizer_config.json" | "tokenizer.json" | "generation_config.json", _) => {
            return config::read(seen, place, &lower, source);
        }
        ("mlmodel", _) => return mlmodel::read(seen, place, source),
        ("readme.md", _) if depth == 0 => return card::read(seen, source),
        (_, "py") => {
            seen.find(Rule::PythonCode, place, format!("`{}` is Python code", file.escape_debug()));
            return Ok(());
        }
        _ => {}
    }
    if safetensors::is_header(source, start) {
        return safetensors::read(seen, place, source);
    }
    if matches!(extension, "keras" | "h5" | "hdf5" | "npz" | "npy" | "zip" | "nemo" | "tar") {
        seen.find(Rule::FormatUnexpected, place, format!("its content is not what `.{extension}` says"));
    }
    let claimed = is_pickle_name(name);
    let trust = if claimed { Trust::Claimed } else { Trust::Guessed };
    let was_pickle = pickle::scan(&mut Cursor::over(source, PICKLE_BYTES), place, trust, seen)?;
    if was_pickle && seen.format.is_none() {
        seen.set_format("pickle", None);
    }
    // Python finds an archive's directory at the end of a file, whatever the file begins with.
    if !is_storage(name) && zip_directory::has_end(source)? {
        if !openvino::is_weights(look.siblings, look.path) {
            look.seen.find(Rule::ArchiveInconsistent, place, "an archive lies behind other content");
        }
        return zip::walk(look, place, name, source, depth);
    }
    Ok(())
}
