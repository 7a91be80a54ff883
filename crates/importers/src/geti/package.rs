//! The package of a model: the response that carries it, by whichever API its Geti has.

use std::sync::atomic::Ordering;

use reqwest::{Method, Response};
use serde_json::json;

use super::client::Session;
use super::code_deployments;
use super::dialect::Dialect;
use super::error::GetiResult;
use super::project::{Project, SelectedModel};

impl Session {
    /// Asks for the package of a model, and returns the response before its body.
    ///
    /// Geti 2.11 has `deployment_package` and, deprecated, `code_deployments`; Geti 2.13 has the first alone, earlier releases
    /// the second alone. So the first is tried, and then the second if the server does not know it.
    pub(super) async fn package(&self, project: &Project, selected: SelectedModel<'_>) -> GetiResult<Response> {
        let (workspace, use_code_deployments) = match self.dialect().await? {
            Dialect::V2 { workspace, code_deployments: use_code_deployments } => (workspace, use_code_deployments),
            Dialect::V3 => {
                let (model, variant) = (&selected.trained.id, &selected.model.id);
                let path = format!("/api/projects/{}/models/{model}/variants/{variant}/binary", project.id);
                return self.send(Method::GET, &path, None).await;
            }
        };
        let base = format!("{workspace}/projects/{}", project.id);
        let models = json!([{"model_id": selected.model.id, "model_group_id": selected.group.id}]);
        if !use_code_deployments.load(Ordering::Relaxed) {
            // Closed at its top level: one more key is 400 (Geti 2.11).
            let body = json!({"package_type": "geti_sdk", "models": models});
            match self.send(Method::POST, &format!("{base}/deployment_package:download"), Some(&body)).await {
                Err(failure) if failure.unknown_route => use_code_deployments.store(true, Ordering::Relaxed),
                sent => return sent,
            }
        }
        let response = code_deployments::download(self, &base, &json!({"models": models})).await?;
        self.follow(response).await
    }
}
