//! The value of a property.

use std::collections::BTreeMap;

use super::{Error, Result};

/// The kinds of values, numbered as ML Metadata's `PropertyType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A 64-bit integer.
    Int = 1,
    /// A double, NaN and the infinities included.
    Double = 2,
    /// Text without NUL.
    String = 3,
    /// Any JSON value.
    Struct = 4,
    /// A protobuf message with its type URL.
    Proto = 5,
    /// A boolean.
    Bool = 6,
}

impl ValueKind {
    /// The number under which the kind is stored.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The kind with that number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Int, Self::Double, Self::String, Self::Struct, Self::Proto, Self::Bool]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    /// The kind's name, as messages use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Struct => "struct",
            Self::Proto => "proto",
            Self::Bool => "bool",
        }
    }
}

/// The value of a property, declared or custom. Two are equal when their readers see no difference: NaN equals
/// itself, so that what was read and is put back is unchanged.
#[derive(Debug, Clone)]
pub enum Value {
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Text without NUL.
    String(String),
    /// Any JSON value.
    Struct(serde_json::Value),
    /// A protobuf message.
    Proto {
        /// As in `type.googleapis.com/package.Message`; never empty.
        type_url: String,
        /// The encoded message.
        value: Vec<u8>,
    },
    /// A boolean.
    Bool(bool),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one == other,
            // Both zeroes are one, because SQLite keeps but one.
            (Self::Double(one), Self::Double(other)) => one == other || (one.is_nan() && other.is_nan()),
            (Self::String(one), Self::String(other)) => one == other,
            (Self::Struct(one), Self::Struct(other)) => one == other,
            (Self::Proto { type_url, value }, Self::Proto { type_url: other_url, value: other }) => {
                type_url == other_url && value == other
            }
            (Self::Bool(one), Self::Bool(other)) => one == other,
            _ => false,
        }
    }
}

impl Value {
    /// What kind of value this is.
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::String(_) => ValueKind::String,
            Self::Struct(_) => ValueKind::Struct,
            Self::Proto { .. } => ValueKind::Proto,
            Self::Bool(_) => ValueKind::Bool,
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

/// Properties by name.
pub type Properties = BTreeMap<String, Value>;

/// Refuses text that no database column can hold. `field` names the request's member in the error.
pub fn check_text(field: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(field, format!("`{field}` contains a NUL character")));
    }
    Ok(())
}

/// The one of `all` that a text names.
///
/// Errors: InvalidArgument, with the names of all, on the field that `what` is.
pub fn find_named<T: Copy>(all: &[T], name: fn(T) -> &'static str, what: &str, text: &str) -> Result<T> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| {
        let known: Vec<_> = all.iter().copied().map(name).collect();
        Error::invalid(what, format!("{what} `{}` is none of `{}`", text.escape_debug(), known.join("`, `")))
    })
}

/// The longest name of a custom property, in bytes: what fits the indexes of every database beside a value.
const MAX_NAME_BYTES: usize = 2048;

/// Refuses the name of a property that no database can hold. It may be empty.
pub fn check_property_name(field: &str, name: &str) -> Result<()> {
    check_text(field, name)?;
    if name.len() > MAX_NAME_BYTES {
        let message = format!("property name of {} bytes is longer than {MAX_NAME_BYTES}", name.len());
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

/// Refuses custom properties with an unusable name or value.
pub fn check_custom(properties: &Properties) -> Result<()> {
    const FIELD: &str = "customProperties";
    for (name, value) in properties {
        check_property_name(FIELD, name)?;
        check_value(&format!("{FIELD}.{name}"), value)?;
    }
    Ok(())
}

/// Refuses a value that cannot be stored and read back as it is.
pub fn check_value(field: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) => check_text(field, text),
        Value::Proto { type_url, .. } if type_url.is_empty() => {
            Err(Error::invalid(field, format!("`{field}` has no type URL")))
        }
        Value::Proto { type_url, .. } => check_text(field, type_url),
        Value::Struct(json) => check_json(field, json),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) => Ok(()),
    }
}

/// Refuses JSON with a NUL in it: what one protocol takes, every other has to show and take back.
fn check_json(field: &str, json: &serde_json::Value) -> Result<()> {
    match json {
        serde_json::Value::String(text) => check_text(field, text),
        serde_json::Value::Array(items) => items.iter().try_for_each(|item| check_json(field, item)),
        serde_json::Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_text(field, name)?;
            check_json(field, value)
        }),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_number_is_what_it_was() {
        let double = Value::Double;
        assert_eq!(double(f64::NAN), double(f64::NAN));
        assert_eq!(double(f64::INFINITY), double(f64::INFINITY));
        assert_ne!(double(f64::NAN), double(0.0));
        assert_eq!(double(0.0), double(-0.0));
        assert_ne!(double(1.0), Value::Int(1));
    }

    #[test]
    fn what_a_property_is_called_and_says_has_no_nul_however_deep() {
        for good in [json!(null), json!("ü"), json!([1, {"a": ["b", true]}])] {
            assert!(check_value("p", &Value::Struct(good)).is_ok());
        }
        for bad in [json!("\0"), json!([["a\0"]]), json!({"a": {"b": "\0"}}), json!({"a": {"\0": 1}})] {
            assert_eq!(check_value("p", &Value::Struct(bad)).unwrap_err().field(), Some("p"));
        }
        let named = |name: String| check_custom(&Properties::from([(name, Value::Bool(true))]));
        assert!(named("模".repeat(MAX_NAME_BYTES / 3)).is_ok());
        assert!(named("k".repeat(MAX_NAME_BYTES + 1)).is_err());
        assert!(named("a\0".to_owned()).is_err());
    }
}
