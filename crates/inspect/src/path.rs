//! Paths of files below the folder that they belong to.

/// The longest path, in bytes.
const MAX_BYTES: usize = 1024;

/// Whether `path` names the same file below its folder on every system: relative, `/`-separated, between 1 and 1024 bytes, with
/// no empty, `.` or `..` segment, no backslash and no control character.
pub(super) fn is_plain(path: &str) -> bool {
    (1..=MAX_BYTES).contains(&path.len())
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && !path.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_plain_paths_are_plain() {
        for good in ["model.bin", "a/b/c.txt", "ünï/ço dé.bin", "...", ".hidden", "a:b"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/", "/etc/passwd", "..", "a/../b", "a/./b", "a//b", "a/", "a\0b", "a\nb", "..\\b"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(is_plain(&"a".repeat(1024)) && !is_plain(&"a".repeat(1025)));
    }
}
