//! Nodes over the wire.

use bytes::Bytes;
use futures_util::stream;
use modelport::api::mlmd::pb::{self, value::Value};
use modelport::domain::access::Access;
use modelport::domain::{Actor, Error};
use modelport::registry::RegistryOptions;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::PutFile;

use super::{ALREADY_EXISTS, Door, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, artifact, int, value};
use crate::support::{Backend, on_both};

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn a_node_is_read_as_it_was_put(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    let json = prost_types::Struct { fields: [("x".to_owned(), prost_types::Value::from(0.1))].into() };
    let any = prost_types::Any { type_url: "type.googleapis.com/a.B".to_owned(), value: vec![0, 255] };
    let sent = pb::Artifact {
        uri: Some("s3://b/k".to_owned()),
        state: Some(pb::artifact::State::Reference.into()),
        external_id: Some("x".to_owned()),
        properties: [("i".to_owned(), int(i64::MAX)), ("s".to_owned(), value(Value::StringValue("\\'\"".to_owned())))]
            .into(),
        custom_properties: [
            ("i".to_owned(), value(Value::DoubleValue(1e-9))),
            ("b".to_owned(), value(Value::BoolValue(false))),
            ("j".to_owned(), value(Value::StructValue(json))),
            ("p".to_owned(), value(Value::ProtoValue(any))),
        ]
        .into(),
        ..artifact(of, "a")
    };
    let ids = door.put(vec![sent.clone(), artifact(of, "b")]).await.unwrap();
    let got = door.get(&[ids[1], ids[0], ids[1], 999]).await;
    assert_eq!(got.iter().map(pb::Artifact::id).collect::<Vec<_>>(), ids);
    assert!(got[0].create_time_since_epoch() > 1_600_000_000_000);
    let expected = pb::Artifact {
        id: Some(ids[0]),
        r#type: Some("t".to_owned()),
        create_time_since_epoch: got[0].create_time_since_epoch,
        last_update_time_since_epoch: got[0].create_time_since_epoch,
        ..sent
    };
    assert_eq!(got[0], expected);
    assert_eq!((got[1].uri.as_deref(), got[1].state, got[1].external_id.as_deref()), (Some(""), None, None));
    // Put back unchanged, it was not changed.
    door.put(vec![got[0].clone()]).await.unwrap();
    assert_eq!(door.get(&ids[..1]).await, got[..1]);
    let request =
        pb::GetArtifactsByIdRequest { artifact_ids: ids, populate_artifact_types: Some(true), ..Default::default() };
    let answer: pb::GetArtifactsByIdResponse = door.call("GetArtifactsByID", request).await.unwrap();
    assert_eq!(answer.artifact_types.iter().map(|of| of.id()).collect::<Vec<_>>(), [of]);
}

async fn what_no_node_can_be_has_a_status(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    let with = |name: &str, value: pb::Value| pb::Artifact {
        properties: [(name.to_owned(), value)].into(),
        ..artifact(of, "a")
    };
    let empty =
        pb::Artifact { custom_properties: [("c".to_owned(), pb::Value { value: None })].into(), ..artifact(of, "a") };
    for (artifact, code, message) in [
        (with("z", int(1)), INVALID_ARGUMENT, "Found unknown property: z"),
        (with("s", int(1)), INVALID_ARGUMENT, "Found unmatched property type: s"),
        (with("s", pb::Value { value: None }), INVALID_ARGUMENT, "Found unmatched property type: s"),
        (empty, INVALID_ARGUMENT, "Found unmatched property type: c"),
        (pb::Artifact { type_id: None, ..artifact(0, "a") }, INVALID_ARGUMENT, "Type id is missing."),
        (pb::Artifact { state: Some(7), ..artifact(of, "a") }, INVALID_ARGUMENT, "`state` has no value `7`"),
        (artifact(of, "a\0b"), INVALID_ARGUMENT, "`name` contains a NUL character"),
    ] {
        let refusal = door.put(vec![artifact]).await.unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (code, message));
    }
    assert_eq!(door.put(vec![artifact(9999, "a")]).await.unwrap_err().code, NOT_FOUND);
    let unknown = pb::Artifact { id: Some(9999), ..artifact(of, "a") };
    assert_eq!(door.put(vec![unknown]).await.unwrap_err().code, INVALID_ARGUMENT);
    assert_eq!(door.put(vec![artifact(of, "b"), artifact(of, "b")]).await.unwrap_err().code, ALREADY_EXISTS);
    assert_eq!(door.put(vec![artifact(of, "b")]).await.unwrap().len(), 1, "nothing of a refused call stays");
}

