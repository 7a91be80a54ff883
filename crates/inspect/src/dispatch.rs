//! Which parser a file or a member of an archive goes to, by its first bytes and then by its name.

use std::io::Result;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::{Rule, Severity};
use super::inspection::Inspection;
use super::magic::{Magic, claims, has_header_checksum, is_pickle_name, is_storage, magic};
use super::pickle::{self, MAX_PICKLE_BYTES, Trust};
use super::scan::{Scan, Within};
use super::source::{Source, read_head};
use super::{
    compressed, config, gguf, hdf5, mlmodel, model_card, numpy, onnx, openvino, safetensors, shards, tar_members, zip,
    zip_directory,
};

/// The maximum nesting of archives.
const MAX_DEPTH: usize = 3;

/// How members of archives are examined.
pub(super) const WITHIN: Within = Within { file: examine, stream: compressed::stream };

/// Examines one file, or one member of an archive under its own `name`.
fn examine(scan: &mut Scan<'_>, place: &str, name: &str, source: &dyn Source, depth: usize) -> Result<()> {
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
            scan.seen.add_finding(Rule::ArchiveInconsistent, place, "an archive lies after other content");
        }
        return zip::walk(scan, place, name, source, depth);
    }
    Ok(())
}
