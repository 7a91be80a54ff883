//! Zip archives: PyTorch's, Keras's and NumPy's, and any other; their members are looked at as files of their own.

use super::compressed::{self, Kind, SMALL, Unpack};
use super::cursor::Cursor;
use super::dispatch::{Look, examine, is_pickle_name};
use super::fault::Step;
use super::finding::Rule;
use super::keras;
use super::source::{Source, Window, whole};
use super::tar::{check_name, join};
use super::zip_directory::{self, Member};

/// An archive that unpacks to more than this many times its size, and to more than a gibibyte, is a bomb.
pub(super) const MOST_RATIO: u64 = 200;

/// Walks an archive.
pub(super) fn walk(look: &mut Look<'_>, place: &str, name: &str, source: &dyn Source, depth: usize) -> Step<()> {
    let directory = zip_directory::read(source)?;
    for odd in &directory.odd {
        look.seen.find(Rule::ArchiveInconsistent, place, odd.clone());
    }
    let unpacked = directory.members.iter().fold(0u64, |sum, member| sum.saturating_add(member.size));
    if unpacked > 1 << 30 && unpacked / MOST_RATIO > source.size() {
        look.seen.find(Rule::ArchiveBomb, place, format!("{} bytes unpack to {unpacked}", source.size()));
    }
    if let Some((format, version)) = kind(&directory.members, name, source)? {
        if look.seen.format.is_none() || place.is_empty() {
            look.seen.set_format(format, version);
        }
        if format == "pytorch" {
            look.seen.text("framework", "pytorch");
        }
        if format == "npz" {
            look.seen.number("array_count", directory.members.len() as u64);
        }
    }
    for member in &directory.members {
        if !look.count_member(place) {
            break;
        }
        one(look, place, source, member, depth)?;
    }
    Ok(())
}

/// What an archive is, by the names of its members.
fn kind(members: &[Member], name: &str, source: &dyn Source) -> Step<Option<(&'static str, Option<String>)>> {
    let has = |name: &str| members.iter().any(|member| member.name == name);
    if has("config.json") && (has("model.weights.h5") || has("metadata.json")) {
        return Ok(Some(("keras", Some("3".to_owned()))));
    }
    let pickled = members.iter().find_map(|member| member.name.strip_suffix("data.pkl"));
    if let Some(folder) = pickled.filter(|folder| folder.is_empty() || folder.ends_with('/')) {
        let version = members.iter().find(|member| member.name == format!("{folder}version") && member.method == 0);
        let version = match version {
            Some(member) if member.size < 16 => {
                let text = whole(&Window::new(source, member.data, member.size), 16)?;
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

fn one(look: &mut Look<'_>, place: &str, source: &dyn Source, member: &Member, depth: usize) -> Step<()> {
    let inner = join(place, &member.name);
    check_name(look, place, &member.name);
    if let Some(differs) = &member.differs {
        look.seen.find(Rule::ArchiveInconsistent, &inner, differs.clone());
    }
    if member.flags & 1 != 0 {
        look.seen.find(Rule::ArchiveEncrypted, &inner, "it is said to be encrypted");
    }
    if member.data.saturating_add(member.packed) > source.size() {
        look.seen.find(Rule::ArchiveInconsistent, &inner, "it reaches beyond the end of the archive");
    }
    let packed = Window::new(source, member.data, member.packed);
    match member.method {
        0 => {
            if member.packed != member.size {
                look.seen.find(Rule::ArchiveInconsistent, &inner, "it is stored, but its sizes differ");
            }
            if reads_whole(&member.name) && member.size <= SMALL {
                let bytes = whole(&packed, SMALL)?;
                check_sum(look, &inner, member, &bytes);
            }
            examine(look, &inner, &member.name, &packed, depth + 1)?;
            configuration(look, &inner, member, &packed)
        }
        8 => {
            let left = look.unpack.clone();
            if member.size > SMALL {
                let mut input = Cursor::new(Unpack::new(&packed, Kind::Deflate, left), u64::MAX);
                return compressed::stream(look, &inner, &member.name, &mut input, depth + 1);
            }
            let mut input = Cursor::new(Unpack::new(&packed, Kind::Deflate, left), SMALL + 1);
            let mut bytes = Vec::new();
            match input.append(&mut bytes, SMALL) {
                Ok(()) | Err(super::fault::Fault::Truncated) => {}
                Err(fault) => look.seen.note(&inner, "the member", fault)?,
            }
            if bytes.len() as u64 != member.size {
                look.seen.find(Rule::ArchiveInconsistent, &inner, "it does not unpack to the size it is listed with");
            }
            check_sum(look, &inner, member, &bytes);
            let bytes = super::source::Bytes(&bytes);
            examine(look, &inner, &member.name, &bytes, depth + 1)?;
            configuration(look, &inner, member, &bytes)
        }
        other => {
            look.seen.find(Rule::Compressed, &inner, format!("method {other} is not looked into"));
            Ok(())
        }
    }
}

/// Keras writes what a model consists of into its archive.
fn configuration(look: &mut Look<'_>, place: &str, member: &Member, source: &dyn Source) -> Step<()> {
    let is_keras = look.seen.format.as_ref().is_some_and(|format| format.name == "keras");
    let read = match member.name.as_str() {
        "config.json" if is_keras => keras::configuration(&mut look.seen, place, source),
        "metadata.json" if is_keras => keras::metadata(&mut look.seen, source),
        _ => Ok(()),
    };
    read.or_else(|fault| Ok(look.seen.note(place, "the configuration", fault)?))
}

fn reads_whole(name: &str) -> bool {
    is_pickle_name(name) || name.ends_with(".json")
}

fn check_sum(look: &mut Look<'_>, place: &str, member: &Member, bytes: &[u8]) {
    if crc32fast::hash(bytes) != member.crc {
        look.seen.find(Rule::ArchiveChecksum, place, "its bytes have another checksum");
    }
}
