//! Tar archives: their members are inspected one after the other, as files of their own.

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::scan::Scan;
use super::source::Source;
use super::sparse::{SparseSource, SparseStream};
use crate::tar::{Broken, Extensions, Header, Kind, Layout, MAX_EXTENDED, padding};

/// Walks an archive that can be read anywhere.
pub(super) fn walk(scan: &mut Scan<'_>, place: &str, source: &dyn Source, depth: usize) -> ParseResult<()> {
    members(scan, place, &mut Cursor::over(source, u64::MAX), Some(source), depth)
}

/// Walks an archive that comes out of a decompressor.
pub(super) fn stream(scan: &mut Scan<'_>, place: &str, input: &mut Cursor<'_>, depth: usize) -> ParseResult<()> {
    members(scan, place, input, None, depth)
}

impl From<Broken> for ParseError {
    fn from(broken: Broken) -> Self {
        Self::malformed(broken.to_string())
    }
}

fn members(
    scan: &mut Scan<'_>,
    place: &str,
    input: &mut Cursor<'_>,
    source: Option<&dyn Source>,
    depth: usize,
) -> ParseResult<()> {
    if scan.seen.format.is_none() {
        let name = if scan.path.ends_with(".nemo") { "nemo" } else { "tar" };
        scan.seen.set_format(name, None);
    }
    let mut said = Extensions::default();
    while input.peek()?.is_some() {
        let block: [u8; 512] = input.array()?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let Some(header) = Header::parse(block)? else {
            return Err(ParseError::malformed("a header's checksum does not fit"));
        };
        if !scan.count_member(place) {
            break;
        }
        if header.kind.is_extension() {
            let body = input.bytes(header.size, MAX_EXTENDED)?;
            said.add(header.kind, &body)?;
            pad(input, header.size)?;
            continue;
        }
        let mut member = said.member(header)?;
        while member.wants_block() {
            member.add_block(&input.array()?)?;
        }
        let layout = member.layout()?;
        let name = String::from_utf8_lossy(&member.name).into_owned();
        check_name(scan, place, &name);
        if member.kind == Kind::Link {
            let target = String::from_utf8_lossy(&member.link);
            let message = format!("`{}` is a link to `{}`", name.escape_debug(), target.escape_debug());
            if target.starts_with('/') || target.split('/').any(|part| part == "..") {
                scan.seen.add_finding(Rule::ArchivePath, place, message);
            }
        }
        let stored = layout.stored;
        content(scan, (&join(place, &name), &name), input, (source, layout), depth)?;
        pad(input, stored)?;
    }
    Ok(())
}

fn content(
    scan: &mut Scan<'_>,
    (place, name): (&str, &str),
    input: &mut Cursor<'_>,
    (source, layout): (Option<&dyn Source>, Layout),
    depth: usize,
) -> ParseResult<()> {
    let (start, stored) = (input.place(), layout.stored);
    if let Some(source) = source {
        if source.size().saturating_sub(start) < stored {
            return Err(ParseError::Truncated);
        }
        scan.examine(place, name, &SparseSource::new(source, start, layout), depth + 1)?;
        return input.skip(stored);
    }
    let mut bounded = Cursor::new(SparseStream::new(input, layout), u64::MAX);
    scan.examine_stream(place, name, &mut bounded, depth + 1)?;
    drop(bounded);
    // What was inspected may have been the member's beginning, but never anything past its end.
    match input.skip(stored.saturating_sub(input.place() - start)) {
        Err(ParseError::Truncated) => Ok(()),
        skipped => skipped,
    }
}

fn pad(input: &mut Cursor<'_>, size: u64) -> ParseResult<()> {
    match input.skip(padding(size)) {
        Err(ParseError::Truncated) => Ok(()),
        other => other,
    }
}

/// The place of a member within the place of its archive.
pub(super) fn join(place: &str, name: &str) -> String {
    let name = super::inspection::clip(&name.escape_debug().to_string(), 512);
    if place.is_empty() { name } else { format!("{place}!{name}") }
}

/// Notes a member that would be written outside its folder.
pub(super) fn check_name(scan: &mut Scan<'_>, place: &str, name: &str) {
    if leads_outside(name) {
        scan.seen.add_finding(Rule::ArchivePath, place, format!("`{}` leads outside", name.escape_debug()));
    }
}

/// Whether unpacking a member of that name may write outside the folder that it is unpacked to.
pub(super) fn leads_outside(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\']) || drive || name.split(['/', '\\']).any(|part| part == "..")
}
