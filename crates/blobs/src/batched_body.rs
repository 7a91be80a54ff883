//! A body as batches, checked against its announced size, and its digests. Independent of the store.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use sha2::Digest as _;
use tokio::time::{Instant, timeout_at};

use super::resumable::{restore, save};
use modelport_domain::{Error, Result, Sha256};
use modelport_memory::{Memory, Share};

/// The size of a batch, in bytes: the unit of hashing and writing.
pub(super) const BATCH: usize = 1 << 20;

/// How long a batch is filled before it is processed although it is not full.
const MAX_BATCH_WAIT: Duration = Duration::from_millis(20);

/// What is known about the size of a body before it is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BodySize {
    /// The exact number of bytes, as announced by a `Content-Length`.
    pub exact: Option<u64>,
    /// The largest number of bytes that is accepted; without one there is no limit.
    pub at_most: Option<u64>,
}

impl BodySize {
    /// A body of exactly `bytes`, without a limit.
    pub fn exactly(bytes: u64) -> Self {
        Self { exact: Some(bytes), at_most: None }
    }

    fn admit(self, bytes: u64) -> Result<()> {
        if let Some(limit) = self.at_most.filter(|limit| bytes > *limit) {
            let message = format!("the body is larger than the limit of `{limit}` bytes");
            return Err(Error::too_large(message));
        }
        match self.exact.filter(|exact| bytes > *exact) {
            Some(exact) => Err(Error::invalid_body(format!("the body is longer than its length of `{exact}` bytes"))),
            None => Ok(()),
        }
    }
}

/// A body as batches of [`BATCH`] bytes, of which the last may be shorter.
///
/// Small chunks are copied together, so that a batch holds what has arrived and not the buffers it arrived in.
pub(super) struct BatchedBody<B> {
    body: B,
    size: BodySize,
    taken: u64,
    rest: Bytes,
    ended: bool,
}

impl<B, E> BatchedBody<B>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Error>,
{
    /// Refuses a body whose announced size passes the limit before it is read.
    pub(super) fn new(body: B, size: BodySize) -> Result<Self> {
        size.admit(size.exact.unwrap_or(0))?;
        Ok(Self { body, size, taken: 0, rest: Bytes::new(), ended: false })
    }

    /// The number of bytes that have arrived.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes the batch that begins now has at most.
    fn batch_size(&self) -> usize {
        let begun = self.taken - self.rest.len() as u64;
        let left = self.size.exact.map(|exact| exact.saturating_sub(begun));
        left.and_then(|left| usize::try_from(left).ok()).map_or(BATCH, |left| left.min(BATCH))
    }

    /// The next batch of [`BATCH`] bytes, or a shorter one when the client is slow or the body ends, and the memory that it takes:
    /// none is held while nothing arrives. `None` when the body has ended where it should.
    pub(super) async fn next_within(&mut self, memory: &Memory) -> Result<Option<(Bytes, Share)>> {
        if !self.fill().await? {
            return Ok(None);
        }
        let size = self.batch_size();
        let mut share = memory.file();
        share.grow(size as u64).await?;
        if self.rest.len() >= size {
            return Ok(Some((self.rest.split_to(size), share)));
        }
        let until = Instant::now() + MAX_BATCH_WAIT;
        // A body that has filled a batch will fill the next, so its buffer is allocated in full.
        let expected = if self.taken > BATCH as u64 { size } else { self.rest.len() };
        let mut batch = BytesMut::with_capacity(expected);
        loop {
            batch.extend_from_slice(&self.take(size - batch.len()));
            let has_more = batch.len() < size && timeout_at(until, self.fill()).await.unwrap_or(Ok(false))?;
            if !has_more {
                return Ok(Some((batch.freeze(), share)));
            }
        }
    }

    /// The first of the bytes at hand, at most `most` of them.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        self.rest.split_to(most.min(self.rest.len()))
    }

    /// Makes sure that there are bytes at hand; false when the body has ended.
    pub(super) async fn fill(&mut self) -> Result<bool> {
        while self.rest.is_empty() && !self.ended {
            match self.body.next().await {
                Some(chunk) => {
                    self.rest = chunk.map_err(Into::into)?;
                    self.taken += self.rest.len() as u64;
                    self.size.admit(self.taken)?;
                }
                None => {
                    self.ended = true;
                    let taken = self.taken;
                    if let Some(exact) = self.size.exact.filter(|exact| taken < *exact) {
                        let message = format!("the body ended after `{taken}` of its `{exact}` bytes");
                        return Err(Error::invalid_body(message));
                    }
                }
            }
        }
        Ok(!self.rest.is_empty())
    }
}

