//! The names of all calls, so that logs and metrics have no label that a client chose.

use std::collections::BTreeSet;
use std::sync::Arc;

use log::Level;
use prost::Message;

use super::DESCRIPTORS;
use crate::domain::{Error, Result};

/// The services of gRPC itself: called by probes, and not waited for when the server stops.
const OWN: [&str; 4] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The names of all calls.
pub(super) struct Routes(BTreeSet<Arc<str>>);

/// Which call a request is for.
pub(super) enum Route {
    /// One of the service's.
    Service(Arc<str>),
    /// One that belongs to gRPC itself.
    Own(&'static str),
    /// None.
    Unmatched,
}

impl Routes {
    /// The calls of the files below `proto`.
    pub(super) fn new() -> Result<Self> {
        let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS)
            .map_err(|error| Error::internal("the compiled protocol buffers cannot be read").caused_by(error))?;
        let names = files.file.iter().flat_map(|file| {
            file.service.iter().flat_map(|service| {
                service.method.iter().map(|method| format!("{}.{}/{}", file.package(), service.name(), method.name()))
            })
        });
        Ok(Self(names.map(Arc::from).collect()))
    }

    /// The call of that path.
    pub(super) fn find(&self, path: &str) -> Route {
        let name = path.strip_prefix('/').unwrap_or(path);
        match (self.0.get(name), OWN.iter().find(|own| **own == name)) {
            (Some(name), _) => Route::Service(Arc::clone(name)),
            (None, Some(own)) => Route::Own(own),
            (None, None) => Route::Unmatched,
        }
    }
}

impl Route {
    /// The call's full name without its first slash.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Service(name) => name,
            Self::Own(name) => name,
            Self::Unmatched => "unmatched",
        }
    }

    /// Whether the server waits for its end before it stops.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(self, Self::Own(_))
    }

    /// At what level its end is logged.
    pub(super) fn level(&self) -> Level {
        if matches!(self, Self::Own(_)) { Level::Debug } else { Level::Info }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_name_and_others_have_none() {
        let routes = Routes::new().unwrap();
        assert_eq!(routes.0.len(), 52);
        let name = "ml_metadata.MetadataStoreService/PutArtifacts";
        assert_eq!(routes.find(&format!("/{name}")).name(), name);
        assert!(!routes.find("/grpc.health.v1.Health/Watch").is_awaited());
        assert_eq!(routes.find("/ml_metadata.MetadataStoreService/Drop").name(), "unmatched");
    }
}
