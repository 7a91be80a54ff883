//! PUT: what it makes, what it needs, what it answers.

use actix_web::test::TestRequest;
use insta::{assert_json_snapshot, assert_snapshot};

use super::{API, BYTES, FILE, paths, transcript, with_file};
use crate::api::app::TestApp;
use crate::api::transcript::Transcript;

#[actix_web::test]
async fn an_upload_makes_model_version_and_artifact() {
    let app = TestApp::new().await;
    assert_json_snapshot!("created", app.put(FILE, BYTES).await.expect(201));
    assert_json_snapshot!("same_bytes_again", app.put(FILE, BYTES).await.expect(200));
    assert_json_snapshot!("version", app.get("/api/v1/models/demo/versions/1").await.expect(200));
    let another = app.put("/api/v1/models/demo/versions/1/files/config.json", "{}").await.expect(201);
    assert_eq!((another.member("artifactId"), another.member("versionId")), ("3".to_owned(), "2".to_owned()));
    let another = app.put("/api/v1/models/demo/versions/2/files/config.json", "{}").await.expect(201);
    assert_eq!((another.member("modelId"), another.member("versionId")), ("1".to_owned(), "4".to_owned()));
}

#[actix_web::test]
async fn an_upload_goes_to_the_artifact_that_is_there() {
    let app = TestApp::new().await;
    let kubeflow = crate::api::kubeflow::Client(app);
    let model = kubeflow.model("demo").await;
    let version = kubeflow.version(&model, "1").await;
    let artifact = kubeflow.artifact(&version, "weights").await;
    let app = kubeflow.0;
    assert_eq!(app.put(FILE, BYTES).await.expect(201).member("artifactId"), artifact);
    let by_id = app.put(&format!("/api/v1/artifacts/{artifact}/files/dir/b"), "b").await.expect(201);
    assert_json_snapshot!(by_id);
    let files = app.get("/api/v1/models/demo/versions/1/files").await;
    assert_eq!(paths(&files), ["dir/b", "model.bin"]);
}

#[actix_web::test]
async fn what_is_not_to_be_made_is_not_found() {
    let app = with_file().await;
    let mut transcript = transcript(&app);
    for path in [
        "/models/other/versions/1/files/a?create=false",
        "/models/demo/versions/2/files/a?create=false",
        "/models/demo/versions/latest/files/a?create=false",
        "/models/demo/versions/@none/files/a",
        "/models/demo/versions/@none/files/a?create=false",
        "/models/other/versions/latest/files/a",
        "/models/other/versions/@best/files/a",
        "/artifacts/99/files/a",
        "/artifacts/1/files/a",
        "/models/other/versions/1/files/a?create=maybe",
        "/models/other/versions/1/files/a?create=true&create=false",
        "/artifacts/abc/files/a",
    ] {
        transcript.put(path, &[], BYTES).await;
    }
    assert_snapshot!(transcript);
    let models = app.get("/api/model_registry/v1alpha3/registered_models").await.json();
    assert_eq!(models["size"], 1, "nothing was made");
}

#[actix_web::test]
async fn create_false_stores_where_everything_is_there() {
    let app = with_file().await;
    app.put("/api/v1/models/demo/versions/1/files/a?create=false", "a").await.expect(201);
    app.put("/api/v1/models/demo/versions/latest/files/b", "b").await.expect(201);
    // A version without an artifact has no place for a file.
    let kubeflow = crate::api::kubeflow::Client(app);
    kubeflow.version("1", "2").await;
    let answer = kubeflow.0.put("/api/v1/models/demo/versions/2/files/a?create=false", "a").await;
    assert_json_snapshot!(answer.expect(404));
    kubeflow.0.put("/api/v1/models/demo/versions/2/files/a", "a").await.expect(201);
}

#[actix_web::test]
async fn the_media_type_is_kept_or_guessed() {
    let app = TestApp::new().await;
    for (name, sent, expected) in [
        ("a.json", None, "application/json"),
        ("a.unknown", None, "application/octet-stream"),
        ("none", None, "application/octet-stream"),
        ("b.json", Some("text/x-special; charset=utf-8"), "text/x-special; charset=utf-8"),
        ("c.json", Some("application/x-www-form-urlencoded"), "application/json"),
        ("d.html", Some(""), "text/html"),
    ] {
        let path = format!("/api/v1/models/demo/versions/1/files/{name}");
        let put = TestRequest::put().uri(&path).set_payload("x");
        let put = sent.into_iter().fold(put, |put, sent| put.insert_header(("Content-Type", sent)));
        assert_eq!(app.send(put).await.expect(201).member("mediaType"), expected, "{name}");
        assert_eq!(app.get(&path).await.expect(200).content_type(), expected, "{name}");
    }
    let long = format!("text/{}", "x".repeat(300));
    let answer = app.send(TestRequest::put().uri(FILE).insert_header(("Content-Type", long)).set_payload("x")).await;
    assert_eq!(answer.expect(400).json()["field"], "Content-Type");
}

#[actix_web::test]
async fn an_empty_file_is_a_file() {
    let app = TestApp::new().await;
    let created = app.send(TestRequest::put().uri(FILE)).await.expect(201);
    assert_json_snapshot!(created);
    let read = app.get(FILE).await.expect(200);
    assert_eq!((read.body.len(), read.size.as_str()), (0, "Sized(0)"));
    let ranged = app.send(TestRequest::get().uri(FILE).insert_header(("Range", "bytes=0-0"))).await;
    assert_eq!((ranged.status, ranged.header("content-range")), (416, Some("bytes */0")));
}

#[actix_web::test]
async fn a_file_over_the_limit_is_refused_and_leaves_nothing() {
    let app = TestApp::with_limits(1024, 10).await;
    let mut transcript = Transcript::new(&app, API);
    transcript.put("/models/demo/versions/1/files/a", &[], b"0123456789").await.expect(201);
    transcript.put("/models/demo/versions/2/files/a", &[], b"0123456789a").await.expect(413);
    let known = [("Content-Length", "11")];
    transcript.put("/models/demo/versions/2/files/a", &known, b"0123456789a").await.expect(413);
    transcript.get("/models/demo/versions/2").await.expect(404);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_part_is_not_taken_for_the_whole() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    let headers = [("Content-Range", "bytes 5-9/10")];
    transcript.put("/models/demo/versions/1/files/a", &headers, b"56789").await.expect(400);
    assert_snapshot!(transcript);
}
