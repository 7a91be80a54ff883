//! Files that arrive in parts (tus 1.0, Concatenation).

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{BYTES, FILE, SHA256};
use crate::api::app::{Answer, TestApp, request};
use crate::support::{Backend, on_both};

const UPLOADS: &str = "/api/v1/uploads";

on_both! {
    parts_become_a_file,
    parts_are_no_files_expire_and_can_be_removed,
    what_cannot_be_put_together_is_refused,
}

fn tus(method: Method, path: &str) -> TestRequest {
    request(method, path).insert_header(("Tus-Resumable", "1.0.0"))
}

fn metadata(digest: Option<&str>) -> String {
    let said = [("model", "demo"), ("version", "1"), ("path", "model.bin")].into_iter();
    let pairs = said.chain(digest.map(|digest| ("sha256", digest)));
    pairs.map(|(key, value)| format!("{key} {}", BASE64.encode(value))).collect::<Vec<_>>().join(",")
}

/// Begins a partial upload, with metadata that would make it a file if they meant anything.
async fn begin_partial(app: &TestApp, length: usize) -> String {
    let partial = tus(Method::POST, UPLOADS)
        .insert_header(("Upload-Length", length))
        .insert_header(("Upload-Concat", "partial"))
        .insert_header(("Upload-Metadata", metadata(None)));
    let made = app.send(partial).await.expect(201);
    made.location_from(UPLOADS)
}

async fn add(app: &TestApp, path: &str, offset: usize, bytes: &'static [u8]) -> Answer {
    let patch = tus(Method::PATCH, path)
        .insert_header(("Upload-Offset", offset))
        // Stock clients send it along with every request of a part.
        .insert_header(("Upload-Concat", "partial"))
        .insert_header(("Content-Type", "application/offset+octet-stream"));
    app.send(patch.set_payload(bytes)).await
}

async fn part(app: &TestApp, bytes: &'static [u8]) -> String {
    let path = begin_partial(app, bytes.len()).await;
    add(app, &path, 0, bytes).await.expect(204);
    path
}

async fn join(app: &TestApp, concat: &str, digest: Option<&str>) -> Answer {
    let joined = tus(Method::POST, UPLOADS).insert_header(("Upload-Concat", concat));
    app.send(joined.insert_header(("Upload-Metadata", metadata(digest)))).await
}

async fn parts_become_a_file(backend: Backend) {
    let app = TestApp::on(backend).await;
    let (first, second, none) = (part(&app, b"0123").await, part(&app, b"456789").await, begin_partial(&app, 0).await);
    let head = app.send(tus(Method::HEAD, &first)).await.expect(200);
    assert_eq!((head.header("upload-concat"), head.header("upload-offset")), (Some("partial"), Some("4")));
    assert_eq!(head.header("upload-metadata"), Some(metadata(None).as_str()));
    let shown = app.get(&second).await.expect(200).json();
    assert_eq!((&shown["concat"], &shown["finished"], &shown["path"]), (&"partial".into(), &true.into(), &().into()));
    let concat = format!("final;https://models.example/registry{first} {none} {second}");
    let made = join(&app, &concat, Some(SHA256)).await.expect(201);
    let file = app.get(FILE).await.expect(200);
    assert_eq!((file.body.as_ref(), file.header("etag")), (BYTES, Some(format!("\"{SHA256}\"").as_str())));
    let path = made.location_from(UPLOADS);
    let head = app.send(tus(Method::HEAD, &path)).await.expect(200);
    assert_eq!((head.header("upload-offset"), head.header("upload-length")), (Some("10"), Some("10")));
    assert_eq!(head.header("upload-concat"), Some(concat.as_str()));
    assert_eq!(head.header("upload-metadata"), Some(metadata(Some(SHA256)).as_str()));
    assert_eq!(add(&app, &path, 10, b"more").await.expect(403).member("field"), "Upload-Concat");
    // Parts may be used again, and in another order.
    let other = format!("final;{second} {second}");
    let swapped = metadata(None).replace(&BASE64.encode("model.bin"), &BASE64.encode("other.bin"));
    let joined = tus(Method::POST, UPLOADS).insert_header(("Upload-Concat", other));
    app.send(joined.insert_header(("Upload-Metadata", swapped))).await.expect(201);
    let file = app.get("/api/v1/models/demo/versions/1/files/other.bin").await.expect(200);
    assert_eq!(file.body.as_ref(), b"456789456789");
    for path in [&first, &second, &none, &path] {
        app.send(tus(Method::DELETE, path)).await.expect(204);
    }
    app.get(FILE).await.expect(200);
    assert_eq!(app.objects(), 2);
}

