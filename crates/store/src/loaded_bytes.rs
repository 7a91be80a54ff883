//! Counts how many bytes of property values a transaction has read, which is what can be large in an answer.

use modelport_domain::Result;
use modelport_memory::Answer;

/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 16 << 10;

/// The bytes that one transaction has read.
pub(super) struct LoadedBytes<'a> {
    /// The answer whose memory is counted, if any.
    answer: Option<&'a Answer>,
    bytes: u64,
    covered: u64,
}

impl<'a> LoadedBytes<'a> {
    pub(super) fn none(answer: Option<&'a Answer>) -> Self {
        Self { answer, bytes: 0, covered: 0 }
    }

    /// Counts `bytes` more bytes. Errors: Unavailable where there is no memory for the answer made of them.
    pub(super) fn add(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes as u64;
        match self.answer {
            Some(answer) if self.bytes - self.covered >= STEP => {
                answer.cover(self.bytes)?;
                self.covered = self.bytes;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// All bytes counted so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
