//! The sentences of the port's documentation, each as a test for any store.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::{self, LocalBoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use modelport::blobs::{BodySize, Key, Stored};
use modelport::domain::{Error, ErrorKind, Result, Sha256};
use sha2::Digest as _;

use super::stores::Store;

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

/// The `start` of a body that then stands still.
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

async fn refused<S>(store: &Store, size: BodySize, body: S) -> Error
where
    S: Stream<Item = Result<Bytes>> + Unpin,
{
    let key = Key::new_upload();
    let error = store.blobs.put(&key, size, body).await.unwrap_err();
    store.is_left_empty(&key).await;
    error
}

async fn missing(store: &Store, key: &Key) -> bool {
    store.blobs.get(key, None).await.err().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

pub async fn what_is_put_is_what_is_got(store: &Store) {
    for size in [0, 1, MIB, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
        let (key, bytes) = (Key::new_upload(), bytes(size, 1));
        put(store, &key, &bytes).await;
        assert!(get(store, &key).await == bytes, "{size} bytes");
        let length = BodySize::exactly(size as u64);
        store.blobs.put(&key, length, body(&bytes)).await.unwrap();
        assert!(get(store, &key).await == bytes, "{size} bytes of known length");
        store.blobs.delete(&key).await.unwrap();
    }
}

pub async fn size_and_digest_are_those_of_the_body(store: &Store) {
    for size in [0, 1, 3 * MIB + 7, 17 * MIB + 3] {
        let bytes = bytes(size, 2);
        let sha256 = Sha256::from_bytes(sha2::Sha256::digest(&bytes).into());
        let stored = put(store, &Key::new_upload(), &bytes).await;
        assert_eq!(stored, Stored { size: size as u64, sha256 });
    }
}

pub async fn nothing_is_visible_before_the_end(store: &Store) {
    for size in [2 * MIB, 20 * MIB] {
        let (key, bytes) = (Key::new_upload(), bytes(size, 3));
        let look = stream::once(async {
            assert!(missing(store, &key).await);
            let page = store.blobs.list(None, 10).await.unwrap();
            assert!(page.entries.iter().all(|entry| entry.partial));
            Ok(Bytes::new())
        });
        store.blobs.put(&key, BodySize::default(), pin!(body(&bytes).chain(look))).await.unwrap();
        assert!(get(store, &key).await == bytes);
        store.blobs.delete(&key).await.unwrap();
    }
}

pub async fn a_body_is_held_to_its_length(store: &Store) {
    for (size, length) in [(9, 10), (11, 10), (0, 1), (1, 0), (20 * MIB, 20 * MIB as u64 + 1), (20 * MIB, 1)] {
        let error = refused(store, BodySize::exactly(length), body(&bytes(size, 4))).await;
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{size} of {length}: {error}");
        assert!(error.message().contains(&format!("`{length}`")), "{error}");
    }
}

pub async fn a_body_over_the_limit_is_refused_at_once(store: &Store) {
    for (limit, size) in [(10, 11), (9 * MIB as u64, 10 * MIB)] {
        let within = BodySize { exact: None, at_most: Some(limit) };
        let error = refused(store, within, stalled(&bytes(size, 5))).await;
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
        assert!(error.message().contains(&format!("`{limit}`")), "{error}");
    }
    let announced = BodySize { exact: Some(11), at_most: Some(10) };
    let error = refused(store, announced, stalled(&Bytes::new())).await;
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    let (key, exact) = (Key::new_upload(), BodySize { exact: Some(10), at_most: Some(10) });
    store.blobs.put(&key, exact, body(&bytes(10, 5))).await.unwrap();
}

pub async fn an_error_of_the_body_is_unchanged_and_leaves_nothing(store: &Store) {
    for size in [0, 10, 2 * MIB, 8 * MIB, 20 * MIB] {
        let broken = stream::once(async { Err(Error::new(ErrorKind::Conflict, "the client has gone")) });
        let error = refused(store, BodySize::default(), body(&bytes(size, 6)).chain(broken.boxed_local())).await;
        assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "the client has gone"));
    }
}

