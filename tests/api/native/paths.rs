//! What may stand in a path: names with slashes, any script, and nothing that leads elsewhere.

use insta::assert_snapshot;

use super::{paths, transcript};
use crate::api::app::TestApp;

#[actix_web::test]
async fn encoded_and_nested_paths_are_kept_as_they_are_meant() {
    let app = TestApp::new().await;
    let files = [
        ("a", "a"),
        ("dir/b", "dir/b"),
        ("dir/deeper/c.txt", "dir/deeper/c.txt"),
        ("dir%2Fd", "dir/d"),
        ("e%20f", "e f"),
        ("e+f", "e+f"),
        ("e%2Bg", "e+g"),
        ("100%25", "100%"),
        ("100%2525", "100%25"),
        ("%E6%A8%A1.data", "模.data"),
        ("na%C3%AFve", "naïve"),
        ("a%3Fb%23c", "a?b#c"),
        ("...", "..."),
        ("..a", "..a"),
        (".hidden", ".hidden"),
        ("a:b", "a:b"),
        ("@alias", "@alias"),
        ("latest", "latest"),
        ("files", "files"),
        ("~%7B%7D%7C", "~{}|"),
    ];
    for (sent, kept) in files {
        let path = format!("/api/v1/models/demo/versions/1/files/{sent}");
        let created = app.put(&path, kept.to_owned()).await.expect(201);
        assert_eq!(created.member("path"), kept, "{sent}");
        assert_eq!(app.get(&path).await.expect(200).body, kept.as_bytes(), "{sent}");
        // The URL that is answered leads to the same bytes.
        let url = created.member("url");
        let local = url.strip_prefix(crate::api::app::PUBLIC_URL).unwrap();
        assert_eq!(app.get(local).await.expect(200).body, kept.as_bytes(), "{url}");
    }
    let mut expected: Vec<_> = files.map(|(_, kept)| kept).to_vec();
    expected.sort_unstable();
    assert_eq!(paths(&app.get("/api/v1/models/demo/versions/1/files").await), expected);
}

#[actix_web::test]
async fn paths_that_lead_elsewhere_are_refused() {
    let app = TestApp::new().await;
    let long = "x".repeat(1025);
    let mut transcript = transcript(&app);
    for path in [
        "..",
        "../a",
        "a/../b",
        "a/..",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        "/a",
        "%2Fa",
        "%2Fetc%2Fpasswd",
        "%2e%2e",
        "%2e%2e/a",
        "%2E%2E%2Fa",
        "a%2F..%2Fb",
        "a%2F",
        "a%00b",
        "a%0Ab",
        "a%7Fb",
        "a%5Cb",
        "..%5Ca",
        "%FF",
        "a%C3",
        "%C0%AE%C0%AE/a",
        "%ED%A0%80",
        &long,
        "",
    ] {
        transcript.put(&format!("/models/demo/versions/1/files/{path}"), &[], b"x").await.expect(400);
    }
    transcript.put("/artifacts/1/files/..%2Fa", &[], b"x").await.expect(400);
    transcript.put("/artifacts/1/files/%FF", &[], b"x").await.expect(400);
    for method in ["GET", "HEAD", "DELETE"] {
        let path = "/models/demo/versions/1/files/%2e%2e/a";
        let request = crate::api::transcript::TranscriptRequest { method, path, headers: &[], body: b"" };
        transcript.send(request).await.expect(400);
    }
    assert_snapshot!(transcript);
    let models = app.get("/api/model_registry/v1alpha3/registered_models").await.json();
    assert_eq!(models["size"], 0, "nothing was made");
}

#[actix_web::test]
async fn names_may_have_slashes_and_any_script() {
    let app = TestApp::new().await;
    for (model, version, name) in [
        ("org%2Fmodel", "1%2F2", "org/model"),
        ("%E6%A8%A1%E5%9E%8B", "%E4%B8%80", "模型"),
        ("a%20b", "v%201", "a b"),
        ("a+b", "1+1", "a+b"),
        ("100%25", "1%25", "100%"),
        ("..", "..", ".."),
        ("%2E", "%2E", "."),
        ("a:b", "1:latest", "a:b"),
        ("latest", "v", "latest"),
        ("@model", "v", "@model"),
    ] {
        let path = format!("/api/v1/models/{model}/versions/{version}");
        app.put(&format!("{path}/files/a"), name.to_owned()).await.expect(201);
        assert_eq!(app.get(&path).await.expect(200).member("model"), name);
        assert_eq!(app.get(&format!("{path}/files/a")).await.expect(200).body, name.as_bytes());
        let found = app.get(&format!("/api/v1/models/{model}/versions")).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{model}");
    }
}

#[actix_web::test]
async fn names_that_are_refused() {
    let app = TestApp::new().await;
    let long = "x".repeat(513);
    let mut transcript = transcript(&app);
    for (model, version) in [
        ("a%00b", "1"),
        ("%FF", "1"),
        (&long, "1"),
        ("demo", "%00"),
        ("demo", "%FF"),
        ("demo", &long),
        ("demo", "@"),
        ("demo", "@latest"),
        ("demo", "@a%20b"),
        ("demo", "@a%2Fb"),
    ] {
        transcript.put(&format!("/models/{model}/versions/{version}/files/a"), &[], b"x").await.expect(400);
        transcript.get(&format!("/models/{model}/versions/{version}")).await.expect(400);
    }
    for path in ["/models/%FF/versions", "/models/%00/versions"] {
        transcript.get(path).await.expect(400);
    }
    for path in ["/models/%FF", "/models/demo/versions/%FF", "/models/demo/aliases/%FF", "/models/%00/aliases/a"] {
        transcript.delete(path).await.expect(400);
    }
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn paths_and_methods_that_do_not_exist() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    for path in ["", "/", "/models//versions/1", "/models/demo/versions/1/", "/nonsense", "/models/demo/aliases"] {
        transcript.get(path).await.expect(404);
    }
    for (method, path) in [
        ("POST", "/models/demo/versions/1/files/a"),
        ("PATCH", "/artifacts/1/files/a"),
        ("POST", "/models/demo/versions/1/files"),
        ("DELETE", "/artifacts/1/files"),
        ("PUT", "/models/demo/versions/1"),
        ("POST", "/models/demo/versions"),
        ("PUT", "/models/demo"),
        ("POST", "/models/demo/aliases/a"),
        ("DELETE", "/nodes/1/history"),
        ("POST", "/changes"),
    ] {
        let request = crate::api::transcript::TranscriptRequest { method, path, headers: &[], body: b"" };
        transcript.send(request).await.expect(405);
    }
    assert_snapshot!(transcript);
}
