//! The subjects of the registry, and the formats of the inspection library, use each other in one direction: there is no circle
//! among the modules of either, nor among the registry's services.

use std::collections::{BTreeMap, BTreeSet};

use super::use_cases::registry;
use super::{source, sources};

/// What the registry's root names besides its modules: the packages that it uses.
const PACKAGES: &[&str] = &["blobs", "domain", "store"];

/// What uses what.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_of_the_registry_form_no_circle() {
    assert_no_circles("crates/registry", &registry());
}

#[test]
fn modules_of_the_inspection_library_form_no_circle() {
    assert_no_circles("crates/inspect", &inspect());
}

fn assert_no_circles(package: &str, files: &[(String, String)]) {
    let graph = modules(files);
    assert!(graph.len() > 20, "{graph:?}");
    let circles = circles(graph);
    assert!(circles.is_empty(), "modules of {package} use each other in circles:\n{}\n", circles.join("\n"));
}

/// The files of the inspection library, by their paths below its `src`.
fn inspect() -> Vec<(String, String)> {
    let short = |(name, text): (String, String)| (name.trim_start_matches("crates/inspect/src/").to_owned(), text);
    sources("crates/inspect/src").into_iter().map(short).collect()
}

#[test]
fn services_of_the_registry_form_no_circle() {
    let graph = services(&registry());
    assert!(graph["Upkeep"].contains("Files"), "{graph:?}");
    let circles = circles(graph);
    assert!(circles.is_empty(), "services of crates/registry use each other in circles:\n{}\n", circles.join("\n"));
}

#[test]
fn modules_name_the_module_of_what_they_use() {
    for (package, files, others) in [("registry", registry(), PACKAGES), ("inspect", inspect(), &[])] {
        let modules: BTreeSet<&str> = files.iter().map(|(file, _)| module(file)).collect();
        for (file, text) in files.iter().filter(|(file, _)| file != "lib") {
            for path in source::paths(file, text).iter().filter(|path| path[0] == "crate" && path.len() > 1) {
                let is_known = modules.contains(path[1].as_str()) || others.contains(&path[1].as_str());
                assert!(is_known, "crates/{package}/src/{file}.rs: `{}` is not a module", path.join("::"));
            }
        }
    }
}

/// The top-level module of a file.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap()
}

/// Which top-level modules each of them names. The root only lists them.
fn modules(files: &[(String, String)]) -> Graph {
    let mut graph: Graph = files.iter().map(|(file, _)| (module(file).to_owned(), BTreeSet::new())).collect();
    graph.remove("lib");
    for (file, text) in files.iter().filter(|(file, _)| file != "lib") {
        let paths = source::paths(file, text);
        let used = paths.iter().filter(|path| path[0] == "crate" && path.len() > 1).map(|path| path[1].clone());
        let used: Vec<String> = used.filter(|used| graph.contains_key(used) && used != module(file)).collect();
        graph.get_mut(module(file)).unwrap().extend(used);
    }
    graph
}

/// The services, by what the core calls them.
pub(super) fn names_of_services(files: &[(String, String)]) -> BTreeMap<String, String> {
    let (_, text) = files.iter().find(|(file, _)| file == "services").expect("crates/registry/src/services.rs");
    let tokens = source::tokens(text);
    let listed = tokens.windows(4).filter(|four| four[1] == "," && four[3] == ";" && source::is_name(&four[2]));
    let listed = listed.filter(|four| four[2] == four[0].to_lowercase());
    listed.map(|four| (four[2].clone(), four[0].clone())).collect()
}

/// Which services each of them asks the core for.
fn services(files: &[(String, String)]) -> Graph {
    let names = names_of_services(files);
    let mut graph: Graph = names.values().map(|service| (service.clone(), BTreeSet::new())).collect();
    for (file, text) in files.iter().filter(|(file, _)| file != "services") {
        let tokens = source::tokens(text);
        let of = |three: &[String]| (three[0] == "impl" && three[2] == "{").then(|| three[1].clone());
        let of: BTreeSet<String> = tokens.windows(3).filter_map(of).filter(|of| graph.contains_key(of)).collect();
        let asks = |four: &[String]| (four[0] == "core" && four[1] == "." && four[3] == "(").then(|| four[2].clone());
        for used in tokens.windows(4).filter_map(asks).filter_map(|used| names.get(&used)) {
            assert!(!of.is_empty(), "{file}.rs asks for {used}, and is of no service");
            for service in of.iter().filter(|service| *service != used) {
                graph.get_mut(service).unwrap().insert(used.clone());
            }
        }
    }
    graph
}

/// The edges that are left when what is on no circle is taken away, as `a → b`.
fn circles(mut graph: Graph) -> Vec<String> {
    loop {
        let used: BTreeSet<String> = graph.values().flatten().cloned().collect();
        let is_free = |(name, uses): (&String, &BTreeSet<String>)| {
            (uses.is_empty() || !used.contains(name)).then(|| name.clone())
        };
        let Some(free) = graph.iter().find_map(is_free) else { break };
        graph.remove(&free);
        for uses in graph.values_mut() {
            uses.remove(&free);
        }
    }
    graph.iter().flat_map(|(name, uses)| uses.iter().map(move |used| format!("{name} → {used}"))).collect()
}

#[test]
fn a_circle_is_found() {
    let files = |texts: &[(&str, &str)]| -> Vec<(String, String)> {
        texts.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    };
    let straight = [
        ("lib", "pub use upload::Upload;"),
        ("upload", "use super::link::link; use crate::domain::Error;"),
        ("link/mod", "use self::parts;"),
        ("link/parts", "use crate::files; fn f() { crate::files::g() }"),
        ("files", "use crate::store::files;"),
    ];
    assert_eq!(circles(modules(&files(&straight))), Vec::<String>::new());
    let back = [straight.as_slice(), &[("files/token", "fn f() { super::super::upload::g() }")]].concat();
    assert_eq!(circles(modules(&files(&back))), ["files → upload", "link → files", "upload → link"]);

    let listed = ("services", "services! { Files, files; Upkeep, upkeep; }");
    let straight = [listed, ("collector", "impl Upkeep { fn f(&self) { self.core.files().discard(); } }")];
    assert_eq!(circles(services(&files(&straight))), Vec::<String>::new());
    let back = [straight.as_slice(), &[("download", "impl Files { fn f(&self) { self.core\n.upkeep().check() } }")]];
    assert_eq!(circles(services(&files(&back.concat()))), ["Files → Upkeep", "Upkeep → Files"]);
}
