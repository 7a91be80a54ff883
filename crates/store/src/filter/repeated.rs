//! Chooses which filter statements stay prepared. Their texts are unbounded in number, so that not all can; those that a client
//! repeats are few, and parsing and planning them takes the database longer than executing them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Filter, Part};
use crate::Tx;

/// How often a text has to repeat before it stays prepared.
const MIN_REPEATS: u32 = 3;
/// The most texts that stay prepared: each takes memory in every session of the database.
const MAX_PREPARED: usize = 64;
/// The most texts that are counted at once.
const MAX_COUNTED: usize = 1024;
/// When the choice is made again. A pool's connection is closed sooner, and its prepared statements with it.
const RESET_INTERVAL: Duration = Duration::from_secs(3600);

/// The choice of one pool.
pub(crate) struct Repeated(Mutex<Texts>);

impl Default for Repeated {
    fn default() -> Self {
        Self(Mutex::new(Texts::new(Instant::now())))
    }
}

/// How often each text was there, by its hash.
struct Texts {
    counts: HashMap<u64, u32>,
    kept: usize,
    since: Instant,
}

impl Texts {
    fn new(now: Instant) -> Self {
        Self { counts: HashMap::new(), kept: 0, since: now }
    }

    /// Counts a text, and returns whether it stays prepared.
    fn is_repeated(&mut self, text: u64, now: Instant) -> bool {
        if now.duration_since(self.since) > RESET_INTERVAL {
            *self = Self::new(now);
        }
        if self.counts.len() >= MAX_COUNTED && !self.counts.contains_key(&text) {
            self.counts.retain(|_, count| *count >= MIN_REPEATS);
        }
        let count = self.counts.entry(text).or_default();
        if *count >= MIN_REPEATS {
            return true;
        }
        // Once the maximum is reached, no further text stays prepared.
        if *count + 1 < MIN_REPEATS || self.kept < MAX_PREPARED {
            *count += 1;
        }
        self.kept += usize::from(*count >= MIN_REPEATS);
        *count >= MIN_REPEATS
    }
}

impl Filter {
    /// The same statement, which stays prepared if it repeats often.
    pub(crate) fn prepared_if_repeated(mut self, tx: &Tx<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        for part in &self.parts {
            match part {
                Part::Sql(sql) => sql.hash(&mut hasher),
                Part::Int(_) => 1_u8.hash(&mut hasher),
                Part::Double(_) => 2_u8.hash(&mut hasher),
                Part::Text(_) => 3_u8.hash(&mut hasher),
            }
        }
        let mut texts = tx.repeated.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_prepared = texts.is_repeated(hasher.finish(), Instant::now());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_kept_up_to_a_bound() {
        let now = Instant::now();
        let mut texts = Texts::new(now);
        for text in 0..10_000 {
            assert!(!texts.is_repeated(text, now), "{text}");
            assert!(texts.counts.len() <= MAX_COUNTED);
        }
        let kept = |texts: &mut Texts, from: u64, now| {
            let all = (from..from + 200).filter(|text| {
                let often = (0..=MIN_REPEATS).filter(|_| texts.is_repeated(*text, now)).count();
                often > 0
            });
            all.count()
        };
        assert_eq!(kept(&mut texts, 20_000, now), MAX_PREPARED);
        assert!(texts.is_repeated(20_000, now));
        assert_eq!(kept(&mut texts, 30_000, now), 0);
        assert_eq!(kept(&mut texts, 40_000, now + 2 * RESET_INTERVAL), MAX_PREPARED);
        assert!(!texts.is_repeated(20_000, now + 2 * RESET_INTERVAL));
    }
}
