//! Forms as they come: fields on either side of the file, names of every kind, and what no client sends.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sha2::Digest as _;

use super::{BOUNDARY, Client, Form, archive};
use crate::api::app::TestApp;

#[actix_web::test]
async fn fields_may_stand_on_either_side_of_the_file() {
    let client = Client(TestApp::new().await);
    let form = Form::new(&[("name", "m")]).file(&archive()).field("version", b"1").field("precision", b"INT4");
    let id = client.send(form).await.expect(201).text();
    let model = client.get(&format!("/models/{id}")).await.json();
    assert_eq!((&model["version"], &model["precision"]), (&json!("1"), &json!(["int4"])));
}

#[actix_web::test]
async fn of_a_field_that_is_repeated_the_last_counts_and_labels_are_a_list() {
    let client = Client(TestApp::new().await);
    let fields = [("name", "a"), ("name", "b"), ("version", "1"), ("labels", "x"), ("labels", "y")];
    let id = client.post(&fields).await.expect(201).text();
    let model = client.get(&format!("/models/{id}")).await.json();
    assert_eq!((&model["name"], &model["labels"]), (&json!("b"), &json!(["x", "y"])));
    let twice = Form::new(&[("name", "c"), ("version", "1")]).file(&archive()).file(&archive());
    assert_eq!(client.send(twice).await.expect(422).member("detail"), "file is given more than once.");
    assert_eq!(client.0.objects(), 1);
}

#[actix_web::test]
async fn a_file_keeps_the_last_segment_of_its_name() {
    let client = Client(TestApp::new().await);
    for (at, (name, kept)) in [
        ("../../etc/m.zip", "m.zip"),
        ("mod\u{e8}le \u{6a21}\u{578b}.zip", "mod\u{e8}le \u{6a21}\u{578b}.zip"),
        ("no extension", "no extension"),
    ]
    .into_iter()
    .enumerate()
    {
        let form = Form::new(&[("name", "m"), ("version", &at.to_string())]);
        let id = client.send(form.file_of("application/x-zip-compressed", name, &archive())).await.expect(201).text();
        let url = client.get(&format!("/models/{id}")).await.member("file_url");
        assert_eq!(url, format!("minio://model-registry/{id}/{kept}"));
        assert_eq!(client.get(&format!("/models/{id}/files")).await.expect(200).body, archive());
    }
    let extended = "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''a%20%C3%A9.zip\r\nContent-Type: application/zip";
    let id =
        client.send(Form::new(&[("name", "e"), ("version", "1")]).part(extended, &archive())).await.expect(201).text();
    assert!(client.get(&format!("/models/{id}")).await.member("file_url").ends_with("/a \u{e9}.zip"));
    for bad in ["..", "."] {
        let form = Form::new(&[("name", "x"), ("version", "1")]).file_of("application/zip", bad, &archive());
        client.send(form).await.expect(422);
    }
}

#[actix_web::test]
async fn a_form_with_another_digest_leaves_nothing() {
    let client = Client(TestApp::new().await);
    let of = |bytes: &[u8]| {
        let sha512 = format!("sha-512=:{}:", BASE64.encode(sha2::Sha512::digest(bytes)));
        [format!("sha-256=:{}:", BASE64.encode(sha2::Sha256::digest(bytes))), sha512]
    };
    let form = || Form::new(&[("name", "m"), ("version", "1")]).file(&archive());
    // What stands after the form is of its bytes, too.
    let body = [form().0.as_slice(), format!("--{BOUNDARY}--\r\nepilogue").as_bytes()].concat();
    let send = async |field: &'static str, digest: &str| {
        let request = form().request(Method::POST, "/models").insert_header((field, digest));
        client.0.send_edge(request.set_payload(body.clone())).await
    };
    for field in ["Content-Digest", "Repr-Digest"] {
        for wrong in of(b"other").iter().map(String::as_str).chain(["sha-256=:AAAA:", "nonsense"]) {
            let detail = send(field, wrong).await.expect(400).member("detail");
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
            let part = format!(
                "Content-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\nContent-Type: application/zip\r\n{field}: {wrong}"
            );
            let refused = Form::new(&[("name", "m"), ("version", "1")]).part(&part, &archive());
            let detail = client.send(refused).await.expect(400).member("detail");
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
        }
    }
    assert_eq!((client.count().await, client.0.objects()), (0, 0));
    let id = send("Repr-Digest", &of(&body).join(", ")).await.expect(201).text();
    let change = |digest: String| {
        let request = TestRequest::put().uri(&format!("/models/{id}")).insert_header(("Content-Digest", digest));
        request.insert_header(("Content-Type", "application/x-www-form-urlencoded")).set_payload("name=other")
    };
    let [wrong, right] = [of(b"name=m"), of(b"name=other")].map(|[sha256, _]| sha256);
    client.0.send_edge(change(wrong)).await.expect(400);
    assert_eq!(client.get(&format!("/models/{id}")).await.member("name"), "m");
    client.0.send_edge(change(right)).await.expect(200);
}