pub async fn a_dropped_upload_leaves_nothing(store: &Store) {
    for size in [0, 10, 2 * MIB, 8 * MIB, 20 * MIB, 40 * MIB] {
        let key = Key::new_upload();
        let put = store.blobs.put(&key, BodySize::default(), stalled(&bytes(size, 7)));
        assert!(tokio::time::timeout(Duration::from_millis(200), put).await.is_err());
        store.is_left_empty(&key).await;
        assert!(missing(store, &key).await);
    }
}

pub async fn an_upload_dropped_at_any_time_leaves_nothing_or_all(store: &Store) {
    let bytes = bytes(9 * MIB, 8);
    for polls in (0..).map_while(|step: u32| 2_u32.checked_pow(step)).take(8) {
        let key = Key::new_upload();
        let done = {
            let mut put = pin!(store.blobs.put(&key, BodySize::default(), body(&bytes)));
            let mut left = polls;
            poll_fn(|context| match put.as_mut().poll(context) {
                Poll::Ready(stored) => Poll::Ready(Some(stored)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            })
            .await
        };
        match done {
            Some(stored) => assert_eq!(stored.unwrap().size, bytes.len() as u64),
            None => store.is_left_empty(&key).await,
        }
        store.blobs.delete(&key).await.unwrap();
        assert_eq!(store.residue(&key).await, [""; 0], "after {polls} polls");
    }
}

pub async fn an_object_is_replaced_at_once(store: &Store) {
    let (key, first, second) = (Key::new_upload(), bytes(9 * MIB, 9), bytes(5, 10));
    put(store, &key, &first).await;
    let look = stream::once(async {
        assert!(get(store, &key).await == first);
        Ok(Bytes::new())
    });
    store.blobs.put(&key, BodySize::default(), pin!(body(&second).chain(look))).await.unwrap();
    assert_eq!(get(store, &key).await, second);
}

pub async fn many_uploads_at_once_keep_apart(store: &Store) {
    let uploads = stream::iter(0..40).map(|seed| async move {
        let (key, bytes) = (Key::new_upload(), bytes(9 * MIB * (seed as usize % 2) + 1000, 100 + seed));
        put(store, &key, &bytes).await;
        assert!(get(store, &key).await == bytes);
        store.blobs.delete(&key).await.unwrap();
    });
    uploads.buffer_unordered(40).collect::<()>().await;
}

pub async fn clients_that_stand_still_keep_nobody_waiting(store: &Store) {
    let start = bytes(9 * MIB, 11);
    let keys: Vec<Key> = (0..40).map(|_| Key::new_upload()).collect();
    {
        let idle = keys.iter().map(|key| store.blobs.put(key, BodySize::default(), stalled(&start)));
        let mut idle = pin!(futures_util::future::join_all(idle));
        let other = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let (key, bytes) = (Key::new_upload(), bytes(20 * MIB, 12));
            put(store, &key, &bytes).await;
            store.blobs.delete(&key).await.unwrap();
        };
        tokio::select! {
            _ = &mut idle => panic!("a body that stands still has been stored"),
            () = other => {}
        }
    }
    for key in &keys {
        store.is_left_empty(key).await;
    }
}

pub async fn ranges_are_half_open(store: &Store) {
    let (key, bytes) = (Key::new_upload(), bytes(10 * MIB, 13));
    put(store, &key, &bytes).await;
    for (start, end) in [(0, 1), (5, 6), (MIB - 1, MIB + 1), (8 * MIB - 3, 9 * MIB), (10 * MIB - 1, 10 * MIB)] {
        let chunks = store.blobs.get(&key, Some(start as u64..end as u64)).await.unwrap();
        assert!(collect(chunks).await == bytes[start..end], "{start}..{end}");
    }
    let all = store.blobs.get(&key, Some(0..10 * MIB as u64)).await.unwrap();
    assert!(collect(all).await == bytes);
}

pub async fn a_range_past_the_end_is_invalid(store: &Store) {
    let key = Key::new_upload();
    put(store, &key, &bytes(10, 14)).await;
    for (start, end) in [(0, 11), (9, 11), (10, 11), (11, 11), (20, 30), (5, 4)] {
        let error = store.blobs.get(&key, Some(start..end)).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{start}..{end}: {error}");
    }
}

pub async fn an_empty_range_gives_an_empty_stream(store: &Store) {
    let key = Key::new_upload();
    put(store, &key, &bytes(10, 15)).await;
    for at in [0, 5, 10] {
        assert_eq!(collect(store.blobs.get(&key, Some(at..at)).await.unwrap()).await, "");
    }
}

