//! Entries of the audit trail on their way to the database.
//!
//! What is alike is one entry: the ranges of a file that one principal reads, and the failed logins of one address. The first of
//! them is written soon, and those that follow are counted.

mod likeness;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::Millis;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::store::audit::Growth;
use likeness::Likeness;

/// How many entries wait at most. Those that arrive then are lost, and counted.
const MAX_WAITING: usize = 20_000;

/// How many entries are open at most for others that are like them.
const MAX_OPEN: usize = 20_000;

/// How many entries are written at once.
pub(crate) const BATCH: usize = 1000;

/// An entry that stands for others that are like it.
struct Open {
    began_at: Millis,
    /// The entry, until it is written.
    entry: Option<AuditEntry>,
    /// Its id, once it is.
    id: Option<i64>,
    /// What has come since then.
    more: Growth,
}

enum Waiting {
    Alone(AuditEntry),
    Open(Likeness),
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    open: HashMap<Likeness, Open>,
    grown: HashSet<Likeness>,
    lost: i64,
    /// Whether a batch was taken, and nothing was said of it yet.
    is_writing: bool,
}

/// What is to be written at once.
pub(crate) struct Batch {
    /// New entries.
    pub(crate) entries: Vec<AuditEntry>,
    /// Those that stand for more.
    pub(crate) growth: Vec<Growth>,
    likenesses: Vec<Option<Likeness>>,
    grown: Vec<Likeness>,
    lost: i64,
}

impl Batch {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.growth.is_empty()
    }
}

/// The entries that wait.
#[derive(Default)]
pub(crate) struct AuditQueue {
    state: Mutex<State>,
    arrived: Notify,
}

