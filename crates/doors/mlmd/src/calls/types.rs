//! Types: put, and read by name, by id, by external id, and all of a kind.

use super::{Answer, Call};
use crate::domain::graph::{Type, TypeDraft, TypeRules};
use crate::domain::{Error, NodeKind, Result};
use crate::pb;
use crate::wire::{Base, TypeMessage};

fn rules(can_add_fields: Option<bool>, can_omit_fields: Option<bool>, all_fields_match: bool) -> TypeRules {
    TypeRules {
        can_add_fields: can_add_fields.unwrap_or_default(),
        can_omit_fields: can_omit_fields.unwrap_or_default(),
        all_fields_match,
    }
}

async fn put_one(call: &Call, draft: TypeDraft, rules: TypeRules) -> Result<i64> {
    let ids = call.registry.graph.put_types(&call.context, vec![draft], rules).await?;
    ids.first().copied().ok_or_else(|| Error::internal("a type was put and has no id"))
}

fn to_messages<T: TypeMessage>(types: Vec<Type>, base: Base) -> Result<Vec<T>> {
    types.into_iter().map(|of| T::to_message(of, base)).collect()
}

async fn get<T: TypeMessage>(call: &Call, name: Option<String>, version: Option<String>) -> Result<T> {
    let of = call
        .registry
        .graph
        .get_type(&call.context, T::KIND, &name.unwrap_or_default(), &version.unwrap_or_default())
        .await?;
    T::to_message(of, Base::Shown)
}

async fn list<T: TypeMessage>(call: &Call) -> Result<Vec<T>> {
    to_messages(call.registry.graph.list_types(&call.context, T::KIND).await?, Base::Shown)
}

async fn by_ids<T: TypeMessage>(call: &Call, ids: Vec<i64>) -> Result<Vec<T>> {
    to_messages(call.registry.graph.types_by_ids(&call.context, T::KIND, ids).await?, Base::Shown)
}

async fn by_external_ids<T: TypeMessage>(call: &Call, ids: Vec<String>) -> Result<Vec<T>> {
    to_messages(call.registry.graph.types_by_external_ids(&call.context, T::KIND, ids).await?, Base::Hidden)
}

/// Upserts types of all three kinds.
pub(crate) async fn put_types(call: Call, request: pb::PutTypesRequest) -> Answer<pb::PutTypesResponse> {
    #[allow(deprecated)]
    let rules = rules(request.can_add_fields, request.can_omit_fields, request.all_fields_match());
    let artifacts = request.artifact_types.into_iter().map(TypeMessage::parse);
    let executions = request.execution_types.into_iter().map(TypeMessage::parse);
    let contexts = request.context_types.into_iter().map(TypeMessage::parse);
    let drafts = artifacts.chain(executions).chain(contexts).collect::<Result<Vec<_>>>()?;
    let kinds: Vec<NodeKind> = drafts.iter().map(|draft| draft.kind).collect();
    let mut answer = pb::PutTypesResponse::default();
    for (kind, id) in kinds.into_iter().zip(call.registry.graph.put_types(&call.context, drafts, rules).await?) {
        match kind {
            NodeKind::Artifact => answer.artifact_type_ids.push(id),
            NodeKind::Execution => answer.execution_type_ids.push(id),
            NodeKind::Context => answer.context_type_ids.push(id),
        }
    }
    Ok(answer)
}

/// Upserts an artifact type.
pub(crate) async fn put_artifact_type(
    call: Call,
    request: pb::PutArtifactTypeRequest,
) -> Answer<pb::PutArtifactTypeResponse> {
    #[allow(deprecated)]
    let rules = rules(request.can_add_fields, request.can_omit_fields, request.all_fields_match());
    let draft = request.artifact_type.unwrap_or_default().parse()?;
    Ok(pb::PutArtifactTypeResponse { type_id: Some(put_one(&call, draft, rules).await?) })
}

/// Upserts an execution type.
pub(crate) async fn put_execution_type(
    call: Call,
    request: pb::PutExecutionTypeRequest,
) -> Answer<pb::PutExecutionTypeResponse> {
    #[allow(deprecated)]
    let rules = rules(request.can_add_fields, request.can_omit_fields, request.all_fields_match());
    let draft = request.execution_type.unwrap_or_default().parse()?;
    Ok(pb::PutExecutionTypeResponse { type_id: Some(put_one(&call, draft, rules).await?) })
}

