//! Rules of a Kubernetes cluster that have to permit what a service account does here (SubjectAccessReview).

use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::{Answer, Answers};
use super::cluster::{Cluster, unreachable};
use super::options::{Clock, ClusterOptions, Policy, PolicyOptions};
use crate::domain::access::Verb;
use crate::domain::{Error, Result};

/// Asks the cluster. A yes is kept for 60 seconds, a no for 10.
pub struct AccessPolicy {
    cluster: Arc<Cluster>,
    options: PolicyOptions,
    answers: Answers<(String, Verb)>,
}

impl AccessPolicy {
    /// The policy of the settings; `None` where bindings decide alone.
    pub(crate) fn new(options: &ClusterOptions, cluster: Option<&Arc<Cluster>>, clock: Clock) -> Result<Option<Self>> {
        if options.policy.policy == Policy::None {
            return Ok(None);
        }
        let cluster = cluster.ok_or_else(|| Error::invalid("auth", "a Kubernetes policy needs an API server"))?;
        let (cluster, options) = (Arc::clone(cluster), options.policy.clone());
        Ok(Some(Self { cluster, options, answers: Answers::new(clock) }))
    }

    /// Whether the cluster permits this to the service account `namespace/name`. UpstreamUnavailable where it does not answer.
    pub async fn permits(&self, account: &str, verb: Verb) -> Result<bool> {
        let Some((namespace, name)) = account.split_once('/') else { return Ok(false) };
        let verb = if self.options.policy == Policy::ServiceGet { Verb::Get } else { verb };
        let user = format!("system:serviceaccount:{namespace}:{name}");
        let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": groups, "resourceAttributes": self.attributes(verb)},
        });
        let ask = async {
            match self.cluster.review("authorization.k8s.io/v1/subjectaccessreviews", &body).await {
                Ok(status) if status.get("allowed") == Some(&Value::Bool(true)) => Answer::Yes,
                Ok(_) => Answer::No(String::new()),
                Err(why) => Answer::Failed(why),
            }
        };
        match self.answers.get((user.clone(), verb), ask).await {
            Answer::Yes => Ok(true),
            Answer::No(_) => Ok(false),
            Answer::Failed(why) => Err(unreachable(why)),
        }
    }

    fn attributes(&self, verb: Verb) -> Value {
        let PolicyOptions { policy, namespace, name, resource } = &self.options;
        let (resource, group) = match policy {
            Policy::CustomResource => resource.split_once('.').unwrap_or((resource, "")),
            Policy::None | Policy::ServiceGet | Policy::ServiceVerb => ("services", ""),
        };
        json!({"namespace": namespace, "verb": verb.name(), "group": group, "resource": resource, "name": name})
    }
}
