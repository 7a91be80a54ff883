//! The house's rules, checked on its source: which room may use which, and where each foreign crate lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/errors.rs"]
mod errors;
#[path = "architecture/public.rs"]
mod public;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/use_cases.rs"]
mod use_cases;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which packages a package below `crates` may use, by their folders. Those that are not listed may use none; a door may use no other.
const PACKAGES: &[(&str, &[&str])] = &[
    ("memory", &["domain"]),
    ("store", &["domain", "memory", "sqlite-watch"]),
    ("blobs", &["domain", "memory"]),
    ("registry", &["domain", "inspect", "store", "blobs"]),
    ("identity", &["domain"]),
    ("jobs", &["domain", "registry"]),
    ("egress", &["domain"]),
    ("importers", &["domain", "egress", "registry"]),
    ("webhooks", &["domain", "egress", "identity", "registry"]),
    ("http", &["domain", "identity", "memory", "registry"]),
    ("doors/edge", &["domain", "memory", "registry", "http"]),
    ("doors/kubeflow", &["domain", "registry", "http"]),
    ("doors/mlflow", &["domain", "registry", "http"]),
    ("doors/mlmd", &["domain", "memory", "registry", "http"]),
    ("doors/native", &["domain", "inspect", "registry", "http"]),
];

/// Which rooms a room of the package `modelport` may use besides itself, packages among them.
const ROOMS: &[(&str, &[&str])] = &[
    ("api", &["domain", "registry", "memory"]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("lib", &[]),
];

/// The rooms that put the others together.
const ANYTHING: &[&str] = &["cli", "main", "runtime"];

/// Where a foreign crate may be used, as folders or files without `.rs`. A name that ends in `*` stands for all crates that begin so.
const HOMES: &[(&str, &[&str])] = &[
    (
        "actix*",
        &[
            "crates/http",
            "crates/doors/edge",
            "crates/doors/kubeflow",
            "crates/doors/mlflow",
            "crates/doors/native",
            "src/api",
        ],
    ),
    ("rustls*", &["crates/http/src/tls", "crates/blobs/src/s3"]),
    ("tokio_rustls", &["crates/http/src/tls"]),
    ("x509_cert", &["crates/http/src/tls"]),
    ("utoipa*", &["crates/http", "crates/doors", "src/api/openapi"]),
    ("prometheus", &["crates/http"]),
    ("tonic*", &["crates/doors/mlmd"]),
    ("prost*", &["crates/doors/mlmd", "crates/doors/mlflow/src/traces"]),
    ("tower", &["crates/doors/mlmd"]),
    ("clap", &["src/cli", "src/config"]),
    ("indicatif", &["src/cli"]),
    ("heap", &["src/cli"]),
    ("config", &["src/config"]),
    ("toml", &["src/config"]),
    ("env_filter", &["src/config"]),
    ("env_logger", &["src/telemetry"]),
    ("ipnet", &["crates/egress", "src/config"]),
    ("jsonwebtoken", &["crates/identity"]),
    (
        "reqwest",
        &["crates/importers", "crates/identity/src/web", "crates/egress/src/client", "crates/webhooks/src/sender"],
    ),
    ("rawzip", &["crates/registry/src/archive"]),
    ("tokio_tar", &["crates/registry/src/archive"]),
    ("similar", &["crates/registry/src/compare"]),
    ("diesel*", &["crates/store", "crates/sqlite-watch"]),
    ("libsqlite3_sys", &["crates/store", "crates/sqlite-watch"]),
    ("aws_lc_rs", &["crates/identity/src/sealing", "crates/identity/src/token", "crates/webhooks/src/signature"]),
    ("aws_*", &["crates/blobs/src/s3"]),
    ("hyper*", &["crates/blobs/src/s3"]),
];

/// The package that is a library of its own, for people who have no registry: it is used by its own name.
const STANDALONE: &str = "modelport_inspect";

/// Where it is used, as folders or files without `.rs`.
const USERS_OF_STANDALONE: &[&str] = &["crates/registry", "crates/doors/native", "src/config/mod", "src/cli/inspect"];

/// The packages that use others by the packages' own names. In all others `lib.rs` names what they use after its room.
const NAMELESS: &[&str] = &["crates/blobs/", "crates/memory/", "crates/store/"];

/// The packages that are pure. Which crates they use, their manifests say.
const PURE: &[&str] = &["crates/domain/src/", "crates/inspect/src/"];

/// What is pure may not touch, though it belongs to the standard library or has no single home.
const IMPURE: &[&str] = &["std::env", "std::fs", "std::net", "std::process", "std::thread", "tokio", "futures_util"];

#[test]
fn the_source_keeps_the_rules() {
    let violations: Vec<_> = every_source().into_iter().flat_map(|(name, text)| check(&name, &text)).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn nothing_branches_on_the_field_or_the_message_of_an_error() {
    let branches = |(name, text): (String, String)| {
        errors::branches(&name, &text).into_iter().map(move |found| format!("{name}.rs: `{found}`"))
    };
    let found: Vec<_> = every_source().into_iter().flat_map(branches).collect();
    assert!(found.is_empty(), "let the kind of the error say it:\n{}\n", found.join("\n"));
}

#[test]
fn packages_use_those_that_they_may() {
    let packages = packages();
    for package in &packages {
        let manifest = fs::read_to_string(root().join("crates").join(package).join("Cargo.toml")).unwrap();
        let used: Vec<_> = manifest.lines().map(|line| line.split(['.', ' ', '=']).next().unwrap()).collect();
        assert_eq!(packages_complaints(package, &packages, &used), Vec::<String>::new());
    }
    let unknown = PACKAGES.iter().find(|(name, _)| !packages.contains(*name));
    assert!(unknown.is_none(), "there is no package {unknown:?}");
}

/// What is wrong with the names in a package's manifest.
fn packages_complaints(package: &str, packages: &BTreeSet<String>, used: &[&str]) -> Vec<String> {
    let allowed = PACKAGES.iter().find(|(name, _)| *name == package).map_or(&[][..], |(_, allowed)| *allowed);
    let named = |folder: &String, used: &str| {
        let name = folder.rsplit('/').next().unwrap();
        used == name || used.strip_prefix("modelport-") == Some(name)
    };
    let forbidden = used.iter().filter_map(|used| packages.iter().find(|folder| named(folder, used)));
    let forbidden = forbidden.filter(|folder| !allowed.contains(&folder.as_str()));
    forbidden.map(|folder| format!("crates/{package} may not use crates/{folder}")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of the packages below `crates`, by their paths there.
fn packages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (folder, prefix) in [("crates", ""), ("crates/doors", "doors/")] {
        for package in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
            if package.path().join("Cargo.toml").is_file() {
                found.insert(format!("{prefix}{}", package.file_name().into_string().unwrap()));
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// All files of all packages, without their tests, by their paths without `.rs`, and their texts.
fn every_source() -> Vec<(String, String)> {
    let packages = packages();
    let folders = packages.iter().map(|package| format!("crates/{package}/src"));
    folders.chain(["src".to_owned()]).flat_map(|folder| sources(&folder)).collect()
}

/// The files below a folder, by their paths without `.rs`, and their texts.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    assert!(!files.is_empty(), "no source found in `{folder}`");
    let name = |file: &Path| file.strip_prefix(root()).unwrap().with_extension("").to_str().unwrap().replace('\\', "/");
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

/// The violations in one file; `name` is its path without `.rs`.
fn check(name: &str, text: &str) -> Vec<String> {
    let (package, file) = name.split_once("src/").unwrap();
    let mut found = BTreeSet::new();
    for path in source::paths(file, text) {
        let segments: Vec<_> = path.iter().map(String::as_str).collect();
        let complaint = match segments.as_slice() {
            ["crate", used, ..] if package.is_empty() => room_complaint(file.split('/').next().unwrap(), used),
            ["crate", ..] => None,
            _ => crate_complaint(name, &segments),
        };
        found.extend(complaint.map(|complaint| format!("{name}.rs: `{}`: {complaint}", segments.join("::"))));
    }
    found.into_iter().collect()
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

fn crate_complaint(name: &str, segments: &[&str]) -> Option<String> {
    let path = segments.join("::");
    let is_impure = IMPURE.iter().any(|impure| path == *impure || path.starts_with(&format!("{impure}::")));
    if is_impure && PURE.iter().any(|folder| name.starts_with(folder)) {
        return Some("what is pure does not use it".to_owned());
    }
    let used = *segments.first()?;
    let is_below = |home: &&str| name == *home || name.starts_with(&format!("{home}/"));
    if used == STANDALONE {
        return (!USERS_OF_STANDALONE.iter().any(is_below)).then(|| format!("it is used in {USERS_OF_STANDALONE:?}"));
    }
    let names_rooms = matches!(name.rsplit_once("src/"), Some((_, "lib" | "api/mod")));
    let has_names = !NAMELESS.iter().any(|folder| name.starts_with(folder));
    if used.starts_with("modelport_") && has_names && !names_rooms {
        return Some("a room is used by the name that `lib.rs` has for it".to_owned());
    }
    let names = |pattern: &str| pattern.strip_suffix('*').map_or(used == pattern, |start| used.starts_with(start));
    let (_, homes) = HOMES.iter().find(|(pattern, _)| names(pattern))?;
    (!homes.iter().any(is_below)).then(|| format!("crate `{used}` lives in `{}`", homes.join("`, `")))
}

#[test]
fn a_use_of_a_forbidden_room_is_found() {
    for (name, text) in [
        ("src/config/mod", "use crate::store::Store;"),
        ("src/config/mod", "use crate::{domain::{Error, Result}, api};"),
        ("src/config/values", "use super::super::api::http;"),
        ("src/config/mod", "mod inner { use super::super::store::Rows; }"),
        ("src/telemetry", "fn f() { let x = crate::store::find(); }"),
        ("src/api/server", "pub(crate) use crate::{\n    registry,\n    blobs::Location,\n};"),
        ("src/api/server", "impl From<crate::store::Row> for X {}"),
        ("src/lib", "use crate::store;"),
        ("src/elsewhere/mod", "use crate::domain::Error;"),
        ("src/config/mod", "use modelport_domain::Error;"),
        ("src/cli/serve", "use modelport_http::door::Doors;"),
        ("crates/registry/src/files", "use modelport_domain::Error;"),
        ("crates/doors/edge/src/models", "use modelport_native::location;"),
        ("crates/importers/src/geti/mod", "use modelport_domain::Error;"),
        ("crates/jobs/src/lib", "use modelport_inspect::Inspection;"),
        ("src/telemetry", "use modelport_inspect::Rule;"),
    ] {
        assert_eq!(check(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn a_package_that_may_not_be_used_is_found() {
    let packages = packages();
    for (package, used) in [
        ("doors/edge", "modelport-native"),
        ("registry", "modelport-http"),
        ("importers", "modelport-store"),
        ("domain", "modelport-memory"),
        ("identity", "modelport-registry"),
        ("heap", "modelport-domain"),
        ("blobs", "sqlite-watch"),
    ] {
        assert_eq!(packages_complaints(package, &packages, &["serde", used]).len(), 1, "{package}: {used}");
    }
    assert_eq!(packages_complaints("jobs", &packages, &["modelport-registry", "tokio"]), Vec::<String>::new());
}

#[test]
fn a_foreign_crate_away_from_home_is_found() {
    for (name, text) in [
        ("crates/registry/src/lib", "use actix_web::web;"),
        ("crates/doors/kubeflow/src/lib", "use prost::Message;"),
        ("crates/registry/src/lib", "#[derive(utoipa::ToSchema)] struct X;"),
        ("crates/registry/src/files", "use rawzip as zip;"),
        ("crates/registry/src/lib", "use ::prometheus::Registry;"),
        ("crates/doors/edge/src/lib", "use tonic::Status;"),
        ("crates/registry/src/lib", "extern crate clap;"),
        ("src/api/mod", "fn f() -> tokio_tar::Archive<()> { todo() }"),
        ("crates/blobs/src/local", "use aws_sdk_s3::Client;"),
        ("crates/registry/src/files", "use diesel::prelude::*;"),
        ("crates/identity/src/issuer", "use reqwest::Client;"),
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
        assert_eq!(check("crates/domain/src/source", text).len(), 1, "{text}");
    }
    assert_eq!(check("crates/inspect/src/source", "use std::io::{self, Read};"), Vec::<String>::new());
}

#[test]
fn what_the_rules_allow_is_not_found() {
    for (name, text) in [
        (
            "crates/doors/kubeflow/src/lists",
            "use crate::domain::{Error, ErrorKind}; use crate::registry::Registry; use actix_web::web;",
        ),
        ("crates/doors/mlmd/src/lib", "use tonic::Status; use prost::Message;"),
        ("crates/http/src/tls", "use rustls::ServerConfig; use super::problem::Problem;"),
        ("src/lib", "pub use {modelport_blobs as blobs, modelport_domain as domain};"),
        ("crates/jobs/src/lib", "use {modelport_domain as domain, modelport_registry as registry};"),
        ("src/api/doors", "use super::{edge, kubeflow, native}; use super::http::door::Doors;"),
        ("src/cli/serve", "use crate::{api, blobs, store}; use modelport::registry;"),
        ("src/main", "use modelport::cli;"),
        (
            "src/config/mod",
            "// use crate::api;\n/* crate::api::x /* nested */ crate::api */ const X: &str = \"crate::api::x\";",
        ),
        (
            "src/config/mod",
            "const X: &str = r#\"use \"crate::api\";\"#; const Y: char = '\"'; const Z: &[u8] = b\"\\\"\";",
        ),
        ("src/telemetry", "mod config; fn f<'a>(x: &'a str) { config::load(x) }"),
        ("crates/registry/src/lib", "use self::models::Model; mod models { use super::Model; }"),
        ("src/api/mod", "use super::domain::Error; fn f() { Self::g(); x.y::<u8>(); }"),
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
        assert_eq!(errors::branches("crates/registry/src/files", text).len(), 1, "{text}");
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
        assert_eq!(errors::branches("crates/registry/src/files", text), Vec::<String>::new(), "{text}");
    }
}
