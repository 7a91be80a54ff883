//! What is around the calls: health, ids, measurements, limits, and how the server ends.

use std::time::Duration;

use modelport::api::mlmd::pb;

use super::{
    Door, INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE, PERMISSION_DENIED, Refusal, SERVICE, UNIMPLEMENTED, artifact,
};
use crate::support::{Backend, on_both};

const CHECK: &str = "grpc.health.v1.Health/Check";

/// The message that asks for a service's health.
fn service(name: &str) -> Vec<u8> {
    [&[10, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
}

async fn health_is_that_of_the_registry(backend: Backend) {
    let door = Door::new(backend).await;
    for name in ["", SERVICE] {
        assert_eq!(door.raw(CHECK, &service(name)).await.unwrap().0, [8, 1], "{name}");
    }
    assert_eq!(door.raw(CHECK, &service("other")).await.unwrap_err().code, NOT_FOUND);
    door.draining.begin();
    assert_eq!(door.raw(CHECK, &[]).await.unwrap().0, [8, 2]);
}

async fn calls_are_counted_by_name_and_status(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    door.put(vec![artifact(of, "a")]).await.unwrap();
    door.put(vec![artifact(of, "a")]).await.unwrap_err();
    door.raw("made.up/Call", &[]).await.unwrap_err();
    let text = door.metrics.text().unwrap();
    for line in [
        r#"modelport_grpc_requests_total{call="ml_metadata.MetadataStoreService/PutArtifacts",status="OK"} 1"#,
        r#"modelport_grpc_requests_total{call="ml_metadata.MetadataStoreService/PutArtifacts",status="ALREADY_EXISTS"} 1"#,
        r#"modelport_grpc_requests_total{call="unmatched",status="UNIMPLEMENTED"} 1"#,
        "modelport_grpc_requests_in_flight 0",
    ] {
        assert!(text.lines().any(|each| each == line), "no `{line}` in\n{text}");
    }
    assert_eq!(door.metrics.in_flight(), 0);
}

async fn what_no_call_can_be_is_the_clients_mistake(backend: Backend) {
    let door = Door::new(backend).await;
    let garbage = door.raw(&format!("{SERVICE}/PutArtifacts"), &[10, 200, 1]).await.unwrap_err();
    assert_eq!(garbage.code, INVALID_ARGUMENT);
    assert_eq!(door.raw(&format!("{SERVICE}/Drop"), &[]).await.unwrap_err().code, UNIMPLEMENTED);
    let of = door.artifact_type("t").await;
    let large = door.put(vec![artifact(of, &"x".repeat(super::MAX_MESSAGE_BYTES))]).await.unwrap_err();
    assert_eq!(large.code, OUT_OF_RANGE);
}

async fn a_page_of_another_site_calls_nothing(backend: Backend) {
    let door = Door::new(backend).await;
    let reads = format!("{SERVICE}/GetContextTypes");
    let own = door.url.clone();
    for (headers, says) in [
        (&[("host", "evil.example")][..], "host `evil.example` is not one of this server's names"),
        (
            &[("origin", "https://evil.example")],
            "requests from pages of another origin, `https://evil.example`, are refused",
        ),
        (&[("sec-fetch-site", "cross-site")], "requests from pages of another origin are refused"),
    ] {
        let refused = door.raw_with(&reads, &[], headers).await.unwrap_err();
        assert_eq!(refused.code, PERMISSION_DENIED);
        assert!(refused.message.starts_with(says), "{}", refused.message);
    }
    assert_eq!(door.raw_with(&reads, &[], &[("host", "a b")]).await.unwrap_err().code, INVALID_ARGUMENT);
    door.raw_with(CHECK, &[], &[("host", "modelport.svc")]).await.unwrap();
    door.raw_with(&reads, &[], &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.unwrap();
}

async fn the_old_uri_is_refused(backend: Backend) {
    let door = Door::new(backend).await;
    let old = pb::GetArtifactsByUriRequest { reserved_uri: Some(b"u".to_vec()), ..Default::default() };
    let Refusal { code, message } = door.refusal("GetArtifactsByURI", old).await;
    assert_eq!((code, message.as_str()), (INVALID_ARGUMENT, "the single `uri` is not supported any more: send `uris`"));
    let none = pb::GetArtifactsByUriRequest { uris: vec!["u".to_owned()], ..Default::default() };
    let answer: pb::GetArtifactsByUriResponse = door.call("GetArtifactsByURI", none).await.unwrap();
    assert!(answer.artifacts.is_empty());
}

async fn a_stop_closes_the_listener(backend: Backend) {
    let door = Door::new(backend).await;
    door.artifact_type("t").await;
    door.running.stop(Duration::from_secs(30)).await;
    assert!(door.http.get(&door.url).send().await.is_err());
}

on_both!(
    health_is_that_of_the_registry,
    calls_are_counted_by_name_and_status,
    what_no_call_can_be_is_the_clients_mistake,
    a_page_of_another_site_calls_nothing,
    the_old_uri_is_refused,
    a_stop_closes_the_listener,
);
