//! The records of an extended header, `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax Extended Header).

use super::sparse::{self, Map};
use super::{Broken, Result};

/// Keys beside GNU's sparse maps that decide which bytes a member has.
const DECISIVE: [&str; 3] = ["path", "size", "linkpath"];
/// Sparse files of other programs, whose maps nobody reads here.
const FOREIGN: [&str; 2] = ["SCHILY.realsize", "SUN.holesdata"];

/// Records in their order.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<(String, Vec<u8>)>);

impl Records {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let mut rest = body;
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or_else(|| Broken::new("an extended header is malformed"))?;
            records.push((String::from_utf8_lossy(key).into_owned(), value.to_vec()));
            rest = after;
        }
        Ok(Self(records))
    }

    /// The first key that decides which bytes or which name a member has.
    pub(super) fn first_decisive(&self) -> Option<&str> {
        let decides = |key: &str| DECISIVE.contains(&key) || FOREIGN.contains(&key) || key.starts_with(sparse::PREFIX);
        self.0.iter().map(|(key, _)| key.as_str()).find(|key| decides(key))
    }

    /// The value; of several the last one.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().rev().find(|(found, _)| found == key).map(|(_, value)| value.as_slice())
    }

    /// All records, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// A value that is a name.
    pub(super) fn text(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self.get(key) {
            Some(value) if value.is_empty() || value.contains(&0) => {
                Err(Broken::new(format!("an extended header's `{key}` is not a name")))
            }
            value => Ok(value.map(<[u8]>::to_vec)),
        }
    }

    /// A value that is a number.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>> {
        self.get(key).map(|value| decimal(value).ok_or_else(|| not_a_number(key))).transpose()
    }

    /// How many bytes follow the header.
    pub(super) fn size(&self) -> Result<Option<u64>> {
        self.number("size")
    }

    /// The sparse map, where there is one.
    pub(super) fn sparse(&self) -> Result<Option<Map>> {
        if let Some(key) = FOREIGN.iter().find(|key| self.get(key).is_some()) {
            return Err(Broken::new(format!("a sparse file has a form that is not known, with `{key}`")));
        }
        Map::of_records(self)
    }
}

pub(super) fn not_a_number(key: &str) -> Broken {
    Broken::new(format!("an extended header's `{key}` is not a number"))
}

/// A number in decimal digits.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The first record, and what follows it.
fn record(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = body.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(body.get(..space)?)?).ok()?;
    let line = body.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = line.iter().position(|byte| *byte == b'=')?;
    Some((line.get(..equals)?, line.get(equals + 1..)?, body.get(length..)?))
}
