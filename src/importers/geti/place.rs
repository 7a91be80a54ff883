//! Where on a server the projects are, and which dialect it speaks: found by asking, and remembered for a while.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Session;
use super::fault::{Asked, Fault};
use super::wire::{Organization, Workspace, Workspaces};

/// How long it is remembered: a server may be updated under its URL.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Where the projects are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Geti 2.x.
    Two {
        /// The path of the workspace.
        workspace: String,
        /// Whether packages are made the old way, with `code_deployments`.
        legacy: Arc<AtomicBool>,
    },
    /// Geti 3.x.
    Three,
}

impl Session {
    /// Where the projects are.
    pub(super) async fn place(&self) -> Asked<Place> {
        // Held while asking, so that nobody asks the same at the same time.
        let mut known = self.stopping.or(async { Ok(self.server.place.lock().await) }).await?;
        if let Some((at, place)) = known.as_ref()
            && at.elapsed() < REMEMBERED
        {
            return Ok(place.clone());
        }
        let place = self.find_place().await?;
        *known = Some((Instant::now(), place.clone()));
        Ok(place)
    }

    /// Geti 2.x tells its release at `product_info`; Geti 3 does not know that path, and has its projects at the root.
    async fn find_place(&self) -> Asked<Place> {
        let api = format!("/api/{}", self.server.options.api_version);
        match self.get::<Value>(&format!("{api}/product_info")).await {
            Ok(info) => {
                let version = info.get("build-version").or_else(|| info.get("product-version"));
                let version = version.and_then(Value::as_str).unwrap_or("unknown");
                log::info!(server = self.name(), version; "Geti 2 found");
                let workspace = self.workspace(&api).await?;
                Ok(Place::Two { workspace, legacy: Arc::default() })
            }
            Err(fault) if fault.unknown_route => {
                self.get::<Vec<Value>>("/api/projects").await.map_err(|other| {
                    if other.unknown_route {
                        let paths = format!("`{api}/product_info` nor `/api/projects`");
                        return Fault::refused(format!("Geti `{}` has neither {paths}", self.name()));
                    }
                    other
                })?;
                log::info!(server = self.name(); "Geti 3 found");
                Ok(Place::Three)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The path of the workspace; what the settings leave out is asked for.
    async fn workspace(&self, api: &str) -> Asked<String> {
        let options = &self.server.options;
        let organization = if options.organization.is_empty() {
            let found: Organization = self.get(&format!("{api}/personal_access_tokens/organization")).await?;
            let unknown = || Fault::refused(format!("Geti `{}` knows no organization of the token", self.name()));
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
            [] => Err(Fault::refused(format!("Geti `{}` shows no workspace to the token", self.name()))),
            several => {
                let shown: Vec<_> = several.iter().map(|each| format!("`{}` ({})", each.id, each.name)).collect();
                let message = "has several workspaces: set `workspace_id` to one of";
                Err(Fault::refused(format!("Geti `{}` {message} {}", self.name(), shown.join(", "))))
            }
        }
    }

    /// All workspaces. The account service counts them in `totalMatchedCount`; the schema that Geti publishes has no pages.
    async fn workspaces(&self, base: &str) -> Asked<Vec<Workspace>> {
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
