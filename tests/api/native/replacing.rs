//! Other bytes on a path that is taken: refused, unless the client says which ones it means to replace.

use insta::{assert_json_snapshot, assert_snapshot};

use super::{BYTES, FILE, SHA256, transcript, with_file};
use crate::api::app::TestApp;
use crate::api::transcript::TranscriptRequest;

const PATH: &str = "/models/demo/versions/1/files/model.bin";

#[actix_web::test]
async fn other_bytes_are_refused_with_both_digests() {
    let app = with_file().await;
    assert_json_snapshot!(app.put(FILE, "other").await.expect(409));
    assert_eq!(app.get(FILE).await.body, BYTES);
}

#[actix_web::test]
async fn other_bytes_replace_those_that_the_client_has_seen() {
    let app = with_file().await;
    let current = format!("\"{SHA256}\"");
    let mut transcript = transcript(&app);
    transcript.put(PATH, &[("If-Match", "\"other\"")], b"other").await.expect(412);
    transcript.put(PATH, &[("If-Match", &format!("W/{current}"))], b"other").await.expect(412);
    transcript.put(PATH, &[("If-Match", "garbage")], b"other").await.expect(412);
    transcript.put(PATH, &[("If-Match", &current)], b"other").await.expect(200);
    transcript.put(PATH, &[("If-Match", &current)], b"third").await.expect(412);
    transcript.put(PATH, &[("If-Match", &current)], b"other").await.expect(412);
    transcript.put(PATH, &[("If-Match", &format!("\"a\", {current}"))], b"third").await.expect(412);
    transcript.put(PATH, &[("If-Match", "*")], b"third").await.expect(200);
    transcript.put(PATH, &[("If-Match", "*")], b"third").await.expect(200);
    transcript.put("/models/demo/versions/1/files/new", &[("If-Match", "*")], b"new").await.expect(412);
    transcript.put("/models/new/versions/1/files/new", &[("If-Match", &current)], b"new").await.expect(412);
    assert_snapshot!(transcript);
    assert_eq!(app.get(FILE).await.body, "third");
    let version = app.get("/api/v1/models/demo/versions/1/files").await;
    assert_eq!(super::paths(&version), ["model.bin"]);
}

#[actix_web::test]
async fn a_file_may_be_stored_only_where_there_is_none() {
    let app = with_file().await;
    let mut transcript = transcript(&app);
    transcript.put(PATH, &[("If-None-Match", "*")], BYTES).await.expect(412);
    transcript.put(PATH, &[("If-None-Match", "*")], b"other").await.expect(412);
    transcript.put("/models/demo/versions/1/files/new", &[("If-None-Match", "*")], b"new").await.expect(201);
    transcript.put("/models/demo/versions/1/files/a", &[("If-None-Match", "\"a\"")], b"new").await.expect(400);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_file_is_removed_when_it_is_the_one_that_is_meant() {
    let app = with_file().await;
    let current = format!("\"{SHA256}\"");
    let mut transcript = transcript(&app);
    for (tag, status) in [("\"other\"", 412), (current.as_str(), 204), (&current, 404), ("*", 404)] {
        let headers = [("If-Match", tag)];
        transcript
            .send(TranscriptRequest { method: "DELETE", path: PATH, headers: &headers, body: b"" })
            .await
            .expect(status);
    }
    assert_snapshot!(transcript);
    app.get(FILE).await.expect(404);
    app.put(FILE, "other").await.expect(201);
    app.delete("/api/v1/artifacts/3/files/model.bin").await.expect(204);
    app.delete("/api/v1/artifacts/3/files/model.bin").await.expect(404);
}

#[actix_web::test]
async fn the_same_bytes_on_many_paths_are_kept_apart() {
    let app = TestApp::new().await;
    for version in ["1", "2"] {
        for file in ["a", "b"] {
            app.put(&format!("/api/v1/models/demo/versions/{version}/files/{file}"), BYTES).await.expect(201);
        }
    }
    app.delete("/api/v1/models/demo/versions/1/files/a").await.expect(204);
    app.delete("/api/v1/models/demo/versions/2").await.expect(204);
    assert_eq!(app.get("/api/v1/models/demo/versions/1/files/b").await.expect(200).body, BYTES);
}