pub async fn a_missing_object_is_not_found(store: &Store) {
    for range in [None, Some(0..5), Some(0..0)] {
        let key = Key::new_upload();
        let error = store.blobs.get(&key, range).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(key.as_str()), "{error}");
    }
}

pub async fn a_download_outlives_the_handle(store: &Store) {
    let (key, bytes) = (Key::new_upload(), bytes(3 * MIB, 16));
    put(store, &key, &bytes).await;
    let chunks = {
        let blobs = store.blobs.clone();
        blobs.get(&key, None).await.unwrap()
    };
    assert!(tokio::spawn(collect(chunks)).await.unwrap() == bytes);
}

pub async fn deleting_is_idempotent(store: &Store) {
    let key = Key::new_upload();
    store.blobs.delete(&key).await.unwrap();
    put(store, &key, &bytes(10, 17)).await;
    for _ in 0..2 {
        store.blobs.delete(&key).await.unwrap();
        assert!(missing(store, &key).await);
    }
    assert_eq!(store.residue(&key).await, [""; 0]);
}

pub async fn discarding_removes_objects_and_partial_uploads(store: &Store) {
    let key = Key::new_upload();
    store.blobs.discard(&key).await.unwrap();
    store.leave_partial(&key).await;
    assert_eq!(store.residue(&key).await.len(), 1);
    store.blobs.discard(&key).await.unwrap();
    assert_eq!(store.residue(&key).await, [""; 0]);
    put(store, &key, &bytes(10, 18)).await;
    store.leave_partial(&key).await;
    for _ in 0..2 {
        store.blobs.discard(&key).await.unwrap();
        assert_eq!(store.residue(&key).await, [""; 0]);
    }
}

pub async fn lists_are_in_order_and_paged(store: &Store) {
    let started = SystemTime::now();
    assert_eq!(store.blobs.list(None, 10).await.unwrap(), Default::default());
    let mut keys: Vec<Key> = (0..23).map(|_| Key::new_upload()).collect();
    for (size, key) in keys.iter().enumerate() {
        put(store, key, &bytes(size, 19)).await;
    }
    store.leave_partial(&keys[7]).await;
    let sizes: Vec<(Key, u64)> = keys.iter().cloned().zip(0..).collect();
    keys.sort();
    for limit in [1, 5, 23, 1000] {
        let (mut found, mut partial, mut after) = (Vec::new(), 0, None);
        loop {
            let page = store.blobs.list(after.as_ref(), limit).await.unwrap();
            assert!(!page.entries.is_empty() && page.entries.len() <= limit + 1);
            for entry in &page.entries {
                let age = entry.modified.duration_since(started).unwrap_or_default();
                assert!(entry.modified > started - Duration::from_secs(5) && age < Duration::from_secs(60));
                if entry.partial {
                    partial += 1;
                } else {
                    assert!(sizes.contains(&(entry.key.clone(), entry.size)));
                    found.push(entry.key.clone());
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, keys, "in pages of {limit}");
        assert_eq!(partial, i32::from(store.lists_partial()), "in pages of {limit}");
    }
    store.blobs.discard(&sizes[7].0).await.unwrap();
}

pub async fn what_is_no_key_is_neither_listed_nor_touched(store: &Store) {
    let key = Key::new_upload();
    let shard = key.as_str().rsplit_once('/').unwrap().0;
    let names = ["readme".into(), "blobs/readme".into(), format!("{shard}/readme"), format!("{key}.old")];
    for name in &names {
        store.leave_foreign(name).await;
    }
    put(store, &key, &bytes(10, 20)).await;
    for limit in [1, 10] {
        let page = store.blobs.list(None, limit).await.unwrap();
        assert_eq!(page.entries.iter().map(|entry| &entry.key).collect::<Vec<_>>(), [&key]);
        if let Some(next) = page.next {
            assert_eq!(store.blobs.list(Some(&next), limit).await.unwrap(), Default::default());
        }
    }
    store.blobs.discard(&key).await.unwrap();
    assert_eq!(store.residue(&key).await.len(), names.len());
}

pub async fn a_store_in_order_passes_its_check(store: &Store) {
    store.blobs.check().await.unwrap();
    assert_eq!(store.residue(&Key::new_upload()).await, [""; 0]);
}
