//! Files of the formats' own libraries: what inspection says is what the library says, and none of them is flagged.

use std::fs;

use modelport_inspect::{Fact, Severity, evaluate};
use serde_json::json;

use super::{files, folder, look};

fn shown(fact: &Fact) -> serde_json::Value {
    serde_json::to_value(fact).unwrap()
}

#[test]
fn inspection_says_what_the_library_says() {
    let made = files("made");
    let mut compared = 0;
    let mut differences = Vec::new();
    for path in made.keys() {
        let beside = folder("made").join(format!("{path}.expected.json"));
        let Ok(expected) = fs::read(beside) else { continue };
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let seen = look(&made, path);
        let format = seen.format.clone();
        let mut compare = |what: &str, ours: serde_json::Value, theirs: &serde_json::Value| {
            compared += 1;
            if ours != *theirs {
                differences.push(format!("{path}: {what}: we say {ours}, the library {theirs}"));
            }
        };
        compare("format", json!(format.as_ref().map(|format| &format.name)), &expected["format"]);
        if !expected["format_version"].is_null() {
            compare("version", json!(format.and_then(|format| format.version)), &expected["format_version"]);
        }
        for (name, theirs) in expected["facts"].as_object().unwrap() {
            let ours = match name.strip_suffix("_shapes") {
                Some(side) => {
                    let ports = seen.facts.get(&format!("{side}s")).map(shown).unwrap_or_default();
                    json!(ports.as_array().unwrap().iter().map(|port| port["shape"].clone()).collect::<Vec<_>>())
                }
                None => seen.facts.get(name).map(shown).unwrap_or_default(),
            };
            compare(name, ours, theirs);
        }
        for finding in seen.verdict().iter().filter(|finding| finding.severity() > Severity::Info) {
            differences.push(format!("{path}: an honest file has {finding:?}"));
        }
    }
    assert!(compared > 100, "only {compared} facts were compared");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn imports_are_listed_and_can_be_evaluated_without_the_bytes() {
    let made = files("made");
    for (path, import) in [
        ("forest.joblib", "sklearn.ensemble._forest.RandomForestClassifier"),
        ("forest.joblib", "joblib.numpy_pickle.NumpyArrayWrapper"),
        ("state.pt", "torch._utils._rebuild_tensor_v2"),
    ] {
        let seen = look(&made, path);
        let names: Vec<_> = seen.imports.iter().map(|import| import.full_name()).collect();
        assert!(names.contains(&import.to_owned()), "{path}: {names:?}");
        let stored = serde_json::to_string(&seen.imports).unwrap();
        let read: Vec<_> = serde_json::from_str(&stored).unwrap();
        assert_eq!(evaluate(&read), evaluate(&seen.imports));
    }
    let seen = look(&made, "state.pt");
    assert!(seen.imports.iter().all(|import| import.place == "state/data.pkl"));
}
