//! Types of artifacts, executions and contexts.

use std::collections::BTreeMap;

use super::{known, signature};
use crate::domain::graph::{Type, TypeDraft};
use crate::domain::{Error, NodeKind, Result, ValueKind};
use crate::pb;

/// Whether a type is shown with the system type that it extends. Which answers have it is ML Metadata's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// With it.
    Shown,
    /// Without it.
    Hidden,
}

/// A message of a type.
pub(crate) trait TypeMessage: Sized {
    /// The kind of the type's nodes.
    const KIND: NodeKind;

    /// The type as it is put. Errors: InvalidArgument for an enumeration's value that does not exist.
    fn parse(self) -> Result<TypeDraft>;

    /// The message of a type.
    fn to_message(of: Type, base: Base) -> Result<Self>;
}

fn parse_properties(sent: BTreeMap<String, i32>) -> Result<BTreeMap<String, ValueKind>> {
    let read_one = |(name, kind): (String, i32)| match ValueKind::from_number(kind.into()) {
        Some(kind) => Ok((name, kind)),
        None => Err(Error::invalid(&format!("properties.{name}"), format!("Property {name} has no known kind"))),
    };
    sent.into_iter().map(read_one).collect()
}

fn properties_message(of: &Type) -> BTreeMap<String, i32> {
    let number = |kind: &ValueKind| match kind {
        ValueKind::Int => pb::PropertyType::Int,
        ValueKind::Double => pb::PropertyType::Double,
        ValueKind::String => pb::PropertyType::String,
        ValueKind::Struct => pb::PropertyType::Struct,
        ValueKind::Proto => pb::PropertyType::Proto,
        ValueKind::Bool => pb::PropertyType::Boolean,
    };
    of.properties.iter().map(|(name, kind)| (name.clone(), number(kind).into())).collect()
}

fn base_message(of: &Type, base: Base) -> Option<i32> {
    match base {
        // A system type is a base itself, and has none.
        Base::Shown if of.is_system() => None,
        Base::Shown => of.base_type.and_then(|base| i32::try_from(base).ok()),
        Base::Hidden => None,
    }
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl TypeMessage for pb::ArtifactType {
    const KIND: NodeKind = NodeKind::Artifact;

    fn parse(self) -> Result<TypeDraft> {
        let base = |base| known::<pb::artifact_type::SystemDefinedBaseType>("base_type", base);
        Ok(TypeDraft {
            kind: Self::KIND,
            name: self.name.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            description: self.description,
            external_id: self.external_id,
            base_type: self.base_type.map(base).transpose()?,
            input_type: None,
            output_type: None,
            properties: parse_properties(self.properties)?,
        })
    }

    fn to_message(of: Type, base: Base) -> Result<Self> {
        Ok(Self {
            id: Some(of.id),
            properties: properties_message(&of),
            base_type: base_message(&of, base),
            name: Some(of.name),
            version: given(of.version),
            description: of.description,
            external_id: of.external_id,
        })
    }
}

impl TypeMessage for pb::ExecutionType {
    const KIND: NodeKind = NodeKind::Execution;

    fn parse(self) -> Result<TypeDraft> {
        let base = |base| known::<pb::execution_type::SystemDefinedBaseType>("base_type", base);
        Ok(TypeDraft {
            kind: Self::KIND,
            name: self.name.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            description: self.description,
            external_id: self.external_id,
            base_type: self.base_type.map(base).transpose()?,
            input_type: self.input_type.as_ref().map(signature::serialize).transpose()?,
            output_type: self.output_type.as_ref().map(signature::serialize).transpose()?,
            properties: parse_properties(self.properties)?,
        })
    }

    fn to_message(of: Type, base: Base) -> Result<Self> {
        Ok(Self {
            id: Some(of.id),
            properties: properties_message(&of),
            base_type: base_message(&of, base),
            name: Some(of.name),
            version: given(of.version),
            description: of.description,
            external_id: of.external_id,
            input_type: of.input_type.as_deref().map(signature::parse).transpose()?,
            output_type: of.output_type.as_deref().map(signature::parse).transpose()?,
        })
    }
}

impl TypeMessage for pb::ContextType {
    const KIND: NodeKind = NodeKind::Context;

    fn parse(self) -> Result<TypeDraft> {
        let base = |base| known::<pb::context_type::SystemDefinedBaseType>("base_type", base);
        Ok(TypeDraft {
            kind: Self::KIND,
            name: self.name.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            description: self.description,
            external_id: self.external_id,
            base_type: self.base_type.map(base).transpose()?,
            input_type: None,
            output_type: None,
            properties: parse_properties(self.properties)?,
        })
    }

    fn to_message(of: Type, base: Base) -> Result<Self> {
        Ok(Self {
            id: Some(of.id),
            properties: properties_message(&of),
            base_type: base_message(&of, base),
            name: Some(of.name),
            version: given(of.version),
            description: of.description,
            external_id: of.external_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_shown_as_it_was_put() {
        let sent = pb::ExecutionType {
            name: Some("Trainer".to_owned()),
            version: Some("2".to_owned()),
            description: Some("trains".to_owned()),
            external_id: Some("x".to_owned()),
            base_type: Some(1),
            properties: (1..=6).map(|kind| (format!("p{kind}"), kind)).collect(),
            input_type: Some(pb::ArtifactStructType::default()),
            ..pb::ExecutionType::default()
        };
        let of = Type { id: 100, ..sent.clone().parse().unwrap().to_type() };
        let hidden = pb::ExecutionType::to_message(of.clone(), Base::Hidden).unwrap();
        assert_eq!(hidden, pb::ExecutionType { id: Some(100), base_type: None, ..sent.clone() });
        assert_eq!(
            pb::ExecutionType::to_message(of, Base::Shown).unwrap(),
            pb::ExecutionType { id: Some(100), ..sent }
        );
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for kind in [0, 7, -1] {
            let of = pb::ContextType { properties: [("p".to_owned(), kind)].into(), ..pb::ContextType::default() };
            assert_eq!(of.parse().unwrap_err().field(), Some("properties.p"));
        }
        let of = pb::ArtifactType { base_type: Some(5), ..pb::ArtifactType::default() };
        assert_eq!(of.parse().unwrap_err().message(), "`base_type` has no value `5`");
    }
}
