//! The approval of versions, and what it protects through every door.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::api::app::{Answer, TestApp, request};
use crate::api::kubeflow::{API as KUBEFLOW, Client};
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    steps_are_taken_shown_and_recorded,
    conditions_hold_or_nothing_is_decided,
    a_protected_alias_is_for_approved_versions,
    a_policy_protects_what_only_approved_versions_hold,
    files_of_an_approved_version_are_locked,
    an_artifact_of_an_approved_version_stays,
    what_holds_a_protected_alias_goes_by_force,
    a_quarantined_version_gets_neither_approval_nor_alias,
    other_protocols_show_the_state_and_do_not_write_it,
    an_author_may_be_forbidden_to_approve,
}

const MODEL: &str = "/api/v1/models/demo";
const MLFLOW: &str = "/api/2.0/mlflow";

/// A model with two versions of one file each.
async fn app(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    for version in ["1", "2"] {
        app.put(&format!("{MODEL}/versions/{version}/files/model.bin"), version).await.expect(201);
    }
    app
}

impl TestApp {
    async fn decide(&self, version: &str, step: Value) -> Answer {
        self.json(Method::POST, &format!("{MODEL}/versions/{version}/approval"), &step).await
    }

    async fn approve(&self, version: &str) {
        assert_eq!(self.decide(version, json!({"state": "approved"})).await.expect(200).member("state"), "approved");
    }

    async fn protect(&self, aliases: &[&str]) -> Answer {
        self.json(Method::PUT, &format!("{MODEL}/policy"), &json!({"protectedAliases": aliases})).await
    }

    async fn point(&self, alias: &str, version: &str) -> Answer {
        self.json(Method::PUT, &format!("{MODEL}/aliases/{alias}"), &json!({"version": version})).await
    }

    async fn version(&self, version: &str) -> Value {
        self.get(&format!("{MODEL}/versions/{version}")).await.expect(200).json()
    }

    async fn gates(&self, version: &str) -> Vec<Value> {
        let shown = self.get(&format!("{MODEL}/versions/{version}/approval")).await.expect(200).json();
        shown["gates"].as_array().unwrap().iter().map(|each| each["gate"].clone()).collect()
    }
}

