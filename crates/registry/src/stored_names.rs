//! Names as they are stored, where what people see of them may repeat.

use uuid::Uuid;

use crate::domain::{LogicalType, Name, NodeId, Result};

/// The name under which it is stored: a new UUID when the type may go without one, after a UUID when names may repeat.
pub(super) fn stored_name(logical: LogicalType, home: Option<NodeId>, name: Option<&Name>) -> Result<Name> {
    match name {
        // A name that looks as if it had a prefix gets one, so that people see all of it.
        Some(name)
            if logical.may_repeat(home.is_some()) || logical == LogicalType::ExperimentRun && looks_prefixed(name) =>
        {
            Ok(name.with_prefix(Uuid::new_v4()))
        }
        Some(name) => Ok(name.clone()),
        None => Uuid::new_v4().to_string().parse(),
    }
}

/// Whether a colon is where that after a UUID is.
fn looks_prefixed(name: &Name) -> bool {
    name.as_str().chars().nth(36) == Some(':')
}
