//! The state of one inspection, which goes through all of its parsers, and what bounds all of its archives together.

use std::cell::Cell;
use std::io::Result;
use std::rc::Rc;

use super::cursor::Cursor;
use super::error::ParseResult;
use super::finding::Rule;
use super::inspection::Inspection;
use super::siblings::Siblings;
use super::source::Source;

/// The maximum number of bytes that one file may unpack to.
const MAX_UNPACKED_BYTES: u64 = 2 << 30;
/// The maximum number of members of archives that are inspected.
const MAX_MEMBERS: usize = 50_000;

/// The state of one inspection.
pub(super) struct Scan<'a> {
    pub(super) path: &'a str,
    pub(super) siblings: &'a Siblings,
    pub(super) seen: Inspection,
    /// How many bytes may still be unpacked.
    pub(super) unpack: Rc<Cell<u64>>,
    members: usize,
    within: Within,
}

/// How what lies within an archive is examined, which is as files are.
#[derive(Clone, Copy)]
pub(super) struct Within {
    /// What can be read anywhere, with its place, its name and how many archives it lies in.
    pub(super) file: fn(&mut Scan<'_>, &str, &str, &dyn Source, usize) -> Result<()>,
    /// The same of what can be read only once, in its order.
    pub(super) stream: fn(&mut Scan<'_>, &str, &str, &mut Cursor<'_>, usize) -> ParseResult<()>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(path: &'a str, siblings: &'a Siblings, within: Within) -> Self {
        let unpack = Rc::new(Cell::new(MAX_UNPACKED_BYTES));
        Self { path, siblings, seen: Inspection::default(), unpack, members: MAX_MEMBERS, within }
    }

    /// Examines a member of an archive, or what a file holds, under its own `name`.
    pub(super) fn examine(&mut self, place: &str, name: &str, source: &dyn Source, depth: usize) -> Result<()> {
        (self.within.file)(self, place, name, source, depth)
    }

    /// The same of bytes that can be read only once, in their order.
    pub(super) fn examine_stream(
        &mut self,
        place: &str,
        name: &str,
        input: &mut Cursor<'_>,
        depth: usize,
    ) -> ParseResult<()> {
        (self.within.stream)(self, place, name, input, depth)
    }

    /// Counts a member; false once there were too many.
    pub(super) fn count_member(&mut self, place: &str) -> bool {
        if self.members == 0 {
            self.seen.add_finding(Rule::FormatLimit, place, format!("there are more than {MAX_MEMBERS} members"));
            return false;
        }
        self.members -= 1;
        true
    }
}
