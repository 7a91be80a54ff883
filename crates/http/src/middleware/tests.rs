//! The middlewares together, around a small app.

use std::future::{pending, poll_fn};
use std::task::Poll;

use actix_web::body::BodySize;
use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, Scope};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::domain;
use crate::door::{Door, Doors};
use crate::extract;
use crate::problem::Problem;
use crate::request_id::RequestId;

#[derive(Deserialize)]
struct Body {
    name: String,
}

#[derive(Deserialize)]
struct Parameters {
    limit: u32,
}

/// A door with error bodies of its own; what is elsewhere has problem documents.
static DOOR: Door = Door {
    name: "test",
    prefixes: &["/own/"],
    documents: &[],
    routes: |_| {},
    is_streamed: |_| false,
    decodes: |_| false,
    is_open: |_| false,
    pages: None,
    workspace_header: None,
    refuse: |status, detail| HttpResponse::build(status).json(json!({ "own": detail })),
};

static DOORS: Doors = Doors::new(&[&DOOR]);

fn api(prefix: &str) -> Scope {
    web::scope(prefix)
        .service(
            web::resource("/things")
                .route(web::get().to(async |query: web::Query<Parameters>| query.limit.to_string()))
                .route(web::post().to(async |body: web::Json<Body>| body.into_inner().name)),
        )
        .route("/things/{id}", web::get().to(async |id: web::Path<u32>| id.to_string()))
        .route("/failing", web::get().to(async || Err::<String, _>(Problem::from(domain::Error::internal("secret")))))
        .route("/unset", web::get().to(async |_: web::Data<u64>| HttpResponse::Ok()))
        .service(web::resource("/closed").wrap(from_fn(closed)).to(HttpResponse::Ok))
}

/// A middleware that refuses with an error, not with a response.
async fn closed(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    Err(actix_web::error::ErrorForbidden("closed"))
}

async fn streamed() -> HttpResponse {
    HttpResponse::Ok().streaming(stream::iter(["one", "two"].map(|text| Ok::<_, Error>(Bytes::from(text)))))
}

/// A body that asks for its request's id when it is made.
async fn asking() -> HttpResponse {
    let id = async { RequestId::current().map(|id| id.to_string()).unwrap_or_default() };
    HttpResponse::Ok().streaming(stream::once(async { Ok::<_, Error>(Bytes::from(id.await)) }))
}

macro_rules! app {
    ($metrics:expr) => {
        init_service(
            wrap_app(App::new(), shared($metrics.clone()), DOORS)
                .configure(extract::configure(DOORS, 64))
                .route("/metrics", web::get().to(scrape))
                .route("/stream", web::get().to(streamed))
                .route("/whose", web::get().to(asking))
                .route("/forever", web::get().to(pending::<HttpResponse>))
                .service(api("/own"))
                .service(api("/api/v1")),
        )
        .await
    };
}

fn shared(metrics: web::Data<Metrics>) -> Shared {
    let (hosts, memory) = (Hosts::default(), Memory::default());
    Shared { metrics, hosts, memory, authentication: ListenerAuthentication::default() }
}

fn metrics() -> web::Data<Metrics> {
    web::Data::new(Metrics::new().unwrap())
}

/// Status, headers and JSON body of the answer to one request; errors of middlewares are rendered as by the server.
async fn call(request: TestRequest) -> (u16, HeaderMap, Value) {
    let app = app!(metrics());
    let (status, headers, body) = match app.call(request.to_request()).await {
        Ok(response) => (response.status(), response.headers().clone(), read_body(response).await),
        Err(error) => {
            let response = error.error_response();
            let (status, headers) = (response.status(), response.headers().clone());
            (status, headers, actix_web::body::to_bytes(response.into_body()).await.unwrap())
        }
    };
    (status.as_u16(), headers, serde_json::from_slice(&body).unwrap())
}

fn post(body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post().insert_header((header::CONTENT_TYPE, "application/json")).set_payload(body)
}

/// Request, path below the API, status, and a part of the message.
type Case = (fn() -> TestRequest, &'static str, u16, &'static str);

const FRAMEWORK_ERRORS: [Case; 10] = [
    (TestRequest::get, "/nowhere", 404, "/nowhere` not found"),
    (TestRequest::delete, "/things", 405, "only `GET, POST`"),
    (|| post("{"), "/things", 400, "body: EOF while parsing"),
    (|| post("{}"), "/things", 400, "missing field `name`"),
    (|| post("a").insert_header((header::CONTENT_TYPE, "text/plain")), "/things", 415, "media type `text/plain`"),
    (|| post(json!({ "name": "x".repeat(64) }).to_string()), "/things", 413, "larger than allowed"),
    (TestRequest::get, "/things?limit=many", 400, "query: invalid digit"),
    (TestRequest::get, "/things/first", 400, "path: "),
    (TestRequest::get, "/unset", 500, "internal server error"),
    (TestRequest::get, "/closed", 403, "closed"),
];

