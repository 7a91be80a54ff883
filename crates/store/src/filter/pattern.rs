//! LIKE patterns.

use super::text::MAX_INDEXED_CHARS;

/// A pattern whose last backslash escapes nothing is an error to PostgreSQL; it stands for itself.
pub(super) fn well_formed(pattern: &str) -> String {
    let trailing = pattern.chars().rev().take_while(|each| *each == '\\').count();
    if trailing % 2 == 1 { format!("{pattern}\\") } else { pattern.to_owned() }
}

/// The texts that begin as the pattern does, as a half-open range of the index; `None` when it begins with a wildcard.
pub(super) fn prefix_range(pattern: &str) -> Option<(String, String)> {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    while let Some(each) = chars.next() {
        match each {
            '%' | '_' => break,
            '\\' => prefix.extend(chars.next()),
            each => prefix.push(each),
        }
    }
    let prefix: String = prefix.chars().take(MAX_INDEXED_CHARS).collect();
    let mut end = prefix.clone();
    // The next greater text of this length; the order of UTF-8 is that of its characters.
    loop {
        let last = end.pop()?;
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            return Some((prefix, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_the_index() {
        let range = |pattern| prefix_range(pattern);
        assert_eq!(range("ab%"), Some(("ab".into(), "ac".into())));
        assert_eq!(range("a\\_b_"), Some(("a_b".into(), "a_c".into())));
        assert_eq!(range("a\u{10ffff}%"), Some(("a\u{10ffff}".into(), "b".into())));
        assert_eq!(range("\u{d7ff}%"), Some(("\u{d7ff}".into(), "\u{e000}".into())));
        assert_eq!(range("%a"), None);
        assert_eq!(range(""), None);
    }
}
