//! Versions and files listed, and a version as a whole.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::{paths, transcript};
use crate::api::app::TestApp;
use crate::api::kubeflow::Client;

async fn names(app: &TestApp, path: &str) -> Vec<String> {
    let list = app.get(path).await.expect(200).json();
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_version_shows_all_that_it_holds() {
    let client = Client::new().await;
    let model = client.model("demo").await;
    let text = json!({"metadataType": "MetadataStringValue", "string_value": "x"});
    let int = json!({"metadataType": "MetadataIntValue", "int_value": "9007199254740993"});
    let structure = json!({"metadataType": "MetadataStructValue", "struct_value": "eyJhIjpbMV19"});
    let proto = json!({"metadataType": "MetadataProtoValue", "type": "a.B", "proto_value": "AP8="});
    let body = json!({
        "name": "1.0", "registeredModelId": model, "author": "me", "description": "First.", "externalId": "crm-7",
        "customProperties": {"text": text, "int": int, "struct": structure, "proto": proto},
    });
    let version = client.post("/model_versions", body).await.expect(201).member("id");
    client.artifact(&version, "weights").await;
    let app = client.0;
    for file in ["b.bin", "a/b.json", "a.bin"] {
        app.put(&format!("/api/v1/models/demo/versions/1.0/files/{file}"), file).await.expect(201);
    }
    for alias in ["champion", "best"] {
        let path = format!("/api/v1/models/demo/aliases/{alias}");
        app.json(actix_web::http::Method::PUT, &path, &json!({"version": "1.0"})).await.expect(200);
    }
    let version = app.get("/api/v1/models/demo/versions/1.0").await.expect(200);
    assert_json_snapshot!(version);
    for other in ["latest", "@champion", "@best"] {
        assert_eq!(app.get(&format!("/api/v1/models/demo/versions/{other}")).await.json(), version.json());
    }
}

#[actix_web::test]
async fn versions_are_listed_the_newest_first() {
    let app = TestApp::new().await;
    for version in 0..21 {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), "a").await.expect(201);
    }
    let newest_first: Vec<_> = (0..21).rev().map(|version| version.to_string()).collect();
    assert_eq!(names(&app, "/api/v1/models/demo/versions").await, newest_first);
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/models/demo/versions?pageSize=10&nextPageToken={token}");
        walked.extend(names(&app, &path).await);
        token = app.get(&path).await.member("nextPageToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, newest_first);
    assert_json_snapshot!(app.get("/api/v1/models/demo/versions?pageSize=1").await);
    app.put("/api/v1/models/other/versions/1/files/a", "a").await.expect(201);
    let token = app.get("/api/v1/models/demo/versions?pageSize=1").await.member("nextPageToken");
    app.get(&format!("/api/v1/models/other/versions?nextPageToken={token}")).await.expect(400);
}

#[actix_web::test]
async fn latest_is_the_version_that_was_created_last() {
    let app = TestApp::new().await;
    app.stop_clock();
    for version in ["2", "10", "1"] {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), version).await.expect(201);
    }
    assert_eq!(app.get("/api/v1/models/demo/versions/latest").await.member("name"), "1");
    app.delete("/api/v1/models/demo/versions/latest").await.expect(204);
    assert_eq!(app.get("/api/v1/models/demo/versions/latest/files/a").await.body, "10");
}

#[actix_web::test]
async fn a_word_never_means_the_version_that_has_it_for_a_name() {
    let client = Client::new().await;
    let model = client.model("demo").await;
    for name in ["latest", "@best", "1"] {
        let version = client.version(&model, name).await;
        client.artifact(&version, "a").await;
    }
    let app = client.0;
    assert_eq!(app.get("/api/v1/models/demo/versions/latest").await.member("name"), "1");
    app.get("/api/v1/models/demo/versions/@best").await.expect(404);
    app.put("/api/v1/artifacts/3/files/a", "a").await.expect(201);
    app.get("/api/v1/models/demo/versions/latest/files/a").await.expect(404);
}

#[actix_web::test]
async fn files_are_listed_by_path_in_pages() {
    let app = TestApp::new().await;
    let mut expected: Vec<_> = (0..21).map(|file| format!("dir{}/f{file:02}", file % 3)).collect();
    for path in &expected {
        app.put(&format!("/api/v1/models/demo/versions/1/files/{path}"), path.clone()).await.expect(201);
    }
    expected.sort_unstable();
    for list in ["/api/v1/models/demo/versions/1/files", "/api/v1/artifacts/3/files"] {
        assert_eq!(paths(&app.get(list).await.expect(200)), expected);
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("{list}?pageSize=10&nextPageToken={token}")).await.expect(200);
            walked.extend(paths(&page));
            token = page.member("nextPageToken");
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(walked, expected, "{list}");
    }
    assert_json_snapshot!(app.get("/api/v1/models/demo/versions/1/files?pageSize=1").await);
}

#[actix_web::test]
async fn bad_parameters_of_lists() {
    let app = TestApp::new().await;
    for version in ["1", "2"] {
        for file in ["a", "b"] {
            app.put(&format!("/api/v1/models/demo/versions/{version}/files/{file}"), file).await.expect(201);
        }
    }
    let token = app.get("/api/v1/models/demo/versions/1/files?pageSize=1").await.member("nextPageToken");
    app.get(&format!("/api/v1/models/demo/versions/1/files?nextPageToken={token}")).await.expect(200);
    for list in ["models/demo/versions/2/files", "artifacts/3/files", "models/demo/versions"] {
        app.get(&format!("/api/v1/{list}?nextPageToken={token}")).await.expect(400);
    }
    let mut transcript = transcript(&app);
    for list in ["/models/demo/versions", "/models/demo/versions/1/files", "/artifacts/3/files"] {
        for query in
            ["pageSize=abc", "pageSize=-1", "pageSize=0", "nextPageToken=garbage", "nextPageToken=%00", "pageSize="]
        {
            transcript.get(&format!("{list}?{query}")).await.expect(400);
        }
        app.get(&format!("/api/v1{list}?pageSize=999999")).await.expect(200);
    }
    for path in [
        "/models/other/versions",
        "/models/demo/versions/3",
        "/models/other/versions/latest",
        "/models/demo/versions/@none",
        "/models/demo/versions/3/files",
        "/artifacts/99/files",
        "/artifacts/1/files",
    ] {
        transcript.get(path).await.expect(404);
    }
    assert_snapshot!(transcript);
}
