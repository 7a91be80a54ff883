//! Resumable uploads as the tus protocol has them.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::Digest as _;

use super::{BYTES, FILE, SHA256};
use crate::api::app::{Answer, TestApp, request};
use crate::support::{Backend, on_both};

const UPLOADS: &str = "/api/v1/uploads";

fn tus(method: Method, path: &str) -> TestRequest {
    request(method, path).insert_header(("Tus-Resumable", "1.0.0"))
}

fn metadata(values: &[(&str, &str)]) -> String {
    let pairs = values.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

fn creation(length: usize, values: &[(&str, &str)]) -> TestRequest {
    tus(Method::POST, UPLOADS)
        .insert_header(("Upload-Length", length))
        .insert_header(("Upload-Metadata", metadata(values)))
}

const DEMO: &[(&str, &str)] = &[("model", "demo"), ("version", "1"), ("path", "model.bin")];

async fn created(app: &TestApp, length: usize, values: &[(&str, &str)]) -> String {
    let made = app.send(creation(length, values)).await.expect(201);
    made.location_from(UPLOADS)
}

fn patch(path: &str, offset: usize, bytes: &'static [u8]) -> TestRequest {
    tus(Method::PATCH, path)
        .insert_header(("Upload-Offset", offset))
        .insert_header(("Content-Type", "Application/Offset+Octet-Stream; charset=binary"))
        .set_payload(bytes)
}

async fn head(app: &TestApp, path: &str) -> Answer {
    app.send(tus(Method::HEAD, path)).await
}

on_both! {
    bytes_in_pieces_become_a_file,
    an_upload_that_expired_is_gone_and_collected,
    a_chunk_with_a_wrong_checksum_is_discarded,
    a_chunk_with_a_wrong_digest_is_discarded,
    another_digest_at_the_end_leaves_nothing,
    a_terminated_upload_leaves_nothing,
}

async fn bytes_in_pieces_become_a_file(backend: Backend) {
    let app = TestApp::on(backend).await;
    let sha256 = SHA256.to_uppercase();
    let url = created(&app, 10, &[DEMO, &[("mediatype", "text/x-demo"), ("sha256", &sha256)]].concat()).await;
    for (offset, end) in [(0, 3), (3, 4), (4, 10)] {
        let state = head(&app, &url).await.expect(200);
        assert_eq!(state.header("upload-offset"), Some(offset.to_string().as_str()));
        assert_eq!((state.header("upload-length"), state.header("cache-control")), (Some("10"), Some("no-store")));
        assert!(state.header("upload-metadata").unwrap().starts_with("model ZGVtbw==,"));
        assert!(state.header("upload-expires").unwrap().ends_with(" GMT"));
        assert_eq!(state.header("tus-resumable"), Some("1.0.0"));
        app.get(FILE).await.expect(404);
        let added = app.send(patch(&url, offset, &BYTES[offset..end])).await.expect(204);
        assert_eq!(added.header("upload-offset"), Some(end.to_string().as_str()));
    }
    let file = app.get(FILE).await.expect(200);
    assert_eq!((file.body.as_ref(), file.content_type()), (BYTES, "text/x-demo"));
    let state = app.get(&url).await.expect(200).json();
    assert_eq!((&state["finished"], &state["sha256"], &state["offset"]), (&true.into(), &SHA256.into(), &10.into()));
    assert_eq!(head(&app, &url).await.expect(200).header("upload-offset"), Some("10"));
    // A repeated last request may have nothing left to add; a terminated upload leaves its file.
    app.send(patch(&url, 10, b"")).await.expect(204);
    app.send(patch(&url, 4, b"456789")).await.expect(409);
    app.send(tus(Method::DELETE, &url)).await.expect(204);
    app.get(FILE).await.expect(200);
    head(&app, &url).await.expect(404);
}

async fn an_upload_that_expired_is_gone_and_collected(backend: Backend) {
    let app = TestApp::on(backend).await;
    let url = created(&app, 10, DEMO).await;
    app.advance(23 * 3_600_000);
    app.send(patch(&url, 0, b"0123")).await.expect(204);
    app.advance(23 * 3_600_000);
    head(&app, &url).await.expect(200);
    app.advance(2 * 3_600_000);
    assert_eq!(head(&app, &url).await.expect(410).header("tus-resumable"), Some("1.0.0"));
    app.send(patch(&url, 4, b"456789")).await.expect(410);
}

async fn a_chunk_with_a_wrong_checksum_is_discarded(backend: Backend) {
    let app = TestApp::on(backend).await;
    let url = created(&app, 10, DEMO).await;
    let sum = |algorithm: &str, sum: &[u8]| ("Upload-Checksum", format!("{algorithm} {}", BASE64.encode(sum)));
    let wrong = sum("sha256", &sha2::Sha256::digest(b"other"));
    app.send(patch(&url, 0, b"0123").insert_header(wrong)).await.expect(460);
    assert_eq!(head(&app, &url).await.header("upload-offset"), Some("0"));
    let right = sum("sha1", &hex::decode("1f90ec7ac9c15b2f3a43cb8a2bc4b39a5a5ec3d1").unwrap());
    app.send(patch(&url, 0, b"0123").insert_header(right)).await.expect(460);
    app.send(patch(&url, 0, b"0123").insert_header(sum("sha256", &sha2::Sha256::digest(b"0123")))).await.expect(204);
    for refused in ["crc32 AAAA", "sha256", "md5 ?"] {
        let answer = app.send(patch(&url, 4, b"45").insert_header(("Upload-Checksum", refused))).await.expect(400);
        assert_eq!(answer.member("field"), "Upload-Checksum");
    }
    app.send(
        patch(&url, 4, b"456789").insert_header(sum("md5", &hex::decode("ffffffffffffffffffffffffffffffff").unwrap())),
    )
    .await
    .expect(460);
    assert_eq!(head(&app, &url).await.header("upload-offset"), Some("4"));
    app.send(patch(&url, 4, b"456789")).await.expect(204);
    assert_eq!(app.get(FILE).await.expect(200).body.as_ref(), BYTES);
}

async fn a_chunk_with_a_wrong_digest_is_discarded(backend: Backend) {
    let app = TestApp::on(backend).await;
    let url = created(&app, 10, DEMO).await;
    let digest = |bytes: &[u8]| {
        let sha512 = format!("sha-512=:{}:", BASE64.encode(sha2::Sha512::digest(bytes)));
        [format!("sha-256=:{}:", BASE64.encode(sha2::Sha256::digest(bytes))), sha512]
    };
    for field in ["Content-Digest", "Repr-Digest"] {
        for wrong in digest(b"other").iter().map(String::as_str).chain(["sha-256=:AAAA:", "nonsense"]) {
            let refused = app.send(patch(&url, 0, b"0123").insert_header((field, wrong))).await.expect(400);
            assert_eq!(refused.member("field"), field, "{wrong}");
            let refused = creation(4, DEMO).insert_header((field, wrong)).set_payload("0123");
            let refused = refused.insert_header(("Content-Type", "application/offset+octet-stream"));
            assert_eq!(app.send(refused).await.expect(400).member("field"), field, "{wrong}");
            // Whoever brings no bytes announces the digest of none.
            let refused = app.send(creation(4, DEMO).insert_header((field, wrong))).await.expect(400);
            assert_eq!(refused.member("field"), field, "{wrong}");
        }
        // Both the protocol's checksum and the digest have to hold.
        let sum = ("Upload-Checksum", format!("sha256 {}", BASE64.encode(sha2::Sha256::digest(b"0123"))));
        let [wrong, _] = digest(b"other");
        app.send(patch(&url, 0, b"0123").insert_header(sum).insert_header((field, wrong))).await.expect(400);
    }
    assert_eq!(head(&app, &url).await.header("upload-offset"), Some("0"));
    let right = format!("md5=:AAAA:, {}", digest(b"0123").join(", "));
    app.send(patch(&url, 0, b"0123").insert_header(("Repr-Digest", right))).await.expect(204);
    let [_, right] = digest(b"456789");
    app.send(patch(&url, 4, b"456789").insert_header(("Content-Digest", right))).await.expect(204);
    assert_eq!(app.get(FILE).await.expect(200).body.as_ref(), BYTES);
}

async fn another_digest_at_the_end_leaves_nothing(backend: Backend) {
    let app = TestApp::on(backend).await;
    let url = created(&app, 10, &[DEMO, &[("sha256", SHA256)]].concat()).await;
    let refused = app.send(patch(&url, 0, b"other data")).await.expect(400);
    assert_eq!(refused.member("field"), "sha256");
    head(&app, &url).await.expect(404);
    app.get(FILE).await.expect(404);
}

async fn a_terminated_upload_leaves_nothing(backend: Backend) {
    let app = TestApp::on(backend).await;
    let url = created(&app, 10, DEMO).await;
    app.send(patch(&url, 0, b"0123")).await.expect(204);
    app.send(tus(Method::POST, &url).insert_header(("X-HTTP-Method-Override", "DELETE"))).await.expect(204);
    head(&app, &url).await.expect(404);
    app.send(patch(&url, 4, b"456789")).await.expect(404);
}

#[actix_web::test]
async fn options_say_what_there_is() {
    let app = TestApp::with_limits(1024, 99).await;
    let answer = app.send(request(Method::OPTIONS, UPLOADS)).await.expect(204);
    for (name, value) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,creation-with-upload,checksum,concatenation,expiration,termination"),
        ("tus-max-size", "99"),
        ("tus-checksum-algorithm", "sha1,sha256,md5"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    app.send(creation(100, DEMO)).await.expect(413);
}

#[actix_web::test]
async fn a_creation_may_bring_bytes() {
    let app = TestApp::new().await;
    let offset = ("Content-Type", "application/offset+octet-stream");
    let made =
        app.send(creation(10, DEMO).insert_header(offset).insert_header(("Content-Length", "4")).set_payload("0123"));
    let made = made.await.expect(201);
    assert_eq!(made.header("upload-offset"), Some("4"));
    let url = made.location_from(UPLOADS);
    let meant = patch(&url, 4, b"456789").method(Method::POST).insert_header(("X-HTTP-Method-Override", "PATCH"));
    app.send(meant).await.expect(204);
    assert_eq!(app.get(FILE).await.expect(200).body.as_ref(), BYTES);
    let empty = [("model", "demo"), ("version", "1"), ("path", "empty")];
    created(&app, 0, &empty).await;
    app.get("/api/v1/models/demo/versions/1/files/empty").await.expect(200);
}

#[actix_web::test]
async fn what_is_wrong_at_creation_is_named() {
    let app = TestApp::new().await;
    app.put(FILE, BYTES).await.expect(201);
    let other = "0".repeat(64);
    for (values, status, field) in [
        (&DEMO[1..], 400, "model"),
        (&[("model", "demo"), ("path", "f")][..], 400, "version"),
        (&DEMO[..2], 400, "path"),
        (&[("model", "demo"), ("version", "1"), ("path", "../f")][..], 400, "path"),
        (&[("model", ""), ("version", "1"), ("path", "f")][..], 400, "model"),
        (&[("model", "x"), ("version", "1"), ("path", "f"), ("create", "false")][..], 404, "model"),
        (&[("model", "demo"), ("version", "x"), ("path", "f"), ("create", "false")][..], 404, "version"),
        (&[("model", "demo"), ("version", "1"), ("path", "f"), ("create", "no")][..], 400, "create"),
        (&[("model", "demo"), ("version", "1"), ("path", "f"), ("sha256", "x")][..], 400, "sha256"),
        (&[DEMO, &[("sha256", other.as_str())]].concat()[..], 409, "path"),
    ] {
        let refused = app.send(creation(10, values)).await.expect(status);
        assert_eq!(refused.member("field"), field, "{}", refused.text());
        assert_eq!(refused.header("tus-resumable"), Some("1.0.0"));
    }
    for (name, value) in [("Upload-Length", "-1"), ("Upload-Length", "x"), ("Upload-Length", "99999999999999999999")] {
        let refused = app.send(creation(10, DEMO).insert_header((name, value))).await.expect(400);
        assert_eq!(refused.member("field"), name);
    }
    for name in ["Upload-Complete", "Upload-Draft-Interop-Version", "Upload-Nonsense", "Upload-Defer-Length"] {
        let refused = app.send(creation(10, DEMO).insert_header((name, "1"))).await.expect(400);
        assert_eq!(refused.member("field").to_lowercase(), name.to_lowercase());
    }
    let unknown = creation(10, DEMO).insert_header(("Upload-Metadata", "model ?"));
    assert_eq!(app.send(unknown).await.expect(400).member("field"), "model");
}

#[actix_web::test]
async fn an_addition_has_to_fit() {
    let app = TestApp::new().await;
    let url = created(&app, 10, DEMO).await;
    let refused = app.send(patch(&url, 0, b"0123").insert_header(("Tus-Resumable", "0.2.2"))).await.expect(412);
    assert_eq!(refused.header("tus-version"), Some("1.0.0"));
    app.send(request(Method::HEAD, &url)).await.expect(412);
    app.send(patch(&url, 0, b"0123").insert_header(("Content-Type", "text/plain"))).await.expect(415);
    assert_eq!(app.send(patch(&url, 1, b"123")).await.expect(409).member("field"), "Upload-Offset");
    app.send(patch(&url, 0, b"0123").insert_header(("Upload-Offset", "+0"))).await.expect(400);
    app.send(patch(&url, 0, b"01234567890")).await.expect(413);
    assert_eq!(head(&app, &url).await.header("upload-offset"), Some("0"));
    app.send(patch("/api/v1/uploads/none", 0, b"0")).await.expect(404);
    app.send(tus(Method::POST, &url)).await.expect(405);
}

#[actix_web::test]
async fn two_at_once_are_told_apart() {
    let app = TestApp::new().await;
    app.stop_clock();
    let url = created(&app, 10, DEMO).await;
    app.sql("UPDATE resumable_uploads SET lease = 'another replica', lease_until = 1700000010000");
    app.send(patch(&url, 0, b"0123")).await.expect(423);
    app.send(tus(Method::DELETE, &url)).await.expect(423);
    // It has died: its lease ends by itself.
    app.advance(10_000);
    app.send(patch(&url, 0, b"0123")).await.expect(204);
}
