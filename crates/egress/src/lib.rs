//! The one policy for requests outward whose URLs clients choose: deliveries to webhooks.
//!
//! Public addresses are allowed by `https://`; anything else only where the settings list it.
//! Addresses are checked where the connection is made, so that a name cannot lead elsewhere between the check and the request.
//! Knows no tables, no use cases and no server.

mod addresses;
mod client;
mod policy;

pub use client::{Client, Limits};
pub use policy::{Allowed, Egress, EgressOptions};

// The package that it uses, by the name of its room.
use modelport_domain as domain;
