//! What a package shows to those that use it: its own types and those of `domain`, each from one place.

use std::collections::BTreeSet;

use super::use_cases::registry;
use super::{PACKAGES, every_source, source};

/// The rooms whose types the registry keeps to itself.
const HIDDEN: &[&str] = &["blobs", "store"];

/// What the registry is made of is given to it, by its file and the words before the type.
const PARTS: (&str, &[&str]) = ("services", &["pub", "fn", "new"]);

#[test]
fn no_package_exports_what_belongs_to_another() {
    let found = every_source().into_iter().flat_map(|(name, text)| foreign_exports(&name, &text)).collect::<Vec<_>>();
    assert!(found.is_empty(), "let users name the package that has the type:\n{}\n", found.join("\n"));
}

#[test]
fn the_registry_shows_no_type_of_the_store_or_the_blobs() {
    let shown = registry().into_iter().flat_map(|(file, text)| {
        let found = hidden_types(&file, &text).into_iter();
        found.map(move |name| format!("crates/registry/src/{file}.rs: `{name}` in what is public")).collect::<Vec<_>>()
    });
    let shown: Vec<_> = shown.collect();
    assert!(shown.is_empty(), "give it a type of the registry's own or of `domain`:\n{}\n", shown.join("\n"));
}

/// The `pub use` of what another package has, in a file of a package below `crates`.
fn foreign_exports(name: &str, text: &str) -> Vec<String> {
    let Some((package, file)) = name.strip_prefix("crates/").and_then(|name| name.split_once("/src/")) else {
        return Vec::new();
    };
    let uses = PACKAGES.iter().find(|(name, _)| *name == package).map_or(&[][..], |(_, uses)| *uses);
    let is_foreign = |path: &Vec<String>| match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["crate", room, ..] => uses.contains(room),
        [package, ..] => package.starts_with("modelport_"),
        [] => false,
    };
    let exported = source::exports(file, text).into_iter().filter(is_foreign);
    exported.map(|path| format!("{name}.rs: `pub use {}`", path.join("::"))).collect()
}

/// The names of hidden types in the signatures and fields that a file of the registry makes public.
fn hidden_types(file: &str, text: &str) -> BTreeSet<String> {
    let (tokens, names) = (source::tokens(text), hidden_names(file, text));
    let mut found = BTreeSet::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at] == "pub") {
        let public = signature(&tokens[at..]);
        if matches!(public.get(1).map(String::as_str), Some("(" | "use" | "mod")) || is_of_parts(file, public) {
            continue;
        }
        for (at, name) in public.iter().enumerate().filter(|(_, name)| names.contains(*name)) {
            let is_type = name.starts_with(char::is_uppercase);
            // A module counts where something of it is named.
            if is_type || public.get(at + 1).is_some_and(|next| next == "::") {
                found.insert(name.clone());
            }
        }
    }
    found
}

fn is_of_parts(file: &str, public: &[String]) -> bool {
    file == PARTS.0 && public.iter().zip(PARTS.1).all(|(token, part)| token == part)
}

/// What the file calls the hidden rooms, their modules and their types.
fn hidden_names(file: &str, text: &str) -> BTreeSet<String> {
    let paths = source::paths(file, text).into_iter();
    let hidden = paths.filter(|path| path[0] == "crate" && path.get(1).is_some_and(|room| HIDDEN.contains(&&**room)));
    let mut names: BTreeSet<String> = hidden.flat_map(|path| path.into_iter().skip(1)).collect();
    let tokens = source::tokens(text);
    let renamed = tokens.windows(3).filter(|three| three[1] == "as" && names.contains(&three[0]));
    let renamed: Vec<String> = renamed.map(|three| three[2].clone()).collect();
    names.extend(renamed);
    names
}

/// From `pub` to the end of the signature or field; of an enum and a trait to the end of their body.
fn signature(tokens: &[String]) -> &[String] {
    let first = tokens.get(1).map(String::as_str);
    let (has_body, has_value) = (matches!(first, Some("enum" | "trait")), matches!(first, Some("const" | "static")));
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        let is_arrow = at > 0 && tokens[at - 1] == "-";
        match token.as_str() {
            "=" if has_value => return &tokens[..at],
            "{" | ";" if !has_body && depth == 0 => return &tokens[..at],
            "," | "}" | ")" if depth == 0 => return &tokens[..at],
            "(" | "[" | "<" | "{" => depth += 1,
            ">" if is_arrow => {}
            "}" if has_body && depth == 1 => return &tokens[..at],
            ")" | "]" | ">" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens
}

#[test]
fn an_export_of_what_another_package_has_is_found() {
    for (name, text) in [
        ("crates/registry/src/verify", "pub use crate::store::blobs::{Damage};"),
        ("crates/registry/src/direct", "pub use super::blobs::Link;"),
        ("crates/registry/src/lib", "pub use modelport_domain::Error;"),
        ("crates/store/src/lib", "pub use modelport_domain::Error;"),
        ("crates/doors/edge/src/models", "pub use crate::{registry::Registry, models::Model};"),
    ] {
        assert_eq!(foreign_exports(name, text).len(), 1, "{name}: {text}");
    }
    for (name, text) in [
        ("crates/registry/src/lib", "pub use context::Clock; use {modelport_blobs as blobs};"),
        ("crates/registry/src/inspection/mod", "pub(super) use crate::store::files; use crate::blobs::Key;"),
        ("crates/store/src/lib", "pub use crate::blobs::after;"),
        ("src/lib", "pub use modelport_domain as domain;"),
    ] {
        assert_eq!(foreign_exports(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn a_hidden_type_in_what_is_public_is_found() {
    for text in [
        "use crate::blobs::Link; pub struct Upload { pub links: Vec<(u64, Link)>, size: u64 }",
        "use crate::store::PoolStatus; impl X { pub fn pools(&self) -> Vec<PoolStatus> { f() } }",
        "pub async fn open(at: (u64, u64)) -> Result<crate::blobs::Chunks> { f() }",
        "use crate::store::{files, nodes}; pub fn of(holder: files::Holder) {}",
        "use crate::store::resumable as rows; pub type Row = rows::Resumable;",
        "use crate::blobs::Key; pub enum Where { Here, There(Key) }",
        "use crate::blobs::Key; pub struct Place(pub Key);",
    ] {
        assert!(!hidden_types("files", text).is_empty(), "{text}");
    }
    for text in [
        "use crate::blobs::Key; pub struct Upload { pub size: u64, key: Key }",
        "use crate::blobs::Key; pub(super) fn of(key: &Key) -> bool { true }",
        "use crate::store::{blobs, files}; pub struct Report { pub blobs: u64, pub files: u64 }",
        "use crate::blobs::Key; pub fn of(name: &str) -> u64 { let key: Key = name.parse(); 0 }",
    ] {
        assert_eq!(hidden_types("files", text), BTreeSet::new(), "{text}");
    }
    let parts = "use crate::store::Store; pub fn new(store: Store) -> Self { f() }";
    assert_eq!((hidden_types("services", parts).len(), hidden_types("files", parts).len()), (0, 1));
}
