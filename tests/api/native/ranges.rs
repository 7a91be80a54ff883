//! Range and If-Range (RFC 9110 §14, §13.1.5).

use insta::assert_snapshot;

use super::{SHA256, transcript, with_file};
use crate::api::transcript::TranscriptRequest;

const PATH: &str = "/models/demo/versions/1/files/model.bin";

#[actix_web::test]
async fn one_range_is_served() {
    let app = with_file().await;
    let mut transcript = transcript(&app);
    for (range, status, bytes) in [
        ("bytes=0-3", 206, "0123"),
        ("bytes=3-3", 206, "3"),
        ("bytes=7-", 206, "789"),
        ("bytes=0-", 206, "0123456789"),
        ("bytes=-3", 206, "789"),
        ("bytes=-99", 206, "0123456789"),
        ("bytes=8-99", 206, "89"),
        ("bytes=0-18446744073709551615", 206, "0123456789"),
        ("bytes=4-2", 200, "0123456789"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("bytes=", 200, "0123456789"),
        ("bytes=a-b", 200, "0123456789"),
        ("bytes=--3", 200, "0123456789"),
        ("lines=0-1", 200, "0123456789"),
        ("garbage", 200, "0123456789"),
        ("bytes=99999999999999999999999-", 200, "0123456789"),
    ] {
        let headers = [("Range", range)];
        let answer =
            transcript.send(TranscriptRequest { method: "GET", path: PATH, headers: &headers, body: b"" }).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, bytes), "{range}");
        assert_eq!(answer.size, format!("Sized({})", bytes.len()), "{range}");
    }
    for range in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
        let headers = [("Range", range)];
        transcript
            .send(TranscriptRequest { method: "GET", path: PATH, headers: &headers, body: b"" })
            .await
            .expect(416);
    }
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_range_is_served_of_the_file_that_is_meant() {
    let app = with_file().await;
    let current = format!("\"{SHA256}\"");
    let weak = format!("W/{current}");
    let modified = app.get(super::FILE).await.header("last-modified").unwrap().to_owned();
    for (if_range, status) in [
        (current.as_str(), 206),
        (&weak, 200),
        ("\"other\"", 200),
        (&modified, 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("garbage", 200),
    ] {
        let headers = [("Range", "bytes=2-4"), ("If-Range", if_range)];
        let mut transcript = transcript(&app);
        transcript
            .send(TranscriptRequest { method: "GET", path: PATH, headers: &headers, body: b"" })
            .await
            .expect(status);
    }
    // Without a range it means nothing, and beyond the end it spares the 416.
    let mut transcript = transcript(&app);
    for headers in [vec![("If-Range", "\"other\"")], vec![("Range", "bytes=99-"), ("If-Range", "\"other\"")]] {
        transcript
            .send(TranscriptRequest { method: "GET", path: PATH, headers: &headers, body: b"" })
            .await
            .expect(200);
    }
}

#[actix_web::test]
async fn a_large_file_is_read_in_parts() {
    let app = with_file().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let path = "/api/v1/models/demo/versions/1/files/large";
    app.put(path, bytes.clone()).await.expect(201);
    assert!(app.get(path).await.expect(200).body == bytes);
    for (first, last) in [(0, 0), (1_048_575, 1_048_576), (999_999, 2_500_000), (2_999_999, 2_999_999)] {
        let range = format!("bytes={first}-{last}");
        let headers = [("Range", range.as_str())];
        let path = "/models/demo/versions/1/files/large";
        let mut transcript = transcript(&app);
        let answer =
            transcript.send(TranscriptRequest { method: "GET", path, headers: &headers, body: b"" }).await.expect(206);
        assert!(answer.body == bytes[first..=last], "{range}");
    }
}
