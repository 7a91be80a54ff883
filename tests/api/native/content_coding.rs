//! Encoded bodies (RFC 9110 §8.4): refused on every way in, so that nobody downloads them as the file.

use actix_web::http::Method;
use actix_web::test::TestRequest;

use super::{BYTES, DIGEST, FILE};
use crate::api::app::{Answer, TestApp, request};
use crate::api::edge::{Client, Form, archive};

const CODINGS: [&str; 7] = ["gzip", "br", "deflate", "aws-chunked", "GZIP", "identity, zstd", "made-up"];

fn tus(method: Method, path: &str) -> TestRequest {
    request(method, path)
        .insert_header(("Tus-Resumable", "1.0.0"))
        .insert_header(("Upload-Length", 10))
        .insert_header(("Upload-Offset", 0))
        .insert_header(("Upload-Metadata", "model ZGVtbw==,version MQ==,path Zg=="))
        .insert_header(("Content-Type", "application/offset+octet-stream"))
}

#[actix_web::test]
async fn an_encoded_body_is_refused_on_every_way_in() {
    let app = &TestApp::new().await;
    let upload = app.send(tus(Method::POST, "/api/v1/uploads")).await.expect(201);
    let upload = upload.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
    let upload = format!("/api/v1/uploads/{upload}");
    let kubeflow = "/api/model_registry/v1alpha3/registered_models";
    type Make<'a> = Box<dyn Fn() -> TestRequest + 'a>;
    let ways: Vec<(&str, Make<'_>)> = vec![
        ("file", Box::new(|| request(Method::PUT, FILE))),
        ("artifact", Box::new(|| request(Method::PUT, "/api/v1/artifacts/1/files/a"))),
        ("archive", Box::new(|| request(Method::PUT, "/api/v1/models/a/versions/1/files?unpack=true"))),
        ("tus creation", Box::new(|| tus(Method::POST, "/api/v1/uploads"))),
        ("tus addition", Box::new(|| tus(Method::PATCH, &upload))),
        ("direct upload", Box::new(|| request(Method::POST, "/api/v1/direct-uploads"))),
        ("registration", Box::new(|| request(Method::POST, "/api/v1/register"))),
        ("kubeflow", Box::new(|| request(Method::POST, kubeflow).insert_header(("Content-Type", "application/json")))),
    ];
    for (name, make) in &ways {
        for coding in CODINGS {
            let sent = make().insert_header(("Content-Encoding", coding)).set_payload(BYTES);
            let refused = app.send(sent).await;
            assert_eq!(refused.status, 415, "{name}, {coding}: {}", refused.text());
            assert_eq!(refused.header("accept-encoding"), Some("identity"), "{name}");
            let word = coding.rsplit(' ').next().unwrap();
            assert!(refused.text().contains(&format!("`{word}`")), "{name}: {}", refused.text());
        }
    }
    app.get("/api/v1/models/demo/versions/1").await.expect(404);
    let lines = request(Method::PUT, FILE).append_header(("Content-Encoding", "identity"));
    app.send(lines.append_header(("Content-Encoding", "gzip")).set_payload(BYTES)).await.expect(415);
    for plain in ["identity", "Identity", ""] {
        let sent = request(Method::PUT, FILE).insert_header(("Content-Encoding", plain)).set_payload(BYTES);
        assert!(matches!(app.send(sent).await.status, 200 | 201), "{plain}");
    }
    assert_eq!(app.get(FILE).await.header("repr-digest"), Some(DIGEST));
}

#[actix_web::test]
async fn an_encoded_form_and_an_encoded_part_are_refused() {
    let client = Client(TestApp::new().await);
    let fields = [("name", "m"), ("version", "1")];
    for coding in CODINGS {
        let form = Form::new(&fields).file(&archive()).request(Method::POST, "/models");
        let refused: Answer = client.0.send_edge(form.insert_header(("Content-Encoding", coding))).await;
        assert_eq!(refused.status, 415, "{coding}: {}", refused.text());
        let part = "Content-Disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\nContent-Type: application/zip";
        let form = Form::new(&fields).part(&format!("{part}\r\nContent-Encoding: {coding}"), &archive());
        client.send(form).await.expect(415);
    }
    for (coding, status) in [("base64", 415), ("quoted-printable", 415), ("binary", 201)] {
        let part =
            "Content-Disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\nContent-Type: Application/ZIP; a=b";
        let form = Form::new(&fields).part(&format!("{part}\r\nContent-Transfer-Encoding: {coding}"), &archive());
        client.send(form).await.expect(status);
    }
    assert_eq!(client.0.objects(), 1);
}
