//! What is sent to webhooks, as MLflow's server sends it: its payloads, its headers, its signature. Every request passes the egress
//! policy. Which events there are, and that they arrive, is the registry's business.

mod payload;
mod sender;
mod signature;

pub use sender::{Keys, Sender, SenderOptions};

// The packages that it uses, by the names of their rooms.
use {
    modelport_domain as domain, modelport_egress as egress, modelport_identity as identity,
    modelport_registry as registry,
};
