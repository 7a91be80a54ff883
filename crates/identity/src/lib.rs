//! Who presents a credential: tokens of the issuers that the settings name, and service accounts of Kubernetes.
//! Knows no tables, no use cases and no server: it gets a token's text and gives an [`Identity`](domain::access::Identity).
//! The registry's own tokens are not its business. How people log in by an issuer is, and the keys that seal what it says for later.

mod answers;
mod cache;
mod claims;
mod cluster;
mod device;
mod discovery;
mod issuer;
mod issuers;
mod key_source;
mod keys;
mod login;
mod options;
mod policy;
mod sealing;
mod token;
mod web;

pub use device::{DeviceClient, DeviceLogin, DeviceTokens, Renewal};
pub use issuers::Issuers;
pub use login::{Login, LoginRequest};
pub use options::{
    BrowserClient, ClaimNames, ClientSecret, Clock, ClusterOptions, IssuerKind, IssuerOptions, Options, Policy,
    PolicyOptions, Review,
};
pub use policy::AccessPolicy;
pub use sealing::{Keyring, random_secret};
pub use web::{Answer, Body, Credential, Reply, Web};

// The package that it uses, by the name of its room.
use modelport_domain as domain;