async fn steps_are_taken_shown_and_recorded(backend: Backend) {
    let app = app(backend).await;
    let place = format!("{MODEL}/versions/1/approval");
    let shown = app.get(&place).await.expect(200);
    assert_eq!(shown.json(), json!({"state": "draft", "gates": []}));
    assert_eq!(app.version("1").await.get("approval"), None);
    let longest = "ü".repeat(4096);
    for (state, note) in [
        ("in_review", Some("bitte prüfen 🏆")),
        ("rejected", Some(longest.as_str())),
        ("in_review", None),
        ("approved", Some("")),
        ("draft", None),
        ("approved", None),
    ] {
        let before = app.get(&place).await.expect(200).json()["state"].clone();
        let step = app.decide("1", json!({"state": state, "note": note})).await.expect(200);
        let (body, note) = (step.json(), note.filter(|note| !note.is_empty()));
        assert_eq!((&body["state"], body["note"].as_str()), (&json!(state), note));
        assert!(body["by"].is_string() && body["at"].as_i64().unwrap() > 0, "{body}");
        assert_eq!(app.get(&place).await.expect(200).json(), body);
        let version = app.get(&format!("{MODEL}/versions/1")).await.expect(200);
        assert_eq!(step.header("etag"), version.header("etag"));
        let version = version.json();
        let listed = app.get(&format!("{MODEL}/versions?orderBy=id&sortOrder=asc")).await.expect(200).json();
        let said = if state == "draft" { None } else { Some(json!(state)) };
        assert_eq!(version.get("approval"), said.as_ref());
        assert_eq!(version["customProperties"].get("modelport.approval"), said.as_ref());
        assert_eq!(listed["items"][0].get("approval"), said.as_ref());
        assert_eq!(listed["items"][1].get("approval"), None);
        let history = format!("/api/v1/nodes/{}/history?order=desc&limit=1", version["id"].as_str().unwrap());
        let change = app.get(&history).await.expect(200).json()["items"][0].clone();
        assert_eq!(change["action"], "update");
        assert_eq!(change["document"]["approval"], json!({"state": state, "from": before, "note": note}));
    }
    for (filter, names) in [("%3D", vec!["1"]), ("!%3D", vec![])] {
        let filter = format!("modelport.approval%20{filter}%20%27approved%27%20AND%20name%20%3D%20%271%27");
        let listed = app.get(&format!("{MODEL}/versions?filter={filter}")).await.expect(200).json();
        let found: Vec<&str> =
            listed["items"].as_array().unwrap().iter().map(|each| each["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{filter}");
    }
    // To go back to an earlier revision takes no decision back, and a copy is a draft.
    let id = app.version("1").await["id"].as_str().unwrap().to_owned();
    app.json(Method::POST, &format!("/api/v1/nodes/{id}/revert"), &json!({"revision": 1})).await.expect(200);
    assert_eq!(app.version("1").await["approval"], "approved");
    let copy = json!({"model": "demo", "version": "3"});
    app.json(Method::POST, &format!("{MODEL}/versions/1/copy"), &copy).await.expect(201);
    assert_eq!(app.version("3").await.get("approval"), None);
    assert_eq!(app.get(&format!("{MODEL}/versions/3/approval")).await.json()["state"], "draft");
}

#[actix_web::test]
async fn what_is_no_step() {
    let app = app(Backend::Sqlite).await;
    let before = app.version("1").await;
    for step in [
        json!({}),
        json!([]),
        json!({"state": null}),
        json!({"state": 1}),
        json!({"state": ""}),
        json!({"state": "Approved"}),
        json!({"state": "in review"}),
        json!({"state": "approved", "by": "me"}),
        json!({"state": "approved", "note": 1}),
        json!({"state": "approved", "note": "a\0"}),
        json!({"state": "approved", "note": "x".repeat(4097)}),
    ] {
        app.decide("1", step).await.expect(400);
    }
    assert_eq!(app.decide("1", json!({"state": "Approved"})).await.member("field"), "state");
    assert_eq!(app.decide("1", json!({"state": "draft", "note": "a\0"})).await.member("field"), "note");
    app.decide("none", json!({"state": "approved"})).await.expect(404);
    let other = "/api/v1/models/none/versions/1/approval";
    app.json(Method::POST, other, &json!({"state": "approved"})).await.expect(404);
    app.get(other).await.expect(404);
    app.get(&format!("{MODEL}/versions/@none/approval")).await.expect(404);
    app.get(&format!("{MODEL}/versions/1/approval?x=1")).await.expect(400);
    assert_eq!(app.gates("1").await, [""; 0]);
    assert_eq!(app.version("1").await, before);
}

async fn conditions_hold_or_nothing_is_decided(backend: Backend) {
    let app = app(backend).await;
    let place = format!("{MODEL}/versions/1/approval");
    let tag = app.get(&place).await.expect(200).header("etag").unwrap().to_owned();
    let approve = |tag: &str| {
        let step = request(Method::POST, &place).insert_header(("If-Match", tag.to_owned()));
        app.send(step.set_json(json!({"state": "approved"})))
    };
    // What was looked at is not what is there.
    app.put(&format!("{MODEL}/versions/1/files/more"), "more").await.expect(201);
    assert_eq!(approve(&tag).await.expect(412).member("field"), "If-Match");
    assert_eq!(app.get(&place).await.json()["state"], "draft");
    let tag = app.get(&place).await.header("etag").unwrap().to_owned();
    approve(&tag).await.expect(200);
    approve(&tag).await.expect(412);
}

async fn a_protected_alias_is_for_approved_versions(backend: Backend) {
    let app = app(backend).await;
    app.protect(&["production", "größe"]).await.expect(200);
    let ids = [app.version("1").await, app.version("2").await];
    let model = ids[0]["modelId"].as_str().unwrap().to_owned();
    let kubeflow = async |version: usize| {
        let path = format!("{KUBEFLOW}/registered_models/{model}/aliases/production");
        app.json(Method::PUT, &path, &json!({"modelVersionId": ids[version - 1]["id"]})).await
    };
    let mlflow = async |version: usize| {
        let body = json!({"name": "demo", "alias": "production", "version": version.to_string()});
        app.json(Method::POST, &format!("{MLFLOW}/registered-models/alias"), &body).await
    };
    let copy = json!({"model": "demo", "version": "copy", "alias": "production"});
    let refused = app.point("production", "1").await.expect(409);
    assert_eq!(refused.member("field"), "alias");
    assert!(refused.member("detail").contains("version `1` is `draft`"), "{}", refused.text());
    kubeflow(1).await.expect(400);
    assert!(mlflow(1).await.expect(400).member("message").contains("is protected"));
    app.json(Method::POST, &format!("{MODEL}/versions/1/copy"), &copy).await.expect(409);
    app.get(&format!("{MODEL}/versions/copy")).await.expect(404);
    app.point("gr%C3%B6%C3%9Fe", "1").await.expect(409);
    app.point("any", "1").await.expect(200);
    assert_eq!(app.gates("1").await, ["not_approved"]);
    app.approve("1").await;
    assert_eq!(app.gates("1").await, [""; 0]);
    app.point("production", "1").await.expect(200);
    // The same again is no change; another version is.
    kubeflow(1).await.expect(200);
    mlflow(1).await.expect(200);
    app.decide("2", json!({"state": "in_review"})).await.expect(200);
    app.point("production", "2").await.expect(409);
    kubeflow(2).await.expect(400);
    mlflow(2).await.expect(400);
    assert_eq!(app.get(&format!("{MODEL}/aliases/production")).await.member("version"), "1");
    // While it holds the alias, its approval stays.
    for state in ["draft", "in_review", "rejected"] {
        assert_eq!(app.decide("1", json!({"state": state})).await.expect(409).member("field"), "state");
    }
    app.approve("2").await;
    kubeflow(2).await.expect(200);
    app.decide("1", json!({"state": "draft"})).await.expect(200);
}

async fn a_policy_protects_what_only_approved_versions_hold(backend: Backend) {
    let app = app(backend).await;
    app.point("best", "1").await.expect(200);
    let refused = app.protect(&["best"]).await.expect(409);
    assert_eq!(refused.member("field"), "protectedAliases");
    assert_eq!(app.get(&format!("{MODEL}/policy")).await.expect(200).json()["model"], json!({}));
    app.approve("1").await;
    let put = app.protect(&["best"]).await.expect(200);
    let shown = app.get(&format!("{MODEL}/policy")).await.expect(200);
    assert_eq!(shown.json()["model"], json!({"protectedAliases": ["best"]}));
    assert_eq!(shown.json()["effective"]["protectedAliases"], json!(["best"]));
    assert_eq!(shown.header("etag"), put.header("etag"));
    let many: Vec<String> = (0..101).map(|number| format!("a{number}")).collect();
    for body in [
        json!({"protectedAliases": ["latest"]}),
        json!({"protectedAliases": ["fine", ""]}),
        json!({"protectedAliases": ["a b"]}),
        json!({"protectedAliases": many}),
        json!({"protectedAliases": "best"}),
        json!({"protectedAliases": null}),
        json!({"forbidAuthorApproval": "yes"}),
    ] {
        app.json(Method::PUT, &format!("{MODEL}/policy"), &body).await.expect(400);
    }
    app.json(Method::PUT, &format!("{MODEL}/policy"), &json!({})).await.expect(200);
    app.point("best", "2").await.expect(200);
}

async fn files_of_an_approved_version_are_locked(backend: Backend) {
    let app = app(backend).await;
    let files = format!("{MODEL}/versions/1/files");
    let artifact = app.get(&files).await.expect(200).json()["items"][0]["artifactId"].as_str().unwrap().to_owned();
    app.approve("1").await;
    let replace = request(Method::PUT, &format!("{files}/model.bin")).insert_header(("If-Match", "*"));
    let refused = app.send(replace.set_payload("other")).await.expect(409);
    let detail = refused.member("detail");
    assert!(detail.contains("version `1` of model `demo` is approved") && detail.contains("`draft`"), "{detail}");
    app.put(&format!("{files}/new"), "new").await.expect(409);
    app.put(&format!("/api/v1/artifacts/{artifact}/files/new"), "new").await.expect(409);
    app.delete(&format!("{files}/model.bin")).await.expect(409);
    app.delete(&format!("/api/v1/artifacts/{artifact}/files/model.bin")).await.expect(409);
    // What a client sends again is there already.
    app.put(&format!("{files}/model.bin"), "1").await.expect(200);
    let listed = app.get(&files).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&format!("{files}/model.bin")).await.expect(200).body, "1");
    // Where the bytes are does not change either, and no artifact with files joins it.
    let client = Client(app);
    let (path, other) = (format!("/model_artifacts/{artifact}"), json!({"uri": "s3://elsewhere/model.bin"}));
    client.patch(&path, other).await.expect(400);
    client.patch(&path, json!({"description": "words are no bytes"})).await.expect(200);
    let app = &client.0;
    let version = app.version("1").await["id"].as_str().unwrap().to_owned();
    let second = app.get(&format!("{MODEL}/versions/2/files")).await.json()["items"][0]["artifactId"].clone();
    let joined = json!({"id": second, "artifactType": "model-artifact"});
    client.post(&format!("/model_versions/{version}/artifacts"), joined.clone()).await.expect(400);
    // Another version is free.
    app.put(&format!("{MODEL}/versions/2/files/new"), "new").await.expect(201);
    app.decide("1", json!({"state": "draft"})).await.expect(200);
    client.post(&format!("/model_versions/{version}/artifacts"), joined).await.expect(200);
    app.put(&format!("{files}/more"), "more").await.expect(201);
    app.delete(&format!("{files}/more")).await.expect(204);
}

