//! The sentences of the port's documentation, each as a test for any store.

mod downloads;
mod upkeep;
mod uploads;

use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{self, LocalBoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use modelport::blobs::{BodySize, Key, Stored};
use modelport::domain::{ErrorKind, Result};

use super::stores::Store;

pub use downloads::*;
pub use upkeep::*;
pub use uploads::*;

const MIB: usize = 1 << 20;

/// `size` bytes that differ from those of another `seed`, with a period that no buffer is a multiple of.
pub fn bytes(size: usize, seed: u64) -> Bytes {
    let word = |index: u64| (index ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let period: Vec<u8> = (0..8_209).flat_map(word).collect();
    let mut bytes = period.repeat(size.div_ceil(period.len()));
    bytes.truncate(size);
    bytes.into()
}

/// A body that cannot be sent to another thread, as those of the web server cannot, in chunks of odd sizes.
pub fn body(bytes: &Bytes) -> LocalBoxStream<'static, Result<Bytes>> {
    let (bytes, sizes) = (Rc::new(bytes.clone()), [1, 4093, 65_537, 1_500_001]);
    let chunks = stream::unfold((0, 0), move |(start, turn)| {
        let bytes = Rc::clone(&bytes);
        async move {
            let end = bytes.len().min(start + sizes[turn % sizes.len()]);
            (start < end).then(|| (Ok(bytes.slice(start..end)), (end, turn + 1)))
        }
    });
    chunks.boxed_local()
}

/// The `start` of a body that then hangs.
fn stalled(start: &Bytes) -> LocalBoxStream<'static, Result<Bytes>> {
    body(start).chain(stream::pending()).boxed_local()
}

pub async fn put(store: &Store, key: &Key, bytes: &Bytes) -> Stored {
    store.blobs.put(key, BodySize::default(), body(bytes)).await.unwrap()
}

pub async fn get(store: &Store, key: &Key) -> Bytes {
    collect(store.blobs.get(key, None).await.unwrap()).await
}

async fn collect(chunks: impl Stream<Item = Result<Bytes>>) -> Bytes {
    let parts: Vec<Bytes> = chunks.try_collect().await.unwrap();
    assert!(parts.iter().all(|part| part.len() <= MIB));
    parts.concat().into()
}

async fn missing(store: &Store, key: &Key) -> bool {
    store.blobs.get(key, None).await.err().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}
