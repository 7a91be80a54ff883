//! Content-Digest and Repr-Digest (RFC 9530): verified when they are sha-256 or sha-512; nothing is kept when they do not hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use insta::assert_snapshot;
use sha2::Digest as _;

use super::{BYTES, DIGEST, FILE, SHA256, transcript};
use crate::api::app::TestApp;

const WRONG: &str = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";

#[actix_web::test]
async fn a_digest_that_holds_is_accepted() {
    let app = TestApp::new().await;
    let uppercase = DIGEST.replacen("sha-256", "SHA-256", 1);
    let longer = format!("sha-512=:{}:", BASE64.encode(sha2::Sha512::digest(BYTES)));
    let both = format!("{longer}, {DIGEST};note=\"right\"");
    for field in ["Content-Digest", "Repr-Digest"] {
        for digest in [DIGEST, &uppercase, &longer, &both, "", "unixsum=1", "md5=:AAAA:, crc32c=:AA==:"] {
            let mut transcript = transcript(&app);
            let headers = [(field, digest)];
            let answer = transcript.put("/models/demo/versions/1/files/model.bin", &headers, BYTES).await;
            assert!(matches!(answer.status, 200 | 201), "{transcript}");
            assert_eq!(answer.member("sha256"), SHA256);
        }
    }
}

#[actix_web::test]
async fn a_digest_that_does_not_hold_leaves_nothing() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    for digest in [
        WRONG,
        "sha-256=:AAAA:",
        "sha-256=84d89877",
        "sha-256=:not base64!:",
        "sha-256",
        "garbage",
        "sha-512=:AAAA:, sha-256=:AAAA:",
    ] {
        let headers = [("Content-Digest", digest)];
        transcript.put("/models/demo/versions/1/files/model.bin", &headers, BYTES).await.expect(400);
    }
    let lines = [("Content-Digest", "md5=:AAAA:"), ("Content-Digest", WRONG)];
    transcript.put("/models/demo/versions/1/files/model.bin", &lines, BYTES).await.expect(400);
    let other = format!("sha-512=:{}:", BASE64.encode([0; 64]));
    for headers in [
        &[("Repr-Digest", WRONG)][..],
        &[("Content-Digest", &other)],
        &[("Repr-Digest", &other)],
        &[("Repr-Digest", "sha-512=:AAAA:")],
        &[("Content-Digest", DIGEST), ("Repr-Digest", WRONG)],
        &[("Content-Digest", DIGEST), ("Repr-Digest", &other)],
    ] {
        transcript.put("/models/demo/versions/1/files/model.bin", headers, BYTES).await.expect(400);
    }
    transcript.get("/models/demo/versions/1").await.expect(404);
    assert_snapshot!(transcript);
    // The bytes can be sent once more, now as they are.
    app.put(FILE, BYTES).await.expect(201);
}

#[actix_web::test]
async fn a_digest_that_does_not_hold_spares_what_is_there() {
    let app = TestApp::new().await;
    let tag = app.put(FILE, BYTES).await.expect(201).header("etag").unwrap().to_owned();
    let mut transcript = transcript(&app);
    let headers = [("Content-Digest", WRONG), ("If-Match", tag.as_str())];
    transcript.put("/models/demo/versions/1/files/model.bin", &headers, b"other").await.expect(400);
    assert_eq!(app.get(FILE).await.expect(200).body, BYTES);
}
