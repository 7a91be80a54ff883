//! Tar archives: their members are looked at one after the other, as files of their own.

use super::compressed;
use super::cursor::Cursor;
use super::dispatch::{Look, examine};
use super::fault::{Fault, Step};
use super::finding::Rule;
use super::source::{Feed, Source, Window};

const BLOCK: u64 = 512;
/// The longest name that a header of its own may carry.
const LONGEST_NAME: u64 = 8192;

/// Whether a file begins with a tar header, by its checksum.
pub(super) fn is_header(head: &[u8]) -> bool {
    let Some(header) = head.get(..512) else { return false };
    let Some(told) = octal(header.get(148..156).unwrap_or_default()) else { return false };
    let sum: u64 =
        header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    told == sum && header.first().is_some_and(|byte| *byte != 0)
}

/// Walks an archive that can be read anywhere.
pub(super) fn walk(look: &mut Look<'_>, place: &str, source: &dyn Source, depth: usize) -> Step<()> {
    members(look, place, &mut Cursor::over(source, u64::MAX), Some(source), depth)
}

/// Walks an archive that comes out of a decompressor.
pub(super) fn stream(look: &mut Look<'_>, place: &str, input: &mut Cursor<'_>, depth: usize) -> Step<()> {
    members(look, place, input, None, depth)
}

fn members(
    look: &mut Look<'_>,
    place: &str,
    input: &mut Cursor<'_>,
    source: Option<&dyn Source>,
    depth: usize,
) -> Step<()> {
    if look.seen.format.is_none() {
        let name = if look.path.as_str().ends_with(".nemo") { "nemo" } else { "tar" };
        look.seen.set_format(name, None);
    }
    let mut long_name = None;
    let mut long_size = None;
    while input.peek()?.is_some() {
        let header: [u8; 512] = input.array()?;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        if !is_header(&header) {
            return Err(Fault::malformed("a header's checksum does not fit"));
        }
        if !look.count_member(place) {
            break;
        }
        let size =
            number(header.get(124..136).unwrap_or_default()).ok_or_else(|| Fault::malformed("a size is no number"))?;
        match header.get(156).copied().unwrap_or(0) {
            b'L' => {
                let name = input.bytes(size, LONGEST_NAME)?;
                long_name = Some(text(&name));
                pad(input, size)?;
            }
            b'x' => {
                let records = input.bytes(size, 64 * 1024)?;
                long_name = record(&records, "path").or(long_name);
                long_size = record(&records, "size").and_then(|size| size.parse().ok()).or(long_size);
                pad(input, size)?;
            }
            kind => {
                let name = long_name.take().unwrap_or_else(|| plain_name(&header));
                let size = long_size.take().unwrap_or(size);
                check_name(look, place, &name);
                if matches!(kind, b'1' | b'2') {
                    let target = text(header.get(157..257).unwrap_or_default());
                    let message = format!("`{}` is a link to `{}`", name.escape_debug(), target.escape_debug());
                    if target.starts_with('/') || target.split('/').any(|part| part == "..") {
                        look.seen.find(Rule::ArchivePath, place, message);
                    }
                }
                let inner = join(place, &name);
                member(look, (&inner, &name), input, (source, size), depth)?;
                pad(input, size)?;
            }
        }
    }
    Ok(())
}

fn member(
    look: &mut Look<'_>,
    (place, name): (&str, &str),
    input: &mut Cursor<'_>,
    (source, size): (Option<&dyn Source>, u64),
    depth: usize,
) -> Step<()> {
    let Some(source) = source else {
        let mut bounded = Cursor::new(Bounded { input, left: size }, u64::MAX);
        compressed::stream(look, place, name, &mut bounded, depth + 1)?;
        // The bounded cursor may have read ahead, but never past the member.
        drop(bounded.skip(u64::MAX));
        return Ok(());
    };
    if source.size().saturating_sub(input.place()) < size {
        return Err(Fault::Truncated);
    }
    examine(look, place, name, &Window::new(source, input.place(), size), depth + 1)?;
    input.skip(size)
}

struct Bounded<'a, 'b> {
    input: &'a mut Cursor<'b>,
    left: u64,
}

impl Feed for Bounded<'_, '_> {
    fn pull(&mut self, buf: &mut [u8]) -> Step<usize> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        if length == 0 {
            return Ok(0);
        }
        let read = self.input.pull(buf.get_mut(..length).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}

fn pad(input: &mut Cursor<'_>, size: u64) -> Step<()> {
    match input.skip((BLOCK - size % BLOCK) % BLOCK) {
        Err(Fault::Truncated) => Ok(()),
        other => other,
    }
}

/// The place of a member within the place of its archive.
pub(super) fn join(place: &str, name: &str) -> String {
    let name = super::inspection::clip(&name.escape_debug().to_string(), 512);
    if place.is_empty() { name } else { format!("{place}!{name}") }
}

/// Notes a member that would be written outside its folder.
pub(super) fn check_name(look: &mut Look<'_>, place: &str, name: &str) {
    if leads_outside(name) {
        look.seen.find(Rule::ArchivePath, place, format!("`{}` leads outside", name.escape_debug()));
    }
}

/// Whether unpacking a member of that name may write outside the folder that it is unpacked to.
pub(super) fn leads_outside(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\']) || drive || name.split(['/', '\\']).any(|part| part == "..")
}

fn plain_name(header: &[u8; 512]) -> String {
    let name = text(header.get(..100).unwrap_or_default());
    let prefix = text(header.get(345..500).unwrap_or_default());
    let is_ustar = header.get(257..263) == Some(b"ustar\0");
    if is_ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// A value of a pax header, whose records are `LENGTH KEY=VALUE\n`; the last one counts.
fn record(records: &[u8], key: &str) -> Option<String> {
    let mut rest = records;
    let mut found = None;
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(rest.get(..space)?).ok()?.parse().ok()?;
        let line = rest.get(space + 1..length.checked_sub(1)?)?;
        let line = String::from_utf8_lossy(line);
        found = line.strip_prefix(key).and_then(|line| line.strip_prefix('=')).map(str::to_owned).or(found);
        rest = rest.get(length..)?;
    }
    found
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.split(|byte| matches!(byte, 0 | b' ')).find(|part| !part.is_empty())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// A size: octal digits, or base 256 where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    match field.first()? {
        0x80 => Some(u64::from_be_bytes(field.get(4..12)?.try_into().ok()?)),
        first if first & 0x80 != 0 => None,
        _ if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Some(0),
        _ => octal(field),
    }
}
