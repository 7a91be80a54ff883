//! Restated values, which count as no change: a protocol that cannot show every value exactly gets some back as it showed them.

use super::{Change, Properties, Value};

/// Whether a sent value, or `None` if it is cleared, equals what the protocol showed of the stored one.
pub type Restates = fn(stored: &Value, sent: Option<&Value>) -> bool;

/// How a protocol recognises values that it showed. A value that is sent as it was shown keeps its stored form, so that a client
/// that reads a node and puts it back changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Of properties that the type declares.
    pub declared: Restates,
    /// Of free properties.
    pub custom: Restates,
}

impl Default for Shown {
    /// Every value is shown as it is.
    fn default() -> Self {
        Self { declared: equals, custom: equals }
    }
}

impl PartialEq for Shown {
    /// How values are shown is no part of what a patch changes.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

fn equals(stored: &Value, sent: Option<&Value>) -> bool {
    sent == Some(stored)
}

impl Shown {
    /// The change of a declared property, or `Keep` if it only restates the stored value.
    pub fn without_restated(&self, stored: Option<&Value>, change: &Change<Value>) -> Change<Value> {
        let sent = match change {
            Change::Keep => return Change::Keep,
            Change::Clear => None,
            Change::Set(value) => Some(value),
        };
        if stored.is_some_and(|stored| (self.declared)(stored, sent)) { Change::Keep } else { change.clone() }
    }

    /// The declared properties that were sent, with restated values replaced by the stored ones.
    pub fn declared_without_restated(&self, stored: &Properties, sent: &Properties) -> Properties {
        without_restated_values(self.declared, stored, sent)
    }

    /// The custom properties that were sent, with restated values replaced by the stored ones.
    pub fn custom_without_restated(&self, stored: &Properties, sent: &Properties) -> Properties {
        without_restated_values(self.custom, stored, sent)
    }
}

fn without_restated_values(restates: Restates, stored: &Properties, sent: &Properties) -> Properties {
    let unless_restated = |(name, value): (&String, &Value)| {
        let kept = stored.get(name).filter(|stored| restates(stored, Some(value)));
        (name.clone(), kept.unwrap_or(value).clone())
    };
    sent.iter().map(unless_restated).collect()
}
