//! Files with holes: GNU tar's old form, and its forms 0.0, 0.1 and 1.0 in POSIX records (GNU tar manual, Storing Sparse
//! Files). All say which stretches of the file are stored, one after the other.

use super::header::number;
use super::pax::{Records, decimal, not_a_number};
use super::{BLOCK, Broken, MAX_EXTENDED, Result};

pub(super) const PREFIX: &str = "GNU.sparse.";

/// A range of a file whose bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// Where the bytes of a file are. What lies in no fragment is zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// How many bytes the file has.
    pub size: u64,
    /// How many of them are stored.
    pub stored: u64,
    /// The fragments, in their order in the file and in the archive; none is empty.
    pub fragments: Vec<Fragment>,
}

impl Layout {
    pub(super) fn plain(size: u64) -> Self {
        let whole = Fragment { offset: 0, length: size };
        Self { size, stored: size, fragments: if size > 0 { vec![whole] } else { Vec::new() } }
    }
}

/// A sparse map as far as it is read.
#[derive(Debug)]
pub(super) struct Map {
    size: u64,
    fragments: Vec<Fragment>,
    name: Option<Vec<u8>>,
    more: More,
}

/// Where the rest of a map is.
#[derive(Debug)]
enum More {
    Nothing,
    /// In further header blocks, of which this many bytes were read.
    Blocks(u64),
    /// Before the file's bytes, as lines of digits: how many pairs there are, and the pairs.
    Lines {
        count: Option<u64>,
        numbers: Vec<u64>,
        line: Vec<u8>,
        read: u64,
    },
}

impl Map {
    /// The old form, whose header has the first fragments.
    pub(super) fn old(size: u64, fragments: &[u8], continues: bool) -> Result<Self> {
        let more = if continues { More::Blocks(0) } else { More::Nothing };
        let mut map = Self { size, fragments: Vec::new(), name: None, more };
        map.add_pairs(fragments, continues)?;
        Ok(map)
    }

    /// The forms that POSIX records describe.
    pub(super) fn of_records(records: &Records) -> Result<Option<Self>> {
        if !records.iter().any(|(key, _)| key.starts_with(PREFIX)) {
            return Ok(None);
        }
        let number = |key: &str| records.number(&format!("{PREFIX}{key}"));
        let name = records.text("GNU.sparse.name")?;
        let has_version = records.get("GNU.sparse.major").is_some() || records.get("GNU.sparse.minor").is_some();
        let map = |size: Option<u64>, fragments, more| match size {
            Some(size) => Ok(Some(Self { size, fragments, name, more })),
            None => Err(Broken::new("a sparse file's size is missing")),
        };
        match (number("major")?, number("minor")?) {
            (Some(1), Some(0)) => {
                let more = More::Lines { count: None, numbers: Vec::new(), line: Vec::new(), read: 0 };
                map(number("realsize")?, Vec::new(), more)
            }
            (None | Some(0), None | Some(0 | 1)) => {
                let fragments = match records.get("GNU.sparse.map") {
                    Some(text) => pairs(numbers(text)?)?,
                    None => pairs(repeated(records)?)?,
                };
                let told = number("numblocks")?;
                if told.is_some_and(|told| told != fragments.len() as u64) {
                    return Err(Broken::new("a sparse map does not have as many fragments as it says"));
                }
                if told.is_none() && fragments.is_empty() && !has_version {
                    return Err(Broken::new("a sparse file has no map"));
                }
                map(number("size")?.or(number("realsize")?), fragments, More::Nothing)
            }
            _ => Err(Broken::new("a sparse file has a form that is not known")),
        }
    }

    /// The file's real name, where the map has it: the header then has a made-up one.
    pub(super) fn take_name(&mut self) -> Option<Vec<u8>> {
        self.name.take()
    }

    /// Whether the next block belongs to the map.
    pub(super) fn wants_block(&self) -> bool {
        !matches!(self.more, More::Nothing)
    }

