//! GET and HEAD: headers, conditions, names for the browser.

use actix_web::http::Method;
use insta::{assert_json_snapshot, assert_snapshot};

use super::{BYTES, FILE, SHA256, transcript, with_file};
use crate::api::app::{TestApp, request};

#[actix_web::test]
async fn a_file_is_read_with_its_headers() {
    let app = with_file().await;
    let read = app.get(FILE).await.expect(200);
    assert_json_snapshot!(read);
    assert_eq!((read.body.as_ref(), read.size.as_str()), (BYTES, "Sized(10)"));
    let by_id = app.get("/api/v1/artifacts/3/files/model.bin").await.expect(200);
    assert_eq!((by_id.body.clone(), by_id.shown_headers()), (read.body.clone(), read.shown_headers()));
}

#[actix_web::test]
async fn head_answers_the_headers_of_get() {
    let app = with_file().await;
    app.put("/api/v1/models/demo/versions/1/files/empty", "").await.expect(201);
    let tag = format!("\"{SHA256}\"");
    for path in [FILE, "/api/v1/artifacts/3/files/model.bin", "/api/v1/models/demo/versions/1/files/empty"] {
        let headers = [("Range", "bytes=2-4"), ("Range", "bytes=99-"), ("If-None-Match", &tag), ("If-Match", "\"x\"")];
        for header in [("X-Nothing", "")].into_iter().chain(headers) {
            let get = app.send(request(Method::GET, path).insert_header(header)).await;
            let head = app.send(request(Method::HEAD, path).insert_header(header)).await;
            let names = |headers: &actix_web::http::header::HeaderMap| {
                let mut all: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                all.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
                all
            };
            assert_eq!((head.status, names(&head.headers)), (get.status, names(&get.headers)), "{path} {header:?}");
            assert_eq!(head.size, get.size, "{path} {header:?}");
            assert!(head.body.is_empty());
        }
    }
}

#[actix_web::test]
async fn conditions() {
    let app = with_file().await;
    let current = format!("\"{SHA256}\"");
    let weak = format!("W/{current}");
    let list = format!("\"a\", {current}");
    let mut transcript = transcript(&app);
    let path = "/models/demo/versions/1/files/model.bin";
    for (name, value, status) in [
        ("If-None-Match", current.as_str(), 304),
        ("If-None-Match", &weak, 304),
        ("If-None-Match", &list, 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-None-Match", "garbage", 200),
        ("If-Match", &current, 200),
        ("If-Match", &list, 200),
        ("If-Match", "*", 200),
        ("If-Match", &weak, 412),
        ("If-Match", "\"other\"", 412),
        ("If-Match", "garbage", 412),
    ] {
        let headers = [(name, value)];
        let request = crate::api::transcript::TranscriptRequest { method: "GET", path, headers: &headers, body: b"" };
        transcript.send(request).await.expect(status);
    }
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn the_name_for_the_browser_cannot_break_out() {
    let app = TestApp::new().await;
    let mut shown = String::new();
    for name in [
        "plain.bin",
        "with%20space.bin",
        "quo%22te.bin",
        "semi%3B%20filename%3Devil.exe",
        "percent%2525.bin",
        "na%C3%AFve.bin",
        "%E6%A8%A1%E5%9E%8B.data",
        "dir/inner.bin",
        "%F0%9F%A6%80",
        "'single'.bin",
        "a%2Cb%3Dc",
    ] {
        let path = format!("/api/v1/models/demo/versions/1/files/{name}");
        app.put(&path, name.to_owned()).await.expect(201);
        let answer = app.get(&path).await.expect(200);
        shown.push_str(&format!("{name}\n  {}\n", answer.header("content-disposition").unwrap()));
    }
    assert_snapshot!(shown);
}

#[actix_web::test]
async fn what_is_not_there() {
    let app = with_file().await;
    let mut transcript = transcript(&app);
    for path in [
        "/models/demo/versions/1/files/other",
        "/models/demo/versions/2/files/model.bin",
        "/models/other/versions/1/files/model.bin",
        "/models/demo/versions/@best/files/model.bin",
        "/models/Demo/versions/1/files/model.bin",
        "/artifacts/3/files/other",
        "/artifacts/99/files/model.bin",
        "/artifacts/2/files/model.bin",
    ] {
        transcript.get(path).await.expect(404);
        transcript.delete(path).await.expect(404);
    }
    transcript.get("/artifacts/abc/files/model.bin").await.expect(400);
    assert_snapshot!(transcript);
}
