//! Verification: all stored bytes are read again and compared with their digests, in one pass over many runs if need be.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::RequestContext;
use super::hashing::Digesting;
use super::upkeep::{Task, TaskLease};
use crate::core::Core;
use crate::domain::{Blob, Damage, DamagedBlob, Error, ErrorKind, Millis, Result, Sha256};
use crate::services::Upkeep;
use crate::store::blobs;
use crate::store::upkeep::Pass;

/// How many blobs one statement looks up.
const BATCH: u32 = 200;
/// How many blobs are read, or how much time passes, before progress is recorded.
const RECORD_EVERY: (usize, Duration) = (100, Duration::from_secs(3));

/// The options of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// How many bytes are read in a second, at most; none for as many as can be.
    pub bytes_per_second: Option<u64>,
    /// Whether to restart an interrupted pass from the beginning.
    pub restart: bool,
}

/// The progress of a verification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blobs that were read in this run.
    pub blobs: u64,
    /// Their bytes, and those of the blob that is being read.
    pub bytes: u64,
    /// How many blobs this run has to read.
    pub all_blobs: u64,
    /// Their bytes.
    pub all_bytes: u64,
    /// Whether this run resumes an interrupted pass.
    pub resumed: bool,
    /// Blobs of this run whose object is not there.
    pub missing: u64,
    /// Blobs of this run whose object has other bytes.
    pub damaged: u64,
}

impl Upkeep {
    /// Reads every blob and records which are missing or damaged.
    ///
    /// One process runs at a time. Progress is recorded, so that the next run resumes an interrupted one. Blobs that are added
    /// meanwhile are left to the next pass. An upload of its bytes repairs a damaged blob.
    ///
    /// Errors: Locked while another process verifies, InvalidState when one took over; Unavailable when the database or the
    /// store cannot be used, after which the next run resumes.
    pub async fn verify(
        &self,
        context: &RequestContext,
        how: Verification,
        mut progress: impl FnMut(Verified) + Send,
    ) -> Result<Verified> {
        let busy = || Error::locked("another process is verifying at the moment");
        let lease = self.acquire_task(Task::Verify, Duration::ZERO).await?.ok_or_else(busy)?;
        let run = Run {
            core: &self.core,
            context,
            lease: lease.clone(),
            how,
            begun: Instant::now(),
            now: Verified::default(),
        };
        match lease.with_heartbeats(run.pass(&mut progress)).await {
            Ok(verified) => lease.end().await.map(|()| verified),
            Err(error) => {
                lease.release().await;
                Err(error)
            }
        }
    }

    /// Up to `limit` blobs after that one that were missing or damaged when they were last read, with their files.
    pub async fn damaged(&self, context: &RequestContext, after: i64, limit: u32) -> Result<Vec<DamagedBlob>> {
        self.core.read(context, move |tx| blobs::damaged(tx, after, limit)).await
    }
}

struct Run<'a> {
    core: &'a Arc<Core>,
    context: &'a RequestContext,
    lease: TaskLease,
    how: Verification,
    begun: Instant,
    now: Verified,
}

impl Run<'_> {
    async fn pass(mut self, progress: &mut (impl FnMut(Verified) + Send)) -> Result<Verified> {
        let (core, context) = (self.core, self.context);
        let mut pass = self.lease.pass().await?;
        self.now.resumed = pass.began_at.is_some() && !self.how.restart;
        if !self.now.resumed {
            pass = Pass { began_at: Some(self.context.now()), reached: 0 };
        }
        let last = core.read(context, |tx| blobs::last_id(tx)).await?;
        let reached = pass.reached;
        (self.now.all_blobs, self.now.all_bytes) =
            core.read(context, move |tx| blobs::total(tx, reached, last)).await?;
        progress(self.now);
        loop {
            let reached = pass.reached;
            let batch = core.read(context, move |tx| blobs::after(tx, reached, last, BATCH)).await?;
            if batch.is_empty() {
                return Ok(self.now);
            }
            let (mut done, mut recorded) = (Vec::new(), Instant::now());
            for blob in batch {
                let damage = self.read(&blob, progress).await?;
                pass.reached = blob.id;
                done.push((blob, damage));
                if done.len() >= RECORD_EVERY.0 || recorded.elapsed() >= RECORD_EVERY.1 {
                    self.record(std::mem::take(&mut done), pass).await?;
                    recorded = Instant::now();
                }
            }
            self.record(done, pass).await?;
            progress(self.now);
        }
    }

    async fn record(&mut self, done: Vec<(Blob, Option<Damage>)>, pass: Pass) -> Result<()> {
        let (advance, now) = (self.lease.advance(), self.context.now());
        let counted = self
            .core
            .write(self.context, move |tx| {
                advance(tx, pass)?;
                blobs::verified(tx, &done, now)
            })
            .await?;
        for damage in counted {
            match damage {
                Damage::Missing => self.now.missing += 1,
                Damage::Damaged => self.now.damaged += 1,
            }
        }
        Ok(())
    }

    /// What is wrong with the bytes. An error says nothing about them.
    async fn read(&mut self, blob: &Blob, progress: &mut (impl FnMut(Verified) + Send)) -> Result<Option<Damage>> {
        let before = self.now.bytes;
        let found = self.digest(blob, progress).await;
        self.now.blobs += 1;
        self.now.bytes = before.saturating_add(blob.size);
        progress(self.now);
        self.throttle().await;
        match found {
            Ok((size, sha256)) if size == blob.size && sha256 == blob.sha256 => Ok(None),
            Ok(_) => Ok(Some(Damage::Damaged)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Damage::Missing)),
            Err(error) => Err(error),
        }
    }

    async fn digest(&mut self, blob: &Blob, progress: &mut (impl FnMut(Verified) + Send)) -> Result<(u64, Sha256)> {
        let mut chunks = self.core.blobs.get(&blob.key.parse()?, None).await?;
        let (mut digest, before) = (Digesting::default(), self.now.bytes);
        while digest.take(&mut chunks).await? {
            self.now.bytes = before.saturating_add(digest.size());
            progress(self.now);
            self.throttle().await;
        }
        Ok(digest.end())
    }

    async fn throttle(&self) {
        let Some(rate) = self.how.bytes_per_second.filter(|rate| *rate > 0) else { return };
        let due = Duration::from_millis(
            Millis::try_from(self.now.bytes.saturating_mul(1000) / rate).unwrap_or(Millis::MAX).unsigned_abs(),
        );
        tokio::time::sleep_until(self.begun + due).await;
    }
}
