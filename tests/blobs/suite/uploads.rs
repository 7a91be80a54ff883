//! What the port says of `put`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use modelport::blobs::{BodySize, Key, Stored};
use modelport::domain::{Error, ErrorKind, Result, Sha256};
use sha2::Digest as _;

use super::{MIB, body, bytes, get, missing, put, stalled};
use crate::blobs::stores::Store;

async fn refused<S>(store: &Store, size: BodySize, body: S) -> Error
where
    S: Stream<Item = Result<Bytes>> + Unpin,
{
    let key = Key::new_upload();
    let error = store.blobs.put(&key, size, body).await.unwrap_err();
    store.is_left_empty(&key).await;
    error
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
        assert_eq!(error.kind(), ErrorKind::InvalidBody, "{size} of {length}: {error}");
        assert!(error.message().contains(&format!("`{length}`")), "{error}");
    }
}

pub async fn a_body_over_the_limit_is_refused_at_once(store: &Store) {
    for (limit, size) in [(10, 11), (9 * MIB as u64, 10 * MIB)] {
        let within = BodySize { exact: None, at_most: Some(limit) };
        let error = refused(store, within, stalled(&bytes(size, 5))).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.message().contains(&format!("`{limit}`")), "{error}");
    }
    let announced = BodySize { exact: Some(11), at_most: Some(10) };
    let error = refused(store, announced, stalled(&Bytes::new())).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
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

pub async fn an_upload_dropped_at_any_time_leaves_nothing(store: &Store) {
    let mut keys = Vec::new();
    for (size, polls) in [MIB, 9 * MIB].into_iter().flat_map(|size| (0..24).map(move |polls| (size, polls))) {
        let bytes = bytes(size, 8);
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
        if let Some(stored) = done {
            assert_eq!(stored.unwrap().size, bytes.len() as u64);
            store.blobs.delete(&key).await.unwrap();
        }
        keys.push(key);
    }
    for key in &keys {
        store.is_left_empty(key).await;
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

pub async fn stalled_clients_do_not_block_others(store: &Store) {
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
