//! What pickles import, and what the rules say about it; without the bytes.

mod evaluate;
mod rules;

use serde::{Deserialize, Serialize};

pub use evaluate::{RULES_VERSION, evaluate};
pub(super) use rules::{ImportClass, calls_its_arguments, can_be_resolved, classify, is_of_known_module};

/// The maximum number of arguments of an import's calls that are kept.
const MAX_ARGUMENTS: usize = 16;

/// Something that a pickle imports, and what it does with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module, as the pickle names it.
    pub module: String,
    /// The name within the module; may have dots.
    pub name: String,
    /// The member of the archive in which the pickle lies; empty for the file itself.
    pub place: String,
    /// Where in the pickle's bytes it is imported first.
    pub at: u64,
    /// Whether it is called.
    pub called: bool,
    /// Whether it is itself given new members.
    pub built: bool,
    /// The imports that are handed to it when it is called.
    pub arguments: Vec<String>,
}

impl Import {
    pub(super) fn new(module: &str, name: &str, at: u64) -> Self {
        Self {
            module: module.to_owned(),
            name: name.to_owned(),
            place: String::new(),
            at,
            called: false,
            built: false,
            arguments: Vec::new(),
        }
    }

    /// Module and name with a dot between them.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    pub(super) fn same_name(&self, other: &Self) -> bool {
        self.module == other.module && self.name == other.name && self.place == other.place
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.called |= other.called;
        self.built |= other.built;
        self.add_arguments(other.arguments.clone());
    }

    pub(super) fn add_arguments(&mut self, names: Vec<String>) {
        for name in names {
            if self.arguments.len() < MAX_ARGUMENTS && !self.arguments.contains(&name) {
                self.arguments.push(name);
            }
        }
    }
}
