//! The memory of an answer, from reading it from the database until its client has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::{Memory, Share, no_memory};
use modelport_domain::Result;

/// The bytes read for an answer that take no share of the memory, so that short answers do not wait for large ones.
const FREE_BYTES: u64 = 64 << 10;

/// How many copies of what is read exist at once: the rows, the values shown, and the written body.
const COPIES: u64 = 3;

/// How much of an answer is handed to the connection at once.
const PIECE_BYTES: usize = 64 << 10;

/// How long a client may read nothing of its answer while others wait for memory.
const SILENCE: Duration = Duration::from_secs(4);

/// How often to check for that.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

tokio::task_local! {
    static CURRENT: Answer;
}

/// The answer to a request. Clones are the same.
#[derive(Debug, Clone)]
pub struct Answer(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Absent while it waits to grow.
    share: Option<Share>,
    /// The bytes read and not written yet.
    read: u64,
    /// The size of the share that the last failed read needed.
    lacking: u64,
    /// The bytes written and not handed out.
    rest: Bytes,
    is_written: bool,
    /// How often something was handed out.
    handed_out: u64,
    is_lost: bool,
    is_watched: bool,
}

/// The client read nothing of the answer for too long while others waited.
#[derive(Debug)]
pub struct Lost;

impl Answer {
    /// An answer without memory yet.
    pub fn new(memory: &Memory) -> Self {
        Self(Arc::new(Mutex::new(State {
            share: Some(memory.answer()),
            read: 0,
            lacking: 0,
            rest: Bytes::new(),
            is_written: false,
            handed_out: 0,
            is_lost: false,
            is_watched: false,
        })))
    }

    /// The future, in which this is [`Answer::current`].
    pub fn scope<F: Future>(self, inner: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, inner)
    }

    /// Runs `work` with this as [`Answer::current`].
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// The answer to the request that is being handled, where it is one whose memory counts.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires memory for `bytes` bytes that are being read, without waiting. Errors: Unavailable if there is not enough; the
    /// caller then awaits [`Answer::make_room`] and reads again.
    pub fn cover(&self, bytes: u64) -> Result<()> {
        let mut state = self.state();
        let read = state.read + bytes;
        let wanted = if read > FREE_BYTES { COPIES * read } else { 0 };
        if state.share.as_mut().is_some_and(|share| share.try_grow_to(wanted)) {
            return Ok(());
        }
        state.lacking = wanted;
        Err(no_memory())
    }

    /// Records that the covered bytes have been read.
    pub fn keep(&self, bytes: u64) {
        self.state().read += bytes;
    }

    /// Waits for the memory that the last read lacked, and half as much again. Returns whether one lacked any. Errors: Unavailable
    /// when the wait times out.
    pub async fn make_room(&self) -> Result<bool> {
        let (mut share, wanted) = {
            let mut state = self.state();
            let wanted = std::mem::take(&mut state.lacking);
            match state.share.take() {
                Some(share) if wanted > 0 => (share, wanted + wanted / 2),
                share => {
                    state.share = share;
                    return Ok(false);
                }
            }
        };
        let grown = share.grow(wanted.saturating_sub(share.bytes())).await;
        self.state().share = Some(share);
        grown.map(|()| true)
    }

    /// Whether it takes more than what is free.
    pub fn is_large(&self) -> bool {
        self.state().share.as_ref().is_some_and(|share| share.bytes() > 0)
    }

    /// What has been written, to be handed out piece by piece.
    pub fn written(&self, bytes: Bytes) {
        let mut state = self.state();
        if let Some(share) = &mut state.share {
            share.shrink_to(bytes.len() as u64);
        }
        (state.read, state.rest, state.is_written) = (0, bytes, true);
        if state.rest.len() > PIECE_BYTES && !state.is_watched {
            state.is_watched = true;
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(watch(Arc::downgrade(&self.0)));
            }
        }
    }

    /// The next piece of what has been written; `None` when it has all been handed out.
    pub fn next_piece(&self) -> Result<Option<Bytes>, Lost> {
        let mut state = self.state();
        if state.is_lost {
            return Err(Lost);
        }
        state.handed_out += 1;
        let state = &mut *state;
        if state.rest.is_empty() {
            // Once: the next part of it may be being read by now.
            if let (true, Some(share)) = (std::mem::take(&mut state.is_written), &mut state.share) {
                share.shrink_to(0);
            }
            return Ok(None);
        }
        let length = state.rest.len().min(PIECE_BYTES);
        Ok(Some(state.rest.split_to(length)))
    }
}

/// Drops the answer if its client reads nothing of it while other requests wait for memory.
async fn watch(answer: Weak<Mutex<State>>) {
    let (mut before, mut since) = (0, Instant::now());
    loop {
        sleep(CHECK_INTERVAL).await;
        let Some(answer) = answer.upgrade().map(Answer) else { return };
        let mut state = answer.state();
        if state.handed_out != before || state.rest.is_empty() {
            (before, since) = (state.handed_out, Instant::now());
        } else if since.elapsed() >= SILENCE && state.share.as_ref().is_some_and(Share::is_wanted) {
            (state.is_lost, state.rest, state.share) = (true, Bytes::new(), None);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelport_domain::ErrorKind;

    const MIB: u64 = 1 << 20;

    /// Memory of which answers have six MiB.
    fn memory() -> Memory {
        Memory::new(12 << 20)
    }

    #[tokio::test]
    async fn what_is_read_is_covered_and_given_back_as_it_is_handed_out() {
        let memory = memory();
        let (first, second) = (Answer::new(&memory), Answer::new(&memory));
        first.cover(1000).unwrap();
        assert!(!first.is_large());
        first.cover(MIB).unwrap();
        first.keep(MIB);
        assert!(first.is_large());
        second.cover(MIB).unwrap();
        // Three times two MiB, and the other has three of the six.
        assert_eq!(first.cover(MIB).unwrap_err().kind(), ErrorKind::Unavailable);
        first.written(Bytes::from(vec![7; 200_000]));
        second.cover(MIB + MIB / 2).unwrap();
        let mut lengths = Vec::new();
        while let Some(piece) = first.next_piece().unwrap() {
            lengths.push(piece.len());
        }
        assert_eq!(lengths, [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 200_000 - 3 * PIECE_BYTES]);
        assert!(!first.is_large());
    }

    #[tokio::test]
    async fn what_lacks_memory_is_read_again_when_there_is_some() {
        let memory = memory();
        let (first, second) = (Answer::new(&memory), Answer::new(&memory));
        first.cover(2 * MIB).unwrap();
        assert!(!second.make_room().await.unwrap());
        second.cover(MIB).unwrap_err();
        let waiting = second.clone();
        let waiting = tokio::spawn(async move { waiting.make_room().await });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waiting.await.unwrap().unwrap());
        second.cover(MIB).unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_loses_its_answer_to_one_that_waits() {
        let memory = memory();
        let (first, second) = (Answer::new(&memory), Answer::new(&memory));
        first.cover(2 * MIB).unwrap();
        first.written(Bytes::from(vec![7; 6 << 20]));
        assert!(first.next_piece().unwrap().is_some());
        second.cover(MIB).unwrap_err();
        assert!(second.make_room().await.unwrap());
        assert!(first.next_piece().is_err());
    }
}
