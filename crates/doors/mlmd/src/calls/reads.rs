//! The calls that get nodes: all, by id, by type, by name, by URI, by external id.

use super::{Answer, Call};
use crate::domain::graph::{NodePage, Scope};
use crate::domain::{Error, PageToken, Result};
use crate::pb;
use crate::wire::{Base, NodeMessage, TypeMessage as _, parse_options, to_messages};

/// What a list answers: its nodes and what continues it.
type Listed<T> = (Vec<T>, Option<String>);

pub(super) async fn list<T: NodeMessage>(
    call: &Call,
    scope: Scope,
    options: Option<&pb::ListOperationOptions>,
) -> Result<Listed<T>> {
    let options = options.map(|options| parse_options(T::KIND, options)).transpose()?;
    let NodePage { nodes, types, next } = call.registry.graph.list_graph(&call.context, scope, options).await?;
    Ok((to_messages(nodes, &types), next.as_ref().map(PageToken::encode)))
}

async fn by_type<T: NodeMessage>(
    call: &Call,
    name: Option<String>,
    version: Option<String>,
    options: Option<pb::ListOperationOptions>,
) -> Result<Listed<T>> {
    let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
    let (nodes, next) = list(call, Scope::OfType { kind: T::KIND, name, version }, options.as_ref()).await?;
    // Empty at the end, and not absent, where a page was asked for.
    Ok((nodes, next.or_else(|| options.map(|_| String::new()))))
}

async fn by_ids<T: NodeMessage>(call: &Call, ids: Vec<i64>) -> Result<Vec<T>> {
    let page = call.registry.graph.nodes_by_ids(&call.context, T::KIND, ids).await?;
    Ok(to_messages(page.nodes, &page.types))
}

async fn by_external_ids<T: NodeMessage>(call: &Call, ids: Vec<String>) -> Result<Vec<T>> {
    let page = call.registry.graph.nodes_by_external_ids(&call.context, T::KIND, ids).await?;
    Ok(to_messages(page.nodes, &page.types))
}

async fn by_name<T: NodeMessage>(
    call: &Call,
    of: Option<String>,
    version: Option<String>,
    name: Option<String>,
) -> Result<Option<T>> {
    let (of, version) = (of.unwrap_or_default(), version.unwrap_or_default());
    let found = call
        .registry
        .graph
        .node_by_type_and_name(&call.context, T::KIND, &of, &version, &name.unwrap_or_default())
        .await?;
    Ok(found.map(|(node, of)| T::to_message(node, Some(&of))))
}

/// Artifacts by id, and their types where that is asked for.
pub(crate) async fn get_artifacts_by_id(
    call: Call,
    request: pb::GetArtifactsByIdRequest,
) -> Answer<pb::GetArtifactsByIdResponse> {
    let wanted = request.populate_artifact_types();
    let page = call.registry.graph.nodes_by_ids(&call.context, pb::Artifact::KIND, request.artifact_ids).await?;
    let artifacts = to_messages(page.nodes, &page.types);
    let types = page.types.into_values().filter(|_| wanted);
    let artifact_types = types.map(|of| pb::ArtifactType::to_message(of, Base::Hidden)).collect::<Result<_>>()?;
    Ok(pb::GetArtifactsByIdResponse { artifacts, artifact_types })
}

/// Artifacts that have one of the URIs.
pub(crate) async fn get_artifacts_by_uri(
    call: Call,
    request: pb::GetArtifactsByUriRequest,
) -> Answer<pb::GetArtifactsByUriResponse> {
    if request.reserved_uri.is_some() {
        return Err(Error::invalid("uri", "the single `uri` is not supported any more: send `uris`").into());
    }
    let page = call.registry.graph.artifacts_by_uris(&call.context, request.uris).await?;
    Ok(pb::GetArtifactsByUriResponse { artifacts: to_messages(page.nodes, &page.types) })
}

/// Executions by id.
pub(crate) async fn get_executions_by_id(
    call: Call,
    request: pb::GetExecutionsByIdRequest,
) -> Answer<pb::GetExecutionsByIdResponse> {
    Ok(pb::GetExecutionsByIdResponse { executions: by_ids(&call, request.execution_ids).await? })
}

/// Contexts by id.
pub(crate) async fn get_contexts_by_id(
    call: Call,
    request: pb::GetContextsByIdRequest,
) -> Answer<pb::GetContextsByIdResponse> {
    Ok(pb::GetContextsByIdResponse { contexts: by_ids(&call, request.context_ids).await? })
}

