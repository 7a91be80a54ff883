//! What a pickle calls, and what it hands to it.

use super::arena::{Item, Node};
use super::machine::Machine;
use crate::error::{ParseError, ParseResult};
use crate::finding::Rule;
use crate::imports::{self, Import};
use crate::inspection::clip;

/// The maximum number of imports among the arguments of one call.
const MAX_IMPORT_ARGUMENTS: usize = 16;

impl Machine {
    /// Whether Python would refuse an item as the name of an import.
    pub(super) fn is_no_text(&self, item: Item) -> bool {
        let is_container = matches!(self.arena.node(item), Some(Node::List(_) | Node::Dict(..)));
        is_container || matches!(item, Item::None | Item::Bool(_) | Item::Int(_))
    }

    pub(super) fn called(&mut self, callee: Item, arguments: Item) -> ParseResult<()> {
        // No unpickler gets past this or the next, and bytes that are no pickle get here by chance.
        if matches!(arguments, Item::None | Item::Bool(_) | Item::Int(_)) {
            return Err(ParseError::malformed("it hands no tuple to what it calls"));
        }
        match callee {
            Item::Global(id) => {
                if let Some(resolved) = self.resolved(id, arguments)? {
                    return match resolved {
                        Some(attribute) => self.push(attribute),
                        None => self.push(Item::Other),
                    };
                }
                let handed = self.handed(arguments);
                if let Some(import) = self.imports.get_mut(id as usize) {
                    import.called = true;
                    import.add_arguments(handed);
                }
            }
            Item::None | Item::Bool(_) | Item::Int(_) | Item::Text(_) => {
                return Err(ParseError::malformed("it calls something that is not a function"));
            }
            _ if matches!(self.arena.node(callee), Some(Node::List(_) | Node::Dict(..))) => {
                return Err(ParseError::malformed("it calls something that is not a function"));
            }
            _ if self.makes_an_object(callee) => {}
            _ => {
                self.call_what_was_made(callee);
                self.remark(Rule::PickleComputedCall, "it calls something that is not an import");
            }
        }
        self.make(Node::Made { callee, arguments, state: Item::None })
    }

    /// The imports among the arguments, and those one level deeper.
    fn handed(&self, arguments: Item) -> Vec<String> {
        let mut handed = Vec::new();
        for item in self.arena.list(arguments).unwrap_or_default() {
            let inner = self.arena.list(*item).unwrap_or_default();
            for each in std::iter::once(item).chain(inner.iter().take(MAX_IMPORT_ARGUMENTS)) {
                handed.extend(self.global(*each).map(Import::full_name));
            }
            if handed.len() >= MAX_IMPORT_ARGUMENTS {
                break;
            }
        }
        handed
    }

    /// Whether a call is `NEWOBJ_EX` as Python writes it in protocols that do not have it: of a partial of `cls.__new__` whose first
    /// argument is the class itself. Marks the class as called.
    fn makes_an_object(&mut self, made: Item) -> bool {
        let Some(Node::Made { callee, arguments, state }) = self.arena.node(made) else { return false };
        if !self.global(*callee).is_some_and(imports::calls_its_arguments) {
            return false;
        }
        let class = self.arena.list(*arguments).and_then(|list| list.first()).copied();
        let given = self.arena.list(*state).and_then(|state| state.get(1)).and_then(|given| self.arena.list(*given));
        let Some(Item::Global(id)) = class.filter(|class| given.and_then(|given| given.first()) == Some(class)) else {
            return false;
        };
        if let Some(import) = self.imports.get_mut(id as usize) {
            import.called = true;
        }
        true
    }

    /// Any other partial that is called calls what it was handed: no pickler writes that.
    fn call_what_was_made(&mut self, made: Item) {
        let Some(Node::Made { callee, arguments, .. }) = self.arena.node(made) else { return };
        let (callee, arguments) = (*callee, *arguments);
        let Some(import) = self.global(callee).filter(|import| imports::calls_its_arguments(import)) else { return };
        let name = import.full_name();
        let handed = self.arena.list(arguments).and_then(|list| list.first()).copied().unwrap_or(Item::Lost);
        self.remark(Rule::PickleDangerousImport, format!("what `{name}` makes is called"));
        if let Item::Global(id) = handed
            && let Some(import) = self.imports.get_mut(id as usize)
        {
            import.called = true;
        }
    }

    /// The result of a call whose meaning is known: `getattr` of an import by a literal name is an import, and `type` of one
    /// value is a class. Pickles of methods, such as `str.lower`, have the former, those of `None`'s class the latter.
    fn resolved(&mut self, callee: u32, arguments: Item) -> ParseResult<Option<Option<Item>>> {
        let Some(import) = self.imports.get(callee as usize).filter(|import| imports::can_be_resolved(import)) else {
            return Ok(None);
        };
        let at = import.at;
        if self.arena.is_full() {
            // There may have been more arguments than were kept.
            return Ok(None);
        }
        let given = self.arena.list(arguments).unwrap_or_default();
        let (attribute, of) = match (import.name.as_str(), given) {
            ("type", [_]) => (None, "one value".to_owned()),
            ("getattr", [object, name]) => {
                let Some((name, class)) = self.arena.as_text(*name).zip(self.class_of(*object)) else {
                    return Ok(None);
                };
                // What makes an object of a class is as good as the class.
                let name = if name == "__new__" { class.name.clone() } else { format!("{}.{name}", class.name) };
                (Some((class.module.clone(), name.clone())), format!("{}.{name}", class.module))
            }
            _ => return Ok(None),
        };
        if let Some(import) = self.imports.get_mut(callee as usize) {
            import.add_arguments(vec![of]);
        }
        match attribute {
            None => Ok(Some(None)),
            Some((module, name)) => Ok(Some(Some(self.imported(clip(&module, 512), clip(&name, 512), at)?))),
        }
    }

    /// The import itself, or the class that made an object.
    fn class_of(&self, object: Item) -> Option<&Import> {
        if let Some(import) = self.global(object) {
            return Some(import);
        }
        let Some(Node::Made { callee, arguments, .. }) = self.arena.node(object) else { return None };
        let maker = self.global(*callee)?;
        if maker.name != "_reconstructor" && !maker.name.starts_with("__newobj") {
            return Some(maker).filter(|maker| maker.name.starts_with(|first: char| first.is_ascii_uppercase()));
        }
        self.global(*self.arena.list(*arguments)?.first()?)
    }
}
