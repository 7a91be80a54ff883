//! A map that remembers what was loaded for a while, and never more than so many things.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Millis;

/// How many things one map remembers.
const MAX_ENTRIES: usize = 4096;

/// What was loaded, as of an epoch and until a time.
struct Entry<V> {
    value: V,
    epoch: i64,
    until: Millis,
}

/// Remembers values by key, as of an epoch and until a time.
pub(crate) struct BoundedMap<K, V>(Mutex<HashMap<K, Entry<V>>>);

impl<K, V> Default for BoundedMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> BoundedMap<K, V> {
    /// What was remembered as of that epoch, unless it is too old.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, epoch: i64, now: Millis) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = self.entries();
        let entry = entries.get(key).filter(|entry| entry.epoch == epoch && now < entry.until)?;
        Some(entry.value.clone())
    }

    /// Remembers a value that was loaded as of the epoch. Makes room where there are too many: what is old goes first, and then
    /// everything, because it is quickly loaded again.
    pub(crate) fn put(&self, key: K, value: V, epoch: i64, now: Millis, until: Millis) {
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, entry| entry.epoch == epoch && now < entry.until);
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, Entry { value, epoch, until });
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_or_of_another_epoch_is_forgotten() {
        let map = BoundedMap::default();
        map.put("a".to_owned(), 1, 5, 0, 10);
        assert_eq!(map.get("a", 5, 9), Some(1));
        assert_eq!(map.get("a", 5, 10), None);
        assert_eq!(map.get("a", 6, 9), None);
        assert_eq!(map.get("b", 5, 9), None);
    }

    #[test]
    fn it_never_remembers_more_than_so_many() {
        let map = BoundedMap::default();
        for number in 0..10 * MAX_ENTRIES {
            map.put(number, (), 1, 0, 10);
            assert!(map.entries().len() <= MAX_ENTRIES);
        }
        map.put(0, (), 2, 0, 10);
        assert_eq!(map.get(&0, 2, 0), Some(()));
    }
}
