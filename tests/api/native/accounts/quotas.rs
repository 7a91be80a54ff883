//! How much a workspace holds and may hold, and how more is refused.

use insta::assert_snapshot;
use serde_json::json;

use crate::api::app::TestApp;
use crate::api::native::transcript;

const QUOTA: &str = "/workspaces/default/quota";

#[actix_web::test]
async fn a_quota_is_set_exceeded_and_taken_away() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    transcript.get(QUOTA).await.expect(200);
    transcript.raw("PUT", QUOTA, r#"{"bytes": 5, "roots": 1}"#).await.expect(200);
    app.put("/api/v1/models/demo/versions/1/files/a", "01234").await.expect(201);
    transcript.put("/models/demo/versions/1/files/b", &[], b"5").await.expect(507);
    transcript.get(QUOTA).await.expect(200);
    let register = json!({"model": {"name": "other"}, "version": {"name": "1"}});
    transcript.post("/register", register.clone()).await.expect(507);
    for wrong in [r#"{"bytes": -1}"#, r#"{"bytes": 9223372036854775808}"#, r#"{"models": 1}"#, r#"{"files": "1"}"#] {
        transcript.raw("PUT", QUOTA, wrong).await.expect(400);
    }
    transcript.get("/workspaces/team-a/quota").await.expect(404);
    transcript.raw("PUT", "/workspaces/team-a/quota", "{}").await.expect(404);
    transcript.raw("PUT", QUOTA, r#"{"bytes": null}"#).await.expect(200);
    app.json(actix_web::http::Method::POST, "/api/v1/register", &register).await.expect(201);
    assert_snapshot!(transcript);
}
