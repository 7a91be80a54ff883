//! The other files of a version, and whether a reference from one file to another stays among them.

use std::collections::BTreeMap;

use super::finding::Rule;
use super::inspection::Inspection;
use crate::domain::FilePath;

/// The files of a version by their paths, with their sizes; the inspected file may be among them.
pub type Siblings = BTreeMap<FilePath, u64>;

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Outside,
    Missing,
    Size(u64),
}

/// Where `reference`, as the file at `from` writes it, leads.
pub(super) fn resolve(siblings: &Siblings, from: &FilePath, reference: &str) -> Target {
    let drive = reference.as_bytes().get(1) == Some(&b':');
    let odd = reference.is_empty() || reference.starts_with('/') || reference.contains(['\\', '\0']) || drive;
    if odd || reference.contains("://") || reference.split('/').any(|part| part == "..") {
        return Target::Outside;
    }
    let folder = from.as_str().rsplit_once('/').map(|(folder, _)| folder);
    let parts = reference.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: Vec<_> = folder.into_iter().chain(parts).collect();
    match path.join("/").parse::<FilePath>() {
        Ok(path) => siblings.get(&path).map_or(Target::Missing, |size| Target::Size(*size)),
        Err(_) => Target::Outside,
    }
}

/// Notes a reference that leads nowhere, or beyond the end of its target.
pub(super) fn refer(
    seen: &mut Inspection,
    siblings: &Siblings,
    from: &FilePath,
    (place, reference): (&str, &str),
    needed: u64,
) {
    let shown = reference.escape_debug().to_string();
    match resolve(siblings, from, reference) {
        Target::Outside => {
            seen.find(Rule::ExternalDataOutside, place, format!("`{shown}` leads outside the version"));
        }
        Target::Missing => seen.find(Rule::ExternalDataMissing, place, format!("`{shown}` is not in the version")),
        Target::Size(size) if size < needed => {
            let message = format!("`{shown}` has {size} bytes, but {needed} are referred to");
            seen.find(Rule::ExternalDataTooShort, place, message);
        }
        Target::Size(_) => {}
    }
}
