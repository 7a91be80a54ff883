//! The other files of a version, and whether a reference from one file to another stays among them.
//! References are kept, so that they are checked again when a file comes or goes, without the bytes they came from.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Rule};
use super::path::is_plain;

/// The files of a version by their paths, with their sizes; the inspected file may be among them.
pub type Siblings = BTreeMap<String, u64>;

/// The maximum number of findings about them.
const MAX_FINDINGS: usize = 200;

/// What a file says about data in another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The other file, as this one writes it.
    pub to: String,
    /// The member of the archive that says so; empty for the file itself.
    pub place: String,
    /// How many bytes the other file must have.
    pub needed: u64,
}

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Outside,
    Inside(String),
}

/// Where `reference`, as the file at `from` writes it, leads.
fn resolve(from: &str, reference: &str) -> Target {
    let drive = reference.as_bytes().get(1) == Some(&b':');
    let odd = reference.is_empty() || reference.starts_with('/') || reference.contains(['\\', '\0']) || drive;
    if odd || reference.contains("://") || reference.split('/').any(|part| part == "..") {
        return Target::Outside;
    }
    let folder = from.rsplit_once('/').map(|(folder, _)| folder);
    let parts = reference.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: Vec<_> = folder.into_iter().chain(parts).collect();
    let path = path.join("/");
    if is_plain(&path) { Target::Inside(path) } else { Target::Outside }
}

/// The path within the version of what the file at `from` calls `reference`; `None` where it leads outside.
pub(super) fn path_within(from: &str, reference: &str) -> Option<String> {
    match resolve(from, reference) {
        Target::Inside(path) => Some(path),
        Target::Outside => None,
    }
}

/// The model whose weights the file at `path` may be, by its name: an `.xml` beside it, as OpenVINO writes them. Of
/// [`Siblings`], it is all that [`inspect`](crate::inspect) needs before it has read the bytes.
pub fn model_of_weights(path: &str) -> Option<String> {
    let model = format!("{}.xml", path.strip_suffix(".bin")?);
    is_plain(&model).then_some(model)
}

/// The files that the references of the file at `from` lead to, where they stay within the version.
pub fn referenced_paths(from: &str, references: &[Reference]) -> BTreeSet<String> {
    references.iter().filter_map(|reference| path_within(from, &reference.to)).collect()
}

/// Findings about the references of the file at `from`: a target that is missing, outside the version, or too short.
pub fn check_references(from: &str, references: &[Reference], siblings: &Siblings) -> Vec<Finding> {
    let one = |reference: &Reference| {
        let shown = reference.to.escape_debug();
        let found = |rule, message| Some(Finding { rule, message, place: reference.place.clone() });
        let path = match resolve(from, &reference.to) {
            Target::Outside => return found(Rule::ExternalDataOutside, format!("`{shown}` leads outside the version")),
            Target::Inside(path) => path,
        };
        match siblings.get(&path) {
            None => found(Rule::ExternalDataMissing, format!("`{shown}` is not in the version")),
            Some(size) if *size < reference.needed => {
                let message = format!("`{shown}` has {size} bytes, but {} are referred to", reference.needed);
                found(Rule::ExternalDataTooShort, message)
            }
            Some(_) => None,
        }
    };
    let mut found: Vec<_> = references.iter().filter_map(one).collect();
    // Many harmless findings must not hide a heavy one.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    found.truncate(MAX_FINDINGS);
    found
}
