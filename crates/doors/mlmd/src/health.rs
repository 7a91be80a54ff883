//! gRPC's health service: whether the registry can be used, checked for each call.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::Service;
use super::error::truncate;
use super::pb::metadata_store_service_server::MetadataStoreServiceServer;
use crate::http::health::Draining;
use crate::http::problem::report;
use crate::registry::Registry;

/// How often the health is checked for clients that watch it.
const WATCHED_EVERY: Duration = Duration::from_secs(1);

/// The health of the whole server, `""`, and of ML Metadata's service: the same.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) registry: Registry,
    pub(super) draining: Draining,
}

impl Health {
    /// As `GET /health/ready` says.
    async fn status(&self, service: &str) -> ServingStatus {
        if !service.is_empty() && service != MetadataStoreServiceServer::<Service>::NAME {
            return ServingStatus::ServiceUnknown;
        }
        if self.draining.has_begun() {
            return ServingStatus::NotServing;
        }
        let health = self.registry.upkeep.health().await;
        let mut serving = ServingStatus::Serving;
        for error in [health.database, health.object_store].into_iter().filter_map(Result::err) {
            report(&error);
            serving = ServingStatus::NotServing;
        }
        serving
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match self.status(&service).await {
            ServingStatus::ServiceUnknown => {
                Err(Status::not_found(truncate(&format!("service `{service}` is unknown"))))
            }
            status => Ok(Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let changes = stream::unfold((self.clone(), None), move |(health, told)| {
            let service = service.clone();
            async move {
                loop {
                    // Who watches has been told; the server would wait for them.
                    if told == Some(ServingStatus::NotServing) && health.draining.has_begun() {
                        return None;
                    }
                    let status = health.status(&service).await;
                    if told != Some(status) {
                        let answer = HealthCheckResponse { status: status.into() };
                        return Some((Ok(answer), (health, Some(status))));
                    }
                    tokio::time::sleep(WATCHED_EVERY).await;
                }
            }
        });
        Ok(Response::new(changes.boxed()))
    }
}
