//! The other files of a version, and whether a reference from one file to another stays among them.
//! References are kept, so that they are followed anew when a file comes or goes, without the bytes they came from.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Rule};
use super::inspection::Inspection;
use crate::domain::FilePath;

/// The files of a version by their paths, with their sizes; the inspected file may be among them.
pub type Siblings = BTreeMap<FilePath, u64>;

/// The most references of one file that are kept.
const MOST_REFERENCES: usize = 10_000;
/// The most findings about them.
const MOST_FINDINGS: usize = 200;

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
    Inside(FilePath),
}

/// Where `reference`, as the file at `from` writes it, leads.
fn resolve(from: &FilePath, reference: &str) -> Target {
    let drive = reference.as_bytes().get(1) == Some(&b':');
    let odd = reference.is_empty() || reference.starts_with('/') || reference.contains(['\\', '\0']) || drive;
    if odd || reference.contains("://") || reference.split('/').any(|part| part == "..") {
        return Target::Outside;
    }
    let folder = from.as_str().rsplit_once('/').map(|(folder, _)| folder);
    let parts = reference.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: Vec<_> = folder.into_iter().chain(parts).collect();
    path.join("/").parse().map_or(Target::Outside, Target::Inside)
}

/// Keeps a reference.
pub(super) fn refer(seen: &mut Inspection, (place, reference): (&str, &str), needed: u64) {
    let reference = Reference { to: reference.to_owned(), place: place.to_owned(), needed };
    if seen.references.len() < MOST_REFERENCES {
        seen.references.push(reference);
    } else {
        seen.find(Rule::FormatLimit, place, format!("it refers to more than {MOST_REFERENCES} files"));
    }
}

/// The files that the references of the file at `from` lead to, where they stay within the version.
pub fn wanted(from: &FilePath, references: &[Reference]) -> BTreeSet<FilePath> {
    let targets = references.iter().map(|reference| resolve(from, &reference.to));
    targets
        .filter_map(|target| match target {
            Target::Inside(path) => Some(path),
            Target::Outside => None,
        })
        .collect()
}

/// What is wrong with the references of the file at `from`: one that leads nowhere, or beyond the end of its target.
pub fn follow(from: &FilePath, references: &[Reference], siblings: &Siblings) -> Vec<Finding> {
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
    found.truncate(MOST_FINDINGS);
    found
}
