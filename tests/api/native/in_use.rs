//! What is served or has aliases is removed by those who insist.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::api::app::TestApp;
use crate::api::kubeflow::{API, Client};
use crate::support::{Backend, on_both};

on_both! {
    a_version_with_aliases_goes_by_force,
    a_version_that_is_served_goes_by_force,
    a_model_goes_by_force_where_a_version_is_in_use,
    what_is_live_stays_whichever_door_removes,
}

const MODEL: &str = "/api/v1/models/demo";
const MLFLOW: &str = "/api/2.0/mlflow";

async fn client(backend: Backend) -> (Client, String, String) {
    let client = Client(TestApp::on(backend).await);
    let model = client.model("demo").await;
    let version = client.version(&model, "1").await;
    client.version(&model, "2").await;
    (client, model, version)
}

/// An inference service of the model, and of the version where one is given.
async fn serve(client: &Client, name: &str, model: &str, version: Option<&str>) -> String {
    let environment = client.post("/serving_environments", json!({"name": format!("e-{name}")})).await.expect(201);
    let mut service = json!({
        "name": name, "registeredModelId": model, "servingEnvironmentId": environment.member("id"),
    });
    if let Some(version) = version {
        service["modelVersionId"] = version.into();
    }
    client.post("/inference_services", service).await.expect(201).member("id")
}

async fn a_version_with_aliases_goes_by_force(backend: Backend) {
    let (client, _, _) = client(backend).await;
    let app = &client.0;
    for alias in ["a", "b"] {
        app.json(Method::PUT, &format!("{MODEL}/aliases/{alias}"), &json!({"version": "1"})).await.expect(200);
    }
    let refused = app.delete(&format!("{MODEL}/versions/1")).await.expect(409);
    assert_eq!(refused.member("field"), "force");
    assert!(refused.member("detail").contains("`a`, `b`"), "{}", refused.text());
    app.delete(&format!("{MODEL}/versions/1?force=false")).await.expect(409);
    app.delete(&format!("{MODEL}/versions/@a?force=true")).await.expect(204);
    app.get(&format!("{MODEL}/aliases/a")).await.expect(404);
    app.delete(&format!("{MODEL}/versions/2")).await.expect(204);
}

async fn a_version_that_is_served_goes_by_force(backend: Backend) {
    let (client, model, version) = client(backend).await;
    let service = serve(&client, "svc", &model, Some(&version)).await;
    let app = &client.0;
    let refused = app.delete(&format!("{MODEL}/versions/1")).await.expect(409);
    assert_eq!(refused.member("field"), "force");
    assert!(
        refused.member("detail").contains(&format!("inference service `svc`, id `{service}`")),
        "{}",
        refused.text()
    );
    app.delete(&format!("{MODEL}/versions/2")).await.expect(204);
    app.delete(&format!("{MODEL}/versions/1?force=true")).await.expect(204);
    // Through other protocols what is live stays, and what is to be undeployed does not keep it.
    let other = client.version(&model, "3").await;
    let service = serve(&client, "other", &model, Some(&other)).await;
    let path = format!("/api/model_registry/v1alpha3/model_versions/{other}?recursive=true");
    let refused = app.delete(&path).await.expect(409);
    assert!(refused.member("message").contains("is served by inference service `other`"), "{}", refused.text());
    let undeployed = json!({"desiredState": "UNDEPLOYED"});
    client.patch(&format!("/inference_services/{service}"), undeployed).await.expect(200);
    app.delete(&path).await.expect(204);
}

async fn a_model_goes_by_force_where_a_version_is_in_use(backend: Backend) {
    let (client, model, _) = client(backend).await;
    let app = &client.0;
    app.json(Method::PUT, &format!("{MODEL}/aliases/a"), &json!({"version": "1"})).await.expect(200);
    assert_eq!(app.delete(MODEL).await.expect(409).member("field"), "recursive");
    assert_eq!(app.delete(&format!("{MODEL}?recursive=true")).await.expect(409).member("field"), "force");
    app.delete(&format!("{MODEL}/aliases/a")).await.expect(204);
    serve(&client, "svc", &model, None).await;
    assert_eq!(app.delete(&format!("{MODEL}?recursive=true")).await.expect(409).member("field"), "force");
    assert_eq!(app.delete(&format!("{MODEL}?force=true")).await.expect(409).member("field"), "recursive");
    app.delete(&format!("{MODEL}?recursive=true&force=true")).await.expect(204);
}

async fn what_is_live_stays_whichever_door_removes(backend: Backend) {
    let (client, model, version) = client(backend).await;
    let service = serve(&client, "svc", &model, None).await;
    let deploy = async |name: &str, state: &str| {
        let body = json!({"name": name, "modelVersionId": version, "lastKnownState": state});
        client.post(&format!("/inference_services/{service}/serves"), body).await.expect(201).member("id")
    };
    deploy("ended", "COMPLETE").await;
    let running = deploy("running", "RUNNING").await;
    let app = &client.0;
    let kubeflow = async |path: &str| app.delete(&format!("{API}{path}?recursive=true")).await;
    let mlflow = async |path: &str, body: Value| app.json(Method::DELETE, &format!("{MLFLOW}/{path}"), &body).await;
    let refused = kubeflow(&format!("/model_versions/{version}")).await.expect(409);
    assert!(refused.member("message").contains("is served by serve model `running`"), "{}", refused.text());
    let refused = mlflow("model-versions/delete", json!({"name": "demo", "version": "1"})).await.expect(400);
    assert!(refused.member("message").contains("`force=true`"), "{}", refused.text());
    kubeflow(&format!("/serve_models/{running}")).await.expect(204);
    mlflow("model-versions/delete", json!({"name": "demo", "version": "1"})).await.expect(200);
    // The service serves whichever version is the newest, and so the model.
    kubeflow(&format!("/registered_models/{model}")).await.expect(409);
    mlflow("registered-models/delete", json!({"name": "demo"})).await.expect(400);
    client.get(&format!("/registered_models/{model}")).await.expect(200);
    let undeployed = json!({"desiredState": "UNDEPLOYED"});
    client.patch(&format!("/inference_services/{service}"), undeployed).await.expect(200);
    mlflow("registered-models/delete", json!({"name": "demo"})).await.expect(200);
}
