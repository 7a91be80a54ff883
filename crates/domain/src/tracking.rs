//! Runs and logged models as training tools name them.

use std::fmt;
use std::str::FromStr;

use super::{Error, MetricPoint, Node, NodeId, Result};

/// The id of a run: 32 lowercase hexadecimal digits. That of a run which no training tool made is the id of its node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// The id with these 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The id of a run that no training tool made.
    pub fn of_node(node: NodeId) -> Self {
        Self::from_bits(u128::from(node.0.unsigned_abs()))
    }

    /// The id of a run: the UUID before its name, where there is one, or else the id of its node.
    pub fn of(run: &Node) -> Self {
        let prefix = run.name.as_deref().filter(|name| name.chars().nth(36) == Some(':'));
        let digits: String =
            prefix.into_iter().flat_map(|name| name.chars().take(36)).filter(|each| *each != '-').collect();
        digits.parse().unwrap_or_else(|_| Self::of_node(run.id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a UUID is written, which stands before the name of a run whose name may repeat.
    pub fn prefix(&self) -> String {
        let part = |range: std::ops::Range<usize>| self.0.get(range).unwrap_or_default();
        [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if is_hex(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::not_found(format!("run `{}`", text.escape_debug())))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a model that a run logged: `m-` and 32 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoggedModelId(String);

impl LoggedModelId {
    /// The id with these 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("m-{bits:032x}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LoggedModelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.strip_prefix("m-").is_some_and(is_hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::not_found(format!("logged model `{}`", text.escape_debug())))
    }
}

impl fmt::Display for LoggedModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Which of the things that may be archived are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum View {
    /// Those that are not archived.
    #[default]
    Active,
    /// Those that are archived.
    Archived,
    /// All of them.
    All,
}

/// As what a run uses an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It reads it.
    Input,
    /// It makes it.
    Output,
}

impl Role {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// One use of an artifact by a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunUse {
    /// The artifact.
    pub artifact: NodeId,
    /// As what.
    pub role: Role,
    /// At which step.
    pub step: i64,
    /// What the run says of it, as names and values.
    pub tags: Vec<(String, String)>,
}

/// A metric of a run with its latest point.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestPoint {
    /// The metric's name.
    pub name: String,
    /// The point.
    pub point: MetricPoint,
}

/// Which points of many runs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thinned {
    /// The first step.
    pub from: i64,
    /// The last step.
    pub to: i64,
    /// How many of each run.
    pub most: i64,
}

/// The points of a metric of a run within a range of steps, all of them or thinned.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The run.
    pub run: NodeId,
    /// The metric's name.
    pub metric: String,
    /// How many points the range has.
    pub total: u64,
    /// The points, ordered by step and time.
    pub points: Vec<MetricPoint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_digits() {
        let id: RunId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(id.prefix(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(RunId::of_node(NodeId(255)).as_str(), "000000000000000000000000000000ff");
        for bad in ["", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef", "m-0123456789abcdef0123456789abcdef"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
        assert!("m-0123456789abcdef0123456789abcdef".parse::<LoggedModelId>().is_ok());
        assert!("0123456789abcdef0123456789abcdef".parse::<LoggedModelId>().is_err());
    }
}
