//! Preconditions of requests (RFC 9110 §13.1).

use crate::domain::{Error, Result};

/// The field of an error about a failed `If-Match`.
pub const IF_MATCH: &str = "If-Match";

/// The field of an error about a failed `If-None-Match`.
pub const IF_NONE_MATCH: &str = "If-None-Match";

/// The tags of a header, without their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever is there.
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

impl Tags {
    fn matches(&self, current: Option<&str>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::OneOf(tags), Some(current)) => tags.iter().any(|tag| tag == current),
        }
    }
}

/// What `If-Match` and `If-None-Match` demand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// What is there has one of these tags.
    pub if_match: Option<Tags>,
    /// What is there has none of these.
    pub if_none_match: Option<Tags>,
}

impl Conditions {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Errors: PreconditionFailed on the header's field, of `what`, which has that tag now, or is not there.
    pub fn check(&self, what: &str, current: Option<&str>) -> Result<()> {
        let field = if self.if_match.as_ref().is_some_and(|tags| !tags.matches(current)) {
            IF_MATCH
        } else if self.if_none_match.as_ref().is_some_and(|tags| tags.matches(current)) {
            IF_NONE_MATCH
        } else {
            return Ok(());
        };
        let state = current.map_or_else(|| "does not exist".to_owned(), |tag| format!("has the ETag `\"{tag}\"`"));
        Err(Error::precondition_failed(field, format!("the {what} {state}")))
    }
}
