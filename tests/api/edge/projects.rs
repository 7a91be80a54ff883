//! Geti's projects, as long as no Geti server is set.

use actix_web::test::TestRequest;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::{Client, pair};
use crate::api::app::TestApp;

#[actix_web::test]
async fn parameters_are_checked_and_the_variables_are_named() {
    let client = Client(TestApp::new().await);
    let mut pairs = Vec::new();
    for path in ["/projects", "/projects/short", "/projects/0123456789abcdef01234567"] {
        pairs.push(pair(&format!("GET {path}"), client.get(path).await));
    }
    let path = "/projects/0123456789abcdef01234567/geti-models/download";
    let post = async |path: &str, body: &str| {
        let request = TestRequest::post().uri(path).insert_header(("Content-Type", "application/json"));
        pair(&format!("POST {body:.60}"), client.0.send_edge(request.set_payload(body.to_owned())).await)
    };
    pairs.push(post("/projects/short/geti-models/download", "{}").await);
    let no_group: Value = json!({"models": [{"id": "a"}, {"id": 1, "group_id": "b"}, 3]});
    for body in ["", "{", "{}", r#"{"models": 1}"#, r#"{"models": []}"#, &no_group.to_string()] {
        pairs.push(post(path, body).await);
    }
    pairs.push(post(path, r#"{"models": [{"id": "a", "group_id": "b"}]}"#).await);
    pairs.push(pair("GET it", client.get(path).await));
    assert_json_snapshot!(pairs);
}
