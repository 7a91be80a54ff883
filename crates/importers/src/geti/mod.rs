//! Intel Geti: its REST API in the dialects that its releases speak, and what its models become here.
//!
//! Each rule of the protocol names where it was read: "Geti 2.11" and "Geti 2.13" are the platform's server, "Geti 3" the
//! backend of the application that followed it, "SDK" is geti-sdk 2.13, "edge registry" the microservice of Intel's Open
//! Edge Platform, release 1.0.3, whose import this one replaces.

mod archive;
mod client;
mod code_deployments;
mod dialect;
mod error;
mod import;
mod mapping;
mod package;
mod project;
mod v2;
mod v3;
mod wire;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::domain::imports::RemoteProject;
use crate::domain::{Error, Result};
use crate::registry::import_source::ImportSource;
use crate::registry::jobs::Stopping;
use client::{Server, Session};

pub use client::GetiOptions;

/// The Geti servers of the settings.
pub struct Geti {
    servers: Vec<Arc<Server>>,
}

impl Geti {
    /// A client for these servers; sends nothing yet.
    ///
    /// Errors: InvalidArgument on a server without a URL, and on certificates that cannot be read.
    pub fn new(servers: Vec<GetiOptions>) -> Result<Self> {
        let servers = servers.into_iter().map(|options| Server::new(options).map(Arc::new)).collect::<Result<_>>()?;
        Ok(Self { servers })
    }

    fn session(&self, server: &str, stopping: Stopping) -> Result<Session> {
        let found = self.servers.iter().find(|each| each.options.name == server).ok_or_else(|| {
            Error::invalid("server", format!("no Geti server `{}` is in the settings", server.escape_debug()))
        })?;
        Session::new(Arc::clone(found), stopping)
    }
}

impl ImportSource for Geti {
    fn servers(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.options.name.clone()).collect()
    }

    fn projects<'a>(&'a self, server: &'a str) -> BoxFuture<'a, Result<Vec<RemoteProject>>> {
        async move {
            let session = self.session(server, Stopping::never())?;
            let list_projects = session.list_projects().await?;
            Ok(list_projects.iter().map(RemoteProject::from).collect())
        }
        .boxed()
    }

    fn project<'a>(&'a self, server: &'a str, id: &'a str) -> BoxFuture<'a, Result<RemoteProject>> {
        async move {
            let session = self.session(server, Stopping::never())?;
            let found = session.project(id, None).await?;
            Ok(RemoteProject::from(&found))
        }
        .boxed()
    }
}
