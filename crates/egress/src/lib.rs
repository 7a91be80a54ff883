//! The one policy for requests outward that clients can cause: webhooks, and servers that a client names to import from.
//!
//! Public addresses are allowed by `https://`; anything else only where the settings list it, or where no client chose the server.
//! Addresses are checked where the connection is made, so that a name cannot lead elsewhere between the check and the request.
//! Knows no tables, no use cases and no server.

mod addresses;
mod client;
mod policy;

pub use client::{Client, Limits, failed};
pub use policy::{Allowed, Egress, EgressOptions};

// The package that it uses, by the name of its room.
use modelport_domain as domain;
