//! The messages, converted from and to what the registry speaks.

mod events;
mod lineage;
mod lists;
mod nodes;
mod signature;
mod structs;
mod types;
mod value;

use crate::domain::{Error, Result};

pub(super) use events::{read_event, show_event};
pub(super) use lineage::{read_query, show_subgraph};
pub(super) use lists::read_options;
pub(super) use nodes::{Nodal, show_all};
pub(super) use types::{Base, Typal};

/// The number of a known value of an enumeration.
fn known<T: TryFrom<i32>>(field: &str, number: i32) -> Result<i64> {
    match T::try_from(number) {
        Ok(_) => Ok(i64::from(number)),
        Err(_) => Err(Error::invalid(field, format!("`{field}` has no value `{number}`"))),
    }
}
