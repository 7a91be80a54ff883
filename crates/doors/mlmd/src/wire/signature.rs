//! The inputs or outputs of an execution, `ArtifactStructType`, as the JSON text that is stored of it: as protocol buffers
//! are written in JSON, but for numbers. It nests no deeper than a message may.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::TypeMessage as _;
use crate::domain::{Error, Result};
use crate::pb::{self, artifact_struct_type::Kind};

/// The JSON text of a signature. Errors: InvalidArgument for what a type in it cannot be.
pub(super) fn serialize(sent: &pb::ArtifactStructType) -> Result<String> {
    Ok(to_json(sent)?.to_string())
}

/// The signature of the text. Errors: Internal when it is none.
pub(super) fn parse(text: &str) -> Result<pb::ArtifactStructType> {
    let invalid_signature = || Error::internal("what is stored as a type's signature is none");
    let json: Value = serde_json::from_str(text).map_err(|error| invalid_signature().caused_by(error))?;
    parse_json(&json).ok_or_else(invalid_signature)
}

fn to_json(sent: &pb::ArtifactStructType) -> Result<Value> {
    let many = |types: &[pb::ArtifactStructType]| types.iter().map(to_json).collect::<Result<Vec<_>>>();
    let maybe = |of: &Option<Box<pb::ArtifactStructType>>| of.as_deref().map(to_json).transpose();
    Ok(match &sent.kind {
        None => json!({}),
        Some(Kind::Simple(of)) => json!({ "simple": type_to_json(of)? }),
        Some(Kind::UnionType(of)) => json!({ "unionType": { "candidates": many(&of.candidates)? } }),
        Some(Kind::Intersection(of)) => json!({ "intersection": { "constraints": many(&of.constraints)? } }),
        Some(Kind::List(of)) => json!({ "list": members([("element", maybe(&of.element)?)]) }),
        Some(Kind::None(_)) => json!({ "none": {} }),
        Some(Kind::Any(_)) => json!({ "any": {} }),
        Some(Kind::Tuple(of)) => json!({ "tuple": { "elements": many(&of.elements)? } }),
        Some(Kind::Dict(of)) => {
            let properties = of.properties.iter().map(|(name, of)| Ok((name.clone(), to_json(of)?)));
            json!({ "dict": members([
                ("properties", Some(Value::Object(properties.collect::<Result<_>>()?))),
                ("noneTypeNotRequired", of.none_type_not_required.map(Value::Bool)),
                ("extraPropertiesType", maybe(&of.extra_properties_type)?),
            ]) })
        }
    })
}

fn type_to_json(of: &pb::ArtifactType) -> Result<Value> {
    // Refuses properties and base types that do not exist.
    of.clone().parse()?;
    let text = |text: &Option<String>| text.clone().map(Value::String);
    Ok(members([
        ("id", of.id.map(Value::from)),
        ("name", text(&of.name)),
        ("properties", Some(json!(of.properties))),
        ("version", text(&of.version)),
        ("description", text(&of.description)),
        ("baseType", of.base_type.map(Value::from)),
        ("externalId", text(&of.external_id)),
    ]))
}

fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn parse_json(json: &Value) -> Option<pb::ArtifactStructType> {
    let Some((kind, of)) = json.as_object()?.iter().next() else {
        return Some(pb::ArtifactStructType::default());
    };
    let of = of.as_object()?;
    let kind = match kind.as_str() {
        "simple" => Kind::Simple(parse_type_json(of)?),
        "unionType" => Kind::UnionType(pb::UnionArtifactStructType { candidates: list(of, "candidates")? }),
        "intersection" => {
            Kind::Intersection(pb::IntersectionArtifactStructType { constraints: list(of, "constraints")? })
        }
        "list" => Kind::List(Box::new(pb::ListArtifactStructType { element: boxed(of, "element")? })),
        "none" => Kind::None(pb::NoneArtifactStructType {}),
        "any" => Kind::Any(pb::AnyArtifactStructType {}),
        "tuple" => Kind::Tuple(pb::TupleArtifactStructType { elements: list(of, "elements")? }),
        "dict" => {
            let properties = of.get("properties")?.as_object()?.iter();
            Kind::Dict(Box::new(pb::DictArtifactStructType {
                properties: properties
                    .map(|(name, of)| Some((name.clone(), parse_json(of)?)))
                    .collect::<Option<_>>()?,
                none_type_not_required: of.get("noneTypeNotRequired").and_then(Value::as_bool),
                extra_properties_type: boxed(of, "extraPropertiesType")?,
            }))
        }
        _ => return None,
    };
    Some(pb::ArtifactStructType { kind: Some(kind) })
}

