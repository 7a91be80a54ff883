//! Whether a file is a zip archive that can be unpacked without harm, by its directory alone.

use std::io::Result;

use super::error::ParseError;
use super::source::Source;
use super::tar_members::leads_outside;
use super::zip::MAX_RATIO;
use super::zip_directory::{self, Directory};

/// What keeps the file from being unpacked; `None` when nothing does. Fails only where the source fails.
pub fn unusable_archive(source: &dyn Source) -> Result<Option<String>> {
    match zip_directory::read(source) {
        Ok(directory) => Ok(reason_not_unpackable(source, &directory)),
        Err(ParseError::Failed(error)) => Err(error),
        Err(ParseError::Truncated) => Ok(Some("it ends too early".to_owned())),
        Err(ParseError::Malformed(why) | ParseError::Limit(why)) => Ok(Some(why)),
    }
}

fn reason_not_unpackable(source: &dyn Source, directory: &Directory) -> Option<String> {
    for member in &directory.members {
        let name = member.name.escape_debug();
        if leads_outside(&member.name) {
            return Some(format!("its member `{name}` leads outside"));
        }
        if member.data.saturating_add(member.packed) > source.size() {
            return Some(format!("its member `{name}` reaches beyond its end"));
        }
        if let Some(differs) = &member.differs {
            return Some(format!("of its member `{name}`: {differs}"));
        }
    }
    let unpacked = directory.members.iter().fold(0u64, |sum, member| sum.saturating_add(member.size));
    if unpacked > 1 << 30 && unpacked / MAX_RATIO > source.size() {
        return Some(format!("its {} bytes unpack to {unpacked}", source.size()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::source::Bytes;
    use super::*;

    /// An archive of one empty member that says it unpacks to that many bytes.
    fn archive(name: &str, unpacked: u32) -> Vec<u8> {
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let sizes = [0u32.to_le_bytes(), 0u32.to_le_bytes(), unpacked.to_le_bytes()].concat();
        let same = [&[0; 2][..], &[8, 0], &[0; 4], &sizes, &length, &[0; 2]].concat();
        let local = [b"PK\x03\x04\x14\0", same.as_slice(), name.as_bytes()].concat();
        let entry = [b"PK\x01\x02\x14\0\x14\0", same.as_slice(), &[0; 14], name.as_bytes()].concat();
        let [size, start] = [entry.len(), local.len()].map(|each| u32::try_from(each).unwrap().to_le_bytes());
        let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", size.as_slice(), &start, &[0; 2]].concat();
        [local, entry, end].concat()
    }

    fn rejected(bytes: &[u8]) -> Option<String> {
        unusable_archive(&Bytes(bytes)).unwrap()
    }

    #[test]
    fn an_archive_is_told_from_what_is_none() {
        assert_eq!(rejected(&archive("m/model.xml", 0)), None);
        assert_eq!(rejected(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), None);
        let whole = archive("m/model.xml", 0);
        for bad in [&b""[..], b"hello", &whole[..40], &whole[..whole.len() - 1], &whole[10..]] {
            assert!(rejected(bad).is_some(), "{} bytes", bad.len());
        }
    }

    #[test]
    fn a_member_may_not_lead_outside_and_the_whole_may_not_be_a_bomb() {
        for name in ["../x", "/etc/passwd", "a/../../b", "..\\x", "C:x"] {
            assert!(rejected(&archive(name, 0)).unwrap().contains("leads outside"), "{name}");
        }
        assert!(rejected(&archive("x", 2 << 30)).unwrap().contains("unpack to"));
        assert_eq!(rejected(&archive("..x/y..", 0)), None);
    }
}