/// Upserts a context type.
pub(crate) async fn put_context_type(
    call: Call,
    request: pb::PutContextTypeRequest,
) -> Answer<pb::PutContextTypeResponse> {
    #[allow(deprecated)]
    let rules = rules(request.can_add_fields, request.can_omit_fields, request.all_fields_match());
    let draft = request.context_type.unwrap_or_default().parse()?;
    Ok(pb::PutContextTypeResponse { type_id: Some(put_one(&call, draft, rules).await?) })
}

/// One artifact type, by name and version.
pub(crate) async fn get_artifact_type(
    call: Call,
    request: pb::GetArtifactTypeRequest,
) -> Answer<pb::GetArtifactTypeResponse> {
    let of = get(&call, request.type_name, request.type_version).await?;
    Ok(pb::GetArtifactTypeResponse { artifact_type: Some(of) })
}

/// One execution type, by name and version.
pub(crate) async fn get_execution_type(
    call: Call,
    request: pb::GetExecutionTypeRequest,
) -> Answer<pb::GetExecutionTypeResponse> {
    let of = get(&call, request.type_name, request.type_version).await?;
    Ok(pb::GetExecutionTypeResponse { execution_type: Some(of) })
}

/// One context type, by name and version.
pub(crate) async fn get_context_type(
    call: Call,
    request: pb::GetContextTypeRequest,
) -> Answer<pb::GetContextTypeResponse> {
    let of = get(&call, request.type_name, request.type_version).await?;
    Ok(pb::GetContextTypeResponse { context_type: Some(of) })
}

/// All artifact types but the system's.
pub(crate) async fn get_artifact_types(
    call: Call,
    _: pb::GetArtifactTypesRequest,
) -> Answer<pb::GetArtifactTypesResponse> {
    Ok(pb::GetArtifactTypesResponse { artifact_types: list(&call).await? })
}

/// All execution types but the system's.
pub(crate) async fn get_execution_types(
    call: Call,
    _: pb::GetExecutionTypesRequest,
) -> Answer<pb::GetExecutionTypesResponse> {
    Ok(pb::GetExecutionTypesResponse { execution_types: list(&call).await? })
}

/// All context types.
pub(crate) async fn get_context_types(
    call: Call,
    _: pb::GetContextTypesRequest,
) -> Answer<pb::GetContextTypesResponse> {
    Ok(pb::GetContextTypesResponse { context_types: list(&call).await? })
}

/// Artifact types in the order of the ids.
pub(crate) async fn get_artifact_types_by_id(
    call: Call,
    request: pb::GetArtifactTypesByIdRequest,
) -> Answer<pb::GetArtifactTypesByIdResponse> {
    Ok(pb::GetArtifactTypesByIdResponse { artifact_types: by_ids(&call, request.type_ids).await? })
}

/// Execution types in the order of the ids.
pub(crate) async fn get_execution_types_by_id(
    call: Call,
    request: pb::GetExecutionTypesByIdRequest,
) -> Answer<pb::GetExecutionTypesByIdResponse> {
    Ok(pb::GetExecutionTypesByIdResponse { execution_types: by_ids(&call, request.type_ids).await? })
}

/// Context types in the order of the ids.
pub(crate) async fn get_context_types_by_id(
    call: Call,
    request: pb::GetContextTypesByIdRequest,
) -> Answer<pb::GetContextTypesByIdResponse> {
    Ok(pb::GetContextTypesByIdResponse { context_types: by_ids(&call, request.type_ids).await? })
}

/// Artifact types that have one of the external ids.
pub(crate) async fn get_artifact_types_by_external_ids(
    call: Call,
    request: pb::GetArtifactTypesByExternalIdsRequest,
) -> Answer<pb::GetArtifactTypesByExternalIdsResponse> {
    let artifact_types = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetArtifactTypesByExternalIdsResponse { artifact_types })
}

/// Execution types that have one of the external ids.
pub(crate) async fn get_execution_types_by_external_ids(
    call: Call,
    request: pb::GetExecutionTypesByExternalIdsRequest,
) -> Answer<pb::GetExecutionTypesByExternalIdsResponse> {
    let execution_types = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetExecutionTypesByExternalIdsResponse { execution_types })
}

/// Context types that have one of the external ids.
pub(crate) async fn get_context_types_by_external_ids(
    call: Call,
    request: pb::GetContextTypesByExternalIdsRequest,
) -> Answer<pb::GetContextTypesByExternalIdsResponse> {
    let context_types = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetContextTypesByExternalIdsResponse { context_types })
}