impl AuditQueue {
    /// Adds an entry, or counts it with one that is like it.
    pub(crate) fn push(&self, entry: AuditEntry) {
        let mut state = self.state();
        match Likeness::of(&entry) {
            Some(likeness) if state.count(&likeness, &entry) => {}
            likeness => state.add(likeness, entry),
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Waits until there is something to write.
    pub(crate) async fn wait(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !self.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.grown.is_empty() && state.lost == 0
    }

    /// Takes what is to be written at once. Whoever takes it says what became of it.
    pub(crate) fn take(&self, now: Millis) -> Batch {
        let mut state = self.state();
        state.is_writing = true;
        let mut batch =
            Batch { entries: Vec::new(), growth: Vec::new(), likenesses: Vec::new(), grown: Vec::new(), lost: 0 };
        if state.lost > 0 {
            batch.lost = std::mem::take(&mut state.lost);
            let mut entry = AuditEntry::new(now, AuditAction::Loss, Outcome::Failed);
            entry.requests = batch.lost;
            batch.entries.push(entry);
            batch.likenesses.push(None);
        }
        while batch.entries.len() < BATCH {
            match state.waiting.pop_front() {
                None => break,
                Some(Waiting::Alone(entry)) => {
                    batch.entries.push(entry);
                    batch.likenesses.push(None);
                }
                Some(Waiting::Open(likeness)) => {
                    let entry = state.open.get_mut(&likeness).and_then(|open| open.entry.take());
                    batch.entries.extend(entry);
                    batch.likenesses.push(Some(likeness));
                }
            }
        }
        let written = |likeness: &&Likeness| state.open.get(*likeness).is_some_and(|open| open.id.is_some());
        batch.grown = state.grown.iter().filter(written).take(BATCH).cloned().collect();
        for likeness in &batch.grown {
            state.grown.remove(likeness);
            if let Some(open) = state.open.get_mut(likeness) {
                batch.growth.push(open.take_more());
            }
        }
        batch
    }

    /// Says that a batch was written, under these ids.
    pub(crate) fn written(&self, batch: Batch, ids: &[i64], now: Millis) {
        let mut state = self.state();
        state.is_writing = false;
        for (likeness, id) in batch.likenesses.into_iter().zip(ids) {
            if let Some(open) = likeness.and_then(|likeness| state.open.get_mut(&likeness)) {
                open.id = Some(*id);
                open.more.id = *id;
            }
        }
        state.close(now);
    }

    /// Says that a batch was not written: it waits again, before all others.
    pub(crate) fn failed(&self, batch: Batch) {
        let mut state = self.state();
        let Batch { entries, growth, likenesses, grown, lost } = batch;
        state.is_writing = false;
        state.lost += lost;
        for (entry, likeness) in entries.into_iter().zip(likenesses).rev() {
            match likeness {
                None if entry.action == AuditAction::Loss => {}
                None => state.waiting.push_front(Waiting::Alone(entry)),
                Some(likeness) => match state.open.get_mut(&likeness) {
                    Some(open) => {
                        open.give_back(entry);
                        state.grown.remove(&likeness);
                        state.waiting.push_front(Waiting::Open(likeness));
                    }
                    None => state.waiting.push_front(Waiting::Alone(entry)),
                },
            }
        }
        for (likeness, more) in grown.into_iter().zip(growth) {
            if let Some(open) = state.open.get_mut(&likeness) {
                open.add(more.ended_at, more.requests, more.bytes);
                state.grown.insert(likeness);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an entry with the open one that it is like. `false` when there is none.
    fn count(&mut self, likeness: &Likeness, entry: &AuditEntry) -> bool {
        let Some(open) = self.open.get_mut(likeness) else { return false };
        if entry.at < open.began_at || entry.at - open.began_at >= likeness.window() {
            return false;
        }
        open.add(entry.ended_at, entry.requests, entry.bytes.unwrap_or_default());
        if open.entry.is_none() {
            self.grown.insert(likeness.clone());
        }
        true
    }

    fn add(&mut self, likeness: Option<Likeness>, entry: AuditEntry) {
        if self.waiting.len() >= MAX_WAITING {
            self.lost += 1;
            return;
        }
        if self.open.len() >= MAX_OPEN {
            self.close(entry.at);
        }
        // What still has something to be written keeps its place; the new one is an entry of its own then.
        let is_free = |state: &Self, likeness: &Likeness| match state.open.get(likeness) {
            None => state.open.len() < MAX_OPEN,
            Some(open) => open.id.is_some() && !state.grown.contains(likeness),
        };
        match likeness.filter(|likeness| is_free(self, likeness)) {
            None => self.waiting.push_back(Waiting::Alone(entry)),
            Some(likeness) => {
                let more = Growth { id: 0, ended_at: entry.ended_at, requests: 0, bytes: 0 };
                let open = Open { began_at: entry.at, entry: Some(entry), id: None, more };
                self.open.insert(likeness.clone(), open);
                self.waiting.push_back(Waiting::Open(likeness));
            }
        }
    }

    /// Closes entries that stand for no others any more, once all of them is written.
    fn close(&mut self, now: Millis) {
        if self.is_writing {
            return;
        }
        let grown = &self.grown;
        self.open.retain(|likeness, open| {
            let is_over = now.saturating_sub(open.began_at) >= likeness.window();
            !(is_over && open.id.is_some() && !grown.contains(likeness))
        });
    }
}

impl Open {
    fn add(&mut self, ended_at: Millis, requests: i64, bytes: i64) {
        match &mut self.entry {
            Some(entry) => {
                entry.ended_at = entry.ended_at.max(ended_at);
                entry.requests += requests;
                entry.bytes = entry.bytes.map(|sent| sent.saturating_add(bytes));
            }
            None => {
                self.more.ended_at = self.more.ended_at.max(ended_at);
                self.more.requests += requests;
                self.more.bytes = self.more.bytes.saturating_add(bytes);
            }
        }
    }

    fn take_more(&mut self) -> Growth {
        let more = self.more;
        self.more = Growth { requests: 0, bytes: 0, ..more };
        more
    }

    /// Takes back an entry that was not written, with what came meanwhile.
    fn give_back(&mut self, entry: AuditEntry) {
        let more = self.take_more();
        self.entry = Some(entry);
        self.add(more.ended_at, more.requests, more.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::likeness::{LOGIN_WINDOW, WINDOW};
    use super::*;
    use crate::domain::NodeId;
    use crate::domain::access::PrincipalId;

    fn read(at: Millis, path: &str) -> AuditEntry {
        AuditEntry {
            principal_id: Some(PrincipalId(1)),
            node_id: Some(NodeId(2)),
            path: Some(path.to_owned()),
            bytes: Some(10),
            ..AuditEntry::new(at, AuditAction::Download, Outcome::Done)
        }
    }

    fn write(queue: &AuditQueue, ids: std::ops::Range<i64>, now: Millis) -> (Vec<AuditEntry>, Vec<Growth>) {
        let batch = queue.take(now);
        let (entries, growth) = (batch.entries.clone(), batch.growth.clone());
        queue.written(batch, &ids.collect::<Vec<_>>(), now);
        (entries, growth)
    }

    #[test]
    fn ranges_of_one_file_are_one_entry() {
        let queue = AuditQueue::default();
        for at in 0..3 {
            queue.push(read(at, "a"));
        }
        queue.push(read(0, "b"));
        let (entries, growth) = write(&queue, 7..9, 5);
        assert_eq!(
            entries.iter().map(|entry| (entry.requests, entry.bytes)).collect::<Vec<_>>(),
            [(3, Some(30)), (1, Some(10))]
        );
        assert!(growth.is_empty() && queue.is_empty());
        queue.push(read(WINDOW - 1, "a"));
        queue.push(read(WINDOW - 2, "a"));
        let (entries, growth) = write(&queue, 0..0, WINDOW);
        assert!(entries.is_empty());
        assert_eq!(growth, [Growth { id: 7, ended_at: WINDOW - 1, requests: 2, bytes: 20 }]);
        queue.push(read(WINDOW, "a"));
        assert_eq!(write(&queue, 9..10, WINDOW).0.len(), 1);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_was_not_written_waits_again() {
        let queue = AuditQueue::default();
        queue.push(AuditEntry::new(1, AuditAction::Access, Outcome::Denied));
        queue.push(read(2, "a"));
        let batch = queue.take(3);
        queue.push(read(3, "a"));
        queue.failed(batch);
        let batch = queue.take(3);
        assert_eq!(
            batch.entries.iter().map(|entry| (entry.action, entry.requests)).collect::<Vec<_>>(),
            [(AuditAction::Access, 1), (AuditAction::Download, 2)]
        );
        assert!(batch.growth.is_empty());
        queue.written(batch, &[1, 2], 3);
        queue.push(read(4, "a"));
        let batch = queue.take(5);
        assert_eq!(batch.growth.len(), 1);
        queue.push(read(5, "a"));
        queue.failed(batch);
        assert_eq!(write(&queue, 0..0, 6).1, [Growth { id: 2, ended_at: 5, requests: 2, bytes: 20 }]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let queue = AuditQueue::default();
        let extra = 5;
        for number in 0..MAX_WAITING + extra {
            queue.push(read(1, &number.to_string()));
        }
        let batch = queue.take(9);
        assert_eq!((batch.entries[0].action, batch.entries[0].requests), (AuditAction::Loss, 5));
        assert_eq!(batch.entries.len(), BATCH);
        queue.failed(batch);
        let mut written = 0;
        while !queue.is_empty() {
            written += write(&queue, 0..i64::try_from(BATCH).unwrap(), 9).0.len();
        }
        assert_eq!(written, MAX_WAITING + 1);
    }

    #[test]
    fn failed_logins_are_counted_by_address_and_minute() {
        let queue = AuditQueue::default();
        let login = |at, peer: &str| AuditEntry {
            peer: Some(peer.to_owned()),
            ..AuditEntry::new(at, AuditAction::Login, Outcome::Unauthenticated)
        };
        for at in [0, 10, LOGIN_WINDOW - 1] {
            queue.push(login(at, "10.0.0.1"));
        }
        queue.push(login(5, "10.0.0.2"));
        let requests: Vec<_> = write(&queue, 1..3, 7).0.iter().map(|entry| entry.requests).collect();
        assert_eq!(requests, [3, 1]);
        queue.push(login(LOGIN_WINDOW, "10.0.0.1"));
        assert_eq!(write(&queue, 3..4, LOGIN_WINDOW).0.len(), 1);
    }
}
