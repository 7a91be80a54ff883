//! The issuers of tokens that the settings name.

use std::path::{Path, PathBuf};

use crate::config::{Auth, Issuer, IssuerKind, Kubernetes, KubernetesPolicy, KubernetesReview};
use crate::domain::Result;
use crate::identity::{
    self, BrowserClient, ClaimNames, ClientSecret, Clock, ClusterOptions, DeviceClient, IssuerOptions, Issuers,
    Options, PolicyOptions,
};

/// The issuers, which read the certificates that are named, and ask nobody yet. InvalidArgument where a file cannot be used.
pub fn issuers(auth: &Auth, clock: Clock) -> Result<Issuers> {
    let issuers: Vec<_> = auth.issuers.iter().map(|(name, issuer)| issuer_options(name, issuer)).collect();
    let has_cluster = issuers.iter().any(|issuer| issuer.kind == identity::IssuerKind::Kubernetes);
    // Without one, the files of a pod need not be there.
    let cluster = if has_cluster { cluster_options(&auth.kubernetes) } else { ClusterOptions::default() };
    Issuers::new(Options { issuers, cluster }, clock)
}

fn issuer_options(name: &str, issuer: &Issuer) -> IssuerOptions {
    IssuerOptions {
        name: name.to_owned(),
        url: issuer.url.as_str().to_owned(),
        audiences: issuer.audiences.clone(),
        kind: match issuer.kind {
            IssuerKind::Oidc => identity::IssuerKind::Oidc,
            IssuerKind::Kubernetes => identity::IssuerKind::Kubernetes,
        },
        jwks_url: non_empty(issuer.jwks_url.as_str()),
        ca_file: file(&issuer.ca_file),
        claims: ClaimNames {
            subject: issuer.subject_claim.clone(),
            display_names: issuer.name_claims.clone(),
            email: issuer.email_claim.clone(),
            groups: issuer.groups_claim.clone(),
        },
        browser: browser_client(issuer),
        device: non_empty(&issuer.client_id).map(|client_id| DeviceClient {
            url: issuer.url.as_str().to_owned(),
            client_id,
            scopes: issuer.client_scopes.clone(),
        }),
    }
}

fn browser_client(issuer: &Issuer) -> Option<BrowserClient> {
    let secret = match file(&issuer.browser_client_secret_file) {
        Some(file) => ClientSecret::File(file),
        None => non_empty(issuer.browser_client_secret.expose()).map_or(ClientSecret::None, ClientSecret::Text),
    };
    non_empty(&issuer.browser_client_id).map(|id| BrowserClient {
        id,
        secret,
        scopes: issuer.browser_scopes.clone(),
        prompt: issuer.browser_prompt.clone(),
    })
}

fn cluster_options(kubernetes: &Kubernetes) -> ClusterOptions {
    let api_server = non_empty(kubernetes.api_server.as_str());
    ClusterOptions {
        // Nobody is asked there, so its certificates are not read.
        ca_file: file(&kubernetes.ca_file).filter(|_| api_server.is_some()),
        token_file: file(&kubernetes.token_file),
        review: match kubernetes.review {
            KubernetesReview::Offline => identity::Review::Offline,
            KubernetesReview::TokenReview => identity::Review::TokenReview,
        },
        policy: PolicyOptions {
            policy: match kubernetes.policy {
                KubernetesPolicy::None => identity::Policy::None,
                KubernetesPolicy::ServiceGet => identity::Policy::ServiceGet,
                KubernetesPolicy::ServiceVerb => identity::Policy::ServiceVerb,
                KubernetesPolicy::Crd => identity::Policy::CustomResource,
            },
            namespace: kubernetes.namespace.clone(),
            name: kubernetes.name.clone(),
            resource: kubernetes.resource.clone(),
        },
        api_server,
    }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn file(path: &Path) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then(|| path.to_owned())
}
