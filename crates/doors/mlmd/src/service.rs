//! The table of all calls.
// One of them is deprecated upstream, and in the table like the others.
#![allow(deprecated)]

use tonic::{Request, Response, Status};

use super::calls::{Call, edges, lineage, nodes, reads, relations, types};
use super::connection::Client;
use super::error::CallError;
use super::pb::{self, metadata_store_service_server::MetadataStoreService};
use super::request_host;
use crate::domain::Actor;
use crate::domain::access::Verb;
use crate::http::authentication::{Authentication, Presented};
use crate::http::request_id::RequestId;
use crate::registry::Registry;

/// ML Metadata's service over a registry.
#[derive(Clone)]
pub struct Service {
    registry: Registry,
    authentication: Authentication,
    principal: Option<String>,
}

impl Service {
    /// The service over this registry, whose callers say so who they are. Calls that present nothing are those of `principal`.
    pub fn new(registry: Registry, authentication: Authentication, principal: Option<String>) -> Self {
        Self { registry, authentication, principal }
    }

    async fn call<T: Sync>(&self, request: &Request<T>, name: &str) -> Result<Call, Status> {
        let id = RequestId::current().unwrap_or_else(RequestId::generate);
        let metadata = request.metadata();
        let header = |name: &str| {
            let mut all = metadata.get_all(name).iter();
            let first = all.next()?.to_str().unwrap_or_default().to_owned();
            Some(if all.next().is_some() { String::new() } else { first })
        };
        let forwarded_for = || {
            let all = metadata.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
            all.collect::<Vec<_>>().join(",")
        };
        let client = request.extensions().get::<Client>();
        let presented = Presented {
            session: None,
            header: &header,
            peer: client.and_then(|client| client.address).map(|address| address.ip()),
            forwarded_for: &forwarded_for,
            certificate: client.and_then(|client| client.certificate.as_deref()),
            listener: self.principal.as_deref(),
            workspace: None,
            door: "ML Metadata",
            verb: if name.starts_with("get_") { Verb::Get } else { Verb::Update },
        };
        let asker = self.authentication.ask(&self.registry, presented).await.map_err(CallError::from)?;
        let actor = Actor::new(asker.name, id.as_str()).with_client_request_id(id.client());
        let context = self.registry.context_elsewhere(actor, asker.access, request_host::host().as_deref());
        let context = context.with_origin(asker.origin);
        Ok(Call { registry: self.registry.clone(), context })
    }
}

/// Each call is answered by the function of its name in its room.
macro_rules! calls {
    ($($room:ident { $($name:ident($request:ident) -> $response:ident;)* })*) => {
        #[tonic::async_trait]
        impl MetadataStoreService for Service {
            $($(
                async fn $name(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                    let call = self.call(&request, stringify!($name)).await?;
                    $room::$name(call, request.into_inner()).await.map(Response::new).map_err(Status::from)
                }
            )*)*
        }
    };
}

