//! How well something matches a search.

/// How something was found, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matched {
    /// It has just that name; a file has it after its folders.
    ExactName,
    /// The digest of its bytes begins so.
    Digest,
    /// Its name begins so, or that of a file after its folders does.
    NamePrefix,
    /// A word in its name begins so.
    NameWord,
    /// It is somewhere in its name, or its words are.
    NamePart,
    /// The value of a custom property begins so, or the name of one that is an empty text.
    Label,
    /// Its description, its card or its tasks have it.
    Text,
}

impl Matched {
    /// Every way.
    pub const ALL: [Self; 7] =
        [Self::ExactName, Self::Digest, Self::NamePrefix, Self::NameWord, Self::NamePart, Self::Label, Self::Text];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExactName => "exactName",
            Self::Digest => "digest",
            Self::NamePrefix => "namePrefix",
            Self::NameWord => "nameWord",
            Self::NamePart => "namePart",
            Self::Label => "label",
            Self::Text => "text",
        }
    }

    /// How a name matches in which the phrase, or each of its words, is.
    pub(super) fn by_name(name: &str, phrase: &str) -> Self {
        match name.strip_prefix(phrase) {
            Some("") => Self::ExactName,
            Some(_) => Self::NamePrefix,
            None if begins_a_word(name, phrase) => Self::NameWord,
            None => Self::NamePart,
        }
    }

    /// The same of a path, of which the last segment counts as the name, too.
    pub(super) fn by_path(path: &str, phrase: &str) -> Self {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        Self::by_name(path, phrase).min(Self::by_name(name, phrase))
    }
}

fn begins_a_word(name: &str, phrase: &str) -> bool {
    let before = |at: usize| name.get(..at).and_then(|before| before.chars().next_back());
    name.match_indices(phrase).any(|(at, _)| before(at).is_none_or(|last| !last.is_alphanumeric()))
}

/// The text of a search as names are compared with it: ASCII letters in lower case.
pub(super) fn phrase(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// The parts that a text has to have, each of at least `min` characters: the words of the phrase, or the phrase itself where one of them is
/// shorter. None where that is shorter, too.
pub(super) fn parts(phrase: &str, min: usize) -> Vec<String> {
    let is_long = |text: &str| text.chars().nth(min.saturating_sub(1)).is_some();
    let mut words: Vec<String> = phrase.split_whitespace().map(str::to_owned).collect();
    if words.iter().all(|word| is_long(word)) {
        words.sort_unstable();
        words.dedup();
        return words;
    }
    Some(phrase.to_owned()).filter(|phrase| is_long(phrase)).into_iter().collect()
}

/// The beginning of a SHA-256 that a phrase may be: 8 to 64 hexadecimal digits.
pub(super) fn digest(phrase: &str) -> Option<&str> {
    let is_digest = (8..=64).contains(&phrase.len()) && phrase.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(phrase).filter(|_| is_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_is_better_than_its_beginning_and_that_than_a_word() {
        for (name, expected) in [
            ("fraud", Matched::ExactName),
            ("fraud-eu", Matched::NamePrefix),
            ("eu-fraud", Matched::NameWord),
            ("eu fraud", Matched::NameWord),
            ("defraud/fraud", Matched::NameWord),
            ("defraud", Matched::NamePart),
            ("éfraud", Matched::NamePart),
        ] {
            assert_eq!(Matched::by_name(name, "fraud"), expected, "{name}");
        }
        assert!(Matched::ALL.is_sorted());
    }

    #[test]
    fn the_last_segment_of_a_path_is_its_name() {
        for (path, expected) in [
            ("a/model.bin", Matched::ExactName),
            ("a/model.bin.old", Matched::NamePrefix),
            ("model.bin/x", Matched::NamePrefix),
            ("a/my-model.bin", Matched::NameWord),
            ("supermodel.bin", Matched::NamePart),
        ] {
            assert_eq!(Matched::by_path(path, "model.bin"), expected, "{path}");
        }
    }

    #[test]
    fn words_are_looked_for_by_themselves_unless_one_is_short() {
        assert_eq!(parts("fraud risk fraud", 3), ["fraud", "risk"]);
        assert_eq!(parts("fraud eu", 3), ["fraud eu"]);
        assert_eq!(parts("模型库", 3), ["模型库"]);
        assert_eq!(parts("模型", 3), Vec::<String>::new());
        assert_eq!(parts("a b", 3), ["a b"]);
    }

    #[test]
    fn a_digest_has_hexadecimal_digits_alone() {
        assert_eq!(digest("0123456789ab"), Some("0123456789ab"));
        assert_eq!(digest("0123456"), None);
        assert_eq!(digest("0123456g"), None);
        assert_eq!(digest(&"a".repeat(65)), None);
    }
}
