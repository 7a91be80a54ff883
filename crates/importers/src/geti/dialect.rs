//! Which API a server speaks and where its projects are: detected with requests, and cached for a while.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Session;
use super::error::{GetiError, GetiResult};
use super::wire::{Organization, Workspace, Workspaces};

/// How long a detected dialect is cached: a server may be updated under its URL.
const CACHE_TTL: Duration = Duration::from_secs(600);

/// The API of a server, with where its projects are.
#[derive(Debug, Clone)]
pub(super) enum Dialect {
    /// Geti 2.x.
    V2 {
        /// The path of the workspace.
        workspace: String,
        /// Whether packages need `code_deployments`.
        code_deployments: Arc<AtomicBool>,
    },
    /// Geti 3.x.
    V3,
}

impl Session {
    /// The dialect of the server.
    pub(super) async fn dialect(&self) -> GetiResult<Dialect> {
        // Held during detection, so that it runs once at a time.
        let mut known = self.stopping.or(async { Ok(self.server.dialect.lock().await) }).await?;
        if let Some((at, dialect)) = known.as_ref()
            && at.elapsed() < CACHE_TTL
        {
            return Ok(dialect.clone());
        }
        let dialect = self.detect_dialect().await?;
        *known = Some((Instant::now(), dialect.clone()));
        Ok(dialect)
    }

    /// Geti 2.x returns its release at `product_info`; Geti 3 does not know that path, and has its projects at the root.
    async fn detect_dialect(&self) -> GetiResult<Dialect> {
        let api = format!("/api/{}", self.server.options.api_version);
        match self.get::<Value>(&format!("{api}/product_info")).await {
            Ok(info) => {
                let version = info.get("build-version").or_else(|| info.get("product-version"));
                let version = version.and_then(Value::as_str).unwrap_or("unknown");
                log::info!(server = self.name(), version; "Geti 2 found");
                let workspace = self.workspace(&api).await?;
                Ok(Dialect::V2 { workspace, code_deployments: Arc::default() })
            }
            Err(failure) if failure.unknown_route => {
                self.get::<Vec<Value>>("/api/projects").await.map_err(|other| {
                    if other.unknown_route {
                        let paths = format!("`{api}/product_info` nor `/api/projects`");
                        return GetiError::precondition(format!("Geti `{}` has neither {paths}", self.name()));
                    }
                    other
                })?;
                log::info!(server = self.name(); "Geti 3 found");
                Ok(Dialect::V3)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The path of the workspace; what the settings leave out is asked for.
    async fn workspace(&self, api: &str) -> GetiResult<String> {
        let options = &self.server.options;
        let organization = if options.organization.is_empty() {
            let found: Organization = self.get(&format!("{api}/personal_access_tokens/organization")).await?;
            let unknown =
                || GetiError::precondition(format!("Geti `{}` knows no organization of the token", self.name()));
            found.id().ok_or_else(unknown)?
        } else {
            options.organization.clone()
        };
        let base = format!("{api}/organizations/{organization}/workspaces");
        if !options.workspace.is_empty() {
            return Ok(format!("{base}/{}", options.workspace));
        }
        let found = self.workspaces(&base).await?;
        match found.as_slice() {
            [only] => Ok(format!("{base}/{}", only.id)),
            [] => Err(GetiError::precondition(format!("Geti `{}` shows no workspace to the token", self.name()))),
            several => {
                let shown: Vec<_> = several.iter().map(|each| format!("`{}` ({})", each.id, each.name)).collect();
                let message = "has several workspaces: set `workspace_id` to one of";
                Err(GetiError::precondition(format!("Geti `{}` {message} {}", self.name(), shown.join(", "))))
            }
        }
    }

    /// All workspaces. The account service counts them in `totalMatchedCount`; the schema that Geti publishes has no pages.
    async fn workspaces(&self, base: &str) -> GetiResult<Vec<Workspace>> {
        let first: Workspaces = self.get(base).await?;
        let (mut found, total) = (first.workspaces, first.total.unwrap_or(0));
        while found.len() < total {
            let next: Workspaces = self.get(&format!("{base}?skip={}&limit=100", found.len())).await?;
            if next.workspaces.is_empty() {
                break;
            }
            found.extend(next.workspaces);
        }
        Ok(found)
    }
}
