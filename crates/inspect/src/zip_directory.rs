//! The directory of a zip archive: where it is, what it lists, and whether the members' own headers agree.

use std::io::Result;

use super::error::{ParseError, ParseResult};
use super::source::{Source, read_exact};

/// The maximum number of members that a directory may list.
const MAX_MEMBERS: u64 = 50_000;
/// The maximum length of an end record with its comment.
const MAX_END_BYTES: u64 = 22 + 65_535;
/// The maximum number of bytes of a directory.
const MAX_BYTES: u64 = 64 << 20;

/// A member as the directory lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Where its own header begins.
    pub(super) header: u64,
    /// Where its bytes begin.
    pub(super) data: u64,
    /// How its own header differs from the directory.
    pub(super) differs: Option<String>,
}

/// A directory with what is odd about it.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) members: Vec<Member>,
    pub(super) odd: Vec<String>,
}

struct End {
    at: u64,
    count: u64,
    size: u64,
    offset: u64,
}

/// Whether bytes begin as a member's own header does: with a method that there is, and a name that is text.
pub(super) fn is_member(start: &[u8]) -> bool {
    let Some(header) = start.get(..30).filter(|header| header.starts_with(b"PK\x03\x04")) else { return false };
    let method = u16_at(header, 8);
    let name = start.get(30..30 + usize::from(u16_at(header, 26))).unwrap_or_default();
    u16_at(header, 4) & 0xff <= 63
        && (method <= 20 || (93..=99).contains(&method))
        && std::str::from_utf8(name).is_ok_and(|name| !name.is_empty() && !name.chars().any(char::is_control))
}

/// Whether there is an archive as Python would find it: by an end that leads to a directory.
pub(super) fn has_end(source: &dyn Source) -> ParseResult<bool> {
    let Some((end, _)) = find_end(source)? else { return Ok(false) };
    if end.count == 0 {
        return Ok(end.at == 0 && source.size() == 22);
    }
    let Some(start) = end.at.checked_sub(end.size).filter(|_| end.size >= 46) else { return Ok(false) };
    Ok(read_exact(source, start, 4)? == b"PK\x01\x02")
}

fn find_end(source: &dyn Source) -> ParseResult<Option<(End, usize)>> {
    let size = source.size();
    let length = size.min(MAX_END_BYTES);
    let tail = read_exact(source, size - length, usize::try_from(length).unwrap_or(0))?;
    let places: Vec<usize> =
        tail.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x05\x06").map(|(at, _)| at).collect();
    // Python takes the record at the very end where there is one; its fields may look like the beginning of another.
    let at_end = tail.len().checked_sub(22).filter(|at| places.contains(at) && tail.ends_with(&[0, 0]));
    let fits = places.iter().rev().copied().find(|at| at + 22 <= tail.len());
    let Some(at) = at_end.or(fits) else { return Ok(None) };
    let Some(record) = tail.get(at..at + 22) else { return Ok(None) };
    let mut end = End {
        at: size - length + at as u64,
        count: u64::from(u16_at(record, 10)),
        size: u64::from(u32_at(record, 12)),
        offset: u64::from(u32_at(record, 16)),
    };
    // The record of large archives stands before the locator that points at it, not counting what stands before the archive.
    if let Some(locator) =
        at.checked_sub(20).and_then(|from| tail.get(from..at)).filter(|each| each.starts_with(b"PK\x06\x07"))
    {
        let mut place = end.at.saturating_sub(76);
        let mut large = read_exact(source, place, 56)?;
        if !large.starts_with(b"PK\x06\x06") {
            place = u64_at(locator, 8);
            large = read_exact(source, place, 56)?;
        }
        if large.starts_with(b"PK\x06\x06") {
            end = End { at: place, count: u64_at(&large, 32), size: u64_at(&large, 40), offset: u64_at(&large, 48) };
        }
    }
    Ok(Some((end, places.len())))
}

/// How many bytes stand before the archive that its own offsets do not count, as in one that extracts itself; 0 where that
/// cannot be told. Fails only where the source fails.
pub fn archive_offset(source: &dyn Source) -> Result<u64> {
    match find_end(source) {
        Ok(Some((end, _))) => {
            let start = end.at.checked_sub(end.size);
            Ok(start.and_then(|start| start.checked_sub(end.offset)).unwrap_or_default())
        }
        Err(ParseError::Failed(error)) => Err(error),
        Ok(None) | Err(_) => Ok(0),
    }
}

/// Reads the directory and each member's own header.
pub(super) fn read(source: &dyn Source) -> ParseResult<Directory> {
    let mut directory = Directory::default();
    let Some((end, ends)) = find_end(source)? else {
        return Err(ParseError::malformed("the archive's directory is missing"));
    };
    if ends > 1 {
        directory.odd.push("there is more than one end of the directory".to_owned());
    }
    if end.count > MAX_MEMBERS || end.size > MAX_BYTES {
        return Err(ParseError::limit(format!("a directory of {} members in {} bytes", end.count, end.size)));
    }
    let start = end.at.checked_sub(end.size).ok_or(ParseError::Truncated)?;
    let shift =
        start.checked_sub(end.offset).ok_or_else(|| ParseError::malformed("the directory lies after its end"))?;
    if shift > 0 {
        directory.odd.push(format!("{shift} bytes stand before the archive"));
    }
    let bytes = read_exact(source, start, usize::try_from(end.size).map_err(|_| ParseError::Truncated)?)?;
    let mut rest = bytes.as_slice();
    for _ in 0..end.count {
        let (mut member, after) = entry(rest)?;
        rest = after;
        member.header = member.header.saturating_add(shift);
        local(source, &mut member)?;
        directory.members.push(member);
    }
    if !rest.is_empty() {
        directory.odd.push("the directory lists more members than its end counts".to_owned());
    }
    check_layout(source, &mut directory, start)?;
    Ok(directory)
}

