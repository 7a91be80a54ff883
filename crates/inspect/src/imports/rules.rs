//! The lists that imports are evaluated by, read once: `imports.txt` is kept by hand, the others are what the libraries
//! themselves say (`tests/formats/list_imports.py`).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::Import;

/// The version of the lists.
pub(super) const VERSION: u32 = 2;

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let mut rules = Rules::default();
    for text in [
        include_str!("imports.txt"),
        include_str!("lists/standard-library.txt"),
        include_str!("lists/arrow.txt"),
        include_str!("lists/boosting.txt"),
        include_str!("lists/joblib.txt"),
        include_str!("lists/keras.txt"),
        include_str!("lists/mlflow.txt"),
        include_str!("lists/numpy.txt"),
        include_str!("lists/pandas.txt"),
        include_str!("lists/scikit-learn.txt"),
        include_str!("lists/scipy.txt"),
        include_str!("lists/tensorflow.txt"),
        include_str!("lists/torch.txt"),
        include_str!("lists/transformers.txt"),
    ] {
        rules.read(text);
    }
    rules
});

/// What an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ImportClass {
    /// Makes the objects that a model consists of, and does nothing else.
    Harmless,
    /// Not known to be harmless: of a module that is on no list, or a class of a known library.
    Unknown,
    /// A function of a known library that is on no list of what models need.
    Unneeded,
    /// Can run code, or reach files, network or the inside of objects.
    Dangerous,
}

type Words = HashSet<&'static str>;
/// Modules with the names of them that are meant.
type Names = HashMap<&'static str, Words>;

#[derive(Debug, Default)]
struct Rules {
    allowed: Names,
    /// The same, for a module and all modules below it.
    allowed_below: Names,
    allowed_as_arguments: Names,
    standard_library: Words,
    libraries: Words,
    classes: Names,
    functions: Names,
    dangerous_modules: Words,
    dangerous_names: Names,
    dangerous_parts: Words,
    call_their_arguments: Names,
    plain_when_resolved: Names,
    aliases: HashMap<&'static str, &'static str>,
    /// Lines that say nothing; a test sees to it that there are none.
    unread: Vec<&'static str>,
}

impl Rules {
    fn read(&mut self, text: &'static str) {
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let words = line.split_whitespace();
            let Some((module, names)) = line.split_once(':') else {
                match section {
                    "standard library" => self.standard_library.extend(words),
                    "libraries" => self.libraries.extend(words),
                    "dangerous modules" => self.dangerous_modules.extend(words),
                    "dangerous parts" => self.dangerous_parts.extend(words),
                    _ => self.unread.push(line),
                }
                continue;
            };
            let (root, below) = module.strip_suffix(".*").map_or((module, false), |root| (root, true));
            let list = match (section, below) {
                ("allowed", false) => &mut self.allowed,
                ("allowed", true) => &mut self.allowed_below,
                ("allowed as arguments", false) => &mut self.allowed_as_arguments,
                ("classes", true) => &mut self.classes,
                ("functions", true) => &mut self.functions,
                ("dangerous names", false) => &mut self.dangerous_names,
                ("call their arguments", false) => &mut self.call_their_arguments,
                ("plain when resolved", false) => &mut self.plain_when_resolved,
                ("aliases", false) => {
                    self.aliases.insert(module, names.trim());
                    continue;
                }
                _ => {
                    self.unread.push(line);
                    continue;
                }
            };
            list.entry(root).or_default().extend(names.split_whitespace());
        }
    }

    fn dangerous_module(&self, module: &str) -> bool {
        above(module).any(|root| self.dangerous_modules.contains(root))
            || module.split('.').skip(1).any(|part| matches!(part, "os" | "subprocess" | "sys"))
    }

    fn dangerous_name(&self, module: &str, name: &str) -> bool {
        let odd = |part: &str| {
            self.dangerous_parts.contains(part) || (part.starts_with("__") && part.ends_with("__") && part.len() > 4)
        };
        let first = name.split('.').next().unwrap_or_default();
        lists(&self.dangerous_names, module, first) || name.split('.').any(odd)
    }

    fn allows_below(&self, module: &str, name: &str) -> bool {
        lists_below(&self.allowed_below, module, name)
            || (is_class(name) && lists_below(&self.allowed_below, module, "Class"))
    }
}

