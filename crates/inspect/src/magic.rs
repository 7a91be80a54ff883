//! Which format the first bytes of a file indicate, and which its name does.

use super::numpy;
use super::tar::Header;

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
    let number = |at| number_at(head, at);
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
        _ if Header::is_header(head) => Magic::Tar,
        _ => Magic::None,
    }
}

/// The four bytes from `at` as a number; 0 where the file ends before.
fn number_at(head: &[u8], at: usize) -> u32 {
    head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
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
pub(super) fn claims(name: &str, magic: Magic) -> bool {
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

/// Whether the checksum of an archive's first header fits; those of other archives than zip are not inspected.
pub(super) fn has_header_checksum(start: &[u8]) -> bool {
    let number = |at| number_at(start, at);
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

/// PyTorch's tensors within its archives are bare numbers.
pub(super) fn is_storage(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or_default();
    parts.next() == Some("data") && !last.is_empty() && last.bytes().all(|each| each.is_ascii_digit())
}
