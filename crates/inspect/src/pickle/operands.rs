//! The opcodes with operands: numbers, texts and bytes, and the places of the memo.

use super::arena::Item;
use super::machine::{MAX_LINE_BYTES, Machine};
use super::text;
use crate::cursor::Cursor;
use crate::error::ParseResult;
use crate::finding::Rule;

/// The maximum number of places of the memo that are kept.
const MAX_MEMO: usize = 1 << 19;
/// The maximum number of bytes of a text that are read to know it.
const MAX_TEXT_BYTES: u64 = 1024;

const TORCH_MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

impl Machine {
    pub(super) fn number(&mut self, opcode: u8, input: &mut Cursor<'_>) -> ParseResult<Item> {
        Ok(match opcode {
            b'N' => Item::None,
            0x88 => Item::Bool(true),
            0x89 => Item::Bool(false),
            b'J' => Item::Int(i64::from(i32::from_le_bytes(input.array()?))),
            b'K' => Item::Int(i64::from(input.byte()?)),
            b'M' => Item::Int(i64::from(u16::from_le_bytes(input.array()?))),
            b'I' | b'L' => match input.line(MAX_LINE_BYTES)?.as_slice() {
                b"00" if opcode == b'I' => Item::Bool(false),
                b"01" if opcode == b'I' => Item::Bool(true),
                line => text::decimal(line).map_or(Item::Other, Item::Int),
            },
            b'F' => {
                input.line(MAX_LINE_BYTES)?;
                Item::Other
            }
            b'G' => {
                input.skip(8)?;
                Item::Other
            }
            _ => {
                let length = if opcode == 0x8a { u64::from(input.byte()?) } else { u64::from(input.u32()?) };
                if length > MAX_TEXT_BYTES {
                    input.skip(length)?;
                    return Ok(Item::Other);
                }
                let bytes = input.bytes(length, MAX_TEXT_BYTES)?;
                self.torch_magic |= bytes == TORCH_MAGIC;
                long(&bytes)
            }
        })
    }

    pub(super) fn counted(&mut self, opcode: u8, input: &mut Cursor<'_>) -> ParseResult<Item> {
        let is_text = !matches!(opcode, b'B' | b'C' | 0x8e | 0x96);
        let length = match opcode {
            b'S' => {
                let line = input.line(MAX_LINE_BYTES)?;
                let Some(text) = text::literal(&line) else {
                    self.refuse("a text has no quotes");
                    return Ok(Item::Lost);
                };
                return Ok(self.arena.text(&text));
            }
            b'V' => {
                let text = text::raw_unicode(&input.line(MAX_LINE_BYTES)?);
                return Ok(self.arena.text(&text));
            }
            b'U' | 0x8c | b'C' => u64::from(input.byte()?),
            b'T' | b'X' | b'B' => u64::from(input.u32()?),
            _ => input.u64()?,
        };
        self.operand_end = input.place().saturating_add(length);
        if !is_text || length > MAX_TEXT_BYTES {
            input.skip(length)?;
            return Ok(Item::Other);
        }
        let bytes = input.bytes(length, MAX_TEXT_BYTES)?;
        Ok(self.arena.text(&String::from_utf8_lossy(&bytes)))
    }

    pub(super) fn remember(&mut self, opcode: u8, input: &mut Cursor<'_>) -> ParseResult<()> {
        let place = match opcode {
            b'g' | b'p' => {
                let number =
                    text::decimal(&input.line(MAX_LINE_BYTES)?).and_then(|number| usize::try_from(number).ok());
                number.unwrap_or_else(|| {
                    self.refuse("a memo index is not a number");
                    usize::MAX
                })
            }
            b'h' | b'q' => usize::from(input.byte()?),
            b'j' | b'r' => usize::try_from(input.u32()?).unwrap_or(usize::MAX),
            _ => self.memo_size,
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let item = self.memo.get(place).copied().unwrap_or(Item::Lost);
            if item == Item::Lost && place < MAX_MEMO {
                // What was forgotten because there was too much to keep is not missing for Python.
                self.refused |= !self.arena.is_full();
                self.remark(Rule::PickleUndecodable, format!("place {place} of the memo is empty"));
            }
            return self.push(item);
        }
        let item = self.stack.last().copied().unwrap_or(Item::Lost);
        if place >= MAX_MEMO {
            self.memo_size += 1;
            return Ok(());
        }
        if place >= self.memo.len() {
            self.memo.resize(place + 1, Item::Lost);
        }
        if let Some(kept) = self.memo.get_mut(place) {
            // `MEMOIZE` counts the places in use.
            self.memo_size += usize::from(*kept == Item::Lost);
            *kept = item;
        }
        Ok(())
    }
}

fn long(bytes: &[u8]) -> Item {
    if bytes.len() > 8 {
        return Item::Other;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    for (into, byte) in whole.iter_mut().zip(bytes) {
        *into = *byte;
    }
    Item::Int(i64::from_le_bytes(whole))
}