async fn parts_are_no_files_expire_and_can_be_removed(backend: Backend) {
    let app = TestApp::on(backend).await;
    let (first, second) = (part(&app, b"0123").await, begin_partial(&app, 6).await);
    app.get(FILE).await.expect(404);
    app.get("/api/v1/models/demo/versions").await.expect(404);
    add(&app, &second, 0, b"45").await.expect(204);
    app.send(tus(Method::DELETE, &second)).await.expect(204);
    app.send(tus(Method::HEAD, &second)).await.expect(404);
    assert_eq!(join(&app, &format!("final;{first} {second}"), None).await.expect(404).member("field"), "Upload-Concat");
    app.advance(25 * 3_600_000);
    app.send(tus(Method::HEAD, &first)).await.expect(410);
    join(&app, &format!("final;{first}"), None).await.expect(410);
    app.get(FILE).await.expect(404);
}

async fn what_cannot_be_put_together_is_refused(backend: Backend) {
    let app = TestApp::on(backend).await;
    let (whole, half) = (part(&app, b"0123").await, begin_partial(&app, 6).await);
    add(&app, &half, 0, b"45").await.expect(204);
    let plain = tus(Method::POST, UPLOADS).insert_header(("Upload-Length", 4));
    let plain = app.send(plain.insert_header(("Upload-Metadata", metadata(None)))).await.expect(201);
    let plain = plain.location_from(UPLOADS);
    for (concat, status) in [
        (format!("final;{whole} {half}"), 409),
        (format!("final;{plain}"), 400),
        ("final;".to_owned(), 400),
        ("final".to_owned(), 400),
        ("whole".to_owned(), 400),
        ("partial;".to_owned(), 400),
        (format!("final;{whole},{half}"), 400),
        (format!("final;{UPLOADS}/%00"), 404),
        (format!("final;{}", vec![whole.as_str(); 1001].join(" ")), 400),
    ] {
        let refused = join(&app, &concat, None).await.expect(status);
        assert_eq!(refused.member("field"), "Upload-Concat", "{concat}: {}", refused.text());
    }
    assert_eq!(join(&app, &format!("final;{whole}"), Some(SHA256)).await.expect(400).member("field"), "sha256");
    let long = tus(Method::POST, UPLOADS)
        .insert_header(("Upload-Concat", format!("final;{whole}")))
        .insert_header(("Upload-Length", 4))
        .insert_header(("Upload-Metadata", metadata(None)));
    assert_eq!(app.send(long).await.expect(400).member("field"), "Upload-Length");
    let brings = tus(Method::POST, UPLOADS)
        .insert_header(("Upload-Concat", format!("final;{whole}")))
        .insert_header(("Content-Type", "application/offset+octet-stream"))
        .insert_header(("Content-Length", 1))
        .insert_header(("Upload-Metadata", metadata(None)))
        .set_payload("x");
    assert_eq!(app.send(brings).await.expect(400).member("field"), "Upload-Concat");
    let nowhere = tus(Method::POST, UPLOADS).insert_header(("Upload-Concat", format!("final;{whole}")));
    assert_eq!(app.send(nowhere).await.expect(400).member("field"), "model");
    app.get("/api/v1/models/demo/versions").await.expect(404);
    // A part that another request uses at the moment.
    app.stop_clock();
    app.sql(
        "UPDATE resumable_uploads SET lease = 'another replica', lease_until = 1900000000000 WHERE concat = 'partial'",
    );
    join(&app, &format!("final;{whole}"), None).await.expect(423);
}
