//! Changes on conditions (RFC 9110 §13.1): models, versions and aliases.

use actix_web::http::Method;
use serde_json::json;

use crate::api::app::{Answer, TestApp, request};
use crate::support::{Backend, on_both};

const MODEL: &str = "/api/v1/models/demo";
const VERSION: &str = "/api/v1/models/demo/versions/1";
const ALIAS: &str = "/api/v1/models/demo/aliases/best";

on_both! {
    a_versions_etag_changes_with_what_it_holds,
    a_removal_respects_preconditions,
    an_alias_respects_preconditions,
    a_policy_respects_preconditions,
}

async fn filled(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    for version in ["1", "2"] {
        app.put(&format!("{MODEL}/versions/{version}/files/a"), version).await.expect(201);
    }
    app
}

async fn etag(app: &TestApp, path: &str) -> String {
    app.get(path).await.expect(200).header("etag").unwrap().to_owned()
}

async fn delete(app: &TestApp, path: &str, header: &str, value: &str) -> Answer {
    app.send(request(Method::DELETE, path).insert_header((header, value))).await
}

async fn point(app: &TestApp, version: &str, header: &str, value: &str) -> Answer {
    let sent = request(Method::PUT, ALIAS).insert_header((header, value));
    app.send(sent.set_json(json!({"version": version}))).await
}

async fn a_versions_etag_changes_with_what_it_holds(backend: Backend) {
    let app = filled(backend).await;
    let mut seen = vec![etag(&app, VERSION).await];
    assert_eq!(etag(&app, VERSION).await, seen[0]);
    let file = format!("{VERSION}/files/b");
    for step in 0..8 {
        match step {
            0 => app.put(&file, "b").await.expect(201),
            1 => app
                .send(request(Method::PUT, &file).insert_header(("If-Match", "*")).set_payload("c"))
                .await
                .expect(200),
            2 => app.delete(&file).await.expect(204),
            3 => app.json(Method::PUT, ALIAS, &json!({"version": "1"})).await.expect(200),
            4 => app.json(Method::PUT, ALIAS, &json!({"version": "2"})).await.expect(200),
            5 => {
                let path = "/api/model_registry/v1alpha3/model_versions/2";
                app.json(Method::PATCH, path, &json!({"description": "d"})).await.expect(200)
            }
            6 => {
                let path = "/api/model_registry/v1alpha3/model_artifacts/3";
                app.json(Method::PATCH, path, &json!({"description": "d"})).await.expect(200)
            }
            _ => {
                let path = "/api/model_registry/v1alpha3/model_versions/2/artifacts";
                let body = json!({"artifactType": "doc-artifact", "name": "card", "uri": "s3://b/card"});
                app.json(Method::POST, path, &body).await
            }
        };
        let now = etag(&app, VERSION).await;
        // Pointing an alias elsewhere leaves the version as it was before the alias pointed at it.
        assert!(step == 4 || !seen.contains(&now), "step {step}: {now} was there");
        assert_ne!(Some(&now), seen.last(), "step {step}");
        seen.push(now);
    }
    // The same bytes again change nothing.
    app.put(&format!("{VERSION}/files/a"), "1").await.expect(200);
    assert_eq!(Some(&etag(&app, VERSION).await), seen.last());
}

async fn a_removal_respects_preconditions(backend: Backend) {
    let app = filled(backend).await;
    let old = etag(&app, VERSION).await;
    app.put(&format!("{VERSION}/files/b"), "b").await.expect(201);
    for (header, value) in [
        ("If-Match", old.as_str()),
        ("If-Match", "\"other\""),
        ("If-None-Match", "*"),
        ("If-None-Match", &etag(&app, VERSION).await),
        ("If-Match", &format!("W/{}", etag(&app, VERSION).await)),
    ] {
        assert_eq!(delete(&app, VERSION, header, value).await.expect(412).member("field"), header);
    }
    // What is no entity tag is that of nothing.
    assert_eq!(delete(&app, VERSION, "If-Match", "nonsense").await.expect(412).member("field"), "If-Match");
    let now = etag(&app, VERSION).await;
    delete(&app, VERSION, "If-Match", &format!("\"other\", {now}")).await.expect(204);
    delete(&app, VERSION, "If-Match", &now).await.expect(404);
    let recursive = format!("{MODEL}?recursive=true");
    let old = etag(&app, MODEL).await;
    app.json(Method::PATCH, "/api/model_registry/v1alpha3/registered_models/1", &json!({"description": "d"}))
        .await
        .expect(200);
    delete(&app, &recursive, "If-Match", &old).await.expect(412);
    delete(&app, &recursive, "If-None-Match", "*").await.expect(412);
    delete(&app, &recursive, "If-Match", &etag(&app, MODEL).await).await.expect(204);
}

async fn an_alias_respects_preconditions(backend: Backend) {
    let app = filled(backend).await;
    point(&app, "1", "If-Match", "*").await.expect(412);
    delete(&app, ALIAS, "If-Match", "*").await.expect(404);
    let made = point(&app, "1", "If-None-Match", "*").await.expect(200);
    let first = made.header("etag").unwrap().to_owned();
    assert_eq!(etag(&app, ALIAS).await, first);
    point(&app, "2", "If-None-Match", "*").await.expect(412);
    point(&app, "2", "If-Match", "\"0\"").await.expect(412);
    let second = point(&app, "2", "If-Match", &first).await.expect(200).header("etag").unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(app.get(ALIAS).await.member("version"), "2");
    // What somebody else has moved meanwhile is neither moved nor removed.
    point(&app, "1", "If-Match", &first).await.expect(412);
    delete(&app, ALIAS, "If-Match", &first).await.expect(412);
    delete(&app, ALIAS, "If-None-Match", &second).await.expect(412);
    delete(&app, ALIAS, "If-Match", &second).await.expect(204);
    app.get(ALIAS).await.expect(404);
    point(&app, "none", "If-Match", "*").await.expect(404);
}

async fn a_policy_respects_preconditions(backend: Backend) {
    const POLICY: &str = "/api/v1/models/demo/policy";
    let app = filled(backend).await;
    let put = async |bytes: u64, header: &str, value: &str| {
        let sent = request(Method::PUT, POLICY).insert_header((header, value));
        app.send(sent.set_json(json!({"maxFileBytes": bytes}))).await
    };
    let nothing_said = etag(&app, POLICY).await;
    for (header, value) in [("If-Match", "\"other\""), ("If-None-Match", "*"), ("If-None-Match", nothing_said.as_str())]
    {
        assert_eq!(put(1, header, value).await.expect(412).member("field"), header);
    }
    assert_eq!(etag(&app, POLICY).await, nothing_said);
    let first = put(1, "If-Match", &nothing_said).await.expect(200).header("etag").unwrap().to_owned();
    assert_eq!(etag(&app, POLICY).await, first);
    assert_ne!(first, nothing_said);
    put(2, "If-Match", &nothing_said).await.expect(412);
    assert_eq!(app.get(POLICY).await.json()["model"]["maxFileBytes"], 1);
    put(2, "If-Match", &format!("\"other\", {first}")).await.expect(200);
    put(3, "If-Match", "*").await.expect(200);
    // Without a condition, whatever was there.
    app.json(Method::PUT, POLICY, &json!({})).await.expect(200);
    assert_eq!(etag(&app, POLICY).await, nothing_said);
}
