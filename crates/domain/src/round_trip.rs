//! Values that are sent back unchanged, which count as no change: a protocol that cannot show every value exactly gets some
//! back as it showed them.

use super::{Change, Properties, Value};

/// Whether a sent value, or `None` if it is cleared, equals what the protocol showed of the stored one.
pub type IsUnchanged = fn(stored: &Value, sent: Option<&Value>) -> bool;

/// How a protocol recognises values that it showed. A value that is sent as it was shown keeps its stored form, so that a client
/// that reads a node and puts it back changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct RoundTrip {
    /// Of properties that the type declares.
    pub declared: IsUnchanged,
    /// Of free properties.
    pub custom: IsUnchanged,
}

impl Default for RoundTrip {
    /// Every value is shown as it is.
    fn default() -> Self {
        Self { declared: equals, custom: equals }
    }
}

impl PartialEq for RoundTrip {
    /// How values are shown is no part of what a patch changes.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn equals(stored: &Value, sent: Option<&Value>) -> bool {
    sent == Some(stored)
}

impl RoundTrip {
    /// The change of a declared property, or `Keep` if it only sends back the stored value unchanged.
    pub fn without_unchanged(&self, stored: Option<&Value>, change: &Change<Value>) -> Change<Value> {
        let sent = match change {
            Change::Keep => return Change::Keep,
            Change::Clear => None,
            Change::Set(value) => Some(value),
        };
        if stored.is_some_and(|stored| (self.declared)(stored, sent)) { Change::Keep } else { change.clone() }
    }

    /// The declared properties that were sent, with unchanged values replaced by the stored ones.
    pub fn declared_without_unchanged(&self, stored: &Properties, sent: &Properties) -> Properties {
        without_unchanged_values(self.declared, stored, sent)
    }

    /// The custom properties that were sent, with unchanged values replaced by the stored ones.
    pub fn custom_without_unchanged(&self, stored: &Properties, sent: &Properties) -> Properties {
        without_unchanged_values(self.custom, stored, sent)
    }
}

fn without_unchanged_values(is_unchanged: IsUnchanged, stored: &Properties, sent: &Properties) -> Properties {
    let unless_unchanged = |(name, value): (&String, &Value)| {
        let kept = stored.get(name).filter(|stored| is_unchanged(stored, Some(value)));
        (name.clone(), kept.unwrap_or(value).clone())
    };
    sent.iter().map(unless_unchanged).collect()
}
