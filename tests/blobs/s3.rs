//! What only a bucket can do, or fail to do.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use modelport::blobs::{Blobs, BlobsConfig, BodySize, Key, Location, S3Location};
use modelport::domain::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::suite::{body, bytes};
use super::{server, stores};

async fn open(location: &S3Location, create_bucket: bool) -> Result<Blobs> {
    Blobs::open(&BlobsConfig { location: Location::S3(location.clone()), create_bucket }).await
}

fn at(endpoint: &str) -> S3Location {
    match format!("s3://some-bucket?endpoint={endpoint}&region=us-east-1").parse().unwrap() {
        Location::S3(location) => location,
        Location::Local(_) => unreachable!(),
    }
}

async fn unavailable(location: &S3Location) -> Error {
    let started = Instant::now();
    let error = open(location, false).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(8), "it took {:?}", started.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let named = [location.bucket.as_str(), location.endpoint.as_deref().unwrap()];
    assert!(named.iter().all(|name| error.message().contains(name)), "{error}");
    error
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_within_seconds() {
    if stores::s3_location().is_some() {
        let error = unavailable(&at("http://127.0.0.1:1")).await;
        assert!(error.message().contains("cannot be reached"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_unavailable_within_seconds() {
    if stores::s3_location().is_some() {
        let error = unavailable(&at(&server::answering(None).await)).await;
        assert!(error.message().contains("cannot be reached"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_or_is_overloaded_is_unavailable() {
    if stores::s3_location().is_some() {
        let refusing = server::answering(Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")).await;
        let error = unavailable(&at(&refusing)).await;
        assert!(error.message().contains("does not permit"), "{error}");
        let overloaded = server::answering(Some("HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n")).await;
        unavailable(&at(&overloaded)).await;
    }
}

#[tokio::test]
async fn a_missing_bucket_is_created_only_when_asked_for() {
    let Some(mut location) = stores::s3_location() else { return };
    location.bucket = format!("modelport-test-{}", Uuid::new_v4());
    let error = unavailable(&location).await;
    assert!(error.message().contains("create the bucket"), "{error}");
    let opened = tokio::join!(open(&location, true), open(&location, true), open(&location, true));
    let blobs = opened.0.unwrap();
    assert!(opened.1.is_ok() && opened.2.is_ok());
    blobs.check().await.unwrap();
    open(&location, false).await.unwrap();
    stores::client(&location).await.delete_bucket().bucket(&location.bucket).send().await.unwrap();

    let error = blobs.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&location.bucket), "{error}");
    let put = blobs.put(&Key::new_upload(), BodySize::default(), body(&bytes(10, 40))).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn bytes_travel_once_with_a_checksum_and_without_a_signature() {
    let Some(mut location) = stores::s3_location() else { return };
    let (relay, received) = server::relaying(location.endpoint.as_deref().unwrap()).await;
    location.endpoint = Some(relay);
    location.prefix = format!("test-{}", Uuid::new_v4());
    let blobs = open(&location, true).await.unwrap();
    for (size, requests) in [(1000, 1), (20 << 20, 3)] {
        received.lock().unwrap().clear();
        let key = Key::new_upload();
        blobs.put(&key, BodySize::default(), body(&bytes(size, 41))).await.unwrap();
        {
            let received = received.lock().unwrap();
            let text = String::from_utf8_lossy(&received);
            assert_eq!(text.matches("x-amz-content-sha256: UNSIGNED-PAYLOAD").count(), requests, "{size} bytes");
            assert_eq!(text.matches("x-amz-checksum-crc32: ").count(), requests, "{size} bytes");
            assert!(!text.contains("aws-chunked") && !text.contains("x-amz-trailer"));
            assert!(received.len() < size + (32 << 10), "{} for {size} bytes", received.len());
        }
        blobs.delete(&key).await.unwrap();
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_resumed_where_it_was() {
    let Some(mut location) = stores::s3_location() else { return };
    location.prefix = format!("test-{}", Uuid::new_v4());
    let (blobs, key, bytes) = (open(&location, true).await.unwrap(), Key::new_upload(), bytes(20 << 20, 42));
    blobs.put(&key, BodySize::default(), body(&bytes)).await.unwrap();
    location.endpoint = Some(server::breaking(location.endpoint.as_deref().unwrap(), 3_000_000).await);
    let breaking = open(&location, false).await.unwrap();
    for range in [None, Some(1_000_000..20 << 20)] {
        let start = range.as_ref().map_or(0, |range| range.start) as usize;
        let parts: Vec<_> = breaking.get(&key, range).await.unwrap().try_collect().await.unwrap();
        assert!(parts.concat() == bytes[start..]);
    }
    blobs.delete(&key).await.unwrap();
}