fn entry(bytes: &[u8]) -> ParseResult<(Member, &[u8])> {
    let fixed = bytes.get(..46).filter(|fixed| fixed.starts_with(b"PK\x01\x02"));
    let fixed = fixed.ok_or_else(|| ParseError::malformed("the directory breaks off"))?;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let name_bytes = bytes.get(46..46 + name).ok_or(ParseError::Truncated)?;
    let extra_bytes = bytes.get(46 + name..46 + name + extra).ok_or(ParseError::Truncated)?;
    let after = bytes.get(46 + name + extra + comment..).ok_or(ParseError::Truncated)?;
    let mut member = Member {
        name: String::from_utf8_lossy(name_bytes).into_owned(),
        flags: u16_at(fixed, 8),
        method: u16_at(fixed, 10),
        crc: u32_at(fixed, 16),
        packed: u64::from(u32_at(fixed, 20)),
        size: u64::from(u32_at(fixed, 24)),
        header: u64::from(u32_at(fixed, 42)),
        data: 0,
        differs: None,
    };
    let mut large = large(extra_bytes);
    for value in [&mut member.size, &mut member.packed, &mut member.header] {
        if *value == u64::from(u32::MAX) {
            *value = large.next().ok_or_else(|| ParseError::malformed("a large member's size is missing"))?;
        }
    }
    Ok((member, after))
}

/// The numbers of the field for large archives.
fn large(extra: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut rest = extra;
    let mut numbers: &[u8] = &[];
    while let Some(head) = rest.get(..4) {
        let length = usize::from(u16_at(head, 2));
        let body = rest.get(4..4 + length).unwrap_or_default();
        if u16_at(head, 0) == 1 {
            numbers = body;
            break;
        }
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    numbers.chunks_exact(8).map(|number| u64_at(number, 0))
}

fn local(source: &dyn Source, member: &mut Member) -> ParseResult<()> {
    let fixed = match read_exact(source, member.header, 30) {
        Ok(fixed) if fixed.starts_with(b"PK\x03\x04") => fixed,
        Ok(_) | Err(ParseError::Truncated) => {
            member.differs = Some("it has no header of its own".to_owned());
            member.data = member.header.saturating_add(30 + member.name.len() as u64);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let (name, extra) = (u16_at(&fixed, 26), u16_at(&fixed, 28));
    member.data = member.header + 30 + u64::from(name) + u64::from(extra);
    let name = match read_exact(source, member.header + 30, usize::from(name)) {
        Ok(name) => String::from_utf8_lossy(&name).into_owned(),
        Err(ParseError::Truncated) => String::new(),
        Err(error) => return Err(error),
    };
    let told_later = u16_at(&fixed, 6) & 8 != 0;
    let size = u64::from(u32_at(&fixed, 22));
    let packed = u64::from(u32_at(&fixed, 18));
    let same = |local: u64, listed: u64| local == listed || local == u64::from(u32::MAX) || (told_later && local == 0);
    member.differs = if name != member.name {
        Some(format!("it calls itself `{}`", name.escape_debug()))
    } else if u16_at(&fixed, 8) != member.method {
        Some("its method differs".to_owned())
    } else if (u16_at(&fixed, 6) ^ member.flags) & 1 != 0 {
        Some("only one header says that it is encrypted".to_owned())
    } else if !same(size, member.size) || !same(packed, member.packed) {
        Some("its sizes differ".to_owned())
    } else if !told_later && u32_at(&fixed, 14) != member.crc {
        Some("its checksums differ".to_owned())
    } else {
        None
    };
    Ok(())
}

/// Members may not share bytes, and none may hide between two others.
fn check_layout(source: &dyn Source, directory: &mut Directory, start: u64) -> ParseResult<()> {
    let mut spans: Vec<(u64, u64)> =
        directory.members.iter().map(|member| (member.header, member.data.saturating_add(member.packed))).collect();
    spans.sort_unstable();
    spans.push((start, start));
    let mut covered = 0;
    for (from, to) in spans {
        if from < covered {
            directory.odd.push("members share bytes".to_owned());
            break;
        }
        // A data descriptor takes up to 24 bytes.
        if from - covered >= 30 && covered > 0 {
            let gap = usize::try_from((from - covered).min(64 * 1024)).unwrap_or(0);
            if read_exact(source, covered, gap)?.windows(4).any(|bytes| bytes == b"PK\x03\x04") {
                directory.odd.push(format!("a member at {covered} is not listed"));
                break;
            }
        }
        covered = to;
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}