/// A module and all modules that it lies below.
fn above(module: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(module), |module| module.rsplit_once('.').map(|(above, _)| above))
}

fn lists(names: &Names, module: &str, name: &str) -> bool {
    names.get(module).is_some_and(|names| names.contains(name))
}

fn lists_below(names: &Names, module: &str, name: &str) -> bool {
    above(module).any(|root| lists(names, root, name))
}

/// Whether a name is written as a class's is.
fn is_class(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|each| each.is_ascii_alphanumeric() || each == b'_')
}

/// The name of a module that an import is evaluated by.
fn module_of(import: &Import) -> &str {
    // Python finds no name with spaces around it, but nobody writes one without a purpose.
    let module = import.module.trim();
    RULES.aliases.get(module).copied().unwrap_or(module)
}

/// Whether an import only calls what it is handed.
pub(crate) fn calls_its_arguments(import: &Import) -> bool {
    lists(&RULES.call_their_arguments, module_of(import), &import.name)
}

/// Whether an import is of a module on any of the lists.
pub(crate) fn is_of_known_module(import: &Import) -> bool {
    let module = module_of(import);
    let root = module.split('.').next().unwrap_or_default();
    RULES.standard_library.contains(root) || RULES.libraries.contains(root) || RULES.dangerous_module(module)
}

/// Whether its calls are followed by what they are handed, so that only what they return is evaluated.
pub(crate) fn can_be_resolved(import: &Import) -> bool {
    lists(&RULES.plain_when_resolved, module_of(import), &import.name)
}

/// What today's lists say of an import.
pub(crate) fn classify(import: &Import) -> ImportClass {
    let module = module_of(import);
    let name = import.name.trim();
    let listed = |names: &Names| lists(names, module, &import.name) || lists(names, &import.module, &import.name);
    if listed(&RULES.allowed) || calls_its_arguments(import) {
        return ImportClass::Harmless;
    }
    if listed(&RULES.plain_when_resolved) && !import.called && !import.built && !import.arguments.is_empty() {
        return ImportClass::Harmless;
    }
    if listed(&RULES.allowed_as_arguments) && !import.called && !import.built {
        return ImportClass::Harmless;
    }
    if RULES.dangerous_module(module) {
        return ImportClass::Dangerous;
    }
    if RULES.allows_below(module, &import.name) {
        return ImportClass::Harmless;
    }
    let root = module.split('.').next().unwrap_or_default();
    if RULES.standard_library.contains(root) || RULES.dangerous_name(module, name) {
        return ImportClass::Dangerous;
    }
    if !RULES.libraries.contains(root) {
        return ImportClass::Unknown;
    }
    let class =
        (is_class(name) && !lists_below(&RULES.functions, module, name)) || lists_below(&RULES.classes, module, name);
    if class { ImportClass::Unknown } else { ImportClass::Unneeded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lists_is_read() {
        assert_eq!(RULES.unread, Vec::<&str>::new());
        assert!(RULES.standard_library.len() > 300 && RULES.libraries.len() > 15);
        assert!(RULES.allowed.len() > 30 && RULES.dangerous_modules.len() > 50 && RULES.dangerous_parts.len() > 20);
        let lists = [&RULES.allowed, &RULES.allowed_below, &RULES.dangerous_names, &RULES.classes, &RULES.functions];
        assert!(lists.into_iter().flat_map(HashMap::values).all(|names| !names.is_empty()));
    }

    /// What is known to be dangerous is on no list of what is harmless by mistake.
    #[test]
    fn the_lists_do_not_contradict_each_other() {
        let mut wrong = Vec::new();
        for (module, names) in RULES.allowed.iter().chain(&RULES.allowed_below) {
            for name in names {
                if RULES.dangerous_name(module, name) && !module.starts_with("builtins") {
                    wrong.push(format!("{module}.{name}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
