//! What texts look like on the wire, as patterns for the document.

use serde_json::{Value as Json, json};

/// An id: a positive integer. Ids are given from 1 on, so that none has 19 digits.
pub const ID: &str = "^[1-9][0-9]{0,17}$";

/// An id that may be empty, where that says the same as its absence.
pub const ID_OR_EMPTY: &str = "^([1-9][0-9]{0,17})?$";

/// An alias.
pub const ALIAS: &str = r"^[\w.-]{1,255}$";

/// What `If-Match` may demand.
pub const ENTITY_TAG: &str = r#"^(\*|(W/)?"[!#-~]*")$"#;

/// Text: neither database keeps a NUL.
const TEXT: &str = r"^[^\x00]*$";

/// Base64 with its padding, and no bits set that belong to no byte.
const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// The longest name or external id, in characters.
const MAX_NAME_CHARS: usize = 512;

/// The schema of a text.
pub fn text() -> Json {
    json!({"type": "string", "pattern": TEXT})
}

/// The schema of a name or external id, which may be empty where it may be absent.
pub fn name() -> Json {
    json!({"type": "string", "pattern": TEXT, "maxLength": MAX_NAME_CHARS})
}

/// The same text, not empty.
pub fn filled(mut schema: Json) -> Json {
    if let Some(members) = schema.as_object_mut() {
        members.insert("minLength".to_owned(), 1.into());
    }
    schema
}

/// The schema of a map by names of the caller's choice.
pub fn map(values: Json) -> Json {
    json!({"type": "object", "propertyNames": {"pattern": TEXT}, "additionalProperties": values})
}

/// The schema of bytes; `media_type` is what they are, where that is known.
pub fn bytes(media_type: Option<&str>) -> Json {
    let mut schema = json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64});
    if let (Some(members), Some(media_type)) = (schema.as_object_mut(), media_type) {
        members.insert("contentMediaType".to_owned(), media_type.into());
    }
    schema
}

/// The schema of an integer of 64 bits in decimal, as a custom property has it.
pub fn int64() -> Json {
    let pattern = format!("^(-?({})|{})$", magnitudes(), i64::MIN);
    json!({"type": "string", "format": "int64", "pattern": pattern})
}

/// The schema of an integer of 64 bits in decimal, as a member has it: with a plus or zeros before it, or empty, which is as good
/// as absent.
pub fn int64_or_empty() -> Json {
    let least = i64::MIN.unsigned_abs();
    let pattern = format!("^([+-]?0*({})|-0*{least})?$", magnitudes());
    json!({"type": "string", "format": "int64", "pattern": pattern})
}

/// The schema of an integer of 64 bits as a number.
pub fn number64() -> Json {
    json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX})
}

/// The same with `null` allowed.
pub fn or_null(mut schema: Json) -> Json {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    schema
}

/// The integers from 0 to the greatest, each in one way.
fn magnitudes() -> String {
    let greatest = i64::MAX.to_string();
    let mut numbers = vec!["0".to_owned(), "[1-9][0-9]{0,17}".to_owned(), greatest.clone()];
    let mut before = String::new();
    for (at, digit) in greatest.bytes().enumerate() {
        let least = if at == 0 { b'1' } else { b'0' };
        if digit > least {
            let less = format!("{before}[{}-{}]", char::from(least), char::from(digit - 1));
            let left = greatest.len() - at - 1;
            numbers.push(if left == 0 { less } else { format!("{less}[0-9]{{{left}}}") });
        }
        before.push(char::from(digit));
    }
    numbers.join("|")
}
