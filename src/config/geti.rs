//! The Geti servers that models are imported from.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::public_url::base_url;
use super::values::Secret;

/// `[geti]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `GetiServer`, which `deny_unknown_fields` cannot flatten")]
pub struct Geti {
    pub url: ServerUrl,
    pub token: Secret,
    pub token_file: String,
    pub api_version: ApiVersion,
    pub organization_id: String,
    pub workspace_id: String,
    pub verify_tls: bool,
    pub ca_file: String,
    pub timeout_seconds: NonZeroU32,
    pub deadline_seconds: NonZeroU32,
    pub servers: BTreeMap<String, GetiServer>,
}

impl Geti {
    /// The server that has no name.
    pub fn main(&self) -> GetiServer {
        GetiServer {
            url: self.url.clone(),
            token: self.token.clone(),
            token_file: self.token_file.clone(),
            api_version: self.api_version.clone(),
            organization_id: self.organization_id.clone(),
            workspace_id: self.workspace_id.clone(),
            verify_tls: self.verify_tls,
            ca_file: self.ca_file.clone(),
            timeout_seconds: self.timeout_seconds,
            deadline_seconds: self.deadline_seconds,
        }
    }
}

/// One server.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GetiServer {
    /// Where it is; empty for nowhere.
    pub url: ServerUrl,
    /// The personal access token.
    pub token: Secret,
    /// The file that holds the token instead.
    pub token_file: String,
    /// The version in the paths of its API.
    pub api_version: ApiVersion,
    /// The organization; empty for the token's.
    pub organization_id: String,
    /// The workspace; empty for the only one.
    pub workspace_id: String,
    /// Whether its certificate is checked.
    pub verify_tls: bool,
    /// The authorities that it is checked against; empty for the system's.
    pub ca_file: String,
    /// How long it may be silent.
    pub timeout_seconds: NonZeroU32,
    /// How long a request may take with all of its repetitions.
    pub deadline_seconds: NonZeroU32,
}

impl Default for GetiServer {
    fn default() -> Self {
        Self {
            url: ServerUrl::default(),
            token: Secret::default(),
            token_file: String::new(),
            api_version: ApiVersion::default(),
            organization_id: String::new(),
            workspace_id: String::new(),
            verify_tls: true,
            ca_file: String::new(),
            timeout_seconds: NonZeroU32::MIN.saturating_add(59),
            deadline_seconds: NonZeroU32::MIN.saturating_add(899),
        }
    }
}

/// Where a server is, without a slash at its end; empty for nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        base_url(text).map(Self)
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.0
    }
}

/// The version in the paths of an API, as in `v1`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiVersion(String);

impl ApiVersion {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self("v1".to_owned())
    }
}

impl TryFrom<String> for ApiVersion {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { Ok(Self(text)) } else { Err("expected letters and digits, as in `v1`") }
    }
}

impl From<ApiVersion> for String {
    fn from(version: ApiVersion) -> Self {
        version.0
    }
}
