//! The objects of an HDF5 file: every group, data set and link that the root leads to, as the HDF5 file format
//! specification 3.0 lays them out.

use std::collections::HashSet;

use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::error::{Error, Result};
use hdf5_reader::fractal_heap::FractalHeap;
use hdf5_reader::global_heap::GlobalHeapCollection;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::attribute::{self, AttributeMessage};
use hdf5_reader::messages::datatype::StringSize;
use hdf5_reader::messages::link::{self, LinkMessage, LinkTarget};
use hdf5_reader::messages::shared::SharedMessage;
use hdf5_reader::messages::symbol_table_msg::SymbolTableMessage;
use hdf5_reader::messages::{Datatype, HdfMessage, MSG_ATTRIBUTE, MSG_LINK};
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::storage::Storage;
use hdf5_reader::superblock::Superblock;
use hdf5_reader::symbol_table::SymbolTableNode;

use super::ranges::{Ranges, parse_error};
use crate::error::{ParseError, ParseResult};
use crate::source::Source;

/// The maximum number of objects of one file.
const MAX_OBJECTS: usize = 200_000;
/// The largest header of an object.
const MAX_HEADER: usize = 32 << 20;
/// The class of a data set whose values are parts of other data sets.
const VIRTUAL: u8 = 3;

/// What a file contains.
pub(super) enum Found {
    /// An attribute with one text.
    Text {
        /// Whether it is the root's.
        of_root: bool,
        /// Its name.
        name: String,
        /// Its value.
        text: Vec<u8>,
    },
    /// Something whose values are in other files, in words.
    Elsewhere(String),
}

/// A file whose objects are visited.
pub(super) struct Objects<'a> {
    ranges: Ranges<'a>,
    offset_size: u8,
    length_size: u8,
    root: u64,
    /// The version of the superblock.
    pub(super) version: u8,
}

/// What a link leads to.
enum Target {
    Object(u64),
    File(String),
    Path,
}

impl<'a> Objects<'a> {
    /// Reads the superblock.
    pub(super) fn open(source: &'a dyn Source) -> ParseResult<Self> {
        let mut ranges = Ranges::new(source);
        let superblock = ranges.read(|storage| Superblock::parse_from_storage(storage))?;
        ranges.set_base(superblock.base_address);
        let Superblock { offset_size, length_size, version, .. } = superblock;
        let root = superblock.root_object_header_address().map_err(parse_error)?;
        Ok(Self { ranges, offset_size, length_size, root, version })
    }

    /// Visits every object once, whichever links lead to it.
    pub(super) fn visit(&mut self, mut each: impl FnMut(Found)) -> ParseResult<()> {
        let mut known = HashSet::from([self.root]);
        let mut left = vec![self.root];
        while let Some(address) = left.pop() {
            if known.len() > MAX_OBJECTS {
                return Err(ParseError::limit(format!("it has more than {MAX_OBJECTS} objects")));
            }
            for target in self.object(address, &mut each)? {
                match target {
                    Target::Object(address) if known.insert(address) => left.push(address),
                    Target::Object(_) | Target::Path => {}
                    Target::File(name) => each(Found::Elsewhere(format!("a link leads to the file `{name}`"))),
                }
            }
        }
        Ok(())
    }

    /// Says what is at one object, and where it leads.
    fn object(&mut self, address: u64, each: &mut impl FnMut(Found)) -> ParseResult<Vec<Target>> {
        let (offset_size, length_size) = (self.offset_size, self.length_size);
        let parse = |storage: &dyn Storage| {
            ObjectHeader::parse_at_storage_with_limit(storage, address, offset_size, length_size, MAX_HEADER)
        };
        let header = match self.ranges.step(parse)? {
            Ok(header) => header,
            Err(error) if is_virtual(&error) => {
                each(Found::Elsewhere("a virtual data set takes its values from other data sets".to_owned()));
                return Ok(Vec::new());
            }
            Err(error) => return Err(parse_error(error)),
        };
        let (mut attributes, mut targets) = (Vec::new(), Vec::new());
        for message in header.messages {
            match message {
                HdfMessage::Attribute(attribute) => attributes.push(attribute),
                HdfMessage::AttributeInfo(info) => {
                    let index = (info.fractal_heap_address, info.btree_name_index_address);
                    attributes.extend(self.indexed(index, attribute::parse)?);
                }
                HdfMessage::Link(link) => targets.push(target(link)),
                HdfMessage::LinkInfo(info) => {
                    let index = (info.fractal_heap_address, info.btree_name_index_address);
                    targets.extend(self.indexed(index, link::parse)?.into_iter().map(target));
                }
                HdfMessage::SymbolTable(table) => targets.extend(self.symbols(&table)?),
                HdfMessage::ExternalFiles(_) => {
                    each(Found::Elsewhere("a data set keeps its values in other files".to_owned()));
                }
                HdfMessage::Shared(
                    SharedMessage::SharedInOhdr { message_type: MSG_ATTRIBUTE | MSG_LINK, .. }
                    | SharedMessage::SharedInSohm { message_type: MSG_ATTRIBUTE | MSG_LINK, .. },
                ) => return Err(ParseError::malformed("objects share attributes, which no library writes by itself")),
                _ => {}
            }
        }
        for attribute in attributes {
            if let Some(text) = self.text(&attribute)? {
                each(Found::Text { of_root: address == self.root, name: attribute.name, text });
            }
        }
        Ok(targets)
    }

