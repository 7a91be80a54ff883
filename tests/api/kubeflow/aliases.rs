//! Aliases of versions through the Kubeflow API: an extension of the contract.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, Client};
use crate::support::Backend;

/// A client of a registry with models `1` and `4`; `2` and `3` are versions of the first.
async fn with_versions(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let model = client.model("m").await;
    client.version(&model, "one").await;
    client.version(&model, "two").await;
    client.model("other").await;
    client
}

const CHAMPION: &str = "/registered_models/1/aliases/champion";

async fn an_alias_is_set_moved_listed_and_removed(backend: Backend) -> String {
    let client = with_versions(backend).await;
    let mut transcript = client.transcript();
    for (alias, version) in [("champion", "2"), ("champion", "2"), ("champion", "3"), ("best", "3"), ("old", "2")] {
        let path = format!("/registered_models/1/aliases/{alias}");
        let body = json!({"modelVersionId": version}).to_string();
        transcript.raw("PUT", &path, &body).await.expect(200);
    }
    for path in [
        CHAMPION,
        "/registered_models/1/aliases",
        "/registered_models/4/aliases",
        "/model_versions/2/aliases",
        "/model_versions/3/aliases",
        "/registered_models/1",
    ] {
        transcript.get(path).await.expect(200);
    }
    transcript.delete("/registered_models/1/aliases/old").await.expect(204);
    transcript.get("/model_versions/2/aliases").await.expect(200);
    // The native API has the same aliases.
    assert_eq!(client.0.get("/api/v1/models/m/versions/@champion").await.expect(200).member("id"), "3");
    transcript.to_string()
}

#[actix_web::test]
async fn an_alias_is_set_moved_listed_and_removed_on_sqlite() {
    assert_snapshot!("the_way_of_an_alias", an_alias_is_set_moved_listed_and_removed(Backend::Sqlite).await);
}

#[actix_web::test]
async fn an_alias_is_set_moved_listed_and_removed_on_postgres() {
    assert_snapshot!("the_way_of_an_alias", an_alias_is_set_moved_listed_and_removed(Backend::Postgres).await);
}

#[actix_web::test]
async fn what_is_no_alias_and_what_it_cannot_point_at() {
    let client = with_versions(Backend::Sqlite).await;
    let elsewhere = client.version("4", "three").await;
    assert_eq!(elsewhere, "5");
    let mut transcript = client.transcript();
    for (path, body, status) in [
        (CHAMPION, "{}", 422),
        (CHAMPION, r#"{"modelVersionId": ""}"#, 422),
        (CHAMPION, r#"{"modelVersionId": 2}"#, 400),
        (CHAMPION, r#"{"modelVersionId": "x"}"#, 400),
        (CHAMPION, r#"{"modelVersionId": "2", "name": "champion"}"#, 400),
        (CHAMPION, "[]", 400),
        (CHAMPION, r#"{"modelVersionId": "99"}"#, 404),
        (CHAMPION, r#"{"modelVersionId": "5"}"#, 404),
        (CHAMPION, r#"{"modelVersionId": "1"}"#, 404),
        ("/registered_models/99/aliases/champion", r#"{"modelVersionId": "2"}"#, 404),
        ("/registered_models/2/aliases/champion", r#"{"modelVersionId": "2"}"#, 404),
        ("/registered_models/x/aliases/champion", r#"{"modelVersionId": "2"}"#, 400),
        ("/registered_models/1/aliases/latest", r#"{"modelVersionId": "2"}"#, 400),
        ("/registered_models/1/aliases/a%20b", r#"{"modelVersionId": "2"}"#, 400),
    ] {
        transcript.raw("PUT", path, body).await.expect(status);
    }
    for (path, status) in
        [(CHAMPION, 404), ("/registered_models/99/aliases/champion", 404), ("/registered_models/1/aliases/@x", 400)]
    {
        transcript.get(path).await.expect(status);
        transcript.delete(path).await.expect(status);
    }
    for path in ["/registered_models/99/aliases", "/model_versions/1/aliases", "/model_versions/99/aliases"] {
        transcript.get(path).await.expect(404);
    }
    transcript.get("/model_versions/x/aliases").await.expect(400);
    assert_snapshot!(transcript);
    let large = format!("{{{}}}", " ".repeat(1024 * 1024));
    let request = crate::api::app::request(Method::PUT, &format!("{API}{CHAMPION}"));
    client.0.send(request.set_payload(large)).await.expect(413);
}

async fn aliases_that_go_with_their_version_are_recorded(backend: Backend) {
    let client = with_versions(backend).await;
    for (alias, version) in [("a", "2"), ("b", "2"), ("c", "3")] {
        let path = format!("{API}/registered_models/1/aliases/{alias}");
        client.0.json(Method::PUT, &path, &json!({"modelVersionId": version})).await.expect(200);
    }
    let before = client.get("/registered_models/1").await.member("lastUpdateTimeSinceEpoch");
    client.0.delete(&format!("{API}/model_versions/2?recursive=true")).await.expect(204);
    let aliases = client.get("/registered_models/1/aliases").await.expect(200).json();
    assert_eq!(aliases["items"], json!([{"name": "c", "modelVersionId": "3"}]));
    assert!(client.get("/registered_models/1").await.member("lastUpdateTimeSinceEpoch") > before);
    let history = client.0.get("/api/v1/nodes/1/history").await.expect(200).json();
    let recorded = |change: &Value| (change["action"].clone(), change["document"]["alias"].clone());
    let recorded: Vec<_> = history["items"].as_array().unwrap().iter().map(recorded).collect();
    let gone = |name: &str| (json!("alias.delete"), json!({"name": name, "version": "one", "versionId": 2}));
    assert_eq!(recorded[recorded.len() - 2..], [gone("a"), gone("b")]);
    // A version without aliases leaves its model as it is.
    let version = client.version("1", "three").await;
    let before = client.get("/registered_models/1").await.json();
    client.0.delete(&format!("{API}/model_versions/{version}")).await.expect(204);
    assert_eq!(client.get("/registered_models/1").await.json(), before);
}

#[actix_web::test]
async fn aliases_that_go_with_their_version_are_recorded_on_sqlite() {
    aliases_that_go_with_their_version_are_recorded(Backend::Sqlite).await;
}

#[actix_web::test]
async fn aliases_that_go_with_their_version_are_recorded_on_postgres() {
    aliases_that_go_with_their_version_are_recorded(Backend::Postgres).await;
}
