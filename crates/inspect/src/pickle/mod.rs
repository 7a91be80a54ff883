//! Pickles, never executed: what they import and what they say about themselves.

mod arena;
mod arrays;
mod calls;
mod facts;
mod machine;
mod operands;
mod stream;
mod text;

pub(super) use stream::{Trust, scan};

/// The maximum number of bytes of opcodes of one pickle; what is skipped does not count.
pub(super) const MAX_PICKLE_BYTES: u64 = 256 << 20;
