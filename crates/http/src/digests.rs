//! What a client says its bytes come to: `Content-Digest` and `Repr-Digest` (RFC 9530). A body is never encoded and always
//! whole, so that both are of the same bytes.

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{Stream, StreamExt as _, stream};

use crate::domain::{Error, ErrorKind, Result, Sha256};
use crate::registry::resumable::Checksums;

const CONTENT_DIGEST: &str = "Content-Digest";
const REPR_DIGEST: &str = "Repr-Digest";

/// The digests that a request announces, each with the field that has it. Algorithms that are not active by the RFC are
/// skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    sha256: Option<(Sha256, &'static str)>,
    sha512: Option<(Vec<u8>, &'static str)>,
}

impl Digests {
    const FIELDS: [&str; 2] = [CONTENT_DIGEST, REPR_DIGEST];

    /// The digests in the headers of a request, or of a part of a form.
    ///
    /// Errors: InvalidArgument where a field cannot be read, or the two contradict each other.
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        let mut digests = Self::default();
        for field in Self::FIELDS {
            let lines: Vec<&[u8]> = headers.get_all(field).map(|line| line.as_bytes()).collect();
            let line = String::from_utf8(lines.join(b", ".as_slice()));
            let line = line.map_err(|_| Error::invalid(field, format!("header `{field}` is not ASCII")))?;
            // An empty dictionary says nothing (RFC 9651 §3.2).
            if line.trim().is_empty() {
                continue;
            }
            for member in line.split(',') {
                digests.add(field, member.trim())?;
            }
        }
        Ok(digests)
    }

    fn add(&mut self, field: &'static str, member: &str) -> Result<()> {
        let refuse = |why: &str| Error::invalid(field, format!("`{field}` {why}: `{}`", member.escape_debug()));
        let (algorithm, value) = member.split_once('=').ok_or_else(|| refuse("is not a list of digests"))?;
        let value = value.split(';').next().unwrap_or_default().trim();
        let bytes = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
        let bytes = bytes.and_then(|value| BASE64.decode(value).ok());
        let contradicts = || refuse("contradicts another digest of the request");
        match (algorithm.trim().to_ascii_lowercase().as_str(), bytes) {
            ("sha-256", bytes) => {
                let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                let digest = Sha256::from_bytes(bytes.ok_or_else(|| refuse("has no base64 SHA-256"))?);
                if self.sha256.replace((digest, field)).is_some_and(|(other, _)| other != digest) {
                    return Err(contradicts());
                }
            }
            ("sha-512", bytes) => {
                let bytes = bytes.filter(|bytes| bytes.len() == 64).ok_or_else(|| refuse("has no base64 SHA-512"))?;
                if self.sha512.replace((bytes.clone(), field)).is_some_and(|(other, _)| other != bytes) {
                    return Err(contradicts());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether nothing is announced that is compared.
    pub fn is_empty(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_none()
    }

    /// What the bytes should come to, for whoever computes it.
    pub fn add_to(&self, sums: &mut Checksums) {
        if let Some((digest, field)) = self.sha256 {
            sums.add_sha256(digest, field);
        }
        if let Some((digest, field)) = &self.sha512 {
            sums.add_sha512(digest.clone(), field);
        }
    }

    /// The SHA-256, for whoever computes it anyway.
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256.map(|(digest, _)| digest)
    }

    /// The error, with the field that announced the SHA-256 where it is about that.
    pub fn named(&self, error: Error) -> Error {
        match &self.sha256 {
            Some((_, field)) if error.kind() == ErrorKind::DigestMismatch => error.or_on_field(field),
            _ => error,
        }
    }

    /// The body, which ends with an error where it has another SHA-512.
    pub fn check_sha512<B>(&self, body: B) -> impl Stream<Item = Result<Bytes>> + Unpin + use<B>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        match self.sha512.clone() {
            Some((digest, field)) => Either::Left(checked::<sha2::Sha512, B>(body, digest, field)),
            None => Either::Right(body),
        }
    }

    /// The body, which ends with an error where it has another digest.
    pub fn check<B>(&self, body: B) -> impl Stream<Item = Result<Bytes>> + Unpin + use<B>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let body = self.check_sha512(body);
        match self.sha256 {
            Some((digest, field)) => Either::Left(checked::<sha2::Sha256, _>(body, digest.as_bytes().to_vec(), field)),
            None => Either::Right(body),
        }
    }
}

fn checked<D: sha2::Digest, B>(
    body: B,
    announced: Vec<u8>,
    field: &'static str,
) -> impl Stream<Item = Result<Bytes>> + Unpin + use<D, B>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    let begun = Some((body, D::new(), announced));
    Box::pin(stream::unfold(begun, move |state| async move {
        let (mut body, mut digest, announced) = state?;
        match body.next().await {
            Some(Ok(chunk)) => {
                digest.update(&chunk);
                Some((Ok(chunk), Some((body, digest, announced))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if digest.finalize().as_slice() == announced => None,
            None => {
                let message = format!(
                    "the bytes do not have the digest `{}` that `{field}` announces",
                    BASE64.encode(&announced)
                );
                Some((Err(Error::digest_mismatch(message).on_field(field)), None))
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use sha2::Digest as _;

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<Digests> {
        let request = headers.iter().fold(TestRequest::put(), |request, header| request.append_header(*header));
        Digests::of(request.to_http_request().headers())
    }

    #[test]
    fn both_fields_are_read_and_may_not_contradict_each_other() {
        let (one, other) = (Sha256::of(b"1").to_digest_field(), Sha256::of(b"2").to_digest_field());
        for field in [CONTENT_DIGEST, REPR_DIGEST] {
            let digests = read(&[(field, &format!("md5=:AA==:, {one};note"))]).unwrap();
            assert_eq!(digests.sha256, Some((Sha256::of(b"1"), field)));
            for broken in ["sha-256", "sha-256=abc", "sha-256=:abc:", "sha-256=:AA==:", "sha-512=:AA==:"] {
                assert_eq!(read(&[(field, broken)]).unwrap_err().field(), Some(field), "{broken}");
            }
        }
        assert!(read(&[(CONTENT_DIGEST, &one), (REPR_DIGEST, &one)]).is_ok());
        assert!(read(&[(CONTENT_DIGEST, &one), (REPR_DIGEST, &other)]).is_err());
        assert!(read(&[(CONTENT_DIGEST, &one), (CONTENT_DIGEST, &other)]).is_err());
        assert_eq!(read(&[]).unwrap(), Digests::default());
    }

    #[tokio::test]
    async fn a_body_with_another_digest_ends_with_an_error() {
        for (name, digest) in
            [("sha-256", sha2::Sha256::digest(b"12").to_vec()), ("sha-512", sha2::Sha512::digest(b"12").to_vec())]
        {
            let digests = read(&[(REPR_DIGEST, &format!("{name}=:{}:", BASE64.encode(digest)))]).unwrap();
            for (chunks, is_ok) in [(["1", "2"], true), (["1", "3"], false)] {
                let body = stream::iter(chunks.map(|chunk| Ok(Bytes::from(chunk))));
                let last = digests.check(body).collect::<Vec<_>>().await.pop().unwrap();
                assert_eq!(last.is_ok(), is_ok, "{name}");
            }
        }
    }
}
