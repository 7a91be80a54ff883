//! Health that is asked of those that it depends on, and what every request leaves behind.

use super::Client;
use crate::api::app::TestApp;
use crate::support::Backend;

#[actix_web::test]
async fn health_is_that_of_the_store() {
    let client = Client(TestApp::new().await);
    client.get("/health").await.expect(200);
    client.0.remove_store();
    let answer = client.get("/health").await.expect(503);
    assert_eq!((answer.text().as_str(), answer.header("retry-after")), (r#"{"status":"unavailable"}"#, Some("1")));
}

async fn without_tables(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    client.0.sql("DROP TABLE files");
    let answer = client.get("/models").await.expect(500);
    assert_eq!(answer.text(), "InternalError\n\ninternal error, request id `test`", "nothing of the database is shown");
}

#[actix_web::test]
async fn a_failure_shows_nothing_of_the_database() {
    without_tables(Backend::Sqlite).await;
    without_tables(Backend::Postgres).await;
}

#[actix_web::test]
async fn requests_have_an_id_and_are_counted() {
    let client = Client(TestApp::new().await);
    let answer = client.get("/models/0123456789abcdef").await.expect(404);
    assert_eq!(answer.header("x-request-id"), Some("test"));
    let metrics = client.0.get("/metrics").await.expect(200).text();
    let line = r#"modelport_http_requests_total{method="GET",route="/models/{model_id}",status="404"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}
