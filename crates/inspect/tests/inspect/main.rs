//! Inspection of files: what it says beside what the formats' own libraries say, evasions, and bytes without sense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod beginnings;
mod evasions;
mod formats;
mod hdf5;
mod headers;
mod honest;
mod imports;
mod nonsense;
mod sources;
mod table;
mod tensors;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use modelport_inspect::{Bytes, Inspection, Siblings, inspect};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/inspect").join(name)
}

/// Every file below a folder of the test data, by its path.
fn files(name: &str) -> BTreeMap<String, Vec<u8>> {
    let root = folder(name);
    let mut found = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(each) = open.pop() {
        for entry in fs::read_dir(&each).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if !name.ends_with("expected.json") {
                found.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 5, "no files in `{}`", root.display());
    found
}

fn look(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Inspection {
    let siblings: Siblings = files.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
    inspect(path, &Bytes(&files[path]), &siblings).unwrap()
}

/// Asserts that each file below a folder of the test data has the findings that its `expected.json` names. Returns those names.
fn assert_findings(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let made = files(name);
    let expected = fs::read(folder(name).join("expected.json")).unwrap();
    let expected: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.keys().cloned().collect::<Vec<_>>(), made.keys().cloned().collect::<Vec<_>>());
    let mut missed = Vec::new();
    for (path, rules) in &expected {
        let seen = look(&made, path);
        let found: BTreeSet<_> = seen.verdict().iter().map(|finding| finding.rule.id().to_owned()).collect();
        if !rules.is_subset(&found) {
            missed.push(format!("{path}: expected {rules:?}, found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    expected
}
