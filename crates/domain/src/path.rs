//! The path of a file below a node.

use std::fmt;
use std::str::FromStr;

use super::{Error, Result};

/// A relative, `/`-separated path, as in `onnx/model.onnx`.
///
/// Between 1 and 1024 bytes; no empty, `.` or `..` segment; no backslash and no control character, so that it
/// names the same file on every system that downloads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: what a browser would call the download.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for FilePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Error::invalid("path", format!("file path `{}` {why}", text.escape_debug())));
        if text.is_empty() {
            return refuse("is empty");
        }
        if text.len() > Self::MAX_BYTES {
            return refuse("is longer than 1024 bytes");
        }
        if text.starts_with('/') {
            return refuse("is absolute");
        }
        if text.contains('\\') || text.chars().any(char::is_control) {
            return refuse("has a backslash or a control character");
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return refuse("has an empty, `.` or `..` segment");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_plain_paths_are_accepted() {
        for good in ["model.bin", "a/b/c.txt", "ünï/ço dé.bin", "...", ".hidden", "a:b"] {
            assert_eq!(good.parse::<FilePath>().unwrap().as_str(), good);
        }
        for bad in ["", "/", "/etc/passwd", "..", "a/../b", "a/./b", "a//b", "a/", "a\0b", "a\nb", "..\\b"] {
            let error = bad.parse::<FilePath>().unwrap_err();
            assert_eq!(error.field(), Some("path"), "{bad:?}");
        }
        assert!("a".repeat(1025).parse::<FilePath>().is_err());
    }
}
