//! The tar format: what headers, extended records and sparse maps say (POSIX.1-2017 `pax`, and GNU tar's extensions).
//!
//! Inspection and unpacking both read archives through this, so that they see the same members. Reads no stream.

mod header;
mod pax;
mod sparse;

use std::fmt;

pub use header::{Header, Kind};
pub use sparse::{Fragment, Layout};

use pax::Records;
use sparse::Map;

/// What headers and bytes are padded to.
pub const BLOCK: u64 = 512;

/// The maximum number of bytes of an extended header, a long name or a sparse map.
pub const MAX_EXTENDED: u64 = 1 << 20;

/// Why an archive cannot be read any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(String);

impl Broken {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

type Result<T> = std::result::Result<T, Broken>;

/// What extension headers have said about the member that comes next.
#[derive(Debug, Default)]
pub struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Option<Records>,
}

impl Extensions {
    /// Whether nothing has been said.
    pub fn is_empty(&self) -> bool {
        self.long_name.is_none() && self.long_link.is_none() && self.records.is_none()
    }

    /// Takes an extension's `body`, which has as many bytes as its header says.
    ///
    /// Errors where it is malformed, describes the member a second time, or changes all of the members that follow.
    pub fn add(&mut self, kind: Kind, body: &[u8]) -> Result<()> {
        let text = || body.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let again = match kind {
            Kind::LongName => self.long_name.replace(text()).is_some(),
            Kind::LongLink => self.long_link.replace(text()).is_some(),
            Kind::Records => self.records.replace(Records::parse(body)?).is_some(),
            Kind::GlobalRecords => {
                return match Records::parse(body)?.first_decisive() {
                    Some(key) => Err(Broken::new(format!("a global header sets `{key}` of all members"))),
                    None => Ok(()),
                };
            }
            _ => false,
        };
        if again { Err(Broken::new("two extended headers describe one member")) } else { Ok(()) }
    }

    /// The member that `header` begins. Whatever was said about it is used up.
    pub fn member(&mut self, header: Header) -> Result<Member> {
        let Self { long_name, long_link, records } = std::mem::take(self);
        let records = records.unwrap_or_default();
        let mut sparse = records.sparse()?;
        let stored = records.size()?.unwrap_or(header.size);
        if long_name.is_some() && records.get("path").is_some() {
            return Err(Broken::new("a long name and an extended header both name one member"));
        }
        let name = sparse.as_mut().and_then(|map| map.take_name());
        let name = name.or(records.text("path")?).or(long_name).map_or_else(|| header.name(), Ok)?;
        let link = records.text("linkpath")?.or(long_link).unwrap_or_else(|| header.link());
        if header.kind == Kind::Sparse {
            if sparse.is_some() {
                return Err(Broken::new("two sparse maps describe one member"));
            }
            sparse = Some(header.sparse()?);
        }
        if sparse.is_some() && !matches!(header.kind, Kind::File | Kind::Sparse) {
            return Err(Broken::new("a sparse map describes something that is not a file"));
        }
        let mut kind = header.kind;
        // Before POSIX a folder was a file whose name ends with a slash.
        if kind == Kind::File && name.ends_with(b"/") && stored == 0 && sparse.is_none() {
            kind = Kind::Folder;
        }
        // POSIX has no bytes in a folder; readers differ in whether they skip those that are claimed.
        if kind == Kind::Folder && stored > 0 {
            return Err(Broken::new("a folder has bytes"));
        }
        Ok(Member { name, link, kind, stored, sparse })
    }
}

/// A member, whose sparse map may not be read to its end yet.
#[derive(Debug)]
pub struct Member {
    /// Its name, as it stands.
    pub name: Vec<u8>,
    /// What a link points at.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    stored: u64,
    sparse: Option<Map>,
}

impl Member {
    /// Whether the next block belongs to the sparse map, for [`Member::add_block`].
    pub fn wants_block(&self) -> bool {
        self.sparse.as_ref().is_some_and(Map::wants_block)
    }

    /// Takes a block of the sparse map.
    pub fn add_block(&mut self, block: &[u8; 512]) -> Result<()> {
        match &mut self.sparse {
            Some(map) => {
                if map.is_stored() {
                    self.stored = self.stored.checked_sub(BLOCK).ok_or_else(|| Broken::new("a sparse map is cut"))?;
                }
                map.add_block(block)
            }
            None => Ok(()),
        }
    }

    /// Where the member's bytes are, once no block is wanted any more.
    pub fn layout(&self) -> Result<Layout> {
        match &self.sparse {
            Some(map) => map.layout(self.stored),
            None => Ok(Layout::plain(self.stored)),
        }
    }
}

/// How many bytes of padding follow that many.
pub fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

#[cfg(test)]
mod tests;
