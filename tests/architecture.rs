//! The house's rules, checked on its source: which room may use which, and where each foreign crate lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "architecture/errors.rs"]
mod errors;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/use_cases.rs"]
mod use_cases;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which packages below `crates` a package may use. Those that are not listed may use none.
const PACKAGES: &[(&str, &[&str])] = &[
    ("memory", &["modelport-domain"]),
    ("store", &["modelport-domain", "modelport-memory", "sqlite-watch"]),
    ("blobs", &["modelport-domain", "modelport-memory"]),
];

/// Which rooms a room of the package `modelport` may use besides itself, packages among them.
const ROOMS: &[(&str, &[&str])] = &[
    ("registry", &["domain", "store", "blobs"]),
    ("importers", &["domain", "registry"]),
    ("jobs", &["domain", "registry"]),
    ("api", &["domain", "registry", "memory"]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("lib", &[]),
];

/// The packages that are rooms: each is named in `lib.rs` alone, so that the others are seen to use it.
const ROOMS_OF_THEIR_OWN: &[&str] = &["modelport_blobs", "modelport_domain", "modelport_memory", "modelport_store"];

/// The rooms that put the others together.
const ANYTHING: &[&str] = &["cli", "main", "runtime"];

/// Which parts of `api` a part of it may use besides itself, so that no door uses another's. A part that is not listed puts the doors
/// together.
const API: &[(&str, &[&str])] = &[
    ("http", &[]),
    ("caller", &["http"]),
    ("health", &["http"]),
    ("registry_metrics", &["http"]),
    ("static_files", &["http"]),
    ("kubeflow", &["http", "caller"]),
    ("native", &["http", "caller"]),
    ("edge", &["http", "caller", "health"]),
    ("mlmd", &["http", "health"]),
];

/// Where a foreign crate may be used, as folders or files below `src`. A name that ends in `*` stands for all crates
/// that begin so.
const HOMES: &[(&str, &[&str])] = &[
    ("actix*", &["api"]),
    ("rustls*", &["api/http/tls"]),
    ("utoipa*", &["api"]),
    ("prometheus", &["api"]),
    ("tonic*", &["api/mlmd"]),
    ("prost*", &["api/mlmd"]),
    ("tower", &["api/mlmd"]),
    ("clap", &["cli", "config"]),
    ("indicatif", &["cli"]),
    ("heap", &["cli"]),
    ("config", &["config"]),
    ("toml", &["config"]),
    ("env_filter", &["config"]),
    ("env_logger", &["telemetry"]),
    ("modelport_inspect", &["registry", "api/native", "config/mod", "cli/inspect"]),
    ("reqwest", &["importers"]),
    ("rawzip", &["registry/archive"]),
    ("tokio_tar", &["registry/archive"]),
];

/// The crates that are pure. Which crates they use, their manifests say.
const PURE_CRATES: &[&str] = &["crates/domain/src", "crates/inspect/src"];

/// What only the bucket's part of `blobs` may use.
const OF_BUCKETS: &[&str] = &["aws_", "hyper", "rustls"];

/// What is pure may not touch, though it belongs to the standard library or has no single home.
const IMPURE: &[&str] = &["std::env", "std::fs", "std::net", "std::process", "std::thread", "tokio", "futures_util"];

#[test]
fn the_source_keeps_the_rules() {
    let violations: Vec<_> = sources("src").into_iter().flat_map(|(name, text)| check(&name, &text)).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn nothing_branches_on_the_field_or_the_message_of_an_error() {
    let branches = |(name, text): (String, String)| {
        errors::branches(&name, &text).into_iter().map(move |found| format!("src/{name}.rs: `{found}`"))
    };
    let found: Vec<_> = sources("src").into_iter().flat_map(branches).collect();
    assert!(found.is_empty(), "let the kind of the error say it:\n{}\n", found.join("\n"));
}

#[test]
fn pure_crates_are_pure() {
    for folder in PURE_CRATES {
        let violations: Vec<_> =
            sources(folder).into_iter().flat_map(|(name, text)| check_pure(&name, &text)).collect();
        assert!(violations.is_empty(), "{folder}:\n{}\n", violations.join("\n"));
    }
}

#[test]
fn only_the_bucket_speaks_s3() {
    for (name, text) in sources("crates/blobs/src") {
        let at_home = name == "s3" || name.starts_with("s3/");
        for path in source::paths(&name, &text) {
            let foreign = OF_BUCKETS.iter().any(|start| path[0].starts_with(start));
            assert!(at_home || !foreign, "crates/blobs/src/{name}.rs: `{}`", path.join("::"));
        }
    }
}

#[test]
fn packages_use_those_that_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut names = BTreeSet::new();
    for package in fs::read_dir(&root).unwrap() {
        names.insert(package.unwrap().file_name().into_string().unwrap());
    }
    for name in &names {
        let manifest = fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap();
        let allowed = PACKAGES.iter().find(|(package, _)| package == name).map_or(&[][..], |(_, allowed)| *allowed);
        for line in manifest.lines() {
            let used = line.split(['.', ' ', '=']).next().unwrap();
            let ours = names.contains(used) || used.strip_prefix("modelport-").is_some_and(|used| names.contains(used));
            assert!(!ours || allowed.contains(&used), "crates/{name} may not use `{used}`");
        }
    }
}

/// The files below a folder, by their paths there without `.rs`, and their texts.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 5, "no source found in `{}`", root.display());
    let name = |file: &Path| file.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('\\', "/");
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The violations in one file; `name` is its path below `src` without `.rs`.
fn check(name: &str, text: &str) -> Vec<String> {
    let room = name.split('/').next().unwrap();
    let mut found = BTreeSet::new();
    for path in source::paths(name, text) {
        let segments: Vec<_> = path.iter().map(String::as_str).collect();
        let complaint = match segments.as_slice() {
            ["crate", "api", used, ..] if room == "api" => api_complaint(name, used),
            ["crate", used, ..] => room_complaint(room, used),
            _ => crate_complaint(name, &segments),
        };
        found.extend(complaint.map(|complaint| format!("src/{name}.rs: `{}`: {complaint}", segments.join("::"))));
    }
    found.into_iter().collect()
}

/// The violations in one file of a crate that is pure.
fn check_pure(name: &str, text: &str) -> Vec<String> {
    let paths: BTreeSet<_> = source::paths(name, text).iter().map(|path| path.join("::")).collect();
    paths.into_iter().filter(|path| is_impure(path)).map(|path| format!("{name}.rs: `{path}`")).collect()
}

fn is_impure(path: &str) -> bool {
    IMPURE.iter().any(|impure| path == *impure || path.starts_with(&format!("{impure}::")))
}

fn room_complaint(room: &str, used: &str) -> Option<String> {
    if room == used || ANYTHING.contains(&room) {
        return None;
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return Some(format!("room `{room}` has no rule"));
    };
    (!allowed.contains(&used)).then(|| format!("`{room}` may not use `{used}`"))
}

/// The violation of a file of `api` that uses that part of it.
fn api_complaint(name: &str, used: &str) -> Option<String> {
    let part = name.split('/').nth(1).unwrap_or_default();
    let (_, allowed) = API.iter().find(|(name, _)| *name == part)?;
    (part != used && !allowed.contains(&used)).then(|| format!("`api/{part}` may not use `api/{used}`"))
}

fn crate_complaint(name: &str, segments: &[&str]) -> Option<String> {
    let used = *segments.first()?;
    if ROOMS_OF_THEIR_OWN.contains(&used) && name != "lib" {
        return Some("a room is used by the name that `lib.rs` has for it".to_owned());
    }
    let names = |pattern: &str| pattern.strip_suffix('*').map_or(used == pattern, |start| used.starts_with(start));
    let (_, homes) = HOMES.iter().find(|(pattern, _)| names(pattern))?;
    let at_home = homes.iter().any(|home| name == *home || name.starts_with(&format!("{home}/")));
    (!at_home).then(|| format!("crate `{used}` lives in `{}`", homes.join("`, `")))
}

#[test]
fn a_use_of_a_forbidden_room_is_found() {
    for (name, text) in [
        ("config/mod", "use crate::store::Store;"),
        ("registry/models", "use crate::{domain::{Error, Result}, api};"),
        ("registry/mod", "use super::api::problem;"),
        ("importers/mod", "fn f() { let x = crate::store::find(); }"),
        ("importers/geti", "use super::super::store;"),
        ("importers/geti", "use modelport_domain::Error;"),
        ("api/native/files", "pub(crate) use crate::{\n    registry,\n    blobs::Location,\n};"),
        ("api/native/mod", "mod inner { use super::super::super::store::Rows; }"),
        ("jobs/mod", "impl From<crate::store::Row> for X {}"),
        ("api/edge/models", "use crate::api::native::location::relative;"),
        ("api/kubeflow/mod", "use super::native;"),
        ("api/http/problem", "use crate::api::{kubeflow::DOOR, http::door};"),
        ("api/http/middleware/mod", "fn f() { super::super::server::run() }"),
        ("api/native/mod", "use crate::api::doors;"),
        ("lib", "use crate::store;"),
        ("elsewhere/mod", "use crate::domain::Error;"),
    ] {
        assert_eq!(check(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn a_foreign_crate_away_from_home_is_found() {
    for (name, text) in [
        ("registry/mod", "use actix_web::web;"),
        ("api/kubeflow/mod", "use prost::Message;"),
        ("registry/mod", "#[derive(utoipa::ToSchema)] struct X;"),
        ("registry/files", "use rawzip as zip;"),
        ("registry/mod", "use ::prometheus::Registry;"),
        ("api/edge/mod", "use tonic::Status;"),
        ("registry/mod", "extern crate clap;"),
        ("api/mod", "fn f() -> tokio_tar::Archive<()> { todo() }"),
        ("jobs/mod", "use modelport_inspect::Inspection;"),
        ("telemetry", "use modelport_inspect::Rule;"),
    ] {
        assert_eq!(check(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn what_is_not_pure_is_found() {
    for text in [
        "use std::{fmt, fs::File};",
        "async fn f() { tokio::spawn(g()); }",
        "fn f() { std::process::exit(1) }",
        "mod a { use std::net; }",
    ] {
        assert_eq!(check_pure("source", text).len(), 1, "{text}");
    }
    assert_eq!(check_pure("source", "use std::io::{self, Read};"), Vec::<String>::new());
}

#[test]
fn what_the_rules_allow_is_not_found() {
    for (name, text) in [
        (
            "api/kubeflow/models",
            "use crate::domain::{Error, ErrorKind}; use crate::registry::Registry; use actix_web::web;",
        ),
        ("api/mlmd/mod", "use tonic::Status; use prost::Message;"),
        ("api/http/tls", "use rustls::ServerConfig; use super::problem::Problem;"),
        ("lib", "pub use {modelport_blobs as blobs, modelport_domain as domain};"),
        ("api/edge/mod", "use super::http::door::Door; use crate::api::edge::form; use super::health::Draining;"),
        ("api/doors", "use super::{edge, kubeflow, native}; use super::http::door::Doors;"),
        ("cli/serve", "use crate::{api, blobs, store}; use modelport::registry;"),
        ("main", "use modelport::cli;"),
        (
            "jobs/mod",
            "// use crate::api;\n/* crate::api::x /* nested */ crate::api */ const X: &str = \"crate::api::x\";",
        ),
        ("jobs/mod", "const X: &str = r#\"use \"crate::api\";\"#; const Y: char = '\"'; const Z: &[u8] = b\"\\\"\";"),
        ("jobs/mod", "mod config; fn f<'a>(x: &'a str) { config::load(x) }"),
        ("registry/mod", "use self::models::Model; mod models { use super::Model; }"),
        ("api/mod", "use super::domain::Error; fn f() { Self::g(); x.y::<u8>(); }"),
    ] {
        assert_eq!(check(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn a_branch_on_the_field_or_the_message_of_an_error_is_found() {
    for text in [
        "if error.field() == Some(IF_MATCH) {}",
        "let locked = Some(\"upload\") != error.field();",
        "match error.field() { Some(\"name\") => a(), _ => b() }",
        "match (error.kind(), self.0.field()) { _ => a() }",
        "match (failed().kind(), failed().field()) { _ => a() }",
        "let field = error.field(); a(field == Some(LOCKED))",
        "let field = error.field().unwrap_or(\"body\");",
        "if let Some(EXPIRES) = error.field() {}",
        "matches!(self.0.field(), Some(IF_MATCH | IF_NONE_MATCH))",
        "errors.retain(|error| matches!(error.field(), Some(\"file\")));",
        "error.message().contains(\"member `\")",
        "FIELDS.contains(&error.field().unwrap_or_default())",
        "if error.field().is_none() { a() }",
        "error.field().map(|field| field == \"name\")",
        "error.field().and_then(known)",
        "if !error.message().is_empty() && is_old {}",
    ] {
        assert_eq!(errors::branches("registry/files", text).len(), 1, "{text}");
    }
}

#[test]
fn what_shows_the_field_and_the_message_of_an_error_is_not_found() {
    for text in [
        "problem_response(status(error.kind()), report(&self.0), self.0.field())",
        "let problem = problem_response(status, error.message(), error.field());",
        "match kind { ErrorKind::Internal => \"internal error\".to_owned(), _ => failure.error.message().to_owned() }",
        "fn message(error: &Error) -> &str { log(); error.message() }",
        "parse(text).map_err(|error: Error| refused(name, error.message()))?;",
        "if is_old { a(format!(\"{}: {}\", b, too_slow().message())) }",
        "let field = self.field()?;",
        "Details { field: error.field().map(str::to_owned), detail: error.message().into() }",
        "fn f() {} #[cfg(test)] mod tests { fn g() { assert_eq!(error.field(), Some(\"name\")); } }",
    ] {
        assert_eq!(errors::branches("registry/files", text), Vec::<String>::new(), "{text}");
    }
}
