//! Inspection of files: what it says beside what the formats' own libraries say, evasions, and bytes without sense.

mod evasions;
mod nonsense;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use modelport::domain::FilePath;
use modelport::domain::inspect::{Bytes, Inspection, Siblings, inspect};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inspect").join(name)
}

/// Every file below a folder of the test data, by its path.
fn files(name: &str) -> BTreeMap<FilePath, Vec<u8>> {
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
                found.insert(name.parse().unwrap(), fs::read(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 5, "no files in `{}`", root.display());
    found
}

fn look(files: &BTreeMap<FilePath, Vec<u8>>, path: &FilePath) -> Inspection {
    let siblings: Siblings = files.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
    inspect(path, &Bytes(&files[path]), &siblings).unwrap()
}
