//! The pickle machine, protocols 0 to 5, on symbols: it follows stack and memo, and never calls anything.

use std::collections::HashMap;

use super::arena::{Arena, Item, Node};
use crate::cursor::Cursor;
use crate::error::{ParseError, ParseResult};
use crate::finding::Rule;
use crate::imports::Import;
use crate::inspection::clip;

/// The maximum depth of the stack.
const MAX_STACK: usize = 1 << 19;
/// The maximum number of imports of one stream.
const MAX_IMPORTS: usize = 2000;
/// The maximum length of a line of the text opcodes.
pub(super) const MAX_LINE_BYTES: usize = 1 << 20;
/// What follows an opcode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    /// The next opcode.
    Opcode,
    /// The end, with the result on top.
    Stop,
    /// An object has got its state; some readers find raw bytes after it.
    Built(Item),
}

/// The state of one unpickling.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) arena: Arena,
    pub(super) stack: Vec<Item>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: Vec<Item>,
    pub(super) memo_size: usize,
    pub(super) imports: Vec<Import>,
    index: HashMap<(String, String), u32>,
    pub(super) remarks: Vec<(Rule, String)>,
    pub(super) opcodes: u64,
    pub(super) protocol: Option<u8>,
    /// The number with which PyTorch's older files begin.
    pub(super) torch_magic: bool,
    /// Whether Python would have given up already.
    pub(super) refused: bool,
    /// Where the operand ends that was skipped last.
    pub(super) operand_end: u64,
}

impl Machine {
    /// The import that an item is.
    pub(super) fn global(&self, item: Item) -> Option<&Import> {
        let Item::Global(id) = item else { return None };
        self.imports.get(id as usize)
    }

    pub(super) fn remark(&mut self, rule: Rule, message: impl Into<String>) {
        let remark = (rule, message.into());
        if self.remarks.len() < 32 && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Reads and follows one opcode.
    pub(super) fn step(&mut self, input: &mut Cursor<'_>) -> ParseResult<Next> {
        let at = input.place();
        let opcode = input.byte()?;
        self.opcodes += 1;
        match opcode {
            b'.' => {
                if self.stack.is_empty() {
                    self.underflow();
                }
                return Ok(Next::Stop);
            }
            b'(' => {
                if self.marks.len() >= MAX_STACK {
                    return Err(ParseError::limit("its stack is too deep"));
                }
                self.marks.push(self.stack.len());
            }
            b'0' => self.pop_one(),
            b'1' => {
                self.down_to_mark();
            }
            b'2' => {
                let top = self.stack.last().copied().unwrap_or(Item::Lost);
                self.push(top)?;
            }
            0x80 => {
                let protocol = input.byte()?;
                if protocol > 5 {
                    return Err(ParseError::malformed(format!("there is no protocol {protocol}")));
                }
                if self.opcodes > 1 {
                    self.remark(Rule::PickleOddOpcodes, "`PROTO` stands where no pickler writes it");
                }
                self.protocol = Some(protocol);
            }
            0x95 => {
                input.u64()?;
            }
            b'N' | 0x88 | 0x89 | b'I' | b'J' | b'K' | b'M' | b'L' | 0x8a | 0x8b | b'F' | b'G' => {
                let item = self.number(opcode, input)?;
                self.push(item)?;
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                let item = self.counted(opcode, input)?;
                self.push(item)?;
            }
            0x97 => self.push(Item::Other)?,
            0x98 => {}
            b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | 0x94 => self.remember(opcode, input)?,
            b']' => self.make(Node::List(Vec::new()))?,
            b')' => self.make(Node::List(Vec::new()))?,
            b'}' => self.make(Node::Dict(Vec::new(), false))?,
            0x8f => self.push(Item::Other)?,
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let items = self.take(count);
                self.make(Node::List(items))?;
            }
            b'l' | b't' => {
                let items = self.down_to_mark();
                self.make(Node::List(items))?;
            }
            b'd' => {
                let items = self.down_to_mark();
                self.make(Node::Dict(Vec::new(), false))?;
                let dict = self.stack.last().copied().unwrap_or(Item::Lost);
                self.arena.set_items(dict, &items);
            }
            0x91 => {
                self.down_to_mark();
                self.push(Item::Other)?;
            }
            0x90 => {
                self.down_to_mark();
            }
            b'a' | b'e' => {
                let items = if opcode == b'a' { self.take(1) } else { self.down_to_mark() };
                let list = self.stack.last().copied().unwrap_or(Item::Lost);
                self.arena.append(list, &items);
            }
            b's' | b'u' => {
                let items = if opcode == b's' { self.take(2) } else { self.down_to_mark() };
                let dict = self.stack.last().copied().unwrap_or(Item::Lost);
                self.arena.set_items(dict, &items);
            }
            b'P' => {
                let id = input.line(MAX_LINE_BYTES)?;
                self.remark(Rule::PicklePersistentId, format!("persistent id `{}`", shown(&id)));
                self.push(Item::Other)?;
            }
            // The tuple stays on the stack: it is what PyTorch's readers look into.
            b'Q' => {
                if self.stack.is_empty() {
                    self.underflow();
                }
            }
            b'c' | b'i' | 0x93 | 0x82..=0x84 => self.import(opcode, at, input)?,
            b'R' | 0x81 | 0x92 | b'o' => self.call(opcode)?,
            b'b' => return Ok(self.build()),
            other => {
                return Err(ParseError::malformed(format!("there is no opcode {other:#04x}, which stands at {at}")));
            }
        }
        Ok(Next::Opcode)
    }

