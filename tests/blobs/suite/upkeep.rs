//! What the port says of `delete`, `discard`, `list` and `check`.

use std::time::{Duration, SystemTime};

use modelport::blobs::Key;

use super::{bytes, missing, put};
use crate::blobs::stores::Store;

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
