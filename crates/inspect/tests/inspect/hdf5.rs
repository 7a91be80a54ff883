//! HDF5 files of the HDF5 library: what carries code or reaches outside is found wherever it lies, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use modelport_inspect::{Bytes, Severity, Siblings, inspect};

use super::{files, folder, look};

#[test]
fn each_file_is_found_by_its_rules_alone() {
    let made = files("hdf5");
    let expected = fs::read(folder("hdf5").join("expected.json")).unwrap();
    let expected: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.keys().cloned().collect::<Vec<_>>(), made.keys().cloned().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (path, rules) in expected {
        let seen = look(&made, &path);
        let heavy = seen.verdict().into_iter().filter(|finding| finding.severity() > Severity::Info);
        let found: BTreeSet<_> = heavy.map(|finding| finding.rule.id().to_owned()).collect();
        if rules != found {
            wrong.push(format!("{path}: expected {rules:?}, found {found:?}: {:?}", seen.verdict()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_damaged_file_is_never_clean_because_it_could_not_be_read() {
    let made = files("hdf5");
    for name in ["decoy-earliest.h5", "decoy-latest.h5", "indexed-attribute-latest.h5", "external-link-latest.h5"] {
        let whole = &made[name];
        for length in (9..whole.len()).step_by(997) {
            let seen = inspect(name, &Bytes(&whole[..length]), &Siblings::default()).unwrap();
            assert!(seen.severity() > Some(Severity::Warn), "{name} cut at {length}: {:?}", seen.verdict());
        }
        for at in (0..whole.len()).step_by(211) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            inspect(name, &Bytes(&bytes), &Siblings::default()).unwrap();
        }
    }
}