#[actix_web::test]
async fn what_is_no_form_is_refused_as_one() {
    let client = Client(TestApp::with_limits(4096, 1000).await);
    let post = async |media_type: &str, body: &[u8]| {
        let request = TestRequest::post().uri("/models").insert_header(("Content-Type", media_type.to_owned()));
        client.0.send_edge(request.set_payload(body.to_vec())).await
    };
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    let torn = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nm");
    let torn_file = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\nContent-Type: \
         application/zip\r\n\r\nPK"
    );
    let unnamed = format!("--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nm\r\n--{BOUNDARY}--\r\n");
    for (media_type, body, status) in [
        ("application/json", "{\"name\": \"m\"}", 422),
        ("text/plain", "name=m", 422),
        ("application/x-www-form-urlencoded", "name=m&version=1&file=x", 422),
        ("multipart/form-data", "x", 400),
        (&multipart, "", 400),
        (&multipart, "nonsense", 400),
        (&multipart, &torn, 400),
        (&multipart, &torn_file, 400),
        (&multipart, &unnamed, 400),
        ("\u{e9}", "x", 422),
    ] {
        let answer = post(media_type, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{media_type} {body} {}", answer.text());
    }
    client.post(&[("name", "m"), ("version", "1"), ("category", &"x".repeat(5 << 20))]).await.expect(413);
    let big = Form::new(&[("name", "m"), ("version", "1")]).file(&[0; 2000]);
    client.send(big).await.expect(413);
    let fields = (0..1001).fold(Form::new(&[]), |form, _| form.field("name", b"m"));
    client.send(fields).await.expect(400);
    assert_eq!((client.count().await, client.0.objects()), (0, 0));
    let put = Form::new(&[("name", "m")]).file(&[0; 2000]).request(Method::PUT, "/models/0123456789abcdef");
    client.0.send_edge(put).await.expect(404);
}

/// Any text may say when a model was created, but a date has to be one.
#[actix_web::test]
async fn a_date_that_no_calendar_has_is_refused() {
    let client = Client(TestApp::new().await);
    let fields = |date| [("name", "m"), ("version", "1"), ("created_date", date)];
    for date in ["2024-02-30", "2023-02-29 10:00:00.000000 UTC", "2024-13-01T00:00:00Z", "2024-01-01 25:00"] {
        let answer = client.post(&fields(date)).await.expect(400);
        assert_eq!(answer.text(), format!("created_date `{date}` is not a date of the calendar.\n"));
    }
    assert_eq!(client.0.objects(), 0);
    let id = client.post(&fields("2024-02-29")).await.expect(201).text();
    let put = |date: &str| {
        let body = format!("created_date={}", date.replace(' ', "+"));
        let request = TestRequest::put().uri(&format!("/models/{id}"));
        let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
        client.0.send_edge(request.set_payload(body))
    };
    put("2024-02-30").await.expect(400);
    assert_eq!(client.get(&format!("/models/{id}")).await.member("created_date"), "2024-02-29");
    put("some day in May").await.expect(200);
    assert_eq!(client.get(&format!("/models/{id}")).await.member("created_date"), "some day in May");
}

#[actix_web::test]
async fn what_can_be_read_has_a_head() {
    let client = Client(TestApp::new().await);
    let id = client.post(&[("name", "m"), ("version", "1")]).await.expect(201).text();
    for path in ["/health", "/models", "/models?name=m", &format!("/models/{id}"), "/openapi.json", "/docs"] {
        let read = client.get(path).await.expect(200);
        let head = client.0.send_edge(TestRequest::default().method(Method::HEAD).uri(path)).await.expect(200);
        assert_eq!(head.header("content-type"), read.header("content-type"), "{path}");
    }
    let path = format!("/models/{id}/files");
    let head = client.0.send_edge(TestRequest::default().method(Method::HEAD).uri(&path)).await.expect(200);
    assert_eq!(head.content_type(), "application/zip");
    let missing = format!("/models/{}", "x".repeat(16));
    client.0.send_edge(TestRequest::default().method(Method::HEAD).uri(&missing)).await.expect(404);
}
