//! The directory of a zip archive: where it is, what it lists, and whether the members' own headers agree.

use super::fault::{Fault, Step};
use super::source::{Source, read_exact};

/// The most members that a directory may list.
const MOST: u64 = 50_000;
/// The longest end record with its comment.
const LONGEST_END: u64 = 22 + 65_535;
/// The most bytes of a directory.
const MOST_BYTES: u64 = 64 << 20;

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

/// Whether an archive's end stands where Python looks for it.
pub(super) fn has_end(source: &dyn Source) -> Step<bool> {
    Ok(find_end(source)?.is_some_and(|(end, _)| end.count > 0 && end.size >= 46 && end.size <= end.at))
}

fn find_end(source: &dyn Source) -> Step<Option<(End, usize)>> {
    let size = source.size();
    let length = size.min(LONGEST_END);
    let tail = read_exact(source, size - length, usize::try_from(length).unwrap_or(0))?;
    let places: Vec<usize> =
        tail.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x05\x06").map(|(at, _)| at).collect();
    let Some((at, record)) = places.last().and_then(|at| Some((*at, tail.get(*at..at + 22)?))) else { return Ok(None) };
    let mut end = End {
        at: size - length + at as u64,
        count: u64::from(u16_at(record, 10)),
        size: u64::from(u32_at(record, 12)),
        offset: u64::from(u32_at(record, 16)),
    };
    // The record of large archives stands before the locator that points at it.
    if let Some(locator) =
        at.checked_sub(20).and_then(|from| tail.get(from..at)).filter(|each| each.starts_with(b"PK\x06\x07"))
    {
        let large = read_exact(source, u64_at(locator, 8), 56)?;
        if large.starts_with(b"PK\x06\x06") {
            end = End {
                at: u64_at(locator, 8),
                count: u64_at(&large, 32),
                size: u64_at(&large, 40),
                offset: u64_at(&large, 48),
            };
        }
    }
    Ok(Some((end, places.len())))
}

/// Reads the directory and each member's own header.
pub(super) fn read(source: &dyn Source) -> Step<Directory> {
    let mut directory = Directory::default();
    let Some((end, ends)) = find_end(source)? else {
        return Err(Fault::malformed("the archive's directory is missing"));
    };
    if ends > 1 {
        directory.odd.push("there is more than one end of the directory".to_owned());
    }
    if end.count > MOST || end.size > MOST_BYTES {
        return Err(Fault::limit(format!("a directory of {} members in {} bytes", end.count, end.size)));
    }
    let start = end.at.checked_sub(end.size).ok_or(Fault::Truncated)?;
    let shift = start.checked_sub(end.offset).ok_or_else(|| Fault::malformed("the directory lies behind its end"))?;
    if shift > 0 {
        directory.odd.push(format!("{shift} bytes stand before the archive"));
    }
    let bytes = read_exact(source, start, usize::try_from(end.size).map_err(|_| Fault::Truncated)?)?;
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

fn entry(bytes: &[u8]) -> Step<(Member, &[u8])> {
    let fixed = bytes.get(..46).filter(|fixed| fixed.starts_with(b"PK\x01\x02"));
    let fixed = fixed.ok_or_else(|| Fault::malformed("the directory breaks off"))?;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let name_bytes = bytes.get(46..46 + name).ok_or(Fault::Truncated)?;
    let extra_bytes = bytes.get(46 + name..46 + name + extra).ok_or(Fault::Truncated)?;
    let after = bytes.get(46 + name + extra + comment..).ok_or(Fault::Truncated)?;
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
            *value = large.next().ok_or_else(|| Fault::malformed("a large member's size is missing"))?;
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

fn local(source: &dyn Source, member: &mut Member) -> Step<()> {
    let fixed = match read_exact(source, member.header, 30) {
        Ok(fixed) if fixed.starts_with(b"PK\x03\x04") => fixed,
        Ok(_) | Err(Fault::Truncated) => {
            member.differs = Some("it has no header of its own".to_owned());
            member.data = member.header.saturating_add(30 + member.name.len() as u64);
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    let (name, extra) = (u16_at(&fixed, 26), u16_at(&fixed, 28));
    member.data = member.header + 30 + u64::from(name) + u64::from(extra);
    let name = match read_exact(source, member.header + 30, usize::from(name)) {
        Ok(name) => String::from_utf8_lossy(&name).into_owned(),
        Err(Fault::Truncated) => String::new(),
        Err(fault) => return Err(fault),
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
fn check_layout(source: &dyn Source, directory: &mut Directory, start: u64) -> Step<()> {
    let mut spans: Vec<(u64, u64)> =
        directory.members.iter().map(|member| (member.header, member.data.saturating_add(member.packed))).collect();
    spans.sort_unstable();
    spans.push((start, start));
    let mut behind = 0;
    for (from, to) in spans {
        if from < behind {
            directory.odd.push("members share bytes".to_owned());
            break;
        }
        // A data descriptor takes up to 24 bytes.
        if from - behind >= 30 && behind > 0 {
            let gap = usize::try_from((from - behind).min(64 * 1024)).unwrap_or(0);
            if read_exact(source, behind, gap)?.windows(4).any(|bytes| bytes == b"PK\x03\x04") {
                directory.odd.push(format!("a member at {behind} is not listed"));
                break;
            }
        }
        behind = to;
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
