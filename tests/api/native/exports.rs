//! Lists as lines of JSON and as tables, page by page; on each database.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::API;
use crate::api::app::{Answer, TestApp, request};
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    every_form_says_the_same,
    a_list_is_continued_in_every_form,
    tables_do_no_harm,
}

const LINES: &str = "application/x-ndjson";
/// The columns of changes.
const CHANGES: &str = "id,position,at,actor,action,nodeId,type,name,revision,requestId,clientRequestId,document";

const TABLE: &str = "text/csv; charset=utf-8; header=present";

async fn in_form(app: &TestApp, path: &str, accept: &str) -> Answer {
    app.send(request(Method::GET, &format!("{API}{path}")).insert_header(("Accept", accept))).await
}

/// The documents of a body of lines.
fn lines(answer: &Answer) -> Vec<Value> {
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of a table without quotation marks, its head first.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let text = answer.text();
    assert!(text.ends_with("\r\n"), "{text}");
    text.split_terminator("\r\n").map(|row| row.split(',').map(str::to_owned).collect()).collect()
}

/// `fraud` with two versions and a deployment, and `größe`, whose owner is a formula.
async fn registry(backend: Backend) -> TestApp {
    let client = Client::on(backend).await;
    let made = json!({"name": "fraud", "owner": "risk", "description": "First."});
    let fraud = client.post("/registered_models", made).await.expect(201).member("id");
    client.post("/registered_models", json!({"name": "größe", "owner": "=1+1"})).await.expect(201);
    let environment = client.environment("production").await;
    for version in ["1", "2"] {
        client.version(&fraud, version).await;
    }
    client.service(&environment, &fraud, "served").await;
    let app = client.0;
    app.put(&format!("{API}/models/fraud/versions/2/files/a.safetensors"), b"\x02\0\0\0\0\0\0\0{}".as_slice())
        .await
        .expect(201);
    for alias in ["best", "champion"] {
        app.json(Method::PUT, &format!("{API}/models/fraud/aliases/{alias}"), &json!({"version": "2"}))
            .await
            .expect(200);
    }
    app
}

async fn every_form_says_the_same(backend: Backend) {
    let app = registry(backend).await;
    let model = app.get(&format!("{API}/models/fraud")).await.expect(200).member("id");
    for (list, columns) in [
        (
            "/models",
            "id,name,externalId,state,owner,description,createdAt,updatedAt,versions,moreVersions,aliases,latestVersion,files,size,verdict,formats,quarantined",
        ),
        (
            "/models/fraud/versions",
            "id,name,number,externalId,state,author,description,createdAt,updatedAt,aliases,files,size,verdict,formats,quarantined",
        ),
        (
            "/deployments",
            "id,name,externalId,environment,model,modelId,version,versionId,followsLatest,aliases,deployedVersion,desiredState,runtime,createdAt,updatedAt",
        ),
        ("/changes", CHANGES),
        ("/changes?order=desc", CHANGES),
        (format!("/nodes/{model}/history").as_str(), CHANGES),
    ] {
        let first = app.get(&format!("{API}{list}")).await.expect(200);
        let items = first.json()["items"].as_array().unwrap().clone();
        assert!(!items.is_empty() && first.header("vary").unwrap().contains("accept"), "{list}");
        let as_lines = in_form(&app, list, LINES).await.expect(200);
        assert_eq!((lines(&as_lines), as_lines.content_type()), (items.clone(), LINES), "{list}");
        let table = in_form(&app, list, "text/csv").await.expect(200);
        assert_eq!((table.text().lines().next(), table.content_type()), (Some(columns), TABLE), "{list}");
        assert_eq!(table.text().matches("\r\n").count(), items.len() + 1, "{list}");
        // Each form has an ETag of its own.
        let tags = [&first, &as_lines, &table].map(|answer| answer.header("etag").unwrap().to_owned());
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{list}: {tags:?}");
        let known = request(Method::GET, &format!("{API}{list}")).insert_header(("Accept", "text/csv"));
        assert_eq!(app.send(known.insert_header(("If-None-Match", tags[2].as_str()))).await.status, 304, "{list}");
        let other = request(Method::GET, &format!("{API}{list}")).insert_header(("Accept", "text/csv"));
        assert_eq!(app.send(other.insert_header(("If-None-Match", tags[0].as_str()))).await.status, 200, "{list}");
    }
    for refused in ["/models?pageSize=0", "/models?filter=name%20~", "/changes?after=-1"] {
        let problem = in_form(&app, refused, "text/csv").await.expect(400);
        assert_eq!(problem.content_type(), "application/problem+json", "{refused}");
    }
    in_form(&app, "/models/none/versions", LINES).await.expect(404);
    // Other lists have one form.
    assert_eq!(in_form(&app, "/environments", "text/csv").await.expect(200).content_type(), "application/json");
}

