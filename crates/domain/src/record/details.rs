//! The properties of a record that are not part of its identity: declared once, and read, changed and written by their names.

use serde_json::Value as Json;

use crate::value::check_text;
use crate::{Change, Result, Value};

/// Where the details of a record are read from: each by its name, in their order, as the kind that it has.
pub trait DetailsSource {
    /// Why one cannot be read.
    type Error;

    /// A text.
    fn text(&mut self, name: &str) -> Result<Option<String>, Self::Error>;
    /// A number.
    fn number(&mut self, name: &str) -> Result<Option<f64>, Self::Error>;
    /// A number without a fraction.
    fn integer(&mut self, name: &str) -> Result<Option<i64>, Self::Error>;
    /// An object, or text.
    fn object(&mut self, name: &str) -> Result<Option<Json>, Self::Error>;
    /// A list.
    fn list(&mut self, name: &str) -> Result<Option<Json>, Self::Error>;
}

/// The details, each with its kind, which is how a [`DetailsSource`] has it.
macro_rules! details {
    (@type text) => { String };
    (@type number) => { f64 };
    (@type integer) => { i64 };
    (@type object) => { Json };
    (@type list) => { Json };
    (@value text) => { Value::String };
    (@value number) => { Value::Double };
    (@value integer) => { Value::Int };
    (@value object) => { Value::Struct };
    (@value list) => { Value::Struct };
    ($($(#[$documentation:meta])* $name:ident: $kind:ident;)+) => {
        /// The other properties of a record; absent ones are shown with their defaults.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct Details {
            $($(#[$documentation])* pub $name: Option<details!(@type $kind)>,)+
        }

        /// What to change of the details of a record.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct DetailsPatch {
            $($(#[$documentation])* pub $name: Change<details!(@type $kind)>,)+
        }

        impl Details {
            /// The names of the details, in their order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Reads the details, in their order.
            pub fn read<S: DetailsSource>(source: &mut S) -> Result<Self, S::Error> {
                Ok(Self { $($name: source.$kind(stringify!($name))?,)+ })
            }

            /// The details by their names, as properties.
            pub fn values(&self) -> Vec<(&'static str, Option<Value>)> {
                vec![$((stringify!($name), self.$name.clone().map(details!(@value $kind)))),+]
            }
        }

        impl DetailsPatch {
            /// Sets those details that `is_said` says are said, and clears those of them that are absent.
            pub fn of(details: Details, is_said: impl Fn(&str) -> bool) -> Self {
                Self {
                    $($name: match details.$name {
                        _ if !is_said(stringify!($name)) => Change::Keep,
                        Some(value) => Change::Set(value),
                        None => Change::Clear,
                    },)+
                }
            }

            /// Changes the details.
            pub(super) fn apply(&self, details: &mut Details) {
                $(self.$name.clone().apply(&mut details.$name);)+
            }
        }
    };
}

details! {
    /// The device that it is meant for.
    target_device: text;
    /// The kind of that device.
    target_device_type: text;
    /// The format of the model.
    format: text;
    /// How good it is.
    score: number;
    /// When it was created, as the client said it.
    created_date: text;
    /// How many bytes it has, as the client said it afterwards.
    size: integer;
    /// Where it comes from.
    origin: text;
    /// Its category.
    category: text;
    /// Its architecture.
    architecture: text;
    /// An object, or text.
    overview: object;
    /// An object, or text.
    optimization_capabilities: object;
    /// A list.
    labels: list;
}

impl Details {
    /// Refuses texts that cannot be stored.
    pub(super) fn check(&self) -> Result<()> {
        self.values().into_iter().try_for_each(|(name, value)| match value {
            Some(Value::String(text)) => check_text(name, &text),
            _ => Ok(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_kept_and_what_is_said_to_be_absent_is_cleared() {
        let said = Details { origin: Some("here".to_owned()), ..Details::default() };
        let patch = DetailsPatch::of(said, |name| matches!(name, "origin" | "score"));
        let kept = |score, origin: &str| Details {
            score,
            origin: Some(origin.to_owned()),
            size: Some(7),
            ..Details::default()
        };
        let mut details = kept(Some(0.5), "there");
        patch.apply(&mut details);
        assert_eq!(details, kept(None, "here"));
    }

    #[test]
    fn a_text_with_a_nul_is_refused_by_its_name() {
        let details = Details { category: Some("a\0b".to_owned()), ..Details::default() };
        assert_eq!(details.check().unwrap_err().field(), Some("category"));
    }
}