fn list(of: &Map<String, Value>, name: &str) -> Option<Vec<pb::ArtifactStructType>> {
    of.get(name)?.as_array()?.iter().map(parse_json).collect()
}

/// Outside, whether it is a signature; inside, whether there is one.
#[allow(clippy::option_option)]
fn boxed(of: &Map<String, Value>, name: &str) -> Option<Option<Box<pb::ArtifactStructType>>> {
    of.get(name).map_or(Some(None), |of| Some(Some(Box::new(parse_json(of)?))))
}

fn parse_type_json(of: &Map<String, Value>) -> Option<pb::ArtifactType> {
    let text = |name: &str| of.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let number = |of: &Value| of.as_i64().and_then(|number| i32::try_from(number).ok());
    let properties = of.get("properties")?.as_object()?.iter();
    Some(pb::ArtifactType {
        id: of.get("id").and_then(Value::as_i64),
        name: text("name"),
        properties: properties
            .map(|(name, kind)| Some((name.clone(), number(kind)?)))
            .collect::<Option<BTreeMap<_, _>>>()?,
        version: text("version"),
        description: text("description"),
        base_type: of.get("baseType").and_then(number),
        external_id: text("externalId"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind) -> pb::ArtifactStructType {
        pb::ArtifactStructType { kind: Some(kind) }
    }

    fn simple() -> pb::ArtifactStructType {
        of(Kind::Simple(pb::ArtifactType {
            id: Some(i64::MAX),
            name: Some("t".to_owned()),
            properties: [("p".to_owned(), 3)].into(),
            version: Some(String::new()),
            base_type: Some(2),
            ..pb::ArtifactType::default()
        }))
    }

    #[test]
    fn a_signature_comes_back_as_it_was() {
        let list = of(Kind::List(Box::new(pb::ListArtifactStructType { element: Some(Box::new(simple())) })));
        let union = of(Kind::UnionType(pb::UnionArtifactStructType {
            candidates: vec![of(Kind::None(pb::NoneArtifactStructType {})), list],
        }));
        let constraints = vec![simple(), of(Kind::Any(pb::AnyArtifactStructType {}))];
        let intersection = of(Kind::Intersection(pb::IntersectionArtifactStructType { constraints }));
        let tuple = of(Kind::Tuple(pb::TupleArtifactStructType {
            elements: vec![pb::ArtifactStructType::default(), intersection],
        }));
        let dict = of(Kind::Dict(Box::new(pb::DictArtifactStructType {
            properties: [("u".to_owned(), union), ("t".to_owned(), tuple)].into(),
            none_type_not_required: Some(false),
            extra_properties_type: Some(Box::new(of(Kind::List(Box::default())))),
        })));
        assert_eq!(parse(&serialize(&dict).unwrap()).unwrap(), dict);
    }

    #[test]
    fn a_signature_of_what_does_not_exist_is_refused() {
        let unknown = pb::ArtifactType { properties: [("p".to_owned(), 0)].into(), ..pb::ArtifactType::default() };
        assert_eq!(serialize(&of(Kind::Simple(unknown))).unwrap_err().field(), Some("properties.p"));
        assert!(parse("{\"simple\": 1}").is_err());
        assert!(parse("[").is_err());
    }

    #[test]
    fn what_is_stored_can_be_read_by_people() {
        let list = of(Kind::List(Box::new(pb::ListArtifactStructType { element: Some(Box::new(simple())) })));
        let expected = r#"{"list":{"element":{"simple":{"baseType":2,"id":9223372036854775807,"name":"t","properties":{"p":3},"version":""}}}}"#;
        assert_eq!(serialize(&list).unwrap(), expected);
    }
}
