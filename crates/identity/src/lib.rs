//! Who presents a credential: tokens of the issuers that the settings name, and service accounts of Kubernetes.
//! Knows no tables, no use cases and no server: it gets a token's text and gives an [`Identity`](domain::access::Identity).
//! The registry's own tokens are not its business.

mod answers;
mod cache;
mod claims;
mod cluster;
mod issuer;
mod issuers;
mod key_source;
mod keys;
mod options;
mod policy;
mod token;
mod web;

pub use issuers::Issuers;
pub use options::{
    ClaimNames, Clock, ClusterOptions, IssuerKind, IssuerOptions, Options, Policy, PolicyOptions, Review,
};
pub use policy::AccessPolicy;

// The package that it uses, by the name of its room.
use modelport_domain as domain;