calls! {
    types {
        put_artifact_type(PutArtifactTypeRequest) -> PutArtifactTypeResponse;
        put_execution_type(PutExecutionTypeRequest) -> PutExecutionTypeResponse;
        put_context_type(PutContextTypeRequest) -> PutContextTypeResponse;
        put_types(PutTypesRequest) -> PutTypesResponse;
        get_artifact_type(GetArtifactTypeRequest) -> GetArtifactTypeResponse;
        get_artifact_types_by_id(GetArtifactTypesByIdRequest) -> GetArtifactTypesByIdResponse;
        get_artifact_types(GetArtifactTypesRequest) -> GetArtifactTypesResponse;
        get_execution_type(GetExecutionTypeRequest) -> GetExecutionTypeResponse;
        get_execution_types_by_id(GetExecutionTypesByIdRequest) -> GetExecutionTypesByIdResponse;
        get_execution_types(GetExecutionTypesRequest) -> GetExecutionTypesResponse;
        get_context_type(GetContextTypeRequest) -> GetContextTypeResponse;
        get_context_types_by_id(GetContextTypesByIdRequest) -> GetContextTypesByIdResponse;
        get_context_types(GetContextTypesRequest) -> GetContextTypesResponse;
        get_artifact_types_by_external_ids(GetArtifactTypesByExternalIdsRequest) -> GetArtifactTypesByExternalIdsResponse;
        get_execution_types_by_external_ids(GetExecutionTypesByExternalIdsRequest) -> GetExecutionTypesByExternalIdsResponse;
        get_context_types_by_external_ids(GetContextTypesByExternalIdsRequest) -> GetContextTypesByExternalIdsResponse;
    }
    nodes {
        put_artifacts(PutArtifactsRequest) -> PutArtifactsResponse;
        put_executions(PutExecutionsRequest) -> PutExecutionsResponse;
        put_contexts(PutContextsRequest) -> PutContextsResponse;
    }
    edges {
        put_events(PutEventsRequest) -> PutEventsResponse;
        put_execution(PutExecutionRequest) -> PutExecutionResponse;
        put_lineage_subgraph(PutLineageSubgraphRequest) -> PutLineageSubgraphResponse;
        put_attributions_and_associations(PutAttributionsAndAssociationsRequest) -> PutAttributionsAndAssociationsResponse;
        put_parent_contexts(PutParentContextsRequest) -> PutParentContextsResponse;
    }
    reads {
        get_artifacts(GetArtifactsRequest) -> GetArtifactsResponse;
        get_executions(GetExecutionsRequest) -> GetExecutionsResponse;
        get_contexts(GetContextsRequest) -> GetContextsResponse;
        get_artifacts_by_id(GetArtifactsByIdRequest) -> GetArtifactsByIdResponse;
        get_executions_by_id(GetExecutionsByIdRequest) -> GetExecutionsByIdResponse;
        get_contexts_by_id(GetContextsByIdRequest) -> GetContextsByIdResponse;
        get_artifacts_by_type(GetArtifactsByTypeRequest) -> GetArtifactsByTypeResponse;
        get_executions_by_type(GetExecutionsByTypeRequest) -> GetExecutionsByTypeResponse;
        get_contexts_by_type(GetContextsByTypeRequest) -> GetContextsByTypeResponse;
        get_artifact_by_type_and_name(GetArtifactByTypeAndNameRequest) -> GetArtifactByTypeAndNameResponse;
        get_execution_by_type_and_name(GetExecutionByTypeAndNameRequest) -> GetExecutionByTypeAndNameResponse;
        get_context_by_type_and_name(GetContextByTypeAndNameRequest) -> GetContextByTypeAndNameResponse;
        get_artifacts_by_uri(GetArtifactsByUriRequest) -> GetArtifactsByUriResponse;
        get_artifacts_by_external_ids(GetArtifactsByExternalIdsRequest) -> GetArtifactsByExternalIdsResponse;
        get_executions_by_external_ids(GetExecutionsByExternalIdsRequest) -> GetExecutionsByExternalIdsResponse;
        get_contexts_by_external_ids(GetContextsByExternalIdsRequest) -> GetContextsByExternalIdsResponse;
    }
    relations {
        get_events_by_execution_i_ds(GetEventsByExecutionIDsRequest) -> GetEventsByExecutionIDsResponse;
        get_events_by_artifact_i_ds(GetEventsByArtifactIDsRequest) -> GetEventsByArtifactIDsResponse;
        get_contexts_by_artifact(GetContextsByArtifactRequest) -> GetContextsByArtifactResponse;
        get_contexts_by_execution(GetContextsByExecutionRequest) -> GetContextsByExecutionResponse;
        get_parent_contexts_by_context(GetParentContextsByContextRequest) -> GetParentContextsByContextResponse;
        get_children_contexts_by_context(GetChildrenContextsByContextRequest) -> GetChildrenContextsByContextResponse;
        get_parent_contexts_by_contexts(GetParentContextsByContextsRequest) -> GetParentContextsByContextsResponse;
        get_children_contexts_by_contexts(GetChildrenContextsByContextsRequest) -> GetChildrenContextsByContextsResponse;
        get_artifacts_by_context(GetArtifactsByContextRequest) -> GetArtifactsByContextResponse;
        get_executions_by_context(GetExecutionsByContextRequest) -> GetExecutionsByContextResponse;
    }
    lineage {
        get_lineage_graph(GetLineageGraphRequest) -> GetLineageGraphResponse;
        get_lineage_subgraph(GetLineageSubgraphRequest) -> GetLineageSubgraphResponse;
    }
}
