//! Files as people make them with the libraries of today: none of them is kept from anybody.

use std::collections::BTreeSet;

use modelport_inspect::Severity;

use super::{files, look};

#[test]
fn nothing_honest_is_quarantined() {
    let honest = files("honest");
    assert!(honest.len() > 250, "only {} files", honest.len());
    let mut wrong = Vec::new();
    for path in honest.keys() {
        let seen = look(&honest, path);
        // What holds a function of its maker's own says so in its name.
        let most = if path.contains(".warn-") { Severity::Warn } else { Severity::Info };
        let found: Vec<_> = seen.verdict().into_iter().filter(|finding| finding.severity() > most).collect();
        if !found.is_empty() {
            wrong.push(format!("{path}: {found:?}"));
        }
        let is_pickle = path.ends_with(".pkl") || path.ends_with(".joblib");
        if is_pickle && (seen.format.is_none() || seen.imports.is_empty()) {
            wrong.push(format!("{path}: it was not read"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A name that says nothing hides nothing: every compression that joblib writes is looked into.
#[test]
fn compressed_pickles_are_read_under_any_name() {
    let honest = files("honest");
    let packed: Vec<_> = honest.keys().filter(|path| path.starts_with("joblib/")).collect();
    let read = |path: &&String| {
        let seen = look(&honest, path);
        seen.imports.iter().any(|import| import.full_name() == "sklearn.linear_model._ridge.Ridge")
    };
    let unread: BTreeSet<&String> = packed.iter().filter(|path| !read(path)).copied().collect();
    assert_eq!(unread, BTreeSet::new());
    assert!(packed.len() > 25);
}