async fn a_list_is_continued_in_every_form(backend: Backend) {
    let app = registry(backend).await;
    for accept in [LINES, "text/csv"] {
        let mut found = Vec::new();
        let mut next = Some(String::new());
        while let Some(token) = next {
            let path = format!("/models?orderBy=id&sortOrder=asc&pageSize=1&nextPageToken={token}");
            let page = in_form(&app, &path, accept).await.expect(200);
            found.push(match accept {
                LINES => lines(&page)[0]["name"].as_str().unwrap().to_owned(),
                _ => rows(&page)[1][1].clone(),
            });
            next = page.header("modelport-next").map(str::to_owned);
            assert!(found.len() < 5, "{found:?}");
        }
        assert_eq!(found, ["fraud", "größe"], "{accept}");
        // The record of changes goes on forever: what to send as `after`, or as `before` until there is nothing left.
        for query in ["limit=2", "order=desc&limit=2"] {
            let next = app.get(&format!("{API}/changes?{query}")).await.expect(200).json()["next"].to_string();
            let page = in_form(&app, &format!("/changes?{query}"), accept).await.expect(200);
            assert!(next != "0" && page.header("modelport-next") == Some(next.as_str()), "{accept}, {query}: {next}");
        }
        let last = in_form(&app, "/changes?order=desc&limit=10000", accept).await.expect(200);
        assert_eq!(last.header("modelport-next"), None, "{accept}");
    }
    let empty = TestApp::on(backend).await;
    assert_eq!(in_form(&empty, "/models", LINES).await.expect(200).text(), "");
    assert_eq!(rows(&in_form(&empty, "/models", "text/csv").await.expect(200)).len(), 1);
    assert_eq!(empty.get(&format!("{API}/models")).await.expect(200).header("modelport-next"), None);
}

async fn tables_do_no_harm(backend: Backend) {
    let app = registry(backend).await;
    let models = rows(&in_form(&app, "/models?orderBy=id&sortOrder=asc", "text/csv").await.expect(200));
    let column = |name: &str| models[0].iter().position(|column| column == name).unwrap();
    let of = |row: usize, name: &str| models[row][column(name)].as_str();
    assert_eq!((of(1, "owner"), of(1, "aliases"), of(1, "versions")), ("risk", "best champion", "2"));
    assert_eq!((of(1, "latestVersion"), of(1, "formats"), of(1, "verdict")), ("2", "safetensors", "clean"));
    // What a spreadsheet would take for a formula is a text in it, and what is not there is empty.
    assert_eq!((of(2, "name"), of(2, "owner"), of(2, "latestVersion")), ("größe", "'=1+1", ""));
    let served = rows(&in_form(&app, "/deployments", "text/csv").await.expect(200));
    assert_eq!(&served[1][1..5], ["served", "", "production", "fraud"]);
    for (name, written) in [("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("-x", "'-x")] {
        let register = json!({"model": {"name": name}, "version": {"name": "1"}});
        app.json(Method::POST, &format!("{API}/register"), &register).await.expect(201);
        let table = in_form(&app, "/models?pageSize=1", "text/csv").await.expect(200).text();
        assert!(table.contains(&format!(",{written},")), "{table}");
    }
}
