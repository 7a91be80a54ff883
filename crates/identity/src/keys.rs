//! The public keys of an issuer (RFC 7517), and which algorithms each is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::allowed_algorithm;

/// The most keys of one issuer that are kept.
const MAX_KEYS: usize = 100;
/// The smallest RSA modulus that is accepted (RFC 7518 §3.3).
const MIN_RSA_BYTES: usize = 256;

/// The keys that can be used.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// A key as it is written, with the members that have a meaning here.
#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys of a set. Those that are not understood, or for something else, are left out (RFC 7517 §5).
    pub fn parse(set: &Value) -> Result<Self, String> {
        let written = set.get("keys").and_then(Value::as_array).ok_or("there is no list of `keys`")?;
        let keys: Vec<_> = written.iter().filter_map(|key| Key::parse(key.clone())).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err(format!("none of {} keys can be used", written.len()));
        }
        Ok(Self(keys))
    }

    /// The keys that a token may be signed with that names this key, or none, and this algorithm.
    pub fn matching<'a>(&'a self, id: Option<&'a str>, algorithm: Algorithm) -> impl Iterator<Item = &'a DecodingKey> {
        let named = move |key: &&Key| id.is_none() || key.id.as_deref() == id;
        let fits = move |key: &&Key| key.algorithms.contains(&algorithm);
        self.0.iter().filter(named).filter(fits).map(|key| &key.key)
    }

    /// Whether there is a key of that name, whatever it is for.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl Key {
    fn parse(value: Value) -> Option<Self> {
        let key: WrittenKey = serde_json::from_value(value).ok()?;
        let is_for_signatures = key.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = key.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !is_for_signatures || !verifies {
            return None;
        }
        let (decoding, mut algorithms) = key.decode()?;
        if let Some(only) = &key.alg {
            let only = allowed_algorithm(only)?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        (!algorithms.is_empty()).then_some(Self { id: key.kid, algorithms, key: decoding })
    }
}

impl WrittenKey {
    /// The key, with the algorithms that its type and its curve are for.
    fn decode(&self) -> Option<(DecodingKey, Vec<Algorithm>)> {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let n = URL_SAFE_NO_PAD.decode(self.n.as_ref()?).ok()?;
                let e = URL_SAFE_NO_PAD.decode(self.e.as_ref()?).ok()?;
                let is_long = n.iter().skip_while(|byte| **byte == 0).count() >= MIN_RSA_BYTES;
                let key = DecodingKey::from_rsa_raw_components(&n, &e);
                is_long.then_some((key, vec![RS256, RS384, RS512, PS256, PS384, PS512]))
            }
            ("EC", Some(curve)) => {
                let algorithm = match curve {
                    "P-256" => ES256,
                    "P-384" => ES384,
                    _ => return None,
                };
                Some((DecodingKey::from_ec_components(self.x.as_ref()?, self.y.as_ref()?).ok()?, vec![algorithm]))
            }
            ("OKP", Some("Ed25519")) => Some((DecodingKey::from_ed_components(self.x.as_ref()?).ok()?, vec![EdDSA])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(bytes: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xff_u8; bytes]), "e": "AQAB"})
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn the_algorithm_is_the_key_s() {
        let set = KeySet::parse(&json!({"keys": [
            rsa(256),
            with(with(rsa(256), "kid", json!("p")), "alg", json!("PS256")),
            {"kty": "EC", "crv": "P-256", "kid": "e", "x": "AAAA", "y": "AAAA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "AAAA"},
        ]}))
        .unwrap();
        let count = |id, algorithm| set.matching(id, algorithm).count();
        assert_eq!(count(Some("r"), Algorithm::RS256), 1);
        assert_eq!(count(Some("r"), Algorithm::ES256), 0);
        assert_eq!(count(Some("p"), Algorithm::RS256), 0);
        assert_eq!(count(Some("e"), Algorithm::ES256), 1);
        assert_eq!(count(Some("e"), Algorithm::ES384), 0);
        assert_eq!(count(Some("o"), Algorithm::EdDSA), 1);
        assert_eq!(count(None, Algorithm::PS256), 2);
        assert_eq!(count(None, Algorithm::HS256), 0);
        assert!(set.has("o") && !set.has("x"));
    }

    #[test]
    fn what_is_no_key_for_signatures_is_left_out() {
        for key in [
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            rsa(255),
            with(rsa(256), "use", json!("enc")),
            with(rsa(256), "key_ops", json!(["encrypt"])),
            with(rsa(256), "alg", json!("RSA-OAEP")),
            with(rsa(256), "alg", json!("HS256")),
            with(rsa(256), "n", json!("???")),
            json!({"kty": "EC", "crv": "P-521", "x": "AAAA", "y": "AAAA"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
            json!("key"),
        ] {
            assert_eq!(KeySet::parse(&json!({"keys": [key]})).unwrap_err(), "none of 1 keys can be used");
        }
        assert!(KeySet::parse(&json!({})).is_err() && KeySet::parse(&json!([])).is_err());
        assert_eq!(KeySet::parse(&json!({"keys": vec![rsa(256); 500]})).unwrap().0.len(), MAX_KEYS);
    }
}
