//! ETag and If-Match: whoever changes an entity may say which revision they have seen.

use serde_json::json;

use super::Client;
use crate::api::transcript::Say;

#[actix_web::test]
async fn a_change_of_another_revision_is_refused() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "a").await;
    let mut transcript = client.transcript();
    for path in ["/registered_models/1", "/model_versions/2", "/model_artifacts/3"] {
        for tag in ["\"1\"", "\"1\"", "\"2\"", "*", "\"9\""] {
            let headers = [("If-Match", tag)];
            transcript.say(Say { method: "PATCH", path, headers: &headers, body: b"{}" }).await;
        }
    }
    insta::assert_snapshot!(transcript);
    let model = client.patch("/registered_models/1", json!({"owner": "me"})).await.expect(200);
    assert_eq!(model.header("etag"), Some("\"5\""));
}

#[actix_web::test]
async fn tags_that_no_entity_has() {
    let client = Client::new().await;
    client.model("m").await;
    let mut transcript = client.transcript();
    for tag in ["1", "W/\"1\"", "\"abc\"", "\"\"", "nonsense", "\"1\", \"2\"", "\"-1\"", ""] {
        let headers = [("If-Match", tag)];
        transcript.say(Say { method: "PATCH", path: "/registered_models/1", headers: &headers, body: b"{}" }).await;
    }
    let headers = [("If-Match", "\"1\"")];
    transcript
        .say(Say { method: "PATCH", path: "/registered_models/9", headers: &headers, body: b"{}" })
        .await
        .expect(404);
    insta::assert_snapshot!(transcript);
    assert_eq!(client.get("/registered_models/1").await.header("etag"), Some("\"1\""));
}
