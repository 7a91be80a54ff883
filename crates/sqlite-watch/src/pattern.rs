//! LIKE, in time that grows with the text: case matters, `%` is any characters, `_` any single one.
//!
//! Between two `%` the leftmost place where a part fits is as good as any: whatever a later one leaves for the parts after
//! it, the leftmost leaves too. So nothing is ever tried twice, as SQLite's own LIKE does, which goes back.

use std::borrow::Cow;

/// How many places a part is tried at between two checks of the deadline.
const CHECK_INTERVAL: usize = 1 << 10;

/// The comparison was interrupted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// Whether the whole text is as the pattern says. A character after `escape` stands for itself; an `escape` at the end stands
/// for nothing, and such a pattern fits no text.
pub(super) fn is_like(
    pattern: &str,
    text: &str,
    escape: Option<char>,
    is_over: &mut impl FnMut() -> bool,
) -> Result<bool, Ended> {
    let (first, mut remaining) = cut(pattern, escape);
    let Some(mut rest) = after(first, text, escape) else { return Ok(false) };
    loop {
        let Some(pattern) = remaining else { return Ok(rest.is_empty()) };
        let (part, further) = cut(pattern, escape);
        if further.is_none() {
            return Ok(ends(part, rest, escape));
        }
        match find(part, rest, escape, is_over)? {
            Some(left) => rest = left,
            None => return Ok(false),
        }
        remaining = further;
    }
}

/// The pattern up to its first `%`, and what stands after that.
fn cut(pattern: &str, escape: Option<char>) -> (&str, Option<&str>) {
    let mut chars = pattern.char_indices();
    while let Some((at, each)) = chars.next() {
        if Some(each) == escape {
            chars.next();
        } else if each == '%' {
            let (part, from_sign) = pattern.split_at(at);
            return (part, from_sign.get(1..));
        }
    }
    (pattern, None)
}

/// One character of a part.
#[derive(Clone, Copy)]
enum Each {
    Any,
    This(char),
    /// An escape with nothing after it.
    None,
}

/// The characters of a part, which has no `%`.
fn each(part: &str, escape: Option<char>) -> impl Iterator<Item = Each> {
    let mut chars = part.chars();
    std::iter::from_fn(move || {
        Some(match chars.next()? {
            each if Some(each) == escape => chars.next().map_or(Each::None, Each::This),
            '_' => Each::Any,
            each => Each::This(each),
        })
    })
}

/// The text of a part that stands for itself alone.
fn plain(part: &str, escape: Option<char>) -> Option<Cow<'_, str>> {
    if !part.contains(|each| each == '_' || Some(each) == escape) {
        return Some(Cow::Borrowed(part));
    }
    let text = each(part, escape).map(|each| match each {
        Each::This(each) => Some(each),
        Each::Any | Each::None => None,
    });
    text.collect::<Option<String>>().map(Cow::Owned)
}

/// What is left of a text that begins with the part.
fn after<'a>(part: &str, text: &'a str, escape: Option<char>) -> Option<&'a str> {
    let mut chars = text.chars();
    for expected in each(part, escape) {
        match (expected, chars.next()?) {
            (Each::Any, _) => {}
            (Each::This(expected), found) if expected == found => {}
            (Each::This(_) | Each::None, _) => return None,
        }
    }
    Some(chars.as_str())
}

/// Whether a text ends with the part.
fn ends(part: &str, text: &str, escape: Option<char>) -> bool {
    let Some(last) = each(part, escape).count().checked_sub(1) else { return true };
    let Some((at, _)) = text.char_indices().rev().nth(last) else { return false };
    text.get(at..).and_then(|end| after(part, end, escape)).is_some_and(str::is_empty)
}

