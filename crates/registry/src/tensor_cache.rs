//! What this process remembers of the headers of model files: as many bytes as it may, of those that were asked for last.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use modelport_inspect::NoTensors;
use tokio::sync::Semaphore;

use crate::domain::Sha256;
use crate::tensor_table::TensorTable;

/// How many bytes are remembered at most.
const MAX_BYTES: usize = 64 << 20;
/// How many headers are remembered at most.
const MAX_ENTRIES: usize = 10_000;
/// How many headers are read at once. Each takes up to 64 MiB.
const MAX_READERS: usize = 4;
/// What an entry takes besides what it has.
const OVERHEAD: usize = 256;

/// What the header of a file says.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// These tensors.
    Table(Arc<TensorTable>),
    /// That the tensors are in other files: by the names that it has for them, their paths.
    Shards(Arc<BTreeMap<String, String>>),
    /// Nothing, for this reason.
    Nothing(NoTensors),
}

impl Known {
    fn size_in_memory(&self) -> usize {
        let has = match self {
            Self::Table(table) => table.size_in_memory(),
            Self::Shards(shards) => shards.iter().map(|(name, path)| OVERHEAD + name.len() + path.len()).sum(),
            Self::Nothing(NoTensors::Format) => 0,
            Self::Nothing(NoTensors::Broken(why) | NoTensors::Limit(why)) => why.len(),
        };
        has + OVERHEAD
    }
}

/// A header that was read.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// What it says.
    pub(crate) known: Known,
    /// How many bytes of the file were read for it.
    pub(crate) read: u64,
}

struct Entry {
    header: Header,
    bytes: usize,
    /// When it was used last, counted in uses of any.
    used: u64,
}

#[derive(Default)]
struct State {
    entries: HashMap<Sha256, Entry>,
    bytes: usize,
    uses: u64,
}

/// Headers by the digest of their files' paths and bytes.
pub(crate) struct TensorCache {
    state: Mutex<State>,
    /// Bounds the headers that are read at once.
    pub(crate) readers: Arc<Semaphore>,
}

impl Default for TensorCache {
    fn default() -> Self {
        Self { state: Mutex::default(), readers: Arc::new(Semaphore::new(MAX_READERS)) }
    }
}

impl TensorCache {
    /// The header that is remembered under that digest.
    pub(crate) fn get(&self, digest: &Sha256) -> Option<Header> {
        let mut state = self.state();
        state.uses += 1;
        let uses = state.uses;
        let entry = state.entries.get_mut(digest)?;
        entry.used = uses;
        Some(entry.header.clone())
    }

    /// Remembers a header, and forgets those that were not used for the longest time until there is room.
    pub(crate) fn put(&self, digest: Sha256, header: Header) {
        let bytes = header.known.size_in_memory();
        if bytes > MAX_BYTES {
            return;
        }
        let mut state = self.state();
        state.uses += 1;
        let entry = Entry { header, bytes, used: state.uses };
        if let Some(before) = state.entries.insert(digest, entry) {
            state.bytes -= before.bytes;
        }
        state.bytes += bytes;
        while state.bytes > MAX_BYTES || state.entries.len() > MAX_ENTRIES {
            let oldest = state.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(digest, _)| *digest);
            let Some(removed) = oldest.and_then(|oldest| state.entries.remove(&oldest)) else { return };
            state.bytes -= removed.bytes;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Sha256 {
        Sha256::from_bytes([number; 32])
    }

    fn header(bytes: usize) -> Header {
        Header { known: Known::Nothing(NoTensors::Broken("x".repeat(bytes))), read: 0 }
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let cache = TensorCache::default();
        for number in 0..3 {
            cache.put(digest(number), header(20 << 20));
        }
        assert!(cache.get(&digest(0)).is_some());
        cache.put(digest(3), header(20 << 20));
        let kept: Vec<bool> = (0..4).map(|number| cache.get(&digest(number)).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        assert!(cache.state().bytes <= MAX_BYTES);
    }

    #[test]
    fn what_is_there_is_replaced_and_what_is_too_large_is_not_remembered() {
        let cache = TensorCache::default();
        cache.put(digest(0), header(10));
        cache.put(digest(0), header(20));
        assert_eq!(cache.state().bytes, 20 + OVERHEAD);
        cache.put(digest(1), header(MAX_BYTES));
        assert!(cache.get(&digest(1)).is_none());
    }
}
