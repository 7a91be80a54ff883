//! Pages of a list: order, size, and the opaque token that continues it.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::value::check_text;
use super::{Error, Millis, Node, NodeId, Result};

/// What a list is ordered by; ties are broken by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OrderBy {
    /// The id.
    #[default]
    Id,
    /// The time of creation.
    CreateTime,
    /// The time of the last change.
    UpdateTime,
    /// The name as people see it, by its UTF-8 bytes; what has none comes first.
    Name,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// From the greatest to the smallest.
    pub descending: bool,
}

/// How many items a page has; never more than [`PageSize::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// The cap on every page of every protocol.
    pub const MAX: u32 = 10_000;

    /// A page of `size` items, or of the most there may be.
    pub fn new(size: u32) -> Self {
        Self(size.clamp(1, Self::MAX))
    }

    /// The number of items.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Where a page ends: the last item's order value and id. Those of one order compare as their items do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The value of the time it is ordered by; 0 when ordered by something else.
    pub value: Millis,
    /// The name when ordered by it; empty when ordered by something else.
    pub name: String,
    /// The id.
    pub id: NodeId,
}

impl Cursor {
    /// Where a page in that order ends whose last item this is.
    pub fn of(by: OrderBy, last: &Node) -> Self {
        let (value, name) = match by {
            OrderBy::Id => (0, ""),
            OrderBy::CreateTime => (last.created_at, ""),
            OrderBy::UpdateTime => (last.updated_at, ""),
            OrderBy::Name => (0, last.display_name().unwrap_or_default()),
        };
        Self { value, name: name.to_owned(), id: last.id }
    }
}

/// The opaque token of a page: a cursor, tied to the query it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    query: u64,
    cursor: Cursor,
}

impl PageToken {
    /// The bytes before the name.
    const LENGTH: usize = 24;

    /// The token that continues `query` after `cursor`.
    pub fn new(query: &impl Hash, cursor: Cursor) -> Self {
        Self { query: fingerprint(query), cursor }
    }

    /// The cursor, when the token belongs to `query`.
    pub fn cursor_for(&self, query: &impl Hash) -> Result<Cursor> {
        if self.query == fingerprint(query) {
            return Ok(self.cursor.clone());
        }
        Err(Error::invalid("nextPageToken", "page token belongs to another query"))
    }

    /// The token as text.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(Self::LENGTH + self.cursor.name.len());
        bytes.extend(self.query.to_be_bytes());
        bytes.extend(self.cursor.value.to_be_bytes());
        bytes.extend(self.cursor.id.0.to_be_bytes());
        bytes.extend(self.cursor.name.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token from its text.
    pub fn decode(text: &str) -> Result<Self> {
        let invalid_token =
            || Error::invalid("nextPageToken", format!("page token `{}` is broken", text.escape_debug()));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid_token())?;
        let name = bytes.get(Self::LENGTH..).and_then(|name| String::from_utf8(name.to_vec()).ok());
        let name = name.filter(|name| check_text("nextPageToken", name).is_ok()).ok_or_else(invalid_token)?;
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(bytes.get(at..at + 8)?);
            Some(word)
        };
        let (Some(query), Some(value), Some(id)) = (word(0), word(8), word(16)) else {
            return Err(invalid_token());
        };
        let cursor = Cursor { value: i64::from_be_bytes(value), name, id: NodeId(i64::from_be_bytes(id)) };
        Ok(Self { query: u64::from_be_bytes(query), cursor })
    }
}

/// What a token knows its query by.
///
/// `DefaultHasher::new()` has fixed keys, so every replica of one build agrees; a token does not outlive an upgrade.
pub fn fingerprint(query: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    query.hash(&mut hasher);
    hasher.finish()
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// The page size; all items if it is `None`.
    pub size: Option<PageSize>,
    /// What it continues.
    pub token: Option<PageToken>,
    /// Whether all items are to be counted, those of the other pages too.
    pub with_total: bool,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What continues the list; `None` at the end.
    pub next: Option<PageToken>,
    /// How many items all pages have, when it was asked for.
    pub total: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_reads_back_and_is_tied_to_its_query(
            value: i64,
            id: i64,
            name in "[^\\x00]*",
            query: (u8, String),
            other: (u8, String),
        ) {
            let cursor = Cursor { value, name, id: NodeId(id) };
            let token = PageToken::decode(&PageToken::new(&query, cursor.clone()).encode()).unwrap();
            prop_assert_eq!(token.cursor_for(&query).unwrap(), cursor);
            prop_assert_eq!(token.cursor_for(&other).is_ok(), query == other);
        }

        #[test]
        fn no_text_makes_decoding_panic(text: String) {
            let _ = PageToken::decode(&text);
        }
    }

    #[test]
    fn the_size_is_capped() {
        assert_eq!(PageSize::new(0).get(), 1);
        assert_eq!(PageSize::new(u32::MAX).get(), PageSize::MAX);
    }
}
