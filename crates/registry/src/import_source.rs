//! What another system has to answer, so that models can be imported from it.

use futures_util::future::BoxFuture;

use crate::domain::Result;
use crate::domain::imports::RemoteProject;

/// Another system, with one or more servers, that models can be imported from.
pub trait ImportSource: Send + Sync {
    /// The names of the servers in the settings; the first one is the default.
    fn servers(&self) -> Vec<String>;

    /// The projects of a server, with their models.
    fn projects<'a>(&'a self, server: &'a str) -> BoxFuture<'a, Result<Vec<RemoteProject>>>;

    /// One project. Errors: NotFound.
    fn project<'a>(&'a self, server: &'a str, id: &'a str) -> BoxFuture<'a, Result<RemoteProject>>;
}
