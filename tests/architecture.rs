//! The house's rules, checked on its source: which room may use which, and where each foreign crate lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may use besides itself. A room that is not listed may use anything.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("memory", &["domain"]),
    ("store", &["domain", "memory"]),
    ("blobs", &["domain", "memory"]),
    ("registry", &["domain", "store", "blobs"]),
    ("importers", &["domain", "registry"]),
    ("jobs", &["domain", "registry"]),
    ("api", &["domain", "registry", "memory"]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("lib", &[]),
];

/// The rooms that put the others together.
const ANYTHING: &[&str] = &["cli", "main", "runtime"];

/// Where a foreign crate may be used, as folders or files below `src`. A name that ends in `*` stands for all crates
/// that begin so.
const HOMES: &[(&str, &[&str])] = &[
    ("actix*", &["api"]),
    ("rustls*", &["api/edge/tls", "blobs/s3"]),
    ("hyper*", &["blobs/s3"]),
    ("utoipa*", &["api"]),
    ("prometheus", &["api"]),
    ("tonic*", &["api/mlmd"]),
    ("prost*", &["api/mlmd"]),
    ("tower", &["api/mlmd"]),
    ("diesel*", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("sqlite_watch", &["store"]),
    ("pq_sys", &["store"]),
    ("openssl_sys", &["store"]),
    ("aws_*", &["blobs/s3"]),
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

/// The crates that are as pure as `domain`. Which crates they use, their manifests say.
const PURE_CRATES: &[&str] = &["crates/inspect/src"];

/// What is pure may not touch, though it belongs to the standard library or has no single home.
const IMPURE: &[&str] = &["std::env", "std::fs", "std::net", "std::process", "std::thread", "tokio", "futures_util"];

#[test]
fn the_source_keeps_the_rules() {
    let violations: Vec<_> = sources("src").into_iter().flat_map(|(name, text)| check(&name, &text)).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn pure_crates_are_pure() {
    for folder in PURE_CRATES {
        let violations: Vec<_> =
            sources(folder).into_iter().flat_map(|(name, text)| check_pure(&name, &text)).collect();
        assert!(violations.is_empty(), "{folder}:\n{}\n", violations.join("\n"));
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
            ["crate", used, ..] => room_complaint(room, used),
            _ => crate_complaint(name, room, &segments),
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

fn crate_complaint(name: &str, room: &str, segments: &[&str]) -> Option<String> {
    if room == "domain" && is_impure(&segments.join("::")) {
        return Some("`domain` is pure".to_owned());
    }
    let used = *segments.first()?;
    let names = |pattern: &str| pattern.strip_suffix('*').map_or(used == pattern, |start| used.starts_with(start));
    let (_, homes) = HOMES.iter().find(|(pattern, _)| names(pattern))?;
    let at_home = homes.iter().any(|home| name == *home || name.starts_with(&format!("{home}/")));
    (!at_home).then(|| format!("crate `{used}` lives in `{}`", homes.join("`, `")))
}

#[test]
fn a_use_of_a_forbidden_room_is_found() {
    for (name, text) in [
        ("domain/page", "use crate::store::Store;"),
        ("registry/models", "use crate::{domain::{Error, Result}, api};"),
        ("registry/mod", "use super::api::problem;"),
        ("store/mod", "fn f() { let x = crate::registry::find(); }"),
        ("blobs/s3", "use super::super::store;"),
        ("api/native/files", "pub(crate) use crate::{\n    registry,\n    blobs::Location,\n};"),
        ("api/native/mod", "mod inner { use super::super::super::store::Rows; }"),
        ("jobs/mod", "impl From<crate::store::Row> for X {}"),
        ("lib", "use crate::store;"),
        ("elsewhere/mod", "use crate::domain::Error;"),
        ("domain/mod", "use std::{fmt, fs::File};"),
        ("domain/mod", "async fn f() { tokio::spawn(g()); }"),
    ] {
        assert_eq!(check(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn a_foreign_crate_away_from_home_is_found() {
    for (name, text) in [
        ("registry/mod", "use actix_web::web;"),
        ("api/kubeflow/mod", "use diesel::prelude::*;"),
        ("registry/mod", "#[derive(utoipa::ToSchema)] struct X;"),
        ("blobs/files", "use aws_sdk_s3 as s3;"),
        ("store/mod", "use ::prometheus::Registry;"),
        ("api/edge/mod", "use tonic::Status;"),
        ("domain/mod", "extern crate clap;"),
        ("api/mod", "fn f() -> diesel::QueryResult<()> { todo() }"),
        ("store/inspections/mod", "use modelport_inspect::Inspection;"),
        ("domain/policy", "use modelport_inspect::Rule;"),
    ] {
        assert_eq!(check(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn what_is_not_pure_is_found() {
    for text in ["use std::{fmt, fs::File};", "fn f() { std::process::exit(1) }", "mod a { use std::net; }"] {
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
        ("blobs/s3/multipart", "use aws_sdk_s3::Client; use super::super::Location;"),
        ("blobs/s3", "use aws_sdk_s3::Client;"),
        ("cli/serve", "use crate::{api, blobs, store}; use modelport::registry;"),
        ("main", "use modelport::cli;"),
        (
            "store/mod",
            "// use crate::api;\n/* crate::api::x /* nested */ crate::api */ const X: &str = \"crate::api::x\";",
        ),
        ("store/mod", "const X: &str = r#\"use \"crate::api\";\"#; const Y: char = '\"'; const Z: &[u8] = b\"\\\"\";"),
        ("store/mod", "mod config; fn f<'a>(x: &'a str) { config::load(x) }"),
        ("registry/mod", "use self::models::Model; mod models { use super::Model; }"),
        ("api/mod", "use super::domain::Error; fn f() { Self::g(); x.y::<u8>(); }"),
        ("domain/mod", "use std::io; use std::fmt;"),
    ] {
        assert_eq!(check(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}
