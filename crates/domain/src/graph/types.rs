//! Types: what declares the properties of nodes, and how a type may change.

use std::collections::BTreeMap;

use crate::value::check_text;
use crate::{Error, LogicalType, NodeKind, Result, ValueKind};

use super::write::check_label;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Its id.
    pub id: i64,
    /// The kind of its nodes.
    pub kind: NodeKind,
    /// Its name, unique with the version among the types of its kind.
    pub name: String,
    /// Its version; empty when it has none.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its id in another system, unique among the types of its kind.
    pub external_id: Option<String>,
    /// The number of the system type that it extends, as ML Metadata counts them for each kind.
    pub base_type: Option<i64>,
    /// What an execution takes, as JSON.
    pub input_type: Option<String>,
    /// What an execution gives, as JSON.
    pub output_type: Option<String>,
    /// The properties that it declares.
    pub properties: BTreeMap<String, ValueKind>,
}

impl Type {
    /// Whether the type is ML Metadata's own, and so left out of lists.
    pub fn is_system(&self) -> bool {
        self.id < 10
    }

    /// Whether the registry itself made it, so that it is every workspace's: ids up to 100 are kept for those.
    pub fn is_shared(&self) -> bool {
        self.id <= 100
    }
}

/// What a type is made from, or changed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDraft {
    /// The kind of its nodes.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// Its version; empty when it has none.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its id in another system; empty is none.
    pub external_id: Option<String>,
    /// The number of the system type that it extends; 0 where the caller said that it extends none.
    pub base_type: Option<i64>,
    /// What an execution takes, as JSON.
    pub input_type: Option<String>,
    /// What an execution gives, as JSON.
    pub output_type: Option<String>,
    /// The properties that it declares.
    pub properties: BTreeMap<String, ValueKind>,
}

/// How a type that exists may differ from what is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeRules {
    /// It may get properties that it does not have.
    pub can_add_fields: bool,
    /// It may have properties that are not put.
    pub can_omit_fields: bool,
    /// Always true; ML Metadata has no other way.
    pub all_fields_match: bool,
}

impl TypeDraft {
    /// Refuses what no type can be.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::invalid("name", "no type name is specified"));
        }
        check_label("name", &self.name)?;
        check_label("version", &self.version)?;
        check_label("external_id", self.external_id.as_deref().unwrap_or_default())?;
        check_text("description", self.description.as_deref().unwrap_or_default())?;
        self.properties.keys().try_for_each(|name| check_label("properties", name))?;
        match self.base_type {
            Some(0) => Err(unimplemented("base_type", "a type's base type cannot be unset")),
            _ => Ok(()),
        }
    }

    /// The type as it is made; its id is not known yet.
    pub fn to_type(&self) -> Type {
        Type {
            id: 0,
            kind: self.kind,
            name: self.name.clone(),
            version: self.version.clone(),
            description: self.description.clone(),
            external_id: self.external_id.clone().filter(|id| !id.is_empty()),
            base_type: self.base_type,
            input_type: self.input_type.clone(),
            output_type: self.output_type.clone(),
            properties: self.properties.clone(),
        }
    }
}

impl TypeRules {
    /// Refuses what ML Metadata never had.
    pub fn check(self) -> Result<()> {
        if self.all_fields_match {
            return Ok(());
        }
        Err(unimplemented("all_fields_match", "`all_fields_match` must be true"))
    }
}

impl Type {
    /// The type as it is once the draft was put over it: nothing is ever removed, and of what is not a property only the
    /// base type and the external id can be added or changed.
    ///
    /// Errors: AlreadyExists when their properties differ in a way that the rules do not allow, Unimplemented when
    /// another base type is given.
    pub fn evolved(&self, draft: &TypeDraft, rules: TypeRules) -> Result<Self> {
        let differs = |what: String| {
            let message = format!("Type already exists with different properties: `{}` {what}", self.name);
            Err(Error::already_exists(message).on_field("properties"))
        };
        let mut evolved = self.clone();
        for (name, kind) in &draft.properties {
            match self.properties.get(name) {
                Some(stored) if stored == kind => {}
                Some(stored) => return differs(format!("has `{name}` as {}, not as {}", stored.name(), kind.name())),
                None if !rules.can_add_fields => return differs(format!("has no `{name}`")),
                None if LogicalType::from_id(self.id).is_some() => {
                    return differs(format!("is the registry's own and cannot be given `{name}`"));
                }
                None => {
                    evolved.properties.insert(name.clone(), *kind);
                }
            }
        }
        let omitted = self.properties.keys().find(|name| !draft.properties.contains_key(*name));
        if let Some(name) = omitted.filter(|_| !rules.can_omit_fields) {
            return differs(format!("has `{name}` too"));
        }
        match (self.base_type, draft.base_type) {
            (Some(stored), Some(given)) if stored != given => {
                return Err(unimplemented("base_type", "a type's base type cannot change"));
            }
            (stored, given) => evolved.base_type = stored.or(given),
        }
        if let Some(external_id) = draft.external_id.as_ref().filter(|id| !id.is_empty()) {
            evolved.external_id = Some(external_id.clone());
        }
        Ok(evolved)
    }
}

fn unimplemented(field: &str, message: &str) -> Error {
    Error::unimplemented(message).on_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn draft(properties: &[(&str, ValueKind)]) -> TypeDraft {
        TypeDraft {
            kind: NodeKind::Artifact,
            name: "t".to_owned(),
            version: String::new(),
            description: None,
            external_id: None,
            base_type: None,
            input_type: None,
            output_type: None,
            properties: properties.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
        }
    }

    fn rules(can_add_fields: bool, can_omit_fields: bool) -> TypeRules {
        TypeRules { can_add_fields, can_omit_fields, all_fields_match: true }
    }

    #[test]
    fn a_type_gains_and_never_loses_properties() {
        let (a, b, c) = (("a", ValueKind::Int), ("b", ValueKind::String), ("c", ValueKind::Bool));
        let stored = draft(&[a, b]).to_type();
        assert_eq!(stored.evolved(&draft(&[a, b]), rules(false, false)).unwrap(), stored);
        assert!(stored.evolved(&draft(&[a, b, c]), rules(false, true)).is_err());
        assert!(stored.evolved(&draft(&[a]), rules(true, false)).is_err());
        assert!(stored.evolved(&draft(&[a, c]), rules(true, false)).is_err());
        assert!(stored.evolved(&draft(&[("a", ValueKind::Double), b]), rules(true, true)).is_err());
        let evolved = stored.evolved(&draft(&[a, c]), rules(true, true)).unwrap();
        assert_eq!(evolved.properties, draft(&[a, b, c]).properties);
    }

    #[test]
    fn a_base_type_comes_once_and_stays() {
        let stored = draft(&[]).to_type();
        let based = |base_type| TypeDraft { base_type, ..draft(&[]) };
        let evolved = stored.evolved(&based(Some(2)), rules(false, false)).unwrap();
        assert_eq!(evolved.base_type, Some(2));
        assert_eq!(evolved.evolved(&based(None), rules(false, false)).unwrap(), evolved);
        let error = evolved.evolved(&based(Some(1)), rules(false, false)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unimplemented);
        assert_eq!(based(Some(0)).check().unwrap_err().kind(), ErrorKind::Unimplemented);
    }
}
