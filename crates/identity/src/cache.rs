//! A bounded map whose entries end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::domain::Millis;

/// Keeps at least the `capacity / 2` entries that were put or found last, and never more than `capacity`.
pub struct Expiring<K, V> {
    capacity: usize,
    halves: Mutex<Halves<K, V>>,
}

/// When the new half is full it becomes the old one, and the old one is dropped; what is found in the old one moves.
struct Halves<K, V> {
    new: HashMap<K, (V, Millis)>,
    old: HashMap<K, (V, Millis)>,
}

impl<K: Eq + Hash + Clone, V: Clone> Expiring<K, V> {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, halves: Mutex::new(Halves { new: HashMap::new(), old: HashMap::new() }) }
    }

    /// The value that was put for the key, if it has not ended.
    pub fn get(&self, key: &K, now: Millis) -> Option<V> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((value, ends)) = halves.new.get(key) {
            return (now < *ends).then(|| value.clone());
        }
        let (value, ends) = halves.old.remove(key).filter(|(_, ends)| now < *ends)?;
        halves.put(key.clone(), (value.clone(), ends), self.capacity);
        Some(value)
    }

    /// Keeps a value until a time.
    pub fn put(&self, key: K, value: V, ends: Millis) {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner).put(key, (value, ends), self.capacity);
    }
}

impl<K: Eq + Hash, V> Halves<K, V> {
    fn put(&mut self, key: K, entry: (V, Millis), capacity: usize) {
        if self.new.len() >= capacity / 2 {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_ends() {
        let cache = Expiring::new(8);
        cache.put("a", 1, 100);
        assert_eq!((cache.get(&"a", 99), cache.get(&"a", 100), cache.get(&"b", 0)), (Some(1), None, None));
        cache.put("a", 2, 200);
        assert_eq!(cache.get(&"a", 150), Some(2));
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let cache = Expiring::new(100);
        cache.put(0, 0, 10);
        for key in 1..10_000 {
            cache.put(key, key, 10);
            assert_eq!(cache.get(&0, 1), Some(0), "{key}");
        }
        let halves = cache.halves.lock().unwrap();
        assert!(halves.new.len() + halves.old.len() <= 100);
    }
}
