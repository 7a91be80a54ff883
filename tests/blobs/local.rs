//! What only a folder can do, or fail to do.

use modelport::blobs::{Blobs, BlobsConfig, BodySize, Key, Location};
use modelport::domain::{ErrorKind, Result};
use tempfile::TempDir;

use super::stores;
use super::suite::{body, bytes};

async fn open(folder: &std::path::Path) -> Result<Blobs> {
    Blobs::open(&BlobsConfig { location: Location::Local(folder.to_owned()), create_bucket: false }).await
}

#[tokio::test]
async fn a_missing_folder_is_created() {
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("a/b");
    open(&below).await.unwrap();
    assert!(below.is_dir());
}

#[tokio::test]
async fn a_file_is_no_folder() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_folder_that_has_gone_is_unavailable_and_not_created_again() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    let blobs = open(&root).await.unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(blobs.check().await.unwrap_err().kind(), ErrorKind::Unavailable);
    let put = blobs.put(&Key::new_upload(), BodySize::default(), body(&bytes(10, 30))).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!root.exists());
}

#[tokio::test]
async fn a_second_upload_under_one_key_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = stores::local(folder.path()).await;
    let (key, bytes) = (Key::new_upload(), bytes(10, 31));
    store.leave_partial(&key).await;
    let put = store.blobs.put(&key, BodySize::default(), body(&bytes)).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Locked);
    store.blobs.discard(&key).await.unwrap();
    store.blobs.put(&key, BodySize::default(), body(&bytes)).await.unwrap();
}
