//! One header block of a tar.

use super::sparse::Map;
use super::{Broken, Result};

/// What a header begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic or hard link.
    Link,
    /// A regular file with holes, in GNU tar's old form.
    Sparse,
    /// GNU tar: the name of the next member.
    LongName,
    /// GNU tar: what the next member links to.
    LongLink,
    /// POSIX: records about the next member.
    Records,
    /// POSIX: records about all members that follow.
    GlobalRecords,
    /// Anything else: devices, pipes, parts of several volumes.
    Other,
}

impl Kind {
    /// Whether its bytes describe other members, and go to [`super::Extensions::add`].
    pub fn is_extension(self) -> bool {
        matches!(self, Self::LongName | Self::LongLink | Self::Records | Self::GlobalRecords)
    }
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What it begins.
    pub kind: Kind,
    /// How many bytes follow, without their padding, unless extended records say otherwise.
    pub size: u64,
    block: [u8; 512],
}

impl Header {
    /// Whether the block has a header's checksum.
    pub fn is_header(block: &[u8]) -> bool {
        let Some(block) = block.get(..512) else { return false };
        let Some(told) = octal(block.get(148..156).unwrap_or_default()) else { return false };
        let byte = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
        let unsigned: u64 = block.iter().enumerate().map(|each| u64::from(byte(each))).sum();
        // Old systems added the bytes as signed numbers; GNU tar and Python take both.
        let signed: i64 = block.iter().enumerate().map(|each| i64::from(byte(each).cast_signed())).sum();
        (told == unsigned || i64::try_from(told) == Ok(signed)) && block.first().is_some_and(|byte| *byte != 0)
    }

    /// Reads a header. `None` where the block has no header's checksum.
    pub fn parse(block: [u8; 512]) -> Result<Option<Self>> {
        if !Self::is_header(&block) {
            return Ok(None);
        }
        let field = |range: std::ops::Range<usize>| block.get(range).unwrap_or_default();
        let size = number(field(124..136)).ok_or_else(|| Broken::new("a size is not a number"))?;
        let kind = match block.get(156).copied().unwrap_or_default() {
            0 | b'0' | b'7' => Kind::File,
            b'1' | b'2' => Kind::Link,
            b'5' => Kind::Folder,
            b'L' => Kind::LongName,
            b'K' => Kind::LongLink,
            b'S' => Kind::Sparse,
            b'x' => Kind::Records,
            b'g' => Kind::GlobalRecords,
            _ => Kind::Other,
        };
        Ok(Some(Self { kind, size, block }))
    }

    fn field(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.block.get(range).unwrap_or_default()
    }

    fn is_gnu(&self) -> bool {
        self.field(257..265) == b"ustar  \0"
    }

    pub(super) fn name(&self) -> Result<Vec<u8>> {
        let name = text(self.field(0..100));
        // In GNU's headers and in older ones, other things lie where POSIX has the prefix.
        let prefix = if self.field(257..263) == b"ustar\0" { text(self.field(345..500)) } else { &[] };
        if prefix.is_empty() {
            return Ok(name.to_vec());
        }
        if self.field(263..265) != b"00" {
            return Err(Broken::new("a header of an unknown version has a prefix"));
        }
        Ok([prefix, name].join(&b'/'))
    }

    pub(super) fn link(&self) -> Vec<u8> {
        text(self.field(157..257)).to_vec()
    }

    /// The beginning of the sparse map in GNU tar's old form.
    pub(super) fn sparse(&self) -> Result<Map> {
        if !self.is_gnu() {
            return Err(Broken::new("a sparse file has a form that is not known"));
        }
        let real = number(self.field(483..495)).ok_or_else(|| Broken::new("a sparse file's size is not a number"))?;
        Map::old(real, self.field(386..482), self.field(482..483) != [0])
    }
}

/// The bytes up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.split(|byte| matches!(byte, 0 | b' ')).find(|part| !part.is_empty())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?, 8).ok()
}

/// A number: octal digits, or base 256 where the first bit is set. Nothing is 0.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    match first {
        0x80 => rest.iter().try_fold(0u64, |sum, byte| Some(sum.checked_mul(256)? | u64::from(*byte))),
        first if first & 0x80 != 0 => None,
        _ if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Some(0),
        _ => octal(field),
    }
}
