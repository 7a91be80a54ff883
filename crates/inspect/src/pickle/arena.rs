//! What a pickle would build, as symbols: enough to know names, shapes and states, bounded, and nothing is executed.

/// The maximum number of nodes that are kept; what comes later is lost.
const MAX_NODES: usize = 1 << 18;
/// The maximum number of items within all nodes together.
const MAX_CHILDREN: usize = 1 << 19;
/// The maximum number of bytes of text that are kept.
const MAX_TEXT: usize = 8 << 20;
/// A text that is longer is never the name of anything.
const MAX_TEXT_BYTES: usize = 1024;

/// A value on the stack or in the memo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item {
    /// Something that is no name, no number and no container.
    Other,
    /// Something that was forgotten, because there was too much to keep.
    Lost,
    None,
    Bool(bool),
    Int(i64),
    Text(u32),
    /// An import, by its index.
    Global(u32),
    Node(u32),
}

/// A value with parts.
#[derive(Debug)]
pub(super) enum Node {
    /// A list or a tuple.
    List(Vec<Item>),
    /// A dictionary, and whether a key would overwrite how Python treats an object.
    Dict(Vec<(Item, Item)>, bool),
    /// The result of a call.
    Made { callee: Item, arguments: Item, state: Item },
}

/// Keys of a state with which a pickle takes over the object that it builds.
const OVERRIDING_KEYS: &[&str] = &[
    "__setstate__",
    "__reduce__",
    "__reduce_ex__",
    "__class__",
    "__getattr__",
    "__getattribute__",
    "__call__",
    "__del__",
    "__init__",
    "__new__",
    "__code__",
    "__globals__",
    "__builtins__",
    "__subclasshook__",
    "__mro__",
    "__bases__",
    "__defaults__",
    "__kwdefaults__",
    "__import__",
    "__path__",
    "__loader__",
];

/// The values of one pickle.
#[derive(Debug, Default)]
pub(super) struct Arena {
    nodes: Vec<Node>,
    children: usize,
    texts: Vec<(usize, usize)>,
    pool: String,
}

impl Arena {
    /// Whether something may have been forgotten.
    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() >= MAX_NODES || self.children >= MAX_CHILDREN || self.pool.len() + MAX_TEXT_BYTES > MAX_TEXT
    }

    pub(super) fn text(&mut self, text: &str) -> Item {
        if text.len() > MAX_TEXT_BYTES {
            return Item::Other;
        }
        if self.pool.len() + text.len() > MAX_TEXT || self.texts.len() >= MAX_CHILDREN {
            return Item::Lost;
        }
        self.texts.push((self.pool.len(), text.len()));
        self.pool.push_str(text);
        u32::try_from(self.texts.len() - 1).map_or(Item::Lost, Item::Text)
    }

    pub(super) fn as_text(&self, item: Item) -> Option<&str> {
        let Item::Text(id) = item else { return None };
        let (at, length) = *self.texts.get(id as usize)?;
        self.pool.get(at..at + length)
    }

    pub(super) fn add(&mut self, mut node: Node) -> Item {
        let room = MAX_CHILDREN.saturating_sub(self.children);
        if self.nodes.len() >= MAX_NODES {
            return Item::Lost;
        }
        if let Node::List(items) = &mut node {
            items.truncate(room);
            items.shrink_to_fit();
            self.children += items.len();
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).map_or(Item::Lost, Item::Node)
    }

    pub(super) fn node(&self, item: Item) -> Option<&Node> {
        let Item::Node(id) = item else { return None };
        self.nodes.get(id as usize)
    }

    /// Every object that a call would have made, in the order of the calls.
    pub(super) fn made(&self) -> impl Iterator<Item = (Item, Item, Item)> + '_ {
        self.nodes.iter().filter_map(|node| match node {
            Node::Made { callee, arguments, state } => Some((*callee, *arguments, *state)),
            _ => None,
        })
    }

    pub(super) fn list(&self, item: Item) -> Option<&[Item]> {
        match self.node(item)? {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a dictionary; the last one counts.
    pub(super) fn entry(&self, item: Item, key: &str) -> Option<Item> {
        let Node::Dict(entries, _) = self.node(item)? else { return None };
        entries.iter().rev().find(|(name, _)| self.as_text(*name) == Some(key)).map(|(_, value)| *value)
    }

    /// Whether a state would take over the object that it is given to; a pair holds a second state for slots.
    pub(super) fn takes_over(&self, state: Item) -> bool {
        match self.node(state) {
            Some(Node::Dict(_, takes_over)) => *takes_over,
            Some(Node::List(parts)) => {
                parts.iter().take(2).any(|part| matches!(self.node(*part), Some(Node::Dict(_, true))))
            }
            _ => false,
        }
    }

    pub(super) fn append(&mut self, list: Item, items: &[Item]) {
        let Item::Node(id) = list else { return };
        let room = MAX_CHILDREN.saturating_sub(self.children);
        if let Some(Node::List(kept)) = self.nodes.get_mut(id as usize) {
            let fit = items.get(..items.len().min(room)).unwrap_or_default();
            kept.extend_from_slice(fit);
            self.children += fit.len();
        }
    }

    pub(super) fn set_items(&mut self, dict: Item, pairs: &[Item]) {
        let Item::Node(id) = dict else { return };
        for pair in pairs.chunks_exact(2) {
            let [key, value] = pair else { continue };
            let odd = self.as_text(*key).is_some_and(|key| OVERRIDING_KEYS.contains(&key)) || *key == Item::Lost;
            if let Some(Node::Dict(entries, takes_over)) = self.nodes.get_mut(id as usize) {
                *takes_over |= odd;
                if self.children < MAX_CHILDREN {
                    entries.push((*key, *value));
                    self.children += 2;
                }
            }
        }
    }

    pub(super) fn set_state(&mut self, object: Item, new: Item) {
        let Item::Node(id) = object else { return };
        if let Some(Node::Made { state, .. }) = self.nodes.get_mut(id as usize) {
            *state = new;
        }
    }
}
