//! Lists that the client has: answered 304, until they say something else.

use actix_web::http::Method;
use serde_json::json;

use super::{API, SHA256};
use crate::api::app::{Answer, TestApp, request};
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    a_list_is_sent_again_only_where_it_changed,
}

async fn with_tags(app: &TestApp, path: &str, tags: &str) -> Answer {
    app.send(request(Method::GET, path).insert_header(("If-None-Match", tags))).await
}

async fn a_list_is_sent_again_only_where_it_changed(backend: Backend) {
    let client = Client::on(backend).await;
    let model = client.model("demo").await;
    let environment = client.environment("production").await;
    client.service(&environment, &model, "served").await;
    client.experiment("tuning").await;
    let app = client.0;
    app.put(super::FILE, super::BYTES).await.expect(201);
    let artifact =
        app.get(&format!("{API}/models/demo/versions/1")).await.expect(200).json()["artifacts"][0]["id"].clone();
    let artifact = artifact.as_str().unwrap();
    for list in [
        "/models",
        "/models/demo/versions",
        "/models/demo/aliases",
        "/models/demo/versions/1/artifacts",
        "/models/demo/versions/1/files",
        format!("/artifacts/{artifact}/files").as_str(),
        "/files",
        format!("/blobs/{SHA256}").as_str(),
        "/deployments",
        "/environments",
        "/environments/production",
        "/experiments",
        "/jobs",
        "/changes",
        "/changes?order=desc",
        format!("/nodes/{model}/history").as_str(),
        "/summary",
    ] {
        let path = format!("{API}{list}");
        let first = app.get(&path).await.expect(200);
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with("W/\"") && first.content_type() == "application/json", "{list}: {tag}");
        for known in [tag.as_str(), tag.trim_start_matches("W/"), "*", format!("\"other\", {tag}").as_str()] {
            let again = with_tags(&app, &path, known).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{list} with {known}");
            assert_eq!(again.header("etag"), Some(tag.as_str()), "{list}");
        }
        for other in ["\"other\"", "W/\"x\"", ""] {
            let again = with_tags(&app, &path, other).await;
            assert_eq!((again.status, &again.body), (200, &first.body), "{list} with {other}");
        }
    }
    let path = format!("{API}/models?pageSize=1");
    let tag = app.get(&path).await.header("etag").unwrap().to_owned();
    // What a page says is its own: another page, and the same one after a change, is sent.
    app.put(&format!("{API}/models/other/versions/1/files/a"), "a").await.expect(201);
    let changed = with_tags(&app, &path, &tag).await.expect(200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    let next = changed.member("nextPageToken");
    with_tags(&app, &format!("{path}&nextPageToken={next}"), changed.header("etag").unwrap()).await.expect(200);
    // An error is an error, whatever the client has.
    with_tags(&app, &format!("{API}/models/none/versions"), "*").await.expect(404);
    with_tags(&app, &format!("{API}/models?pageSize=0"), "*").await.expect(400);
    let made = json!({"model": {"name": "third"}, "version": {"name": "1"}});
    let sent = request(Method::POST, &format!("{API}/register")).insert_header(("If-None-Match", tag)).set_json(made);
    app.send(sent).await.expect(201);
}