    /// Attributes or links that are too many for a header: their index names where a heap has them.
    fn indexed<T>(
        &mut self,
        (heap, index): (u64, u64),
        parse: impl Fn(&mut Cursor<'_>, u8, u8, usize) -> Result<T>,
    ) -> ParseResult<Vec<T>> {
        let (offset_size, length_size) = (self.offset_size, self.length_size);
        if Cursor::is_undefined_offset(heap, offset_size) {
            return Ok(Vec::new());
        }
        let heap =
            self.ranges.read(|storage| FractalHeap::parse_at_storage(storage, heap, offset_size, length_size))?;
        let records = self.ranges.read(|storage| {
            let index = BTreeV2Header::parse_at_storage(storage, index, offset_size, length_size)?;
            collect_btree_v2_records_storage(storage, &index, offset_size, length_size, None, &[], None)
        })?;
        let mut found = Vec::with_capacity(records.len());
        for record in records {
            let id = match record {
                BTreeV2Record::LinkNameHash { heap_id, .. } | BTreeV2Record::AttributeNameHash { heap_id, .. } => {
                    heap_id
                }
                _ => return Err(ParseError::malformed("an index of names holds something else")),
            };
            let bytes = self.ranges.read(|storage| heap.get_object_storage(&id, storage, offset_size, length_size))?;
            found.push(parse(&mut Cursor::new(&bytes), offset_size, length_size, bytes.len()).map_err(parse_error)?);
        }
        Ok(found)
    }

    /// The entries of a group as HDF5 has written them from the beginning.
    fn symbols(&mut self, table: &SymbolTableMessage) -> ParseResult<Vec<Target>> {
        let (offset_size, length_size) = (self.offset_size, self.length_size);
        let leaves = self.ranges.read(|storage| {
            let root = table.btree_address;
            collect_btree_v1_leaves_storage(storage, root, offset_size, length_size, None, &[], None)
        })?;
        let mut targets = Vec::new();
        for (_, address) in leaves {
            let node = self.ranges.read(|storage| {
                let head = storage.read_range(address, 8)?;
                let count =
                    head.get(6..8).map_or(0, |bytes| bytes.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte)));
                let bytes = storage.read_range(address, 8 + count * (2 * usize::from(offset_size) + 24))?;
                SymbolTableNode::parse(&mut Cursor::new(&bytes), offset_size, length_size)
            })?;
            targets.extend(node.entries.into_iter().map(|entry| match entry.cache_type {
                2 => Target::Path,
                _ => Target::Object(entry.object_header_address),
            }));
        }
        Ok(targets)
    }

    /// The value of an attribute, where that is one text.
    fn text(&mut self, attribute: &AttributeMessage) -> ParseResult<Option<Vec<u8>>> {
        let one = attribute.dataspace.num_elements().is_ok_and(|count| count == 1);
        match &attribute.datatype {
            Datatype::String { size: StringSize::Fixed(_), .. } if one => Ok(Some(trimmed(&attribute.raw_data))),
            Datatype::String { size: StringSize::Variable, .. } | Datatype::VarLen { .. } if one => {
                self.in_heap(&attribute.raw_data).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A value of variable length: its length, the address of a heap, and its number there.
    fn in_heap(&mut self, reference: &[u8]) -> ParseResult<Vec<u8>> {
        let (offset_size, length_size) = (self.offset_size, self.length_size);
        let mut cursor = Cursor::new(reference);
        let length = cursor.read_u32_le().map_err(parse_error)?;
        let heap = cursor.read_offset(offset_size).map_err(parse_error)?;
        let number = cursor.read_u32_le().map_err(parse_error)?;
        if length == 0 || Cursor::is_undefined_offset(heap, offset_size) {
            return Ok(Vec::new());
        }
        let heap = self
            .ranges
            .read(|storage| GlobalHeapCollection::parse_at_storage(storage, heap, offset_size, length_size))?;
        let object = u16::try_from(number).ok().and_then(|number| heap.get_object(number));
        let bytes = object.ok_or_else(|| ParseError::malformed(format!("a heap has no value {number}")))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.data.len());
        Ok(trimmed(bytes.data.get(..length).unwrap_or_default()))
    }
}

fn target(link: LinkMessage) -> Target {
    match link.target {
        LinkTarget::Hard { address } => Target::Object(address),
        LinkTarget::Soft { .. } => Target::Path,
        LinkTarget::External { filename, .. } => Target::File(filename.escape_debug().to_string()),
    }
}

fn is_virtual(error: &Error) -> bool {
    match error {
        Error::UnsupportedLayoutClass(class) => *class == VIRTUAL,
        Error::Context { source, .. } => is_virtual(source),
        _ => false,
    }
}

/// A text without what fills it up.
fn trimmed(text: &[u8]) -> Vec<u8> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_vec()
}