async fn a_mask_and_a_lock_are_respected(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    let ids = door.put(vec![pb::Artifact { uri: Some("u".to_owned()), ..artifact(of, "a") }]).await.unwrap();
    let change = pb::Artifact { id: Some(ids[0]), properties: [("i".to_owned(), int(5))].into(), ..Default::default() };
    let masked = pb::PutArtifactsRequest {
        artifacts: vec![change],
        update_mask: mask(&["properties.i", "", "nonsense"]),
        ..Default::default()
    };
    door.call::<pb::PutArtifactsResponse>("PutArtifacts", masked).await.unwrap();
    let got = door.get(&ids).await.remove(0);
    assert_eq!((got.uri(), got.properties.get("i")), ("u", Some(&int(5))));
    let locked = |seen: i64| pb::PutArtifactsRequest {
        artifacts: vec![pb::Artifact { last_update_time_since_epoch: Some(seen), ..got.clone() }],
        options: Some(pb::put_artifacts_request::Options { abort_if_latest_updated_time_changed: Some(true) }),
        ..Default::default()
    };
    let seen = got.last_update_time_since_epoch();
    assert_eq!(door.refusal("PutArtifacts", locked(seen - 1)).await.code, FAILED_PRECONDITION);
    door.call::<pb::PutArtifactsResponse>("PutArtifacts", locked(seen)).await.unwrap();
}

async fn a_uri_begins_with_the_host_that_a_call_is_addressed_to(backend: Backend) {
    let door = Door::over(backend, |options| RegistryOptions { follows_hosts: Some(8080), ..options }).await;
    let put = PutFile {
        target: Target::Version { model: "m".parse().unwrap(), version: "1".parse().unwrap() },
        path: "f".parse().unwrap(),
        media_type: None,
        length: None,
        sha256: None,
        precondition: Precondition::None,
        create: true,
    };
    let body = stream::iter([Ok::<_, Error>(Bytes::from_static(b"x"))]);
    let id = door
        .registry
        .files
        .put_file(&door.registry.context(Actor::anonymous("test"), Access::unrestricted()), put, body)
        .await
        .unwrap()
        .file
        .node_id;
    let shown = door.get(&[id.0]).await.remove(0);
    // The host of the call with the port of the HTTP listener.
    assert_eq!(shown.uri(), format!("http://127.0.0.1:8080/api/v1/artifacts/{id}/files/f"));
    // Put back as somebody saw it who addressed the server otherwise, it is still not the client's own.
    let elsewhere = format!("http://models.example:8080/api/v1/artifacts/{id}/files/f");
    door.put(vec![pb::Artifact { uri: Some(elsewhere), ..shown.clone() }]).await.unwrap();
    assert_eq!(door.get(&[id.0]).await, [shown]);
}

async fn contexts_and_executions_have_their_own_rules(backend: Backend) {
    let door = Door::new(backend).await;
    let (run, step) = (door.context_type("Run").await, door.execution_type("Step").await);
    let nameless = pb::Context { type_id: Some(run), ..Default::default() };
    let request = pb::PutContextsRequest { contexts: vec![nameless], ..Default::default() };
    assert_eq!(door.refusal("PutContexts", request).await.code, INVALID_ARGUMENT);
    let execution = pb::Execution { type_id: Some(step), last_known_state: Some(6), ..Default::default() };
    let request = pb::PutExecutionsRequest { executions: vec![execution], ..Default::default() };
    let ids = door.call::<pb::PutExecutionsResponse>("PutExecutions", request).await.unwrap().execution_ids;
    let request = pb::GetExecutionsByIdRequest { execution_ids: ids, ..Default::default() };
    let got: pb::GetExecutionsByIdResponse = door.call("GetExecutionsByID", request).await.unwrap();
    assert_eq!((got.executions[0].last_known_state, got.executions[0].r#type()), (Some(6), "Step"));
    let request = pb::GetExecutionByTypeAndNameRequest {
        type_name: Some("Step".to_owned()),
        execution_name: Some("none".to_owned()),
        ..Default::default()
    };
    let got: pb::GetExecutionByTypeAndNameResponse = door.call("GetExecutionByTypeAndName", request).await.unwrap();
    assert_eq!(got.execution, None);
}

on_both!(
    a_node_is_read_as_it_was_put,
    what_no_node_can_be_has_a_status,
    a_mask_and_a_lock_are_respected,
    a_uri_begins_with_the_host_that_a_call_is_addressed_to,
    contexts_and_executions_have_their_own_rules,
);