async fn an_artifact_of_an_approved_version_stays(backend: Backend) {
    let client = Client(app(backend).await);
    let app = &client.0;
    let first = app.get(&format!("{MODEL}/versions/1/files")).await.json()["items"][0]["artifactId"].clone();
    let second = app.version("2").await["id"].as_str().unwrap().to_owned();
    let joined = json!({"id": first, "artifactType": "model-artifact"});
    client.post(&format!("/model_versions/{second}/artifacts"), joined).await.expect(200);
    app.approve("2").await;
    let artifact = format!("{KUBEFLOW}/model_artifacts/{}?recursive=true", first.as_str().unwrap());
    app.delete(&artifact).await.expect(400);
    // The version that owns it goes neither, but by force; one that is approved itself goes with its own files.
    let id = app.version("1").await["id"].as_str().unwrap().to_owned();
    app.delete(&format!("{KUBEFLOW}/model_versions/{id}?recursive=true")).await.expect(400);
    app.delete(&format!("{MODEL}/versions/1")).await.expect(409);
    app.version("1").await;
    app.delete(&format!("{MODEL}/versions/1?force=true")).await.expect(204);
    app.delete(&format!("{KUBEFLOW}/model_versions/{second}?recursive=true")).await.expect(204);
}

async fn what_holds_a_protected_alias_goes_by_force(backend: Backend) {
    let app = app(backend).await;
    app.approve("1").await;
    app.protect(&["production"]).await.expect(200);
    app.point("production", "1").await.expect(200);
    app.point("plain", "2").await.expect(200);
    let shown = app.version("1").await;
    let (version, model) = (shown["id"].as_str().unwrap(), shown["modelId"].as_str().unwrap());
    let kubeflow = [format!("/model_versions/{version}"), format!("/registered_models/{model}")];
    for path in kubeflow {
        let refused = app.delete(&format!("{KUBEFLOW}{path}?recursive=true")).await.expect(409);
        assert!(refused.member("message").contains("protected alias `production`"), "{}", refused.text());
    }
    let mlflow = async |path: &str, body: Value| app.json(Method::DELETE, &format!("{MLFLOW}/{path}"), &body).await;
    mlflow("model-versions/delete", json!({"name": "demo", "version": "1"})).await.expect(400);
    mlflow("registered-models/delete", json!({"name": "demo"})).await.expect(400);
    app.delete(&format!("{MODEL}/versions/1")).await.expect(409);
    app.delete(&format!("{MODEL}?recursive=true")).await.expect(409);
    app.version("1").await;
    // Plain aliases go with what MLflow removes.
    mlflow("model-versions/delete", json!({"name": "demo", "version": "2"})).await.expect(200);
    app.delete(&format!("{MODEL}/versions/1?force=true")).await.expect(204);
    mlflow("registered-models/delete", json!({"name": "demo"})).await.expect(200);
}

