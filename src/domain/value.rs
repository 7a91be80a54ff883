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

/// The value of a property, declared or custom.
#[derive(Debug, Clone, PartialEq)]
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

/// Refuses custom properties with an unusable name or value.
pub fn check_custom(properties: &Properties) -> Result<()> {
    const FIELD: &str = "customProperties";
    for (name, value) in properties {
        check_text(FIELD, name)?;
        if name.len() > 1024 {
            return Err(Error::invalid(FIELD, format!("property name of {} bytes is longer than 1024", name.len())));
        }
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
        Value::Int(_) | Value::Double(_) | Value::Struct(_) | Value::Bool(_) => Ok(()),
    }
}
