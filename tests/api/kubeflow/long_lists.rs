//! Lists without a page size: all of them, streamed batch by batch.

use actix_web::body::BodySize;
use actix_web::http::Method;
use bytes::Bytes;
use modelport::domain::{Draft, LogicalType, MetricPoint, NodeId};
use modelport::store::{metrics, nodes};
use serde_json::{Value, json};

use super::super::app::{TestApp, Unread, request};
use super::{API, Client};
use crate::support::{Backend, on_both_in_actix};

const MODELS: usize = 2500;
const POINTS: i64 = 100_000;

/// A client of a registry with so many models, which were all made at the same time.
async fn with_models(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let insert = |tx: &mut modelport::store::Tx<'_>| {
        (0..MODELS).try_for_each(|number| {
            let draft = Draft::named(format!("m{number}").parse()?);
            nodes::insert(tx, LogicalType::RegisteredModel, None, &draft, 7).map(drop)
        })
    };
    client.0.store().write(insert).await.unwrap();
    client
}

/// A client of a registry with run `2` and a metric of it that was measured so often.
async fn with_points(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let experiment = client.experiment("e").await;
    let run = client.run(&experiment, "r").await;
    let metric = NodeId(client.measure(&run, "loss", 0, 0.0).await.parse().unwrap());
    let append = move |tx: &mut modelport::store::Tx<'_>| {
        let metric = nodes::find(tx, metric)?.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let point = |step: i64| (&metric, MetricPoint { value: step as f64 / 2.0, step, at: step });
        metrics::append(tx, &(1..POINTS).map(point).collect::<Vec<_>>(), metrics::Latest::Given)
    };
    client.0.store().write(append).await.unwrap();
    client
}

/// The chunks of a streamed body.
async fn chunks(mut body: Unread) -> Vec<Bytes> {
    assert_eq!(body.size(), BodySize::Stream);
    let mut chunks = Vec::new();
    while let Some(chunk) = body.next().await {
        chunks.push(chunk.unwrap());
    }
    chunks
}

fn parsed(chunks: &[Bytes]) -> Value {
    serde_json::from_slice(&chunks.concat()).unwrap()
}

async fn a_long_list_is_streamed_whole(backend: Backend) {
    let client = with_models(backend).await;
    for query in ["?totals=true", "?totals=true&orderBy=CREATE_TIME&sortOrder=DESC", "?totals=true&orderBy=NAME"] {
        let path = format!("{API}/registered_models{query}");
        let chunks = chunks(client.0.open(&path).await).await;
        assert!(chunks.len() >= 4, "three batches and the end");
        let list = parsed(&chunks);
        let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        let paged = client.get(&format!("/registered_models{query}&pageSize=10000")).await.expect(200).json();
        let expected: Vec<_> = paged["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
        assert_eq!((names.len(), names), (MODELS, expected), "{query}");
        let text = String::from_utf8(chunks.last().unwrap().to_vec()).unwrap();
        assert_eq!(text, r#"],"nextPageToken":"","pageSize":0,"size":2500,"totalSize":2500}"#);
    }
    // What is no longer than a batch has its length.
    let short = client.0.open(&format!("{API}{}", Client::filter("/registered_models", "name < 'm11'"))).await;
    assert!(matches!(short.size(), BodySize::Sized(_)));
}

async fn a_history_of_many_points_is_streamed(backend: Backend) {
    let client = with_points(backend).await;
    let path = format!("{API}/experiment_runs/2/metric_history");
    let chunks = chunks(client.0.open(&path).await).await;
    let largest = chunks.iter().map(Bytes::len).max().unwrap();
    assert!(chunks.len() > 20 && largest <= 64 << 10, "{} chunks of up to {largest} bytes", chunks.len());
    let list = parsed(&chunks);
    assert_eq!((&list["size"], &list["nextPageToken"], &list["pageSize"]), (&json!(POINTS), &json!(""), &json!(0)));
    let steps = list["items"].as_array().unwrap().iter().map(|item| item["step"].as_i64().unwrap());
    assert!(steps.eq(0..POINTS), "every point once, in the order of their ids");
}

async fn what_fails_before_the_first_batch_has_its_status(backend: Backend) {
    let client = with_points(backend).await;
    for (path, status) in [
        ("/experiment_runs/99/metric_history", 404),
        ("/experiment_runs/2/metric_history?filterQuery=step", 400),
        ("/experiment_runs/2/metric_history?nextPageToken=x", 400),
        ("/registered_models/99/versions", 404),
    ] {
        client.get(path).await.expect(status);
    }
}

/// The table is gone after the first batch: the rest cannot be read.
const BREAK: &str = "ALTER TABLE metric_points RENAME TO broken";

async fn what_fails_later_breaks_the_answer_off(backend: Backend) {
    let client = with_points(backend).await;
    let mut body = client.0.open(&format!("{API}/experiment_runs/2/metric_history")).await;
    assert!(body.next().await.unwrap().unwrap().starts_with(b"{\"items\":[{"));
    client.0.sql(BREAK);
    // The first batch is handed out piece by piece.
    let mut pieces = 0;
    let error = loop {
        match body.next().await.unwrap() {
            Ok(piece) => pieces += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(pieces < 2_000_000, "{pieces}");
    assert!(error.to_string().contains("metric_points"), "{error}");
    assert!(body.next().await.is_none());
    let refused = client.0.send(request(Method::GET, &format!("{API}/experiment_runs/2/metric_history"))).await;
    assert_eq!(refused.expect(500).member("message"), "internal error");
}

/// Over a socket the client sees a connection that closes in the middle of the answer.
#[actix_web::test]
async fn a_client_notices_that_an_answer_is_broken_off() {
    let client = with_points(Backend::Sqlite).await;
    let service = client.0.service.clone();
    let server = actix_web::HttpServer::new(move || service.app()).workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    let url = format!("http://{address}{API}/experiment_runs/2/metric_history");
    let mut response = reqwest::get(&url).await.unwrap();
    let mut received = response.chunk().await.unwrap().unwrap().to_vec();
    client.0.sql(BREAK);
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received.extend(chunk),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "{} bytes came, as if they were all", received.len());
    serde_json::from_slice::<Value>(&received).unwrap_err();
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 500);
    handle.stop(true).await;
}

/// A client that leaves stops the reading: nothing is read that nobody waits for.
#[actix_web::test]
async fn a_body_that_is_dropped_is_read_no_further() {
    let client = with_points(Backend::Sqlite).await;
    let mut body = client.0.open(&format!("{API}/experiment_runs/2/metric_history")).await;
    body.next().await.unwrap().unwrap();
    assert!(in_flight(&client.0).await.ends_with(" 2"));
    drop(body);
    assert!(in_flight(&client.0).await.ends_with(" 1"));
}

async fn in_flight(app: &TestApp) -> String {
    let text = app.get("/metrics").await.text();
    text.lines().find(|line| line.starts_with("modelport_http_requests_in_flight")).unwrap().to_owned()
}

on_both_in_actix! {
    a_long_list_is_streamed_whole,
    a_history_of_many_points_is_streamed,
    what_fails_before_the_first_batch_has_its_status,
    what_fails_later_breaks_the_answer_off,
}