/// All artifacts, or a page of them.
pub(crate) async fn get_artifacts(call: Call, request: pb::GetArtifactsRequest) -> Answer<pb::GetArtifactsResponse> {
    let scope = Scope::Kind(pb::Artifact::KIND);
    let (artifacts, next_page_token) = list(&call, scope, request.options.as_ref()).await?;
    Ok(pb::GetArtifactsResponse { artifacts, next_page_token })
}

/// All executions, or a page of them.
pub(crate) async fn get_executions(call: Call, request: pb::GetExecutionsRequest) -> Answer<pb::GetExecutionsResponse> {
    let scope = Scope::Kind(pb::Execution::KIND);
    let (executions, next_page_token) = list(&call, scope, request.options.as_ref()).await?;
    Ok(pb::GetExecutionsResponse { executions, next_page_token })
}

/// All contexts, or a page of them.
pub(crate) async fn get_contexts(call: Call, request: pb::GetContextsRequest) -> Answer<pb::GetContextsResponse> {
    let scope = Scope::Kind(pb::Context::KIND);
    let (contexts, next_page_token) = list(&call, scope, request.options.as_ref()).await?;
    Ok(pb::GetContextsResponse { contexts, next_page_token })
}

/// Artifacts of a type, or a page of them.
pub(crate) async fn get_artifacts_by_type(
    call: Call,
    request: pb::GetArtifactsByTypeRequest,
) -> Answer<pb::GetArtifactsByTypeResponse> {
    let (artifacts, next_page_token) = by_type(&call, request.type_name, request.type_version, request.options).await?;
    Ok(pb::GetArtifactsByTypeResponse { artifacts, next_page_token })
}

/// Executions of a type, or a page of them.
pub(crate) async fn get_executions_by_type(
    call: Call,
    request: pb::GetExecutionsByTypeRequest,
) -> Answer<pb::GetExecutionsByTypeResponse> {
    let (executions, next_page_token) =
        by_type(&call, request.type_name, request.type_version, request.options).await?;
    Ok(pb::GetExecutionsByTypeResponse { executions, next_page_token })
}

/// Contexts of a type, or a page of them.
pub(crate) async fn get_contexts_by_type(
    call: Call,
    request: pb::GetContextsByTypeRequest,
) -> Answer<pb::GetContextsByTypeResponse> {
    let (contexts, next_page_token) = by_type(&call, request.type_name, request.type_version, request.options).await?;
    Ok(pb::GetContextsByTypeResponse { contexts, next_page_token })
}

/// An artifact of a type by its name; none is no error.
pub(crate) async fn get_artifact_by_type_and_name(
    call: Call,
    request: pb::GetArtifactByTypeAndNameRequest,
) -> Answer<pb::GetArtifactByTypeAndNameResponse> {
    let artifact = by_name(&call, request.type_name, request.type_version, request.artifact_name).await?;
    Ok(pb::GetArtifactByTypeAndNameResponse { artifact })
}

/// An execution of a type by its name; none is no error.
pub(crate) async fn get_execution_by_type_and_name(
    call: Call,
    request: pb::GetExecutionByTypeAndNameRequest,
) -> Answer<pb::GetExecutionByTypeAndNameResponse> {
    let execution = by_name(&call, request.type_name, request.type_version, request.execution_name).await?;
    Ok(pb::GetExecutionByTypeAndNameResponse { execution })
}

/// A context of a type by its name; none is no error.
pub(crate) async fn get_context_by_type_and_name(
    call: Call,
    request: pb::GetContextByTypeAndNameRequest,
) -> Answer<pb::GetContextByTypeAndNameResponse> {
    let context = by_name(&call, request.type_name, request.type_version, request.context_name).await?;
    Ok(pb::GetContextByTypeAndNameResponse { context })
}

/// Artifacts that have one of the external ids.
pub(crate) async fn get_artifacts_by_external_ids(
    call: Call,
    request: pb::GetArtifactsByExternalIdsRequest,
) -> Answer<pb::GetArtifactsByExternalIdsResponse> {
    let artifacts = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetArtifactsByExternalIdsResponse { artifacts })
}

/// Executions that have one of the external ids.
pub(crate) async fn get_executions_by_external_ids(
    call: Call,
    request: pb::GetExecutionsByExternalIdsRequest,
) -> Answer<pb::GetExecutionsByExternalIdsResponse> {
    let executions = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetExecutionsByExternalIdsResponse { executions })
}

/// Contexts that have one of the external ids.
pub(crate) async fn get_contexts_by_external_ids(
    call: Call,
    request: pb::GetContextsByExternalIdsRequest,
) -> Answer<pb::GetContextsByExternalIdsResponse> {
    let contexts = by_external_ids(&call, request.external_ids).await?;
    Ok(pb::GetContextsByExternalIdsResponse { contexts })
}
