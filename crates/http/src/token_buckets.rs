//! Token buckets, one for each key, in the memory of this process. A bucket is one number, the time at which it is full again, which is the
//! generic cell rate algorithm (ITU-T I.371).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many buckets are kept that are not full.
const MAX_BUCKETS: usize = 65_536;

/// How often those that are full again are looked for, where there are too many.
const SWEPT: Duration = Duration::from_secs(1);

/// So many tokens at once, and each that is taken comes back after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// After which time one more token is there.
    pub every: Duration,
    /// How many there are at most.
    pub size: u32,
}

/// A bucket for each key; all are full at first.
pub(super) struct Buckets<K> {
    rate: Rate,
    kept: Mutex<Kept<K>>,
}

struct Kept<K> {
    /// When each bucket is full again, if nothing more is taken from it.
    full_at: HashMap<K, Duration>,
    swept_at: Option<Duration>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets of that size, which fill that quickly.
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, kept: Mutex::new(Kept { full_at: HashMap::new(), swept_at: None }) }
    }

    /// Takes one token from the bucket of `key`, at a time that does not go back; where there is none, says when there is.
    ///
    /// Where more keys than are kept have taken some lately, further ones are not kept, and get each token: those that were first stay
    /// limited.
    pub(super) fn take(&self, key: K, now: Duration) -> Result<(), Duration> {
        let Rate { every, size } = self.rate;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.full_at.get(&key).copied();
        let full_at = known.unwrap_or_default().max(now).saturating_add(every);
        let longest = now.saturating_add(every.saturating_mul(size));
        if full_at > longest {
            return Err(full_at.saturating_sub(longest));
        }
        if known.is_some() || kept.has_room(now) {
            kept.full_at.insert(key, full_at);
        }
        Ok(())
    }
}

impl<K: Eq + Hash> Kept<K> {
    /// Whether one more can be kept, after those were forgotten that are full.
    fn has_room(&mut self, now: Duration) -> bool {
        if self.full_at.len() < MAX_BUCKETS {
            return true;
        }
        if self.swept_at.is_some_and(|at| now < at.saturating_add(SWEPT)) {
            return false;
        }
        self.swept_at = Some(now);
        self.full_at.retain(|_, full_at| *full_at > now);
        self.full_at.len() < MAX_BUCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn buckets(every: Duration, size: u32) -> Buckets<u32> {
        Buckets::new(Rate { every, size })
    }

    #[test]
    fn so_many_at_once_and_then_one_after_the_other() {
        let buckets = buckets(SECOND, 3);
        let start = 7 * SECOND;
        for _ in 0..3 {
            assert_eq!(buckets.take(1, start), Ok(()));
        }
        assert_eq!(buckets.take(1, start), Err(SECOND));
        assert_eq!(buckets.take(1, start + SECOND / 4), Err(SECOND * 3 / 4));
        // What was refused took nothing.
        assert_eq!(buckets.take(1, start + SECOND), Ok(()));
        assert_eq!(buckets.take(1, start + SECOND), Err(SECOND));
        // Another's is another.
        assert_eq!(buckets.take(2, start), Ok(()));
        // It does not become fuller than full.
        let later = start + 1000 * SECOND;
        assert_eq!((0..5).filter(|_| buckets.take(1, later).is_ok()).count(), 3);
    }

    #[test]
    fn on_average_no_more_than_the_rate() {
        let buckets = buckets(SECOND / 10, 5);
        let taken = (0..10_000).filter(|at| buckets.take(1, SECOND / 100 * *at).is_ok()).count();
        assert!((1000..=1005).contains(&taken), "{taken}");
    }

    #[test]
    fn it_never_keeps_more_than_so_many_and_those_stay_limited() {
        let buckets = buckets(SECOND, 1);
        let many = u32::try_from(MAX_BUCKETS).unwrap();
        for key in 0..many + 100 {
            assert_eq!(buckets.take(key, Duration::ZERO), Ok(()));
        }
        let kept = || buckets.kept.lock().unwrap().full_at.len();
        assert_eq!(kept(), MAX_BUCKETS);
        assert_eq!(buckets.take(0, Duration::ZERO), Err(SECOND));
        assert_eq!(buckets.take(many, Duration::ZERO), Ok(()));
        // Those that are full again make room.
        assert_eq!(buckets.take(many, 2 * SECOND), Ok(()));
        assert_eq!((kept(), buckets.take(many, 2 * SECOND)), (1, Err(SECOND)));
    }
}
