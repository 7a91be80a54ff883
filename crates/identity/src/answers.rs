//! Questions to a slow authority that many requests ask at once: each is asked once, and the answer kept for a while.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use tokio::sync::Mutex;

use super::cache::Expiring;
use super::options::Clock;
use crate::domain::Millis;

/// How long a yes is kept.
const YES_MS: Millis = 60_000;
/// How long a no is kept. Shorter, because the authority may not know yet what was made just now.
const NO_MS: Millis = 10_000;
/// How long it is kept that there was no answer, so that requests do not wait for the next failure one after the other.
const FAILED_MS: Millis = 5_000;
/// The most answers that are kept.
const CAPACITY: usize = 20_000;
/// How many questions may be on their way.
const TURNS: usize = 64;

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not, and why.
    No(String),
    /// There was no answer, and why, for the log.
    Failed(String),
}

/// The answers to questions that are told apart by `K`.
pub struct Answers<K> {
    kept: Expiring<K, Answer>,
    turns: Vec<Mutex<()>>,
    clock: Clock,
}

impl<K: Eq + Hash + Clone> Answers<K> {
    pub fn new(clock: Clock) -> Self {
        Self { kept: Expiring::new(CAPACITY), turns: (0..TURNS).map(|_| Mutex::new(())).collect(), clock }
    }

    /// The answer that is kept, or what `ask` finds out; requests with the same question wait for the first of them.
    pub async fn get(&self, question: K, ask: impl Future<Output = Answer>) -> Answer {
        if let Some(answer) = self.kept.get(&question, (self.clock)()) {
            return answer;
        }
        let _turn = match self.turn(&question) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if let Some(answer) = self.kept.get(&question, (self.clock)()) {
            return answer;
        }
        let asked_at = (self.clock)();
        let answer = ask.await;
        let kept_for = match &answer {
            Answer::Yes => YES_MS,
            Answer::No(_) => NO_MS,
            Answer::Failed(_) => FAILED_MS,
        };
        self.kept.put(question, answer.clone(), asked_at.saturating_add(kept_for));
        answer
    }

    fn turn(&self, question: &K) -> Option<&Mutex<()>> {
        let mut hasher = DefaultHasher::new();
        question.hash(&mut hasher);
        self.turns.get(hasher.finish() as usize % TURNS)
    }
}
