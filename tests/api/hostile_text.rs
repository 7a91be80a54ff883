//! Text that no row can hold, wherever a path or a query takes text: never a fault of the server, on either database.

use actix_web::http::Method;
use serde_json::Value;

use super::app::{TestApp, request};
use crate::support::{Backend, on_both};

/// What PostgreSQL refuses in a text, and what is easily taken for an id and is none.
const TEXTS: [&str; 5] =
    ["%00", "a%00b", "00000000000000000000000000000%00", "99999999999999999999999", "%F0%9F%9A%80%27%22%5C%25"];

on_both! {
    no_text_in_a_path_or_a_query_is_a_fault_of_the_server,
    an_upload_that_cannot_be_is_not_found,
}

/// The names of an operation's parameters that are sent there.
fn parameters<'a>(item: &'a Value, operation: &'a Value, place: &str) -> Vec<&'a str> {
    let all = [&item["parameters"], &operation["parameters"]].into_iter().filter_map(Value::as_array).flatten();
    all.filter(|each| each["in"] == place).filter_map(|each| each["name"].as_str()).collect()
}

async fn no_text_in_a_path_or_a_query_is_a_fault_of_the_server(backend: Backend) {
    let app = TestApp::on(backend).await;
    app.put("/api/v1/models/demo/versions/1/files/f", "x").await.expect(201);
    for name in ["native", "kubeflow", "kubeflow-v1", "edge"] {
        let document = match name {
            "edge" => app.send_edge(request(Method::GET, "/openapi.json")).await.expect(200).json(),
            name => app.get(&format!("/docs/{name}.json")).await.expect(200).json(),
        };
        // Without a Geti server in the settings edge's projects are a fault of whoever set the server up.
        let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/projects"));
        for (path, item) in paths {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let in_path = parameters(item, operation, "path");
                let plain = in_path.iter().fold(path.clone(), |path, name| path.replace(&format!("{{{name}}}"), "1"));
                let mut asked = Vec::new();
                for text in TEXTS {
                    for name in &in_path {
                        let hostile = path.replace(&format!("{{{name}}}"), text);
                        asked.push(
                            in_path.iter().fold(hostile, |path, other| path.replace(&format!("{{{other}}}"), "1")),
                        );
                    }
                    for name in parameters(item, operation, "query") {
                        asked.push(format!("{plain}?{name}={text}"));
                    }
                    asked.push(format!("{plain}?{text}=1"));
                }
                for path in asked {
                    let sent = request(method.clone(), &path)
                        .insert_header(("Tus-Resumable", "1.0.0"))
                        .insert_header(("Content-Type", "application/json"))
                        .set_payload("{}");
                    let answer = if name == "edge" { app.send_edge(sent).await } else { app.send(sent).await };
                    assert!(answer.status < 500, "{name}: {method} {path}: {} {}", answer.status, answer.text());
                }
            }
        }
    }
}

async fn an_upload_that_cannot_be_is_not_found(backend: Backend) {
    let app = TestApp::on(backend).await;
    for id in ["%00", "a%00b", "none", "%F0%9F%9A%80", "00000000-0000-0000-0000-000000000000"] {
        for method in [Method::HEAD, Method::GET, Method::PATCH, Method::DELETE] {
            let sent = request(method.clone(), &format!("/api/v1/uploads/{id}"))
                .insert_header(("Tus-Resumable", "1.0.0"))
                .insert_header(("Upload-Offset", "0"))
                .insert_header(("Content-Type", "application/offset+octet-stream"));
            assert_eq!(app.send(sent).await.status, 404, "{method} {id}");
        }
        for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/complete")] {
            let answer = app.send(request(method.clone(), &format!("/api/v1/direct-uploads/{id}{path}"))).await;
            // Where clients do not send to the store themselves, links are not given either.
            let expected = if method == Method::GET { 409 } else { 404 };
            assert_eq!(answer.status, expected, "{method} {id}: {}", answer.text());
        }
    }
}
