//! The registry's own tokens: how they are written, recognised and compared. What they allow is in the database.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq as _;

use crate::{Error, Result, Sha256};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "mp_";
const ID_DIGITS: usize = 12;
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;

/// A token that this registry made: `mp_<id>_<secret>_<checksum>`, of letters and digits.
///
/// The id finds its row; the secret is 256 bits from the operating system; the checksum is the CRC-32 of all that stands before
/// it, so that a typo, or another string that a scanner took for a token, is told without the database.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// What finds tokens in text, for scanners of secrets. What it finds is one if [`parse`](Self::parse) takes it.
    pub const PATTERN: &str = r"\bmp_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b";

    /// How many random bytes a token is made of.
    pub const RANDOM_BYTES: usize = 41;

    /// A new token. The bytes are to come from the operating system's generator.
    pub fn from_random(bytes: [u8; Self::RANDOM_BYTES]) -> Self {
        let (secret, id) = bytes.split_at(32);
        let body = format!("{PREFIX}{}_{}", digits::<ID_DIGITS>(id), digits::<SECRET_DIGITS>(secret));
        let checksum = checksum(&body);
        Self(format!("{body}_{checksum}"))
    }

    /// Whether a text claims to be such a token; any other bearer token is somebody else's.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The token that a client presents: Unauthenticated where the text is none. The error does not show the text.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            Error::unauthenticated(format!(
                "the token is not of the form `{PREFIX}…_…_…`, with {ID_DIGITS}, {SECRET_DIGITS} and {CHECKSUM_DIGITS} letters or digits"
            ))
        };
        let (body, end) = text.rsplit_once('_').ok_or_else(malformed)?;
        let (id, secret) = body.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or_else(malformed)?;
        let fits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits(id, ID_DIGITS) || !fits(secret, SECRET_DIGITS) || !fits(end, CHECKSUM_DIGITS) {
            return Err(malformed());
        }
        if checksum(body) != end {
            return Err(Error::unauthenticated("the token's checksum is wrong: it was not copied as it was given out"));
        }
        Ok(Self(text.to_owned()))
    }

    /// What finds its row, and may be shown: the part behind the prefix.
    pub fn public_id(&self) -> &str {
        self.0.get(PREFIX.len()..PREFIX.len() + ID_DIGITS).unwrap_or_default()
    }

    /// What is kept of it: the SHA-256 of the whole token, in hexadecimal. Its 256 random bits need no slow hash.
    pub fn secret_hash(&self) -> String {
        hash_of_text(&self.0)
    }

    /// Whether it is the token whose hash was kept. Takes as long wherever the two differ.
    pub fn has_hash(&self, kept: &str) -> bool {
        is_same_hash(&self.secret_hash(), kept)
    }

    /// The token itself, to be shown once to whoever it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({PREFIX}{}_…)", self.public_id())
    }
}

/// What is kept of a text that serves as a token: its SHA-256, in hexadecimal.
pub fn hash_of_text(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()
}

