//! Which members of a node an update changes.

use std::collections::BTreeSet;

use crate::Properties;

/// The members that an update changes; of the others, what is stored stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    fields: BTreeSet<String>,
    properties: Names,
    custom: Names,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Names {
    all: bool,
    some: BTreeSet<String>,
}

impl Mask {
    /// The mask of these paths: names of fields, `properties.K` and `custom_properties.K`. What is no path changes nothing.
    ///
    /// `None` when there are no paths: then everything is replaced.
    pub fn parse(paths: &[String]) -> Option<Self> {
        if paths.is_empty() {
            return None;
        }
        let mut mask = Self::default();
        for path in paths {
            match path.split_once('.') {
                Some(("properties", name)) => mask.properties.some.extend([name.to_owned()]),
                Some(("custom_properties", name)) => mask.custom.some.extend([name.to_owned()]),
                Some(_) => {}
                None if path == "properties" => mask.properties.all = true,
                None if path == "custom_properties" => mask.custom.all = true,
                None => mask.fields.extend([path.clone()]),
            }
        }
        Some(mask)
    }

    /// Whether the field changes.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains(field)
    }

    /// Whether the property that the type declares changes.
    pub fn has_property(&self, name: &str) -> bool {
        self.properties.has(name)
    }

    /// The declared properties, those that the mask names as they are in `sent`.
    pub fn properties(&self, stored: &Properties, sent: &Properties) -> Properties {
        self.properties.merge(stored, sent)
    }

    /// The free properties, those that the mask names as they are in `sent`.
    pub fn custom(&self, stored: &Properties, sent: &Properties) -> Properties {
        self.custom.merge(stored, sent)
    }
}

impl Names {
    fn has(&self, name: &str) -> bool {
        self.all || self.some.contains(name)
    }

    fn merge(&self, stored: &Properties, sent: &Properties) -> Properties {
        let kept = stored.iter().filter(|(name, _)| !self.has(name));
        let changed = sent.iter().filter(|(name, _)| self.has(name));
        kept.chain(changed).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn properties(of: &[(&str, i64)]) -> Properties {
        of.iter().map(|(name, value)| ((*name).to_owned(), Value::Int(*value))).collect()
    }

    fn mask(paths: &[&str]) -> Mask {
        Mask::parse(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn named_properties_are_set_or_removed_and_others_stay() {
        let (stored, sent) = (properties(&[("a", 1), ("b", 2), ("c", 3)]), properties(&[("a", 10), ("b", 20)]));
        let merged = mask(&["properties.a", "properties.c", "nonsense", ""]).properties(&stored, &sent);
        assert_eq!(merged, properties(&[("a", 10), ("b", 2)]));
        assert_eq!(mask(&["properties.a", "properties"]).properties(&stored, &sent), sent);
        assert_eq!(mask(&["custom_properties"]).properties(&stored, &sent), stored);
    }

    #[test]
    fn without_paths_there_is_no_mask() {
        assert_eq!(Mask::parse(&[]), None);
        assert!(mask(&["uri"]).has("uri"));
        assert!(!mask(&["uri"]).has("state"));
    }
}
