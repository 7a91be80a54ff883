//! A share of the memory limit: how it grows and shrinks, and how long a slow client may keep it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::{Pool, SILENCE, UNIT, no_memory};
use modelport_domain::Result;

/// How long a client may keep a share for bytes that it has not sent yet, while others wait for memory.
const TIMEOUTS: ClientTimeouts = ClientTimeouts { silence: Duration::from_secs(5), total: Duration::from_secs(120) };

/// A client that sends fewer bytes than this within the silence time-out counts as silent.
const MIN_PROGRESS_BYTES: u64 = 16 << 10;

/// The silence time-out shrinks by one step for each group of this many waiters, down to one `MAX_SHORTENING`th.
const WAITERS_PER_STEP: u32 = 8;
const MAX_SHORTENING: u32 = 5;

/// How often to check whether others wait.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy)]
struct ClientTimeouts {
    silence: Duration,
    total: Duration,
}

impl ClientTimeouts {
    /// Whether a client that was awaited and silent for these times loses its share to the waiters.
    fn are_exceeded(self, waited: Duration, silent: Duration, waiting: usize) -> bool {
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let allowed = self.silence / waiting.div_ceil(WAITERS_PER_STEP).clamp(1, MAX_SHORTENING);
        waiting > 0 && (silent >= allowed || waited >= self.total)
    }
}

/// How a share is acquired.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitPolicy {
    pub(super) timeout: Duration,
    /// Whether its first bytes may exceed the limit too, because its owner may hold a share of another kind.
    pub(super) may_overcommit: bool,
}

/// A share of the memory, released when it is dropped.
#[derive(Debug)]
pub struct Share {
    pool: Pool,
    policy: WaitPolicy,
    bytes: u64,
    permit: Option<OwnedSemaphorePermit>,
    overcommit: Option<OwnedSemaphorePermit>,
    /// How long its client has been awaited.
    waited: Duration,
    /// How long since the client last sent [`MIN_PROGRESS_BYTES`], and how many bytes since then.
    silent: Duration,
    fresh: u64,
}

/// Counts a waiter until it is dropped.
struct Waiter(Arc<AtomicUsize>);

