//! The API server of a Kubernetes cluster, which is asked with this server's own token.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::{Answer, Answers};
use super::options::{Clock, ClusterOptions};
use super::web::{self, Web};
use crate::domain::{Error, Result, Sha256};

/// A cluster.
pub struct Cluster {
    api_server: String,
    token_file: Option<PathBuf>,
    web: Web,
    reviews: Answers<Sha256>,
}

impl Cluster {
    /// The cluster of the settings; `None` where they name no API server.
    pub fn new(options: &ClusterOptions, clock: Clock) -> Result<Option<Arc<Self>>> {
        let Some(api_server) = &options.api_server else { return Ok(None) };
        Ok(Some(Arc::new(Self {
            api_server: api_server.trim_end_matches('/').to_owned(),
            token_file: options.token_file.clone(),
            web: Web::new(options.ca_file.as_deref())?,
            reviews: Answers::new(clock),
        })))
    }

    /// The public keys of its service accounts. The role `system:service-account-issuer-discovery`, which service accounts have,
    /// permits it.
    pub async fn keys(&self) -> web::Answer<Value> {
        let token = self.own_token().await?;
        self.web.get(&format!("{}/openid/v1/jwks", self.api_server), token.as_deref()).await
    }

    /// Creates a review (`TokenReview`, `SubjectAccessReview`), and gives its status. The role `system:auth-delegator` permits both.
    pub async fn review(&self, path: &str, body: &Value) -> web::Answer<Value> {
        let token = self.own_token().await?;
        let url = format!("{}/apis/{path}", self.api_server);
        let mut answer = self.web.post(&url, token.as_deref(), body).await?;
        answer.get_mut("status").map(Value::take).ok_or_else(|| format!("`{url}` answers without a status"))
    }

    /// Demands that the API server still knows a token of `user` for one of the audiences.
    pub async fn confirm(&self, token: &str, user: &str, audiences: &[String]) -> Result<()> {
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": audiences},
        });
        let ask = async {
            match self.review("authentication.k8s.io/v1/tokenreviews", &body).await {
                Ok(status) => judged(&status, user, audiences),
                Err(why) => Answer::Failed(why),
            }
        };
        match self.reviews.get(Sha256::of(token.as_bytes()), ask).await {
            Answer::Yes => Ok(()),
            Answer::No(why) => Err(Error::unauthenticated(why)),
            Answer::Failed(why) => Err(unreachable(why)),
        }
    }

    /// The token of this server, as the kubelet keeps it fresh.
    async fn own_token(&self) -> web::Answer<Option<String>> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let read = tokio::fs::read_to_string(file).await;
        let token = read.map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
        Ok(Some(token.trim().to_owned()))
    }
}

/// The error for a cluster that does not answer.
pub fn unreachable(why: String) -> Error {
    Error::upstream_unavailable("the Kubernetes API server cannot be asked").caused_by(why)
}

/// What a TokenReview says. A server that does not know of audiences leaves them out, and would let pass a token that is for itself.
fn judged(status: &Value, user: &str, audiences: &[String]) -> Answer {
    if status.get("authenticated") != Some(&Value::Bool(true)) {
        return Answer::No("the Kubernetes cluster does not accept the token any more".to_owned());
    }
    let confirmed = status.get("audiences").and_then(Value::as_array);
    let confirmed = confirmed.into_iter().flatten().filter_map(Value::as_str);
    if !confirmed.into_iter().any(|audience| audiences.iter().any(|ours| ours == audience)) {
        return Answer::No("the Kubernetes cluster does not confirm the token's audience".to_owned());
    }
    if status.pointer("/user/username").and_then(Value::as_str) != Some(user) {
        return Answer::No("the Kubernetes cluster says that the token is somebody else's".to_owned());
    }
    Answer::Yes
}
