//! Keys of all kinds, and the tokens that they sign. Made without the library that checks them.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

pub enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key with the name that it has in its issuer's set; empty for none.
pub struct Signer {
    pub key: Key,
    pub id: &'static str,
}

impl Signer {
    pub fn rsa(id: &'static str) -> Self {
        Self { key: Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()), id }
    }

    pub fn p256(id: &'static str) -> Self {
        Self { key: Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()), id }
    }

    pub fn p384(id: &'static str) -> Self {
        Self { key: Key::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()), id }
    }

    pub fn ed25519(id: &'static str) -> Self {
        Self { key: Key::Ed25519(Ed25519KeyPair::generate().unwrap()), id }
    }

    /// The public key as its issuer publishes it.
    pub fn public(&self) -> Value {
        let point = |pair: &EcdsaKeyPair, curve: &str| {
            let (x, y) = pair.public_key().as_ref()[1..].split_at((pair.public_key().as_ref().len() - 1) / 2);
            json!({"kty": "EC", "crv": curve, "x": BASE64.encode(x), "y": BASE64.encode(y)})
        };
        let mut key = match &self.key {
            Key::Rsa(pair) => json!({
                "kty": "RSA",
                "use": "sig",
                "n": BASE64.encode(pair.public_key().modulus().big_endian_without_leading_zero()),
                "e": BASE64.encode(pair.public_key().exponent().big_endian_without_leading_zero()),
            }),
            Key::P256(pair) => point(pair, "P-256"),
            Key::P384(pair) => point(pair, "P-384"),
            Key::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(pair.public_key().as_ref())})
            }
        };
        if !self.id.is_empty() {
            key["kid"] = json!(self.id);
        }
        key
    }

    /// The key's usual algorithm.
    pub fn algorithm(&self) -> &'static str {
        match &self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
            Key::P384(_) => "ES384",
            Key::Ed25519(_) => "EdDSA",
        }
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        let mut header = json!({"alg": self.algorithm(), "typ": "at+jwt"});
        if !self.id.is_empty() {
            header["kid"] = json!(self.id);
        }
        self.token_with(&header, claims)
    }

    /// A token with another header. RSA keys sign with PSS where it says so.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn signature::RsaEncoding = match header["alg"].as_str().unwrap() {
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Key::P256(pair) | Key::P384(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", BASE64.encode(signature))
    }
}

/// What a signature is made of.
pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

/// A token that is signed with a secret.
pub fn with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", BASE64.encode(signature.as_ref()))
}
