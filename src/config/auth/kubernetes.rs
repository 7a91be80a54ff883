//! The Kubernetes cluster that issuers of kind `kubernetes` belong to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::geti::ServerUrl;
use super::super::values::from_words;

/// `[auth.kubernetes]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// How the token of a service account is checked.
    pub review: KubernetesReview,
    /// Which rules of the cluster have to permit what a service account does.
    pub policy: KubernetesPolicy,
    /// Where the API server is; empty where there is none.
    pub api_server: ServerUrl,
    /// The authorities that its certificate is checked against; empty for the system's.
    pub ca_file: PathBuf,
    /// The file with this server's own token; empty for none.
    pub token_file: PathBuf,
    /// The namespace of the Service, or of the custom resource, that the policy asks about.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The plural and the group of the custom resource.
    pub resource: String,
}

/// How the token of a service account is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "kebab-case")]
pub enum KubernetesReview {
    /// By its signature.
    Offline,
    /// By its signature and by the API server.
    TokenReview,
}

from_words!(KubernetesReview, "expected `offline` or `token-review`", "offline" => Offline, "token-review" => TokenReview);

/// Which rules of the cluster have to permit what a service account does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "kebab-case")]
pub enum KubernetesPolicy {
    /// None.
    None,
    /// That for `get` on a Service.
    ServiceGet,
    /// That for the verb of the request on a Service.
    ServiceVerb,
    /// That for the verb of the request on a custom resource.
    Crd,
}

from_words!(KubernetesPolicy, "expected `none`, `service-get`, `service-verb` or `crd`", "none" => None, "service-get" => ServiceGet, "service-verb" => ServiceVerb, "crd" => Crd);
