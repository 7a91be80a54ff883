//! Types over the wire.

use modelport::api::mlmd::pb;

use super::{ALREADY_EXISTS, Door, INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED};
use crate::support::{Backend, on_both};

fn execution_type() -> pb::ExecutionType {
    let of = pb::ArtifactType { name: Some("Model".to_owned()), ..Default::default() };
    let simple = pb::ArtifactStructType { kind: Some(pb::artifact_struct_type::Kind::Simple(of)) };
    pb::ExecutionType {
        name: Some("Trainer".to_owned()),
        version: Some("2".to_owned()),
        description: Some("trains".to_owned()),
        external_id: Some("x-1".to_owned()),
        base_type: Some(pb::execution_type::SystemDefinedBaseType::Train.into()),
        properties: (1..=6).map(|kind| (format!("p{kind}"), kind)).collect(),
        output_type: Some(simple),
        ..Default::default()
    }
}

async fn a_type_is_read_as_it_was_put(backend: Backend) {
    let door = Door::new(backend).await;
    let put = pb::PutExecutionTypeRequest { execution_type: Some(execution_type()), ..Default::default() };
    let id = door.call::<pb::PutExecutionTypeResponse>("PutExecutionType", put).await.unwrap().type_id;
    let expected = pb::ExecutionType { id, ..execution_type() };
    let by_name = pb::GetExecutionTypeRequest {
        type_name: Some("Trainer".to_owned()),
        type_version: Some("2".to_owned()),
        ..Default::default()
    };
    let got: pb::GetExecutionTypeResponse = door.call("GetExecutionType", by_name).await.unwrap();
    assert_eq!(got.execution_type.as_ref(), Some(&expected));
    let list = pb::GetExecutionTypesRequest::default();
    let got: pb::GetExecutionTypesResponse = door.call("GetExecutionTypes", list).await.unwrap();
    assert_eq!(got.execution_types, std::slice::from_ref(&expected));
    let by_id =
        pb::GetExecutionTypesByIdRequest { type_ids: vec![id.unwrap(), 999, id.unwrap()], ..Default::default() };
    let got: pb::GetExecutionTypesByIdResponse = door.call("GetExecutionTypesByID", by_id).await.unwrap();
    assert_eq!(got.execution_types, [expected.clone(), expected.clone()]);
    let external = |ids: &[&str]| pb::GetExecutionTypesByExternalIdsRequest {
        external_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..Default::default()
    };
    let name = "GetExecutionTypesByExternalIds";
    let got: pb::GetExecutionTypesByExternalIdsResponse = door.call(name, external(&["x-1", "none"])).await.unwrap();
    assert_eq!(got.execution_types, [pb::ExecutionType { base_type: None, ..expected }]);
    assert_eq!(door.refusal(name, external(&["none"])).await.code, NOT_FOUND);
    assert_eq!(door.refusal(name, external(&[""])).await.code, INVALID_ARGUMENT);
}

async fn an_invalid_type_has_a_status(backend: Backend) {
    let door = Door::new(backend).await;
    let unversioned = pb::GetExecutionTypeRequest { type_name: Some("Trainer".to_owned()), ..Default::default() };
    assert_eq!(door.refusal("GetExecutionType", unversioned).await.code, NOT_FOUND);
    let nameless = pb::PutArtifactTypeRequest::default();
    assert_eq!(door.refusal("PutArtifactType", nameless).await.code, INVALID_ARGUMENT);
    let put = |of: pb::ContextType| pb::PutContextTypeRequest { context_type: Some(of), ..Default::default() };
    let of = |kind: i32| pb::ContextType {
        name: Some("c".to_owned()),
        properties: [("p".to_owned(), kind)].into(),
        ..Default::default()
    };
    assert_eq!(door.refusal("PutContextType", put(of(0))).await.code, INVALID_ARGUMENT);
    door.call::<pb::PutContextTypeResponse>("PutContextType", put(of(1))).await.unwrap();
    let refusal = door.refusal("PutContextType", put(of(2))).await;
    assert_eq!(refusal.code, ALREADY_EXISTS);
    assert!(refusal.message.starts_with("Type already exists with different properties: "), "{}", refusal.message);
    let base = pb::ContextType { base_type: Some(0), ..of(1) };
    assert_eq!(door.refusal("PutContextType", put(base)).await.code, UNIMPLEMENTED);
    #[allow(deprecated)]
    let unmatched = pb::PutContextTypeRequest { all_fields_match: Some(false), ..put(of(1)) };
    assert_eq!(door.refusal("PutContextType", unmatched).await.code, UNIMPLEMENTED);
}

async fn types_of_all_kinds_are_put_at_once(backend: Backend) {
    let door = Door::new(backend).await;
    let name = Some("same".to_owned());
    let of = pb::ArtifactType { name: name.clone(), ..Default::default() };
    let request = pb::PutTypesRequest {
        artifact_types: vec![of.clone(), of],
        execution_types: vec![pb::ExecutionType { name: name.clone(), ..Default::default() }],
        context_types: vec![pb::ContextType { name, ..Default::default() }],
        ..Default::default()
    };
    let first: pb::PutTypesResponse = door.call("PutTypes", request.clone()).await.unwrap();
    assert_eq!(first.artifact_type_ids[0], first.artifact_type_ids[1]);
    assert_eq!((first.execution_type_ids.len(), first.context_type_ids.len()), (1, 1));
    let again: pb::PutTypesResponse = door.call("PutTypes", request).await.unwrap();
    assert_eq!(again, first);
    let nothing: pb::PutTypesResponse = door.call("PutTypes", pb::PutTypesRequest::default()).await.unwrap();
    assert_eq!(nothing, pb::PutTypesResponse::default());
}

on_both!(a_type_is_read_as_it_was_put, an_invalid_type_has_a_status, types_of_all_kinds_are_put_at_once);
