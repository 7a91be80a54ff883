//! The one type that owns every storage key. Knows no store.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use modelport_domain::{Error, Result};

/// The storage key of one upload, as in `blobs/5e/0190e2a4-…-8c1f3a7b9d5e`: what the database keeps and the store knows.
///
/// A UUID of version 7, below a shard that is named by its last, random byte, so that keys sort by age within a shard and
/// no folder or key range takes all the writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// What every key starts with.
    pub(super) const ROOT: &str = "blobs";

    /// A key that no upload has used before.
    pub fn new_upload() -> Self {
        Self::of(Uuid::now_v7())
    }

    fn of(id: Uuid) -> Self {
        let [.., last] = *id.as_bytes();
        Self(format!("{}/{last:02x}/{}", Self::ROOT, id.hyphenated()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.rsplit('/')
            .next()
            .and_then(|name| Uuid::try_parse(name).ok())
            .filter(|id| id.get_version_num() == 7)
            .map(Self::of)
            .filter(|key| key.0 == text)
            .ok_or_else(|| Error::invalid("key", format!("`{}` is not a storage key", text.escape_debug())))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_reads_back() {
        let key = Key::new_upload();
        assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        assert_ne!(key, Key::new_upload());
    }

    #[test]
    fn only_what_new_upload_writes_is_a_key() {
        let good = "blobs/9a/01890a5d-ac96-774b-bcce-b302099a809a";
        assert_eq!(good.parse::<Key>().unwrap().as_str(), good);
        for bad in [
            "",
            "blobs",
            "blobs/9a/",
            "01890a5d-ac96-774b-bcce-b302099a809a",
            "blobs/9b/01890a5d-ac96-774b-bcce-b302099a809a",
            "Blobs/9a/01890a5d-ac96-774b-bcce-b302099a809a",
            "blobs/9a/01890A5D-ac96-774b-bcce-b302099a809a",
            "blobs/9a/01890a5dac96774bbcceb302099a809a",
            "blobs/9a/01890a5d-ac96-474b-bcce-b302099a809a",
            "blobs/9a/../01890a5d-ac96-774b-bcce-b302099a809a",
            "blobs/9a/01890a5d-ac96-774b-bcce-b302099a809a.part",
            "/blobs/9a/01890a5d-ac96-774b-bcce-b302099a809a",
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }
}