/// The digest of the whole body, and the checksum of its current part.
#[derive(Default)]
pub(super) struct Digest {
    whole: sha2::Sha256,
    part: crc32fast::Hasher,
}

impl Digest {
    /// Takes the next bytes into the digest alone.
    pub(super) fn update(&mut self, bytes: &[u8]) -> Result<()> {
        self.whole.update(bytes);
        Ok(())
    }

    /// Takes the next bytes into the digest and into the part's checksum.
    pub(super) fn update_part(&mut self, bytes: &[u8]) -> Result<()> {
        self.whole.update(bytes);
        self.part.update(bytes);
        Ok(())
    }

    /// A digest that continues from a saved state.
    pub(super) fn resume(state: &[u8]) -> Result<Self> {
        Ok(Self { whole: restore(state)?, part: crc32fast::Hasher::default() })
    }

    /// The state of the digest, to continue from later.
    pub(super) fn save(&self) -> Vec<u8> {
        save(&self.whole)
    }

    /// Takes bytes that the digest knows into the part's checksum alone.
    pub(super) fn check_part(&mut self, bytes: &[u8]) {
        self.part.update(bytes);
    }

    /// The CRC-32 of the part so far; the next part starts here.
    pub(super) fn end_part(&mut self) -> u32 {
        std::mem::take(&mut self.part).finalize()
    }

    /// The SHA-256 of everything.
    pub(super) fn end(self) -> Sha256 {
        Sha256::from_bytes(self.whole.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use modelport_domain::ErrorKind;

    fn batched(chunks: &[usize], size: BodySize) -> Result<BatchedBody<impl Stream<Item = Result<Bytes>> + Unpin>> {
        let chunks: Vec<_> = chunks.iter().map(|length| Ok(Bytes::from(vec![7; *length]))).collect();
        BatchedBody::new(stream::iter(chunks), size)
    }

    async fn lengths(chunks: &[usize], size: BodySize) -> Result<Vec<usize>> {
        let mut body = batched(chunks, size)?;
        let mut lengths = Vec::new();
        let memory = Memory::new(BATCH);
        while let Some((batch, share)) = body.next_within(&memory).await? {
            assert!((batch.len()..=BATCH).contains(&usize::try_from(share.bytes()).unwrap()));
            lengths.push(batch.len());
        }
        assert!(body.next_within(&memory).await?.is_none());
        assert_eq!(body.taken(), lengths.iter().sum::<usize>() as u64);
        Ok(lengths)
    }

    #[tokio::test]
    async fn every_batch_but_the_last_is_full() {
        let any = BodySize::default();
        assert_eq!(lengths(&[], any).await.unwrap(), [0; 0]);
        assert_eq!(lengths(&[0, 1, 0, 2], any).await.unwrap(), [3]);
        assert_eq!(lengths(&[BATCH, 1], any).await.unwrap(), [BATCH, 1]);
        assert_eq!(lengths(&[1, 2 * BATCH, 1], any).await.unwrap(), [BATCH, BATCH, 2]);
        assert_eq!(lengths(&[BATCH / 3; 7], any).await.unwrap(), [BATCH, BATCH, BATCH / 3 * 7 - 2 * BATCH]);
    }

    #[tokio::test]
    async fn a_body_is_held_to_its_size() {
        let kind = |result: Result<Vec<usize>>| result.unwrap_err().kind();
        assert_eq!(lengths(&[2, 3], BodySize::exactly(5)).await.unwrap(), [5]);
        assert_eq!(kind(lengths(&[2, 2], BodySize::exactly(5)).await), ErrorKind::InvalidBody);
        assert_eq!(kind(lengths(&[2, 4], BodySize::exactly(5)).await), ErrorKind::InvalidBody);
        let limited = BodySize { exact: None, at_most: Some(5) };
        assert_eq!(lengths(&[2, 3], limited).await.unwrap(), [5]);
        assert_eq!(kind(lengths(&[2, 4], limited).await), ErrorKind::TooLarge);
        let announced = BodySize { exact: Some(6), at_most: Some(5) };
        assert_eq!(batched(&[], announced).err().map(|error| error.kind()), Some(ErrorKind::TooLarge));
    }
}
