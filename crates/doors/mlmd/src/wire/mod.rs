//! Conversion between the messages and the domain types.

mod events;
mod lineage;
mod lists;
mod nodes;
mod signature;
mod structs;
mod types;
mod value;

use crate::domain::{Error, Result};

pub(super) use events::{event_message, parse_event};
pub(super) use lineage::{parse_query, subgraph_message};
pub(super) use lists::parse_options;
pub(super) use nodes::{NodeMessage, to_messages};
pub(super) use types::{Base, TypeMessage};

/// The number of a known value of an enumeration.
fn known<T: TryFrom<i32>>(field: &str, number: i32) -> Result<i64> {
    match T::try_from(number) {
        Ok(_) => Ok(i64::from(number)),
        Err(_) => Err(Error::invalid(field, format!("`{field}` has no value `{number}`"))),
    }
}
