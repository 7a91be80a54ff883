//! Which records a list wants: what the database leaves out, and what is left to compare here.

use crate::domain::filter::MAX_PATTERN_BYTES;
use crate::domain::record::Record;
use crate::store::records::Hint;

/// Which records are wanted: those that have all of these. Texts but the version match within, whatever the case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// The name.
    pub name: Option<String>,
    /// The project's name.
    pub project_name: Option<String>,
    /// The category.
    pub category: Option<String>,
    /// The architecture.
    pub architecture: Option<String>,
    /// One of the precisions.
    pub precision: Option<String>,
    /// The whole version.
    pub version: Option<String>,
}

impl RecordFilter {
    /// What the database can leave out: a part of what the filter does.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let contains = [
            ("name", &self.name),
            ("project_name", &self.project_name),
            ("category", &self.category),
            ("architecture", &self.architecture),
        ];
        let contains = contains.into_iter().filter_map(|(name, wanted)| {
            // Databases know the case of ASCII letters alone.
            let hint = |wanted: &String| wanted.is_ascii() && wanted.len() <= MAX_PATTERN_BYTES;
            wanted.clone().filter(hint).map(|wanted| Hint::Contains(name, wanted))
        });
        contains.chain(self.version.clone().map(|version| Hint::Equals("version", version))).collect()
    }

    pub(super) fn admits(&self, record: &Record) -> bool {
        let Record { identity, details, .. } = record;
        let within = |wanted: &Option<String>, text: Option<&str>| match wanted {
            Some(wanted) => text.is_some_and(|text| contains(text, wanted)),
            None => true,
        };
        let precise = |wanted: &String| identity.precision.iter().any(|each| contains(each, wanted));
        within(&self.name, Some(&identity.name))
            && within(&self.project_name, identity.project_name.as_deref())
            && within(&self.category, details.category.as_deref())
            && within(&self.architecture, details.architecture.as_deref())
            && self.precision.as_ref().is_none_or(precise)
            && self.version.as_ref().is_none_or(|version| *version == identity.version)
    }
}

fn contains(text: &str, wanted: &str) -> bool {
    if wanted.is_ascii() {
        return text.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase());
    }
    text.to_lowercase().contains(&wanted.to_lowercase())
}
