//! Files made to get past a scanner: each is caught by the rules that it was made for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{files, folder, look};

#[test]
fn every_evasion_is_caught() {
    let made = files("evasions");
    let expected = fs::read(folder("evasions").join("expected.json")).unwrap();
    let expected: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.keys().cloned().collect::<Vec<_>>(), made.keys().map(ToString::to_string).collect::<Vec<_>>());
    let mut missed = Vec::new();
    for (path, rules) in expected {
        let seen = look(&made, &path.parse().unwrap());
        let found: BTreeSet<_> = seen.verdict().iter().map(|finding| finding.rule.id().to_owned()).collect();
        if !rules.is_subset(&found) {
            missed.push(format!("{path}: expected {rules:?}, found {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