#[actix_web::test]
async fn framework_errors_below_a_door_have_its_shape() {
    for (make, path, status, says) in FRAMEWORK_ERRORS {
        let (got, _, body) = call(make().uri(&format!("/own{path}"))).await;
        assert_eq!(got, status, "{path}: {body}");
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["own"], "{path}");
        assert!(body["own"].as_str().unwrap().contains(says), "{path}: {body}");
    }
}

#[actix_web::test]
async fn other_framework_errors_are_problems() {
    for (make, path, status, says) in FRAMEWORK_ERRORS {
        let (got, headers, body) = call(make().uri(&format!("/api/v1{path}"))).await;
        assert_eq!(got, status, "{path}: {body}");
        assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["requestId"], headers.get("x-request-id").unwrap().to_str().unwrap(), "{path}");
        assert!(body["detail"].as_str().unwrap().contains(says), "{path}: {body}");
    }
}

#[actix_web::test]
async fn a_wrong_method_names_the_right_ones() {
    let (_, headers, _) = call(TestRequest::patch().uri("/api/v1/things")).await;
    assert_eq!(headers.get(header::ALLOW).unwrap(), "GET, POST");
}

#[actix_web::test]
async fn a_failure_of_ours_shows_the_request_id_only() {
    let request = TestRequest::get().uri("/api/v1/failing").insert_header(("x-request-id", "mine-1"));
    let (status, headers, body) = call(request).await;
    let id = headers.get("x-request-id").unwrap().to_str().unwrap();
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    assert_eq!((status, &body["detail"], &body["requestId"]), (500, &json!("internal error"), &json!(id)));
}

#[actix_web::test]
async fn a_streamed_body_knows_its_request() {
    let app = app!(metrics());
    let request = TestRequest::get().uri("/whose").insert_header(("x-request-id", "mine-2"));
    let response = call_service(&app, request.to_request()).await;
    let id = response.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert_ne!(id, "mine-2");
    assert_eq!(read_body(response).await, id);
}

#[actix_web::test]
async fn exchanges_are_counted_by_route_with_their_real_bytes() {
    let metrics = metrics();
    let app = app!(metrics);
    let body = json!({ "name": "four" }).to_string();
    let mut sent = 0;
    for request in [
        TestRequest::get().uri("/api/v1/things/7"),
        TestRequest::get().uri("/api/v1/things/8"),
        TestRequest::get().uri("/never/seen"),
        TestRequest::get().uri("/stream"),
        post(body.clone()).uri("/api/v1/things"),
    ] {
        sent += read_body(call_service(&app, request.to_request()).await).await.len();
    }
    let text = metrics.text().unwrap();
    for line in [
        r#"modelport_http_requests_total{method="GET",route="/api/v1/things/{id}",status="200"} 2"#,
        r#"modelport_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"modelport_http_requests_total{method="GET",route="/stream",status="200"} 1"#,
        r#"modelport_http_request_duration_seconds_count{method="GET",route="/stream"} 1"#,
        "modelport_http_requests_in_flight 0",
        &format!("modelport_http_bytes_received_total {}", body.len()),
        &format!("modelport_http_bytes_sent_total {sent}"),
        r#"modelport_build_info{version="0.1.0"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
    }
}

#[actix_web::test]
async fn an_answer_to_head_keeps_the_size_and_reads_no_body() {
    let app = app!(metrics());
    let request = TestRequest::default().method(Method::HEAD).uri("/api/v1/nowhere");
    let response = call_service(&app, request.to_request()).await;
    assert!(matches!(response.response().body().size(), BodySize::Sized(1..)));
    assert_eq!(read_body(response).await, "");
}

#[actix_web::test]
async fn a_client_that_leaves_is_counted() {
    let metrics = metrics();
    let app = app!(metrics);

    let response = call_service(&app, TestRequest::get().uri("/stream").to_request()).await;
    let mut body = response.into_body();
    assert!(metrics.text().unwrap().contains("modelport_http_requests_in_flight 1"));
    let first = poll_fn(|context| body.as_pin_mut().poll_next(context)).await;
    assert_eq!(first.unwrap().unwrap(), "one");
    drop(body);
    assert!(metrics.text().unwrap().contains("modelport_http_bytes_sent_total 3"));

    let mut waiting = Box::pin(app.call(TestRequest::get().uri("/forever").to_request()));
    assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
    drop(waiting);
    let text = metrics.text().unwrap();
    assert!(text.contains("modelport_http_requests_in_flight 0"));
    assert!(text.contains(r#"{method="GET",route="/forever",status="499"} 1"#), "{text}");
}

#[actix_web::test]
async fn watched_gauges_are_sampled_at_each_scrape() {
    let metrics = metrics();
    metrics
        .watch("modelport_database_connections", "Connections.", ["pool", "state"], || {
            vec![(["reader".to_owned(), "idle".to_owned()], 3.0)]
        })
        .unwrap();
    let text = metrics.text().unwrap();
    assert!(text.contains(r#"modelport_database_connections{pool="reader",state="idle"} 3"#), "{text}");
}