async fn a_quarantined_version_gets_neither_approval_nor_alias(backend: Backend) {
    let app = app(backend).await;
    app.put(&format!("{MODEL}/versions/1/files/model.pkl"), &b"cos\nsystem\n(S'id'\ntR."[..]).await.expect(201);
    assert_eq!(app.gates("1").await, ["quarantined"]);
    assert_eq!(app.decide("1", json!({"state": "approved"})).await.expect(409).member("field"), "state");
    app.decide("1", json!({"state": "rejected", "note": "it runs code"})).await.expect(200);
    let refused = app.point("any", "1").await.expect(409);
    assert!(refused.member("detail").contains("`model.pkl` is quarantined"), "{}", refused.text());
    let model = app.version("1").await;
    let path = format!("{KUBEFLOW}/registered_models/{}/aliases/any", model["modelId"].as_str().unwrap());
    app.json(Method::PUT, &path, &json!({"modelVersionId": model["id"]})).await.expect(400);
    let body = json!({"name": "demo", "alias": "any", "version": "1"});
    app.json(Method::POST, &format!("{MLFLOW}/registered-models/alias"), &body).await.expect(400);
    app.delete(&format!("{MODEL}/versions/1/files/model.pkl")).await.expect(204);
    app.point("any", "1").await.expect(200);
    app.approve("1").await;
}

