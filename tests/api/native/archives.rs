//! Whole folders: all files in one archive, out and in.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bytes::Bytes;
use modelport::store::uploads;

use super::{BYTES, FILE, paths};
use crate::api::app::{Answer, TestApp};
use crate::api::edge::zip;
use crate::support::Backend;

const FILES: &str = "/api/v1/models/demo/versions/1/files";
const COPY: &str = "/api/v1/models/copy/versions/1/files";

async fn with_folder(app: &TestApp) {
    app.put(FILE, BYTES).await.expect(201);
    app.put(&format!("{FILES}/%C3%BCn%C3%AF/a:b.txt"), "text").await.expect(201);
    app.put(&format!("{FILES}/{}/empty", "long".repeat(40)), "").await.expect(201);
}

async fn unpack(app: &TestApp, path: &str, body: impl Into<Bytes>) -> Answer {
    app.put(&format!("{path}?unpack=true"), body).await
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).unwrap().to_str().unwrap().to_owned()
}

/// A tar with one member of that kind.
async fn tar(kind: tokio_tar::EntryType, name: &str, link: Option<&str>) -> Vec<u8> {
    let mut header = tokio_tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    if let Some(link) = link {
        header.set_link_name(link).unwrap();
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend([0; 1024]);
    bytes
}

#[actix_web::test]
async fn digests_go_out_in_the_place_of_bytes() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = &TestApp::on(backend).await;
        with_folder(app).await;
        let url = format!("{FILES}?archive=sha256");
        let sums = app.get(&url).await.expect(200);
        let listed = app.get(FILES).await.expect(200).json();
        let expected: String = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| format!("{}  {}\n", file["sha256"].as_str().unwrap(), file["path"].as_str().unwrap()))
            .collect();
        assert_eq!((sums.text(), expected.lines().count()), (expected, 3));
        assert_eq!(sums.content_type(), "text/plain; charset=utf-8");
        assert!(header(&sums, "content-disposition").contains("demo-1.sha256"));
        let tag = header(&sums, "etag");
        let again = app.send(TestRequest::get().uri(&url).insert_header(("If-None-Match", tag))).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let head = app.send(TestRequest::default().method(Method::HEAD).uri(&url)).await.expect(200);
        assert_eq!(header(&head, "etag"), header(&sums, "etag"));
        // What holds for archives holds for digests: what is quarantined is wanted by its word.
        app.put(&format!("{FILES}/evil.pkl"), b"cos\nsystem\n(S'true'\ntR.".as_slice()).await.expect(201);
        app.get(&url).await.expect(403);
        let with_all = app.get(&format!("{url}&quarantined=true")).await.expect(200);
        assert_eq!(with_all.text().lines().count(), 4);
        app.put(&format!("{FILES}/a/b"), "b").await.expect(201);
        app.put(&format!("{FILES}/a"), "a").await.expect(201);
        app.get(&format!("{url}&quarantined=true")).await.expect(409);
        app.get("/api/v1/models/demo/versions/none/files?archive=sha256").await.expect(404);
        app.get(&format!("{FILES}?archive=SHA256")).await.expect(400);
    }
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "").await.expect(201);
    app.delete("/api/v1/models/demo/versions/1/files/a").await.expect(204);
    assert_eq!(app.get(&format!("{FILES}?archive=sha256")).await.expect(200).text(), "");
}

#[actix_web::test]
async fn a_folder_goes_out_and_comes_in_again() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let app = &TestApp::on(backend).await;
        with_folder(app).await;
        for format in ["zip", "tar"] {
            let url = format!("{FILES}?archive={format}");
            let first = app.get(&url).await.expect(200);
            let again = app.get(&url).await.expect(200);
            assert_eq!(first.body, again.body, "the same files give the same bytes");
            assert_eq!(first.size, format!("Sized({})", first.body.len()), "its length is known");
            assert!(header(&first, "content-disposition").contains(&format!("demo-1.{format}")));
            app.put("/api/v1/models/demo/versions/v1%2F2/files/a", "text").await;
            let sliced =
                app.get(&format!("/api/v1/models/demo/versions/v1%2F2/files?archive={format}")).await.expect(200);
            let expected = format!("attachment; filename=\"demo-v1_2.{format}\"");
            assert_eq!(header(&sliced, "content-disposition"), expected);
            let etag = header(&first, "etag");
            app.send(TestRequest::get().uri(&url).insert_header(("If-None-Match", etag.as_str()))).await.expect(304);
            let head = app.send(TestRequest::default().method(Method::HEAD).uri(&url)).await.expect(200);
            assert_eq!((head.size.clone(), header(&head, "etag")), (first.size.clone(), etag.clone()));

            let copy = format!("/api/v1/models/copy/versions/{format}/files");
            let stored = unpack(app, &copy, first.body.clone()).await.expect(201);
            let items = stored.json()["items"].as_array().unwrap().clone();
            assert!(items.len() == 3 && items.iter().all(|item| item["outcome"] == "created"), "{items:?}");
            assert_eq!(paths(&app.get(&copy).await), paths(&app.get(FILES).await));
            let stored = unpack(app, &copy, first.body.clone()).await.expect(200);
            let items = stored.json()["items"].as_array().unwrap().clone();
            assert!(items.iter().all(|item| item["outcome"] == "unchanged"), "{items:?}");
            assert_eq!(app.get(&format!("{copy}?archive={format}")).await.body, first.body);
        }
    }
}

