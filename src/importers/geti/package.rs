//! The package of a model: whichever way its Geti makes one, the response that carries it.

use std::sync::atomic::Ordering;

use reqwest::{Method, Response};
use serde_json::json;

use super::client::Session;
use super::fault::Asked;
use super::legacy;
use super::place::Place;
use super::tree::{Tree, Wanted};

impl Session {
    /// Has the package of a model made. Its bytes are still to come.
    ///
    /// Geti 2.11 has both ways and calls the old one deprecated; Geti 2.13 has the new one alone, releases before it the
    /// old one alone. So the new one is tried first, and the old one where the server does not know it.
    pub(super) async fn package(&self, tree: &Tree, wanted: Wanted<'_>) -> Asked<Response> {
        let (workspace, legacy) = match self.place().await? {
            Place::Two { workspace, legacy } => (workspace, legacy),
            Place::Three => {
                let (model, variant) = (&wanted.trained.id, &wanted.leaf.id);
                let path = format!("/api/projects/{}/models/{model}/variants/{variant}/binary", tree.id);
                return self.send(Method::GET, &path, None).await;
            }
        };
        let base = format!("{workspace}/projects/{}", tree.id);
        let models = json!([{"model_id": wanted.leaf.id, "model_group_id": wanted.group.id}]);
        if !legacy.load(Ordering::Relaxed) {
            // Closed at its top level: one more key is 400 (Geti 2.11).
            let body = json!({"package_type": "geti_sdk", "models": models});
            match self.send(Method::POST, &format!("{base}/deployment_package:download"), Some(&body)).await {
                Err(fault) if fault.unknown_route => legacy.store(true, Ordering::Relaxed),
                sent => return sent,
            }
        }
        let response = legacy::download(self, &base, &json!({"models": models})).await?;
        self.follow(response).await
    }
}