async fn other_protocols_show_the_state_and_do_not_write_it(backend: Backend) {
    let client = Client(app(backend).await);
    let app = &client.0;
    let text = |text: &str| json!({"metadataType": "MetadataStringValue", "string_value": text});
    let version = app.version("1").await["id"].as_str().unwrap().to_owned();
    let (path, tag) = (format!("/model_versions/{version}"), "modelport.approval");
    let write = json!({"customProperties": {tag: text("approved"), "team": text("blue")}});
    let shown = client.patch(&path, write.clone()).await.expect(200).json();
    assert_eq!(shown["customProperties"]["team"], text("blue"));
    assert_eq!(shown["customProperties"].get(tag), None);
    let set = json!({"name": "demo", "version": "1", "key": tag, "value": "approved"});
    app.json(Method::POST, &format!("{MLFLOW}/model-versions/set-tag"), &set).await.expect(200);
    let patch = json!({"customProperties": {tag: "approved"}});
    app.json(Method::PATCH, &format!("{MODEL}/versions/1"), &patch).await.expect(200);
    assert_eq!(app.version("1").await.get("approval"), None);
    app.decide("1", json!({"state": "in_review"})).await.expect(200);
    client.patch(&path, write).await.expect(200);
    client.patch(&path, json!({"customProperties": {}})).await.expect(200);
    let unset = json!({"name": "demo", "version": "1", "key": tag});
    app.json(Method::DELETE, &format!("{MLFLOW}/model-versions/delete-tag"), &unset).await.expect(200);
    app.json(Method::PATCH, &format!("{MODEL}/versions/1"), &json!({"customProperties": {tag: null}}))
        .await
        .expect(200);
    let shown = client.get(&path).await.expect(200).json();
    assert_eq!(shown["customProperties"][tag], text("in_review"));
    assert_eq!(shown["customProperties"].get("team"), None);
    let got = app.get(&format!("{MLFLOW}/model-versions/get?name=demo&version=1")).await.expect(200).json();
    let tags = got["model_version"]["tags"].as_array().unwrap();
    assert!(tags.contains(&json!({"key": tag, "value": "in_review"})), "{tags:?}");
    assert_eq!(app.get(&format!("{MODEL}/versions/1/approval")).await.json()["state"], "in_review");
    // A new version is a draft, whatever its maker says.
    let made = json!({"name": "3", "registeredModelId": app.version("1").await["modelId"],
        "customProperties": {tag: text("approved")}});
    let made = client.post("/model_versions", made).await.expect(201).json();
    assert_eq!(made["customProperties"].get(tag), None);
}

async fn an_author_may_be_forbidden_to_approve(backend: Backend) {
    let app = app(backend).await;
    let policy = json!({"forbidAuthorApproval": true});
    let put = app.json(Method::PUT, &format!("{MODEL}/policy"), &policy).await.expect(200);
    assert_eq!(put.json()["model"], policy);
    // Without accounts everybody is the same nobody.
    assert_eq!(app.gates("1").await, ["author"]);
    app.decide("1", json!({"state": "approved"})).await.expect(403);
    app.decide("1", json!({"state": "in_review"})).await.expect(200);
    app.decide("1", json!({"state": "rejected"})).await.expect(200);
    assert_eq!(app.version("1").await["approval"], "rejected");
}
