//! The lists that imports are judged by, read once from `imports.txt`.

use std::sync::LazyLock;

use super::Import;

/// The version of the lists.
pub(super) const VERSION: u32 = 1;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::parse(include_str!("imports.txt")));

/// Modules with the names of them that are meant.
type Names = Vec<(&'static str, Vec<&'static str>)>;

#[derive(Debug, Default)]
struct Rules {
    allowed: Names,
    dangerous_modules: Vec<&'static str>,
    dangerous_names: Names,
    dangerous_parts: Vec<&'static str>,
    call_their_arguments: Names,
    aliases: Names,
    /// Lines that say nothing; a test sees to it that there are none.
    unread: Vec<&'static str>,
}

impl Rules {
    fn parse(text: &'static str) -> Self {
        let mut rules = Self::default();
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let words = line.split_whitespace();
            let named = line.split_once(':').map(|(module, names)| (module, names.split_whitespace().collect()));
            match (section, named) {
                ("dangerous modules", None) => rules.dangerous_modules.extend(words),
                ("dangerous parts", None) => rules.dangerous_parts.extend(words),
                ("allowed", Some(named)) => rules.allowed.push(named),
                ("dangerous names", Some(named)) => rules.dangerous_names.push(named),
                ("call their arguments", Some(named)) => rules.call_their_arguments.push(named),
                ("aliases", Some(named)) => rules.aliases.push(named),
                _ => rules.unread.push(line),
            }
        }
        rules
    }
}

/// The name of a module that an import is judged by.
fn module_of(import: &Import) -> &str {
    let alias = RULES.aliases.iter().find(|(old, _)| *old == import.module);
    alias.and_then(|(_, new)| new.first().copied()).unwrap_or(&import.module)
}

fn below(module: &str, root: &str) -> bool {
    module.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether an import is on the list of what a model may need.
pub(super) fn is_allowed(import: &Import) -> bool {
    let module = module_of(import);
    RULES.allowed.iter().any(|(listed, names)| {
        let fits = match listed.strip_suffix(".*") {
            Some(root) => below(module, root),
            None => module == *listed || import.module == *listed,
        };
        fits && names.iter().any(|name| *name == import.name || (*name == "Class" && is_class(&import.name)))
    })
}

fn is_class(name: &str) -> bool {
    !RULES.dangerous_parts.contains(&name)
        && name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|each| each.is_ascii_alphanumeric() || each == b'_')
}

/// Whether an import only calls what it is handed.
pub(super) fn calls_its_arguments(import: &Import) -> bool {
    let module = module_of(import);
    let mut listed = RULES.call_their_arguments.iter();
    listed.any(|(root, names)| *root == module && names.contains(&import.name.as_str()))
}

/// Whether an import is known to run code, or to reach files, network or the inside of objects.
pub(super) fn is_dangerous(import: &Import) -> bool {
    if is_allowed(import) {
        return false;
    }
    // Python finds no name with spaces around it, but nobody writes one without a purpose.
    let module = module_of(import).trim();
    let name = import.name.trim();
    let odd_part = |part: &str| {
        RULES.dangerous_parts.contains(&part) || (part.starts_with("__") && part.ends_with("__") && part.len() > 4)
    };
    RULES.dangerous_modules.iter().any(|root| below(module, root))
        || RULES.dangerous_names.iter().any(|(listed, names)| {
            module == *listed && name.split('.').next().is_some_and(|first| names.contains(&first))
        })
        || name.split('.').any(odd_part)
        || module.split('.').skip(1).any(|part| matches!(part, "os" | "subprocess" | "sys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_lists_is_read() {
        assert_eq!(RULES.unread, Vec::<&str>::new());
        assert!(RULES.allowed.len() > 50 && RULES.dangerous_modules.len() > 100 && RULES.dangerous_parts.len() > 20);
        for (_, names) in RULES.allowed.iter().chain(&RULES.dangerous_names).chain(&RULES.aliases) {
            assert!(!names.is_empty());
        }
    }
}