    /// Whether the map's blocks count as bytes of the file.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self.more, More::Lines { .. })
    }

    pub(super) fn add_block(&mut self, block: &[u8; 512]) -> Result<()> {
        match &mut self.more {
            More::Nothing => Ok(()),
            More::Blocks(read) => {
                *read = counted(*read)?;
                let continues = block.get(504) != Some(&0);
                if !continues {
                    self.more = More::Nothing;
                }
                self.add_pairs(block.get(..504).unwrap_or_default(), continues)
            }
            More::Lines { count, numbers, line, read } => {
                *read = counted(*read)?;
                for byte in block {
                    if *byte != b'\n' {
                        line.push(*byte);
                        continue;
                    }
                    let number = decimal(line).ok_or_else(|| Broken::new("a sparse map is malformed"))?;
                    line.clear();
                    match count {
                        None => *count = Some(number),
                        Some(_) => numbers.push(number),
                    }
                    if count.is_some_and(|count| numbers.len() as u64 >= count.saturating_mul(2)) {
                        self.fragments = pairs(std::mem::take(numbers))?;
                        self.more = More::Nothing;
                        return Ok(());
                    }
                }
                Ok(())
            }
        }
    }

    fn add_pairs(&mut self, fields: &[u8], continues: bool) -> Result<()> {
        let before = self.fragments.len();
        // The first entry whose fields are empty ends the map.
        for pair in fields.chunks_exact(24).take_while(|pair| pair.first() != Some(&0) && pair.get(12) != Some(&0)) {
            let (offset, length) = pair.split_at(12);
            let fragment = number(offset).zip(number(length));
            let (offset, length) = fragment.ok_or_else(|| Broken::new("a sparse map is malformed"))?;
            self.fragments.push(Fragment { offset, length });
        }
        if continues && self.fragments.len() - before < fields.len() / 24 {
            return Err(Broken::new("a sparse map continues after its end"));
        }
        Ok(())
    }

    /// Where the bytes are, of which `stored` are in the archive.
    pub(super) fn layout(&self, stored: u64) -> Result<Layout> {
        let mut end = 0u64;
        let mut sum = 0u64;
        for Fragment { offset, length } in &self.fragments {
            if *offset < end {
                return Err(Broken::new("a sparse map's fragments overlap"));
            }
            // Each begins with a block of its own, and readers differ in what they do otherwise.
            if *length > 0 && !sum.is_multiple_of(BLOCK) {
                return Err(Broken::new("a sparse map's fragments do not begin with blocks"));
            }
            end = offset.checked_add(*length).ok_or_else(|| Broken::new("a sparse map's fragments are too long"))?;
            sum = sum.saturating_add(*length);
        }
        if end > self.size {
            return Err(Broken::new("a sparse map reaches beyond its file"));
        }
        if sum != stored {
            return Err(Broken::new(format!("a sparse map has {sum} bytes, and {stored} are stored")));
        }
        let fragments = self.fragments.iter().copied().filter(|fragment| fragment.length > 0).collect();
        Ok(Layout { size: self.size, stored, fragments })
    }
}

fn counted(read: u64) -> Result<u64> {
    if read >= MAX_EXTENDED {
        return Err(Broken::new(format!("a sparse map is longer than {MAX_EXTENDED} bytes")));
    }
    Ok(read + BLOCK)
}

/// The numbers of a map in form 0.1.
fn numbers(text: &[u8]) -> Result<Vec<u64>> {
    let malformed = || not_a_number("GNU.sparse.map");
    text.split(|byte| *byte == b',').map(|digits| decimal(digits).ok_or_else(malformed)).collect()
}

/// The numbers of a map in form 0.0: two records for each fragment.
fn repeated(records: &Records) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for (key, value) in records.iter() {
        let is_due = match key {
            "GNU.sparse.offset" => numbers.len() % 2 == 0,
            "GNU.sparse.numbytes" => numbers.len() % 2 == 1,
            _ => continue,
        };
        let number = decimal(value).filter(|_| is_due);
        numbers.push(number.ok_or_else(|| not_a_number(key))?);
    }
    Ok(numbers)
}

fn pairs(numbers: Vec<u64>) -> Result<Vec<Fragment>> {
    let pairs = numbers.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Broken::new("a sparse map has an offset without a length"));
    }
    let fragment = |pair: &[u64]| Some(Fragment { offset: *pair.first()?, length: *pair.get(1)? });
    Ok(pairs.filter_map(fragment).collect())
}