impl Waiter {
    fn start(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What lets a share grow.
enum Grant {
    Units(OwnedSemaphorePermit),
    /// The one permit to exceed the limit.
    Overcommit(OwnedSemaphorePermit),
}

impl Share {
    pub(super) fn none(pool: Pool, policy: WaitPolicy) -> Self {
        Self {
            pool,
            policy,
            bytes: 0,
            permit: None,
            overcommit: None,
            waited: Duration::ZERO,
            silent: Duration::ZERO,
            fresh: 0,
        }
    }

    /// The size of the share in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many units are missing for `bytes` bytes. A request larger than the limit takes the whole limit.
    fn lacking(&self, bytes: u64) -> u32 {
        let units = u32::try_from(bytes.div_ceil(UNIT as u64)).unwrap_or(u32::MAX).min(self.pool.units);
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacking = u32::try_from((units as usize).saturating_sub(held)).unwrap_or(u32::MAX);
        if self.overcommit.is_some() { 0 } else { lacking }
    }

    /// Grows by `bytes` bytes. Waiters are served in order, so that small shares cannot starve a large one. Errors: Unavailable
    /// when the wait times out.
    pub async fn grow(&mut self, bytes: u64) -> Result<()> {
        let wanted = self.bytes + bytes;
        let lacking = self.lacking(wanted);
        if lacking > 0 {
            self.take(lacking).await?;
        }
        self.bytes = wanted;
        Ok(())
    }

    /// Grows to `bytes` bytes without waiting. False if there is not enough memory.
    pub fn try_grow_to(&mut self, bytes: u64) -> bool {
        let lacking = self.lacking(bytes);
        if lacking > 0 {
            match Arc::clone(&self.pool.free).try_acquire_many_owned(lacking) {
                Ok(more) => self.add(more),
                Err(_) => return false,
            }
        }
        self.bytes = self.bytes.max(bytes);
        true
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
    }

    async fn take(&mut self, units: u32) -> Result<()> {
        let waits = Waiter::start(&self.pool.waiting);
        let may_overcommit = self.policy.may_overcommit || self.permit.is_some();
        let grant = async {
            tokio::select! {
                biased;
                units = Arc::clone(&self.pool.free).acquire_many_owned(units) => units.map(Grant::Units),
                overcommit = Arc::clone(&self.pool.overcommit).acquire_owned(), if may_overcommit => overcommit.map(Grant::Overcommit),
            }
        };
        let grant = timeout(self.policy.timeout, grant).await;
        drop(waits);
        let grant = grant.map_err(|elapsed| no_memory().caused_by(elapsed))?;
        match grant.map_err(|closed: AcquireError| no_memory().caused_by(closed))? {
            Grant::Overcommit(overcommit) => self.overcommit = Some(overcommit),
            Grant::Units(more) => self.add(more),
        }
        Ok(())
    }

    /// Releases all but `bytes` bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.bytes = self.bytes.min(bytes);
        let units = usize::try_from(self.bytes.div_ceil(UNIT as u64)).unwrap_or(usize::MAX);
        if let Some(permit) = &mut self.permit {
            drop(permit.split(permit.num_permits().saturating_sub(units)));
        }
        if self.bytes == 0 {
            drop(self.take_all());
        }
    }

    /// Moves all of it into a new share, which leaves this one empty.
    pub fn take_all(&mut self) -> Self {
        let empty = self.pool.share(self.policy);
        std::mem::replace(self, empty)
    }

    /// Whether others wait for memory.
    pub fn is_wanted(&self) -> bool {
        self.pool.waiting.load(Ordering::Relaxed) > 0
    }

    /// Awaits the client of this share. `None` when the client has lost the share, because others wait and it was silent or slow
    /// for too long.
    pub async fn await_client<T>(&mut self, next: impl Future<Output = T>) -> Option<T> {
        self.await_client_within(TIMEOUTS, next).await
    }

    /// The same for the next bytes of a body, with a time-out of [`SILENCE`].
    pub async fn await_client_bytes<T>(&mut self, next: impl Future<Output = T>) -> Option<T> {
        self.await_client(timeout(SILENCE, next)).await?.ok()
    }

    async fn await_client_within<T>(&mut self, timeouts: ClientTimeouts, next: impl Future<Output = T>) -> Option<T> {
        if self.bytes == 0 {
            return Some(next.await);
        }
        let started = Instant::now();
        let turn_ends = async {
            // Checked before the first sleep: a client that trickles bytes is awaited often and shortly.
            loop {
                let (waited, silent) = (self.waited + started.elapsed(), self.silent + started.elapsed());
                if timeouts.are_exceeded(waited, silent, self.pool.waiting.load(Ordering::Relaxed)) {
                    return;
                }
                sleep(CHECK_INTERVAL.min(timeouts.silence)).await;
            }
        };
        let received = tokio::select! {
            biased;
            received = next => Some(received),
            () = turn_ends => None,
        };
        self.waited += started.elapsed();
        self.silent += started.elapsed();
        received
    }

    /// The client has sent `bytes` bytes.
    pub fn record_received(&mut self, bytes: usize) {
        self.fresh += bytes as u64;
        if self.fresh >= MIN_PROGRESS_BYTES {
            (self.silent, self.fresh) = (Duration::ZERO, 0);
        }
    }

    /// The same for bytes that the share does not cover, such as those of a file: the client keeps it as long as they arrive.
    pub fn record_received_uncovered(&mut self, bytes: usize) {
        self.record_received(bytes);
        if self.silent.is_zero() {
            self.waited = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;
    use modelport_domain::ErrorKind;

    const MOMENT: Duration = Duration::from_millis(50);
    const BYTES: u64 = UNIT as u64;

    async fn refusal(pool: &Pool, units: u64) -> ErrorKind {
        let mut share = pool.share(WaitPolicy { timeout: MOMENT, may_overcommit: false });
        share.grow(units * BYTES).await.unwrap_err().kind()
    }

    async fn grown(mut share: Share, units: u64) -> Share {
        share.grow(units * BYTES).await.unwrap();
        share
    }

    async fn until_waiting(pool: &Pool, count: usize) {
        while pool.waiting.load(Ordering::Relaxed) < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn shares_are_given_in_turn_and_come_back() {
        let memory = Memory::new(10 * UNIT);
        let mut first = grown(memory.request(), 4).await;
        first.grow(4 * BYTES).await.unwrap();
        let large = tokio::spawn(grown(memory.request(), 1 << 30));
        until_waiting(&memory.arriving, 1).await;
        // It is not passed by one that would fit.
        assert_eq!(refusal(&memory.arriving, 1).await, ErrorKind::Unavailable);
        drop(first);
        let mut all = large.await.unwrap();
        assert_eq!(refusal(&memory.arriving, 1).await, ErrorKind::Unavailable);
        // What is decoded waits for nothing that arrives.
        memory.for_decoded(5 * BYTES).await.unwrap();
        all.shrink_to(3 * BYTES);
        grown(memory.request(), 7).await;
        all.shrink_to(0);
        grown(memory.request(), 10).await;
    }

    #[tokio::test]
    async fn one_at_a_time_goes_beyond_the_limit() {
        let memory = Memory::new(10 * UNIT);
        let mut halves = [grown(memory.request(), 5).await, grown(memory.request(), 5).await];
        assert_eq!(refusal(&memory.arriving, 1).await, ErrorKind::Unavailable);
        let [first, second] = &mut halves;
        first.grow(5 * BYTES).await.unwrap();
        assert!(timeout(MOMENT, second.grow(5 * BYTES)).await.is_err());
        // What had more than there was gives it back, and the other continues.
        first.shrink_to(0);
        second.grow(5 * BYTES).await.unwrap();
        assert_eq!((second.bytes(), second.overcommit.is_some()), (10 * BYTES, false));
        // A file may, though it has none of this kind.
        let file = grown(memory.file(), 1).await;
        assert!(file.overcommit.is_some());
        drop(file);
        assert!(grown(memory.file(), 1).await.overcommit.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn requests_with_partial_shares_all_finish() {
        const EACH: u64 = 8;
        let memory = Memory::new(20 * UNIT);
        let taken = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(tokio::sync::Barrier::new(20));
        let tasks = (0..20).map(|_| {
            let (memory, taken, begun) = (memory.clone(), Arc::clone(&taken), Arc::clone(&begun));
            tokio::spawn(async move {
                let mut share = grown(memory.file(), 1).await;
                taken.fetch_add(1, Ordering::SeqCst);
                // All of it is taken, by everybody for a part of what it needs.
                begun.wait().await;
                for _ in 1..EACH {
                    share.grow(BYTES).await.unwrap();
                    let now = taken.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= 20 + EACH as usize, "{now}");
                    tokio::task::yield_now().await;
                }
                taken.fetch_sub(EACH as usize, Ordering::SeqCst);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
        }
        assert_eq!(memory.arriving.free.available_permits(), 20);
    }

    #[test]
    fn silence_is_the_shorter_the_more_wait() {
        let second = Duration::from_secs(1);
        let ends = |waiting| (0..100).find(|silent| TIMEOUTS.are_exceeded(Duration::ZERO, *silent * second, waiting));
        let found = [0, 1, 8, 9, 17, 1000].map(ends);
        assert_eq!(found, [None, Some(5), Some(5), Some(3), Some(2), Some(1)]);
        assert!(
            TIMEOUTS.are_exceeded(120 * second, Duration::ZERO, 1)
                && !TIMEOUTS.are_exceeded(120 * second, Duration::ZERO, 0)
        );
    }

    #[tokio::test]
    async fn a_client_loses_its_share_only_where_others_wait() {
        let memory = Memory::new(UNIT);
        let mut share = grown(memory.request(), 1).await;
        let timeouts = ClientTimeouts { silence: MOMENT, total: 8 * MOMENT };
        let silence = std::future::pending::<()>;
        assert!(timeout(4 * MOMENT, share.await_client_within(timeouts, silence())).await.is_err());
        let waiting = tokio::spawn(grown(memory.request(), 1));
        until_waiting(&memory.arriving, 1).await;
        assert!(share.await_client_within(timeouts, silence()).await.is_none());
        // Available data is returned, and a client that sends something regularly does not count as silent.
        assert!(share.await_client_within(timeouts, async {}).await.is_some());
        share.record_received(MIN_PROGRESS_BYTES as usize);
        let mut rounds = 0;
        while share.await_client_within(timeouts, sleep(MOMENT / 2)).await.is_some() {
            share.record_received(MIN_PROGRESS_BYTES as usize);
            rounds += 1;
        }
        // Nor does it have more than its turn.
        assert!((2..=16).contains(&rounds), "{rounds}");
        share.shrink_to(0);
        waiting.await.unwrap();
        assert!(share.await_client_within(timeouts, sleep(2 * MOMENT)).await.is_some());
    }
}
