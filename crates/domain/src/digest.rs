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

    /// A digest that a client wrote in hexadecimal, in whichever case.
    pub fn from_hex(text: &str) -> Result<Self> {
        text.to_ascii_lowercase().parse()
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
    fn a_digest_reads_back_what_it_wrote_and_broken_ones_are_refused() {
        let digest = Sha256::from_bytes([0xab; 32]);
        assert_eq!(digest.to_string().parse::<Sha256>().unwrap(), digest);
        assert_eq!(Sha256::from_hex(&digest.to_string().to_uppercase()).unwrap(), digest);
        assert!(Sha256::from_hex("xy").is_err());
        assert!("AB".repeat(32).parse::<Sha256>().is_err());
        assert!("ab".repeat(31).parse::<Sha256>().is_err());
        assert!("ab".repeat(32).parse::<Sha256>().is_ok());
    }
}
