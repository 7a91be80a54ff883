//! Every use case of the registry says on whose behalf it runs.

use super::{source, sources};

/// What is public and asynchronous below `crates/registry/src`, and no use case: by its file there, and its name.
const LIFECYCLE: &[(&str, &str)] = &[
    // Probes, and the start of the server.
    ("lib", "health"),
    ("store_id", "identify_store"),
    // The runner of jobs, which waits for its own process.
    ("jobs", "wait_for_jobs"),
    ("jobs", "or"),
    // Computes from what is in memory.
    ("pack", "length"),
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
fn registry() -> Vec<(String, String)> {
    let short = |(name, text): (String, String)| (name.trim_start_matches("crates/registry/src/").to_owned(), text);
    sources("crates/registry/src").into_iter().map(short).collect()
}

/// The names of the public asynchronous functions whose first argument, besides `self`, is not the context.
fn without_context(text: &str) -> Vec<String> {
    let tokens = source::tokens(text);
    let begins = |at: usize| tokens.get(at..at + 3).is_some_and(|found| found == ["pub", "async", "fn"]);
    let found = (0..tokens.len()).filter(|at| begins(*at)).filter(|at| {
        let rest = &tokens[at + 4..];
        let arguments = &rest[rest.iter().position(|token| token == "(").unwrap_or_default() + 1..];
        let own = arguments.iter().take_while(|token| ["&", "mut", "self", ","].contains(&token.as_str())).count();
        // One that does not matter yet begins with an underscore.
        !["context", "_context"]
            .iter()
            .any(|name| arguments[own..].starts_with(&[*name, ":", "&", "RequestContext"].map(str::to_owned)))
    });
    found.map(|at| tokens[at + 3].clone()).collect()
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