/// What is left after the first place of the text where the part stands.
fn find<'a>(
    part: &str,
    text: &'a str,
    escape: Option<char>,
    is_over: &mut impl FnMut() -> bool,
) -> Result<Option<&'a str>, Ended> {
    if let Some(plain) = plain(part, escape) {
        // In linear time, whatever the two are.
        return Ok(text.find(&*plain).and_then(|at| text.get(at + plain.len()..)));
    }
    let first = each(part, escape).next();
    let mut rest = text;
    let mut tried = 0_usize;
    loop {
        if let Some(Each::This(first)) = first {
            let Some(at) = rest.find(first) else { return Ok(None) };
            rest = rest.get(at..).unwrap_or_default();
        }
        if let Some(left) = after(part, rest, escape) {
            return Ok(Some(left));
        }
        tried += 1;
        if tried.is_multiple_of(CHECK_INTERVAL) && is_over() {
            return Err(Ended);
        }
        let mut chars = rest.chars();
        if chars.next().is_none() {
            return Ok(None);
        }
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        is_like(pattern, text, Some('\\'), &mut || false).unwrap()
    }

    #[test]
    fn a_pattern_fits_the_whole_text() {
        for (text, pattern) in [
            ("", ""),
            ("", "%"),
            ("", "%%"),
            ("a", "a"),
            ("a", "_"),
            ("é", "_"),
            ("🦀", "_"),
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "%b%"),
            ("abc", "a%c"),
            ("abc", "___"),
            ("abc", "%___%"),
            ("aab", "%ab"),
            ("abab", "%ab"),
            ("abcabd", "a%b%d"),
            ("xaxbx", "%a_b%"),
            ("éaéb", "%é_é_"),
            ("100%", "100\\%"),
            ("a_b", "%\\_%"),
            ("a\\b", "a\\\\b"),
            ("a\\", "a\\\\"),
            ("ba", "%\\a"),
        ] {
            assert!(like(text, pattern), "`{text}` LIKE `{pattern}`");
        }
        for (text, pattern) in [
            ("a", ""),
            ("", "_"),
            ("a", "A"),
            ("É", "é"),
            ("a", "__"),
            ("ab", "_"),
            ("abc", "a%b"),
            ("ab", "ab%b"),
            ("aba", "%ab"),
            ("ab", "%_ab"),
            ("100x", "100\\%"),
            ("axb", "%\\_%"),
            ("a", "a\\"),
            ("a\\", "a\\"),
            ("a\\", "%\\"),
            ("a", "%\\%a"),
        ] {
            assert!(!like(text, pattern), "`{text}` LIKE `{pattern}`");
        }
        assert!(is_like("\\%", "\\abc", None, &mut || false).unwrap());
    }

    /// As the definition of LIKE reads, by going back.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|at| slow(rest, &text[at..])),
            ['_', rest @ ..] => !text.is_empty() && slow(rest, &text[1..]),
            ['\\', each, rest @ ..] => text.first() == Some(each) && slow(rest, &text[1..]),
            ['\\'] => false,
            [each, rest @ ..] => text.first() == Some(each) && slow(rest, &text[1..]),
        }
    }

    #[test]
    fn every_short_pattern_fits_as_it_is_defined() {
        let words = |letters: &[char], longest: u32| {
            let count = letters.len();
            let spelt = |length: u32, mut number: usize| {
                let mut word = String::new();
                for _ in 0..length {
                    word.push(letters[number % count]);
                    number /= count;
                }
                word
            };
            (0..=longest)
                .flat_map(|length| (0..count.pow(length)).map(move |at| (length, at)))
                .map(move |(l, at)| spelt(l, at))
                .collect::<Vec<_>>()
        };
        let texts = words(&['a', 'é', '%', '\\'], 4);
        for pattern in words(&['a', 'é', '%', '_', '\\'], 4) {
            let chars: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let expected = slow(&chars, &text.chars().collect::<Vec<_>>());
                assert_eq!(like(text, &pattern), expected, "`{text}` LIKE `{pattern}`");
            }
        }
    }

    #[test]
    fn nothing_is_tried_twice_in_long_texts_and_what_takes_long_is_ended() {
        let text = "a".repeat(4 << 20);
        let part = "a".repeat(200);
        // Going back, each of these would take hours.
        assert!(!like(&text, &format!("%{part}b%{part}%")));
        assert!(!like(&text, &format!("%a%{part}\\%%")));
        assert!(!like(&text, &format!("{}b", "%a".repeat(8))));
        assert!(like(&text, &format!("%{part}%")));
        let mut asked = 0;
        let mut is_over = || {
            asked += 1;
            asked == 3
        };
        assert_eq!(is_like(&format!("%{part}_b%"), &text, None, &mut is_over), Err(Ended));
    }
}
