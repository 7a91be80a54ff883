//! What the port says of `get`.

use modelport::blobs::Key;
use modelport::domain::ErrorKind;

use super::{MIB, bytes, collect, put};
use crate::blobs::stores::Store;

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
