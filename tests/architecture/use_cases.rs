//! Every use case of the registry says on whose behalf it runs.

use std::collections::BTreeSet;

use super::circles::names_of_services;
use super::{source, sources};

/// What is public and asynchronous below `crates/registry/src`, and no use case: by its file there, and its name.
const LIFECYCLE: &[(&str, &str)] = &[
    // Probes, and the start of the server.
    ("health", "health"),
    ("health", "identify_store"),
    // The runner of jobs, which waits for its own process.
    ("jobs", "wait_for_jobs"),
    ("jobs", "or"),
    // Computes from what is in memory.
    ("pack", "length"),
];

/// What is public of a service, and neither asynchronous nor a use case: it tells what this process has in memory.
const IN_MEMORY: &[(&str, &str)] = &[
    ("collector", "collected"),
    ("health", "pools"),
    ("inventory", "inventory"),
    ("jobs", "job_figures"),
    ("jobs", "later"),
];

#[test]
fn use_cases_take_the_context_first() {
    let without: Vec<_> = registry()
        .into_iter()
        .flat_map(|(file, text)| {
            let names = without_context(&text).into_iter();
            names.map(move |name| (file.clone(), name)).collect::<Vec<_>>()
        })
        .filter(|(file, name)| !LIFECYCLE.contains(&(file.as_str(), name.as_str())))
        .map(|(file, name)| {
            format!("crates/registry/src/{file}.rs: `{name}` does not take `context: &RequestContext` first")
        })
        .collect();
    assert!(without.is_empty(), "\n{}\n", without.join("\n"));
}

#[test]
fn what_is_no_use_case_any_more_is_not_listed() {
    let sources = registry();
    for (file, name) in LIFECYCLE {
        let text = sources.iter().find(|(found, _)| found == file).map(|(_, text)| text.as_str());
        let is_there = without_context(text.unwrap_or_default()).iter().any(|found| found == name);
        assert!(is_there, "crates/registry/src/{file}.rs has no `{name}` without a context");
    }
}

/// The files of the registry, by their paths below its `src`.
pub(super) fn registry() -> Vec<(String, String)> {
    let short = |(name, text): (String, String)| (name.trim_start_matches("crates/registry/src/").to_owned(), text);
    sources("crates/registry/src").into_iter().map(short).collect()
}

#[test]
fn methods_of_services_take_the_context_first() {
    let files = registry();
    let services: BTreeSet<String> = names_of_services(&files).into_values().collect();
    assert!(services.len() > 8, "{services:?}");
    let (mut idle, mut without) = (services.clone(), BTreeSet::new());
    for (file, text) in &files {
        for (service, method, has_context) in methods(text, &services) {
            idle.remove(&service);
            if !has_context {
                without.insert((file.as_str(), method));
            }
        }
    }
    assert!(idle.is_empty(), "without methods: {idle:?}");
    let allowed: BTreeSet<_> =
        LIFECYCLE.iter().chain(IN_MEMORY).map(|(file, name)| (*file, (*name).to_owned())).collect();
    let refused: Vec<_> = without.difference(&allowed).collect();
    assert!(refused.is_empty(), "these do not take `context: &RequestContext` first: {refused:?}");
    let listed = IN_MEMORY.iter().find(|(file, name)| !without.contains(&(*file, (*name).to_owned())));
    assert!(listed.is_none(), "it is there no more, or takes the context: {listed:?}");
}

/// The public methods of services: of which, their names, and whether they take the context first.
fn methods(text: &str, services: &BTreeSet<String>) -> Vec<(String, String, bool)> {
    let tokens = source::tokens(text);
    let mut found = Vec::new();
    for at in 0..tokens.len().saturating_sub(2) {
        if tokens[at] != "impl" || !services.contains(&tokens[at + 1]) || tokens[at + 2] != "{" {
            continue;
        }
        let mut depth = 0;
        for inner in at + 2..tokens.len() {
            match tokens[inner].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "pub" if depth == 1 => {
                    let name = inner + 2 + usize::from(tokens[inner + 1] == "async");
                    if tokens[name - 1] == "fn" {
                        found.push((tokens[at + 1].clone(), tokens[name].clone(), takes_context(&tokens[name..])));
                    }
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// The names of the public asynchronous functions whose first argument, besides `self`, is not the context.
fn without_context(text: &str) -> Vec<String> {
    let tokens = source::tokens(text);
    let begins = |at: usize| tokens.get(at..at + 3).is_some_and(|found| found == ["pub", "async", "fn"]);
    let found = (0..tokens.len()).filter(|at| begins(*at)).filter(|at| !takes_context(&tokens[at + 3..]));
    found.map(|at| tokens[at + 3].clone()).collect()
}

/// Whether the first argument besides `self` is the context, of a function that begins with its name.
fn takes_context(function: &[String]) -> bool {
    let arguments = &function[function.iter().position(|token| token == "(").unwrap_or_default() + 1..];
    let own = arguments.iter().take_while(|token| ["&", "mut", "self", ","].contains(&token.as_str())).count();
    // One that does not matter yet begins with an underscore.
    let context = |name: &str| [name, ":", "&", "RequestContext"].map(str::to_owned);
    ["context", "_context"].iter().any(|name| arguments[own..].starts_with(&context(name)))
}

#[test]
fn a_use_case_without_a_context_is_found() {
    for text in [
        "pub async fn get(&self, id: NodeId) -> Result<Node> {}",
        "pub async fn put<B, E>(&self, body: B) -> Result<()> where B: Stream {}",
        "pub async fn get(&self) {}",
        "pub async fn get(&self, id: NodeId, context: &RequestContext) {}",
        "pub async fn get(&self, actor: &Actor, id: NodeId) {}",
    ] {
        assert_eq!(without_context(text).len(), 1, "{text}");
    }
    for text in [
        "pub async fn get(&self, context: &RequestContext, id: NodeId) {}",
        "pub async fn put<B>(&self, context: &RequestContext, body: B) where B: Stream {}",
        "pub async fn read(\n        &mut self,\n        context: &RequestContext,\n    ) {}",
        "pub(super) async fn inner(&self, id: NodeId) {}",
        "async fn inner(&self) {}",
        "pub fn later(&self, pause: Duration) -> Millis {}",
    ] {
        assert_eq!(without_context(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_method_of_a_service_without_a_context_is_found() {
    let services = BTreeSet::from(["Files".to_owned()]);
    let text = "impl Files { pub fn a(&self, id: u8) { b(|| {}) } pub(crate) fn c(&self) {} fn d(&self) {} \
                pub async fn e(&self, context: &RequestContext) {} } impl Guard { pub fn f(&self) {} }";
    let found = methods(text, &services);
    let named = |name: &str, has_context| ("Files".to_owned(), name.to_owned(), has_context);
    assert_eq!(found, [named("a", false), named("e", true)]);
}
