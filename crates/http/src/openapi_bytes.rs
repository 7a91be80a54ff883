//! Bytes in the documents. utoipa describes a `Vec<u8>` as a list of integers, and clients made from that would send one.

use serde_json::{Map, Value as Json, json};

/// Describes every body of bytes as OpenAPI 3.1 does, by its `contentMediaType`, and for generators that know OpenAPI 3.0 alone
/// by the format `binary` as well.
pub fn describe_bytes(document: &mut Json) {
    match document {
        Json::Object(members) => {
            if let Some(Json::Object(content)) = members.get_mut("content") {
                content.iter_mut().for_each(|(media_type, described)| describe_one(media_type, described));
            }
            members.values_mut().for_each(describe_bytes);
        }
        Json::Array(items) => items.iter_mut().for_each(describe_bytes),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn describe_one(media_type: &str, described: &mut Json) {
    if let Some(schema) = described.get_mut("schema").filter(|schema| is_list_of_bytes(schema)) {
        *schema = json!({"type": "string", "format": "binary", "contentMediaType": media_type});
    }
}

/// Whether it is what utoipa makes of a `Vec<u8>`, or of one that may be absent.
fn is_list_of_bytes(schema: &Json) -> bool {
    let is_byte = |items: &Map<String, Json>| {
        items.get("type").is_some_and(|kind| kind == "integer")
            && items.get("format").is_some_and(|format| format == "int32")
    };
    let is_list = match schema.get("type") {
        Some(Json::String(kind)) => kind == "array",
        Some(Json::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        _ => false,
    };
    is_list && schema.get("items").and_then(Json::as_object).is_some_and(is_byte)
}