/// Whether two hashes are the same. Takes as long wherever they differ.
pub fn is_same_hash(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// The CRC-32 of a token's text up to its checksum.
fn checksum(body: &str) -> String {
    digits::<CHECKSUM_DIGITS>(&crc32fast::hash(body.as_bytes()).to_be_bytes())
}

/// A number, given as bytes with the highest first, in so many digits of base 62; of a larger one, the lowest ones.
fn digits<const N: usize>(bytes: &[u8]) -> String {
    let mut number = bytes.to_vec();
    let mut reversed = Vec::with_capacity(N);
    for _ in 0..N {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            // Both fit: `value` is below 62 * 256.
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        reversed.extend(DIGITS.get(remainder as usize).copied());
    }
    reversed.iter().rev().copied().map(char::from).collect()
}

/// The token of the settings that makes the first administrator: any text that is long enough.
#[derive(Clone)]
pub struct BootstrapToken(String);

impl BootstrapToken {
    /// The fewest characters.
    pub const MIN_CHARACTERS: usize = 32;
    /// The most bytes; a header has to hold it.
    pub const MAX_BYTES: usize = 1024;

    /// Whether a client presents this token. Takes as long wherever the two differ.
    pub fn is(&self, presented: &str) -> bool {
        let hash = |text: &str| Sha256::of(text.as_bytes());
        hash(&self.0).as_bytes().ct_eq(hash(presented).as_bytes()).into()
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for BootstrapToken {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for BootstrapToken {}

impl FromStr for BootstrapToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |message: String| Err(Error::invalid("bootstrap_token", message));
        if text.chars().count() < Self::MIN_CHARACTERS {
            return refused(format!("a bootstrap token has {} characters or more", Self::MIN_CHARACTERS));
        }
        if text.len() > Self::MAX_BYTES {
            return refused(format!("a bootstrap token has {} bytes at most", Self::MAX_BYTES));
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return refused("a bootstrap token has no control characters, and no spaces at its ends".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BootstrapToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(seed: u8) -> TokenText {
        TokenText::from_random(std::array::from_fn(|place| seed.wrapping_add((place as u8).wrapping_mul(37))))
    }

    #[test]
    fn a_token_is_written_as_the_pattern_says() {
        for (bytes, text) in [
            ([0; 41], "mp_000000000000_0000000000000000000000000000000000000000000_3Mg4qX"),
            ([255; 41], "mp_SkYaaiXSSTS3_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1_4JX1xc"),
        ] {
            let token = TokenText::from_random(bytes);
            assert_eq!(token.expose(), text);
            assert_eq!(TokenText::parse(text).unwrap().expose(), text);
            assert_eq!(token.public_id(), text.split('_').nth(1).unwrap());
        }
        assert_ne!(token(1).expose(), token(2).expose());
    }

    #[test]
    fn every_bit_of_the_secret_counts() {
        let reference = token(3);
        for bit in 0..256 {
            let mut bytes: [u8; 41] = std::array::from_fn(|place| 3_u8.wrapping_add((place as u8).wrapping_mul(37)));
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(TokenText::from_random(bytes).secret_hash(), reference.secret_hash());
        }
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        let text = token(4).expose().to_owned();
        for place in 3..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let error = TokenText::parse(std::str::from_utf8(&wrong).unwrap()).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Unauthenticated);
            assert!(!error.message().contains(token(4).public_id()), "{}", error.message());
        }
        for wrong in ["", "mp_", "mp_a_b_c", &text[1..], &text[..65], &format!("{text}0"), &text.replace('_', "-")] {
            assert!(TokenText::parse(wrong).is_err(), "{wrong}");
        }
        assert!(TokenText::is_meant_by(&text) && !TokenText::is_meant_by("eyJhbGciOi"));
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_not_shown() {
        let token = token(5);
        assert!(token.has_hash(&token.secret_hash()));
        assert!(!token.has_hash(&self::token(6).secret_hash()) && !token.has_hash("") && !token.has_hash("ab"));
        assert_eq!(token.secret_hash(), Sha256::of(token.expose().as_bytes()).to_string());
        let shown = format!("{token:?}");
        assert!(shown.contains(token.public_id()) && shown.len() < 40, "{shown}");
    }

    #[test]
    fn a_bootstrap_token_is_any_long_text() {
        let text = "correct horse battery staple 2026";
        let token: BootstrapToken = text.parse().unwrap();
        assert!(token.is(text) && !token.is("") && !token.is(&text[1..]));
        assert_eq!(format!("{token:?}"), "BootstrapToken(***)");
        for wrong in ["", "too short", &" ".repeat(40), &format!("{text}\n"), &"x".repeat(1025)] {
            assert!(wrong.parse::<BootstrapToken>().is_err(), "{wrong}");
        }
    }
}
