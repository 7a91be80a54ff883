//! The SHA-256 digest by which a blob is known.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Error, Result};

/// A SHA-256 digest. Displays and parses as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// A digest from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The sha-256 member of a `Content-Digest` or `Repr-Digest` field (RFC 9530), as in `sha-256=:…:`.
    ///
    /// `None` when the field carries no sha-256; an error when it carries one that cannot be read.
    pub fn from_digest_field(field: &str) -> Result<Option<Self>> {
        for member in field.split(',') {
            let Some((algorithm, value)) = member.trim().split_once('=') else {
                return Err(Error::invalid("Content-Digest", format!("`{field}` is not a list of digests")));
            };
            if !algorithm.trim().eq_ignore_ascii_case("sha-256") {
                continue;
            }
            let digest = value
                .trim()
                .strip_prefix(':')
                .and_then(|value| value.strip_suffix(':'))
                .and_then(|value| BASE64.decode(value).ok())
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            return digest
                .map(|bytes| Some(Self(bytes)))
                .ok_or_else(|| Error::invalid("Content-Digest", format!("`{value}` is not a base64 SHA-256")));
        }
        Ok(None)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as a `Content-Digest` or `Repr-Digest` field (RFC 9530).
    pub fn to_digest_field(self) -> String {
        format!("sha-256=:{}:", BASE64.encode(self.0))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => Ok(Self(bytes)),
            _ => Err(Error::invalid("sha256", format!("`{text}` is not 64 lower-case hexadecimal digits"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_field_reads_back_what_it_wrote() {
        let digest = Sha256::from_bytes([7; 32]);
        let field = digest.to_digest_field();
        assert_eq!(Sha256::from_digest_field(&field).unwrap(), Some(digest));
        assert_eq!(Sha256::from_digest_field(&format!("sha-512=:AA==:, {field}")).unwrap(), Some(digest));
        assert_eq!(Sha256::from_digest_field("md5=:AA==:").unwrap(), None);
    }

    #[test]
    fn broken_digests_are_refused() {
        for field in ["sha-256", "sha-256=abc", "sha-256=:abc:", "sha-256=:AA==:", ""] {
            assert!(Sha256::from_digest_field(field).is_err(), "{field}");
        }
        assert!("AB".repeat(32).parse::<Sha256>().is_err());
        assert!("ab".repeat(31).parse::<Sha256>().is_err());
        assert!("ab".repeat(32).parse::<Sha256>().is_ok());
    }
}