    pub(super) fn push(&mut self, item: Item) -> ParseResult<()> {
        if self.stack.len() >= MAX_STACK {
            return Err(ParseError::limit("its stack is too deep"));
        }
        self.stack.push(item);
        Ok(())
    }

    pub(super) fn make(&mut self, node: Node) -> ParseResult<()> {
        let item = self.arena.add(node);
        self.push(item)
    }

    fn underflow(&mut self) {
        self.refuse("it takes from an empty stack");
    }

    /// Notes what no unpickler gets past.
    pub(super) fn refuse(&mut self, why: impl Into<String>) {
        self.refused = true;
        self.remark(Rule::PickleUndecodable, why);
    }

    fn pop(&mut self) -> Item {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            self.underflow();
            return Item::Lost;
        }
        self.stack.pop().unwrap_or(Item::Lost)
    }

    /// `POP` takes the mark where nothing lies on it.
    fn pop_one(&mut self) {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
        } else {
            self.pop();
        }
    }

    fn take(&mut self, count: usize) -> Vec<Item> {
        let mut items: Vec<_> = (0..count).map(|_| self.pop()).collect();
        items.reverse();
        items
    }

    fn down_to_mark(&mut self) -> Vec<Item> {
        let mark = self.marks.pop().unwrap_or_else(|| {
            self.refuse("it asks for a mark that was never set");
            self.stack.len()
        });
        self.stack.split_off(mark.min(self.stack.len()))
    }

    fn import(&mut self, opcode: u8, at: u64, input: &mut Cursor<'_>) -> ParseResult<()> {
        let (module, name) = match opcode {
            b'c' | b'i' => {
                let module = input.line(MAX_LINE_BYTES)?;
                let name = input.line(MAX_LINE_BYTES)?;
                if std::str::from_utf8(&module).is_err() || std::str::from_utf8(&name).is_err() {
                    self.refuse("the name of an import is not a string");
                }
                (shown(&module), shown(&name))
            }
            0x93 => {
                let name = self.pop();
                let module = self.pop();
                match (self.arena.as_text(module), self.arena.as_text(name)) {
                    (Some(module), Some(name)) => (module.to_owned(), name.to_owned()),
                    _ if self.is_no_text(module) || self.is_no_text(name) => {
                        return Err(ParseError::malformed(format!("`STACK_GLOBAL` at {at} has no name")));
                    }
                    _ => {
                        self.remark(Rule::PickleDynamicImport, format!("`STACK_GLOBAL` at {at} has no literal name"));
                        return self.push(Item::Lost);
                    }
                }
            }
            _ => {
                let code = match opcode {
                    0x82 => u32::from(input.byte()?),
                    0x83 => u32::from(input.u16()?),
                    _ => input.u32()?,
                };
                self.remark(Rule::PickleExtension, format!("extension {code}"));
                ("copyreg".to_owned(), format!("extension {code}"))
            }
        };
        let global = self.imported(clip(&module, 512), clip(&name, 512), at)?;
        if opcode == b'i' {
            let arguments = self.down_to_mark();
            let arguments = self.arena.add(Node::List(arguments));
            return self.called(global, arguments);
        }
        self.push(global)
    }

    pub(super) fn imported(&mut self, module: String, name: String, at: u64) -> ParseResult<Item> {
        let key = (module, name);
        if let Some(known) = self.index.get(&key) {
            return Ok(Item::Global(*known));
        }
        if self.imports.len() >= MAX_IMPORTS {
            return Err(ParseError::limit(format!("it has more than {MAX_IMPORTS} imports")));
        }
        let id = u32::try_from(self.imports.len()).unwrap_or(u32::MAX);
        self.imports.push(Import::new(&key.0, &key.1, at));
        self.index.insert(key, id);
        Ok(Item::Global(id))
    }

    fn call(&mut self, opcode: u8) -> ParseResult<()> {
        let arguments = match opcode {
            b'o' => {
                let mut items = self.down_to_mark();
                let callee = if items.is_empty() { Item::Lost } else { items.remove(0) };
                let arguments = self.arena.add(Node::List(items));
                return self.called(callee, arguments);
            }
            0x92 => {
                self.pop();
                self.pop()
            }
            _ => self.pop(),
        };
        let callee = self.pop();
        self.called(callee, arguments)
    }

    fn build(&mut self) -> Next {
        let state = self.pop();
        let object = self.stack.last().copied().unwrap_or(Item::Lost);
        if let Item::Global(id) = object {
            if let Some(import) = self.imports.get_mut(id as usize) {
                import.built = true;
                let message = format!("`{}` itself is given new members", import.full_name());
                self.remark(Rule::PickleTampersWithState, message);
            }
        } else if self.arena.takes_over(state) {
            self.remark(Rule::PickleTampersWithState, "a state replaces how Python treats its object");
        }
        self.arena.set_state(object, state);
        Next::Built(object)
    }
}

fn shown(bytes: &[u8]) -> String {
    clip(&String::from_utf8_lossy(bytes), 512)
}
