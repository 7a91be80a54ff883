//! Keys that seal what only this registry may read and may have written. Replicas that share them read each other's.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::{Error, Result};

/// What the first byte of everything sealed is: how it was sealed.
const VERSION: u8 = 1;
/// How many random bytes a secret has that is made here.
const SECRET_BYTES: usize = 32;

/// The keys of the settings, newest first. The newest seals; each of them opens. Cheap to clone.
#[derive(Clone)]
pub struct Keyring(Arc<[Key]>);

struct Key(LessSafeKey);

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.0.len())
    }
}

impl Keyring {
    /// Keys derived from texts that nobody can guess, newest first. InvalidArgument where there is none.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let keys: Vec<_> = texts.into_iter().map(Key::derive).collect::<Result<_>>()?;
        if keys.is_empty() {
            return Err(Error::invalid("auth.keys", "there is no key"));
        }
        Ok(Self(keys.into()))
    }

    /// The secret, so that only who has one of the keys can read it, and only in the place that `about` names.
    pub fn seal(&self, about: &str, secret: &str) -> Result<String> {
        let failed = || Error::internal("a secret cannot be sealed");
        let key = self.0.first().ok_or_else(failed)?;
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let mut sealed = secret.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.0.seal_in_place_append_tag(unique, Aad::from(about), &mut sealed).map_err(|_| failed())?;
        let whole = [&[VERSION], &nonce[..], &sealed].concat();
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// What was sealed for that place; `None` where none of the keys opens it.
    pub fn open(&self, about: &str, sealed: &str) -> Option<String> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (version, rest) = whole.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let open = |key: &Key| {
            let mut bytes = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = key.0.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?;
            String::from_utf8(opened.to_vec()).ok()
        };
        self.0.iter().find_map(open)
    }
}

impl Key {
    fn derive(text: &str) -> Result<Self> {
        let failed = |_| Error::internal("no key can be derived from one of `auth.keys`");
        let root = Salt::new(HKDF_SHA256, b"modelport").extract(text.as_bytes());
        let mut key = [0; 32];
        root.expand(&[b"seal"], HKDF_SHA256).and_then(|expanded| expanded.fill(&mut key)).map_err(failed)?;
        UnboundKey::new(&AES_256_GCM, &key).map(|key| Self(LessSafeKey::new(key))).map_err(failed)
    }
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    rand::fill(bytes).map_err(|error| Error::internal("there are no random numbers").caused_by(error))
}

/// A secret that nobody can guess: 256 bits, as 43 letters, digits, `-` and `_`.
pub fn random_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "the old key, which is long enough";
    const NEW: &str = "the new key, which is long enough";

    fn ring(keys: &[&str]) -> Keyring {
        Keyring::new(keys.iter().copied()).unwrap()
    }

    #[test]
    fn the_newest_key_seals_and_each_opens() {
        let (old, both, new) = (ring(&[OLD]), ring(&[NEW, OLD]), ring(&[NEW]));
        let by_old = old.seal("session 1", "secret").unwrap();
        let by_both = both.seal("session 1", "secret").unwrap();
        for (ring, sealed, opened) in [
            (&old, &by_old, Some("secret")),
            (&both, &by_old, Some("secret")),
            (&new, &by_old, None),
            (&old, &by_both, None),
            (&both, &by_both, Some("secret")),
            (&new, &by_both, Some("secret")),
        ] {
            assert_eq!(ring.open("session 1", sealed).as_deref(), opened);
        }
        assert!(Keyring::new([]).is_err());
    }

    #[test]
    fn what_is_sealed_is_bound_to_its_place_and_cannot_be_changed() {
        let ring = ring(&[NEW]);
        let sealed = ring.seal("session 1", "secret").unwrap();
        assert_ne!(sealed, ring.seal("session 1", "secret").unwrap());
        assert!(!sealed.contains("secret"));
        assert_eq!(ring.open("session 2", &sealed), None);
        assert_eq!(format!("{ring:?}"), "Keyring(1 keys)");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last digit has bits that mean nothing.
            assert!(ring.open("session 1", &changed).is_none() || at + 1 == sealed.len(), "{at}");
        }
        for wrong in ["", "A", "AQ", "!", &sealed[..20], &format!("{sealed}A")] {
            assert_eq!(ring.open("session 1", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_differ() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
    }
}