#[actix_web::test]
async fn a_quarantined_file_is_not_sent_silently() {
    let app = TestApp::new().await;
    with_folder(&app).await;
    app.sql("UPDATE files SET quarantine = 'it is dangerous' WHERE path = 'model.bin'");
    for format in ["zip", "tar"] {
        let refused = app.get(&format!("{FILES}?archive={format}")).await.expect(403);
        assert!(refused.json()["detail"].as_str().unwrap().contains("model.bin"));
        app.get(&format!("{FILES}?archive={format}&quarantined=true")).await.expect(200);
    }
}

#[actix_web::test]
async fn a_file_that_is_a_folder_is_no_archive() {
    let app = TestApp::new().await;
    app.put(&format!("{FILES}/a"), "1").await.expect(201);
    app.put(&format!("{FILES}/a-b"), "2").await.expect(201);
    app.get(&format!("{FILES}?archive=zip")).await.expect(200);
    app.put(&format!("{FILES}/a/b"), "3").await.expect(201);
    app.get(&format!("{FILES}?archive=zip")).await.expect(409);
}

#[actix_web::test]
async fn one_member_that_is_refused_refuses_all() {
    use tokio_tar::EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    let app = TestApp::new().await;
    for (kind, name, link, why) in [
        (Regular, "../up", None, "`..`"),
        (Regular, "/etc/passwd", None, "absolute"),
        (Regular, "a\\b", None, "backslash"),
        (Symlink, "s", Some("t"), "link"),
        (Link, "h", Some("t"), "link"),
        (Block, "d", None, "neither"),
        (Char, "c", None, "neither"),
        (Fifo, "f", None, "neither"),
    ] {
        let mut body = tar(Regular, "good", None).await;
        body.truncate(512);
        body.extend(tar(kind, name, link).await);
        let refused = unpack(&app, COPY, body).await.expect(400).json();
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(why) && detail.contains("member"), "{name}: {detail}");
        app.get(COPY).await.expect(404);
    }
    let mut twice = tar(Regular, "good", None).await;
    twice.truncate(512);
    twice.extend(twice.clone());
    unpack(&app, COPY, twice.clone()).await.expect(400);
    let mut open = tar(Regular, "good", None).await;
    open.truncate(512);
    let refused = unpack(&app, COPY, open).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("no end"), "{refused}");
    unpack(&app, COPY, "neither").await.expect(415);
    app.put(COPY, "neither").await.expect(400);
    let left = app.store().read(|tx| uploads::abandoned(tx, i64::MAX, 10)).await.unwrap();
    assert_eq!(left, Vec::<String>::new(), "no upload is left");
}

#[actix_web::test]
async fn the_names_of_a_zip_are_paths_here() {
    let app = TestApp::new().await;
    for (name, status) in [("", 400), ("a//b", 400), ("a/./b", 400), (".", 400), ("./a", 201), (".//b", 201)] {
        let answer = unpack(&app, COPY, zip(name, b"1")).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert!(status == 201 || answer.text().contains("member"), "{}", answer.text());
    }
    assert_eq!(paths(&app.get(COPY).await), ["a", "b"]);
}

#[actix_web::test]
async fn a_zip_that_is_broken_leaves_nothing() {
    let app = TestApp::new().await;
    with_folder(&app).await;
    let zip = app.get(&format!("{FILES}?archive=zip")).await.body.to_vec();
    let at = zip.windows(BYTES.len()).position(|window| window == BYTES).unwrap();
    let mut wrong = zip.clone();
    wrong[at] ^= 1;
    let refused = unpack(&app, COPY, wrong).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("model.bin"), "{refused}");
    let mut renamed = zip.clone();
    renamed[at - 1] ^= 1;
    let refused = unpack(&app, COPY, renamed).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("differently"), "{refused}");
    unpack(&app, COPY, zip[..zip.len() - 1].to_vec()).await.expect(400);
    unpack(&app, COPY, zip[..at].to_vec()).await.expect(400);
    app.get(COPY).await.expect(404);
    app.put(&format!("{COPY}/model.bin"), "other").await.expect(201);
    let refused = unpack(&app, COPY, zip).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("model.bin"), "{refused}");
    assert_eq!(paths(&app.get(COPY).await), ["model.bin"]);
}
