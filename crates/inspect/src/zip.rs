//! Zip archives: PyTorch's, Keras's and NumPy's, and any other; their members are looked at as files of their own.

use super::compressed::{self, MAX_BUFFERED_BYTES};
use super::cursor::Cursor;
use super::error::ParseResult;
use super::finding::Rule;
use super::keras;
use super::magic::is_pickle_name;
use super::scan::Scan;
use super::source::{Source, Window, read_all};
use super::tar_members::{check_name, join};
use super::unpack::{Kind, Unpack};
use super::zip_directory::{self, Member};

/// An archive that unpacks to more than this many times its size, and to more than a gibibyte, is a bomb.
pub(super) const MAX_RATIO: u64 = 200;

/// Walks an archive.
pub(super) fn walk(scan: &mut Scan<'_>, place: &str, name: &str, source: &dyn Source, depth: usize) -> ParseResult<()> {
    let directory = zip_directory::read(source)?;
    for odd in &directory.odd {
        scan.seen.add_finding(Rule::ArchiveInconsistent, place, odd.clone());
    }
    let unpacked = directory.members.iter().fold(0u64, |sum, member| sum.saturating_add(member.size));
    if unpacked > 1 << 30 && unpacked / MAX_RATIO > source.size() {
        scan.seen.add_finding(Rule::ArchiveBomb, place, format!("{} bytes unpack to {unpacked}", source.size()));
    }
    if let Some((format, version)) = kind(&directory.members, name, source)? {
        if scan.seen.format.is_none() || place.is_empty() {
            scan.seen.set_format(format, version);
        }
        if format == "pytorch" {
            scan.seen.text("framework", "pytorch");
        }
        if format == "npz" {
            scan.seen.number("array_count", directory.members.len() as u64);
        }
    }
    for member in &directory.members {
        if !scan.count_member(place) {
            break;
        }
        one(scan, place, source, member, depth)?;
    }
    Ok(())
}

/// What an archive is, by the names of its members.
fn kind(members: &[Member], name: &str, source: &dyn Source) -> ParseResult<Option<(&'static str, Option<String>)>> {
    let has = |name: &str| members.iter().any(|member| member.name == name);
    if has("config.json") && (has("model.weights.h5") || has("metadata.json")) {
        return Ok(Some(("keras", Some("3".to_owned()))));
    }
    let pickled = members.iter().find_map(|member| member.name.strip_suffix("data.pkl"));
    if let Some(folder) = pickled.filter(|folder| folder.is_empty() || folder.ends_with('/')) {
        let version = members.iter().find(|member| member.name == format!("{folder}version") && member.method == 0);
        let version = match version {
            Some(member) if member.size < 16 => {
                let text = read_all(&Window::new(source, member.data, member.size), 16)?;
                Some(String::from_utf8_lossy(&text).trim().to_owned()).filter(|text| !text.is_empty())
            }
            _ => None,
        };
        let script = has(&format!("{folder}constants.pkl"));
        return Ok(Some((if script { "torchscript" } else { "pytorch" }, version)));
    }
    if !members.is_empty() && (name.ends_with(".npz") || members.iter().all(|member| member.name.ends_with(".npy"))) {
        return Ok(Some(("npz", None)));
    }
    Ok(Some(("zip", None)))
}

fn one(scan: &mut Scan<'_>, place: &str, source: &dyn Source, member: &Member, depth: usize) -> ParseResult<()> {
    let inner = join(place, &member.name);
    check_name(scan, place, &member.name);
    if let Some(differs) = &member.differs {
        scan.seen.add_finding(Rule::ArchiveInconsistent, &inner, differs.clone());
    }
    if member.flags & 1 != 0 {
        scan.seen.add_finding(Rule::ArchiveEncrypted, &inner, "it is marked as encrypted");
    }
    if member.data.saturating_add(member.packed) > source.size() {
        scan.seen.add_finding(Rule::ArchiveInconsistent, &inner, "it reaches beyond the end of the archive");
    }
    let packed = Window::new(source, member.data, member.packed);
    match member.method {
        0 => {
            if member.packed != member.size {
                scan.seen.add_finding(Rule::ArchiveInconsistent, &inner, "it is stored, but its sizes differ");
            }
            if reads_whole(&member.name) && member.size <= MAX_BUFFERED_BYTES {
                let bytes = read_all(&packed, MAX_BUFFERED_BYTES)?;
                check_sum(scan, &inner, member, &bytes);
            }
            scan.examine(&inner, &member.name, &packed, depth + 1)?;
            configuration(scan, &inner, member, &packed)
        }
        method @ (8 | 12 | 93) => {
            let kind = match method {
                12 => Kind::Bzip2,
                93 => Kind::Zstd,
                _ => Kind::Deflate,
            };
            let left = scan.unpack.clone();
            let most = compressed::in_memory(&member.name);
            if member.size > most {
                let mut input = Cursor::new(Unpack::new(&packed, kind, left), u64::MAX);
                return scan.examine_stream(&inner, &member.name, &mut input, depth + 1);
            }
            let mut input = Cursor::new(Unpack::new(&packed, kind, left), most + 1);
            let mut bytes = Vec::new();
            match input.append(&mut bytes, most) {
                Ok(()) | Err(super::error::ParseError::Truncated) => {}
                Err(error) => scan.seen.note_error(&inner, "the member", error)?,
            }
            if bytes.len() as u64 != member.size {
                scan.seen.add_finding(
                    Rule::ArchiveInconsistent,
                    &inner,
                    "it does not unpack to the size it is listed with",
                );
            }
            check_sum(scan, &inner, member, &bytes);
            let bytes = super::source::Bytes(&bytes);
            scan.examine(&inner, &member.name, &bytes, depth + 1)?;
            configuration(scan, &inner, member, &bytes)
        }
        other => {
            scan.seen.add_finding(Rule::Compressed, &inner, format!("method {other} is not looked into"));
            Ok(())
        }
    }
}

/// Keras writes what a model consists of into its archive.
fn configuration(scan: &mut Scan<'_>, place: &str, member: &Member, source: &dyn Source) -> ParseResult<()> {
    let is_keras = scan.seen.format.as_ref().is_some_and(|format| format.name == "keras");
    let read = match member.name.as_str() {
        "config.json" if is_keras => keras::configuration(&mut scan.seen, place, source),
        "metadata.json" if is_keras => keras::metadata(&mut scan.seen, source),
        _ => Ok(()),
    };
    read.or_else(|error| Ok(scan.seen.note_error(place, "the configuration", error)?))
}

fn reads_whole(name: &str) -> bool {
    is_pickle_name(name) || name.ends_with(".json")
}

fn check_sum(scan: &mut Scan<'_>, place: &str, member: &Member, bytes: &[u8]) {
    if crc32fast::hash(bytes) != member.crc {
        scan.seen.add_finding(Rule::ArchiveChecksum, place, "its bytes have another checksum");
    }
}
