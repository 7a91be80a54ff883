//! What the settings say of issuers and of the Kubernetes cluster.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::device::DeviceClient;
use crate::domain::Millis;

/// The clock; tests inject their own.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// All issuers, and the cluster that those of Kubernetes belong to.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whose tokens are accepted.
    pub issuers: Vec<IssuerOptions>,
    /// Where service accounts are looked up.
    pub cluster: ClusterOptions,
}

/// One issuer.
#[derive(Debug, Clone)]
pub struct IssuerOptions {
    /// Its name in the settings, which its principals and groups carry.
    pub name: String,
    /// What its tokens have as `iss`, to the letter.
    pub url: String,
    /// One of these has to be among the `aud` of a token.
    pub audiences: Vec<String>,
    /// Whose tokens they are.
    pub kind: IssuerKind,
    /// Where its keys are; `None` to ask the issuer itself, or the cluster's API server.
    pub jwks_url: Option<String>,
    /// The authorities that its certificate is checked against, in PEM; `None` for the system's.
    pub ca_file: Option<PathBuf>,
    /// The claims that are read.
    pub claims: ClaimNames,
    /// What this registry calls itself at the issuer when people log in with a browser; `None` where they cannot.
    pub browser: Option<BrowserClient>,
    /// What a command line calls itself there; `None` where nobody logs in with one.
    pub device: Option<DeviceClient>,
}

/// The client of an issuer by which people log in with a browser.
#[derive(Debug, Clone)]
pub struct BrowserClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: ClientSecret,
    /// What is asked for: `openid`, and what gives the claims and a refresh token.
    pub scopes: Vec<String>,
    /// What the issuer is to ask people (`prompt`); empty to leave it to the issuer.
    pub prompt: String,
}

/// The secret of a client.
#[derive(Clone, Default)]
pub enum ClientSecret {
    /// None: the client is a public one.
    #[default]
    None,
    /// It is this.
    Text(String),
    /// It is in a file, which is read whenever it is needed, so that it can be replaced.
    File(PathBuf),
}

impl ClientSecret {
    /// The secret; and why it cannot be had, for the log.
    pub(crate) fn read(&self) -> std::result::Result<Option<String>, String> {
        match self {
            Self::None => Ok(None),
            Self::Text(text) => Ok(Some(text.clone())),
            Self::File(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| format!("the client's secret in `{}` cannot be read: {error}", file.display()))?;
                Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
        }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Text(_) => f.write_str("***"),
            Self::File(file) => file.fmt(f),
        }
    }
}

/// Whose tokens an issuer gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerKind {
    /// Those of people and clients, by OpenID Connect.
    Oidc,
    /// Those of a cluster's service accounts.
    Kubernetes,
}

/// The claims that say who somebody is. A name is looked up as it is, and then as a path with dots, as in `realm_access.roles`.
#[derive(Debug, Clone)]
pub struct ClaimNames {
    /// What stays the same for ever.
    pub subject: String,
    /// The name to show: the first of these that is there.
    pub display_names: Vec<String>,
    /// The e-mail address; empty for none.
    pub email: String,
    /// The names of groups; empty for none.
    pub groups: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            display_names: ["preferred_username", "name"].map(str::to_owned).to_vec(),
            email: "email".to_owned(),
            groups: "groups".to_owned(),
        }
    }
}

/// The API server of a Kubernetes cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Its URL, without a slash at its end; `None` where the issuers say themselves where their keys are.
    pub api_server: Option<String>,
    /// The authorities that its certificate is checked against, in PEM; `None` for the system's.
    pub ca_file: Option<PathBuf>,
    /// The file with this server's own token, which is read for each request.
    pub token_file: Option<PathBuf>,
    /// How a token is checked.
    pub review: Review,
    /// Which of the cluster's rules have to permit what somebody does, besides the registry's own.
    pub policy: PolicyOptions,
}

/// How the token of a service account is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Review {
    /// By its signature: it holds until it expires, whatever became of the account.
    #[default]
    Offline,
    /// By its signature, and by asking the API server whether it still holds (TokenReview).
    TokenReview,
}

/// What a cluster is asked before a service account may do something (SubjectAccessReview).
#[derive(Debug, Clone, Default)]
pub struct PolicyOptions {
    /// The question.
    pub policy: Policy,
    /// The namespace of what is asked about.
    pub namespace: String,
    /// The name of the Service, or of the custom resource.
    pub name: String,
    /// The plural and the group of the custom resource, as in `modelregistries.modelregistry.opendatahub.io`.
    pub resource: String,
}

/// The question that a cluster is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// None: the registry's own bindings decide alone.
    #[default]
    None,
    /// Whether they may `get` the Service, whatever they do (Open Data Hub's operator).
    ServiceGet,
    /// Whether they may do to the Service what they do (kube-rbac-proxy).
    ServiceVerb,
    /// Whether they may do to the custom resource what they do.
    CustomResource,
}
