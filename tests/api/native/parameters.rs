//! Query parameters that an operation does not have.

use actix_web::http::Method;

use crate::api::app::{TestApp, request};

#[actix_web::test]
async fn unknown_parameters_are_named() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/f", "x").await.expect(201);
    for (path, field) in [
        ("/models/demo/versions?filterQuery=x&limit=1", "filterQuery"),
        ("/models/demo/versions?pagesize=1", "pagesize"),
        ("/models/demo/versions/1?x", "x"),
        ("/changes?actions=delete", "actions"),
        ("/changes?after=0&x%00=1", "x\0"),
        ("/nodes/1/history?pageSize=1", "pageSize"),
        ("/nodes/1/lineage?depth=1&Direction=both", "Direction"),
        ("/models/demo/versions/1/files/f?create=true", "create"),
        ("/imports?limit=1", "limit"),
    ] {
        let refused = app.get(&format!("/api/v1{path}")).await.expect(400);
        assert_eq!(refused.member("field"), field, "{path}");
        if !path.contains("%00") {
            assert_eq!(app.send(request(Method::HEAD, &format!("/api/v1{path}"))).await.status / 100, 4, "{path}");
        }
    }
    let both = app.get("/api/v1/models/demo/versions?b=1&a=2&pageSize=1").await.expect(400).member("detail");
    let known = "`filter`, `metrics`, `nextPageToken`, `orderBy`, `pageSize`, `sortOrder`, `totals`";
    assert_eq!(both, format!("query parameter `a`, `b` is not known; known are {known}"));
    app.get("/api/v1/models/demo/versions?pageSize=1&nextPageToken=").await.expect(200);
}

/// Every operation that the document has refuses a parameter that it does not name, before it does anything.
#[actix_web::test]
async fn every_operation_refuses_what_it_does_not_have() {
    let app = TestApp::new().await;
    let document = app.get("/docs/native.json").await.expect(200).json();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let path = path.replace(['{', '}'], "");
            let sent =
                request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), &format!("{path}?no-such=1"));
            let answer = app.send(sent.insert_header(("Content-Type", "application/json")).set_payload("{}")).await;
            assert_eq!((answer.status, answer.member("field").as_str()), (400, "no-such"), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
    // Kubeflow's doors do as upstream.
    app.get("/api/model_registry/v1alpha3/registered_models?no-such=1").await.expect(200);
}
