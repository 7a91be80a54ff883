//! The collector: removes objects that nothing points at, after a grace period.
//!
//! An object is needed by the blob row that names its key, or by the upload row of the request that is writing it. A commit that
//! links an object deletes its upload row in the same transaction; the collector condemns the upload row of an abandoned
//! upload before it touches the object. Only one of the two can succeed, so no commit under way ever loses its object.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::Registry;
use super::context::RequestContext;
use super::upkeep::Task;
use crate::blobs::{Entry, Key};
use crate::domain::{Millis, Result};
use crate::store::{blobs, resumable, uploads};

/// How many rows or objects one batch has.
const BATCH: u16 = 500;
/// How many rows of blobs one statement searches for unreferenced ones.
const BLOB_BATCH: i64 = 5000;

/// What the collector found, and removed unless it was a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Uploads that were abandoned, with whatever they left in the object store.
    pub abandoned_uploads: u64,
    /// Resumable uploads that have expired, those that became files among them.
    pub expired_uploads: u64,
    /// Blobs that no file points at.
    pub unreferenced_blobs: u64,
    /// Their bytes.
    pub unreferenced_bytes: u64,
    /// Objects that no blob and no upload knows.
    pub orphan_objects: u64,
    /// Their bytes.
    pub orphan_bytes: u64,
}

/// What a process has collected since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// How often it has.
    pub passes: u64,
    /// How often it could not.
    pub failures: u64,
    /// What it removed, in all.
    pub removed: Report,
}

/// The same, shared.
#[derive(Debug, Default)]
pub(super) struct Totals(Mutex<Collected>);

impl Totals {
    fn add(&self, report: Report) {
        let mut totals = self.locked();
        totals.passes += 1;
        let removed = &mut totals.removed;
        removed.abandoned_uploads += report.abandoned_uploads;
        removed.expired_uploads += report.expired_uploads;
        removed.unreferenced_blobs += report.unreferenced_blobs;
        removed.unreferenced_bytes += report.unreferenced_bytes;
        removed.orphan_objects += report.orphan_objects;
        removed.orphan_bytes += report.orphan_bytes;
    }

    fn fail(&self) {
        self.locked().failures += 1;
    }

    fn now(&self) -> Collected {
        *self.locked()
    }

    fn locked(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Collects, unless another process is doing so, or did so less than `pause` ago. The result is added to
    /// [`Registry::collected`].
    pub async fn collect_in_turn(
        &self,
        context: &RequestContext,
        pause: Duration,
        grace: Duration,
    ) -> Result<Option<Report>> {
        self.check_store_id().await?;
        let Some(lease) = self.acquire_task(Task::Collect, pause).await? else { return Ok(None) };
        match lease.with_heartbeats(self.collect(context, grace, false)).await {
            Ok(report) => {
                self.collected.add(report);
                lease.end().await.map(|()| Some(report))
            }
            Err(error) => {
                self.collected.fail();
                lease.release().await;
                Err(error)
            }
        }
    }

    /// What this process has collected in its turns.
    pub fn collected(&self) -> Collected {
        self.collected.now()
    }

    /// Removes what nothing refers to and what has not changed for the grace period; only counts it in a dry run.
    ///
    /// Safe to run while requests are served, several times at once, and to be interrupted at any moment.
    pub async fn collect(&self, context: &RequestContext, grace: Duration, dry_run: bool) -> Result<Report> {
        let grace = Millis::try_from(grace.as_millis()).unwrap_or(Millis::MAX);
        let before = context.now().saturating_sub(grace);
        let mut report = Report::default();
        self.collect_expired(context, dry_run, &mut report).await?;
        self.collect_uploads(context, before, dry_run, &mut report).await?;
        self.collect_blobs(context, before, dry_run, &mut report).await?;
        self.collect_orphans(context, before, dry_run, &mut report).await?;
        Ok(report)
    }

    /// Resumable uploads know their own time, whatever the grace period.
    async fn collect_expired(&self, context: &RequestContext, dry_run: bool, report: &mut Report) -> Result<()> {
        let now = context.now();
        if dry_run {
            let found = self.read(context, move |tx| resumable::expired(tx, now, i64::MAX)).await?;
            report.expired_uploads = found.len() as u64;
            return Ok(());
        }
        loop {
            let found = self.read(context, move |tx| resumable::expired(tx, now, BATCH.into())).await?;
            if found.is_empty() {
                return Ok(());
            }
            for (id, key) in found {
                self.remove_expired(context, &id, &key, now).await?;
                report.expired_uploads += 1;
            }
        }
    }

    async fn collect_uploads(
        &self,
        context: &RequestContext,
        before: Millis,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<()> {
        if dry_run {
            let found = self.read(context, move |tx| uploads::abandoned(tx, before, i64::MAX)).await?;
            report.abandoned_uploads = found.len() as u64;
            return Ok(());
        }
        loop {
            let keys = self.read(context, move |tx| uploads::abandoned(tx, before, BATCH.into())).await?;
            if keys.is_empty() {
                return Ok(());
            }
            for key in keys {
                if self.discard_upload(&key.parse()?, before).await? {
                    report.abandoned_uploads += 1;
                }
            }
        }
    }

    async fn collect_blobs(
        &self,
        context: &RequestContext,
        before: Millis,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<()> {
        let last = self.read(context, |tx| blobs::last_id(tx)).await?;
        let mut first = 1;
        while first <= last {
            let ids = first..=first.saturating_add(BLOB_BATCH - 1).min(last);
            first = ids.end() + 1;
            let looked = ids.clone();
            let mut gone = self.read(context, move |tx| blobs::unreferenced(tx, before, looked.clone())).await?;
            if !dry_run && !gone.is_empty() {
                gone = self.write(context, move |tx| blobs::delete_unreferenced(tx, before, ids.clone())).await?;
            }
            for blob in &gone {
                report.unreferenced_blobs += 1;
                report.unreferenced_bytes += blob.size;
                if !dry_run {
                    self.blobs.delete(&blob.key.parse()?).await?;
                }
            }
        }
        Ok(())
    }

    async fn collect_orphans(
        &self,
        context: &RequestContext,
        before: Millis,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<()> {
        let mut after: Option<Key> = None;
        loop {
            let page = self.blobs.list(after.as_ref(), BATCH.into()).await?;
            let old: Vec<_> = page.entries.into_iter().filter(|entry| modified_at(entry) < before).collect();
            for orphan in self.without_rows(context, old).await? {
                report.orphan_objects += 1;
                report.orphan_bytes += orphan.size;
                if !dry_run {
                    self.blobs.discard(&orphan.key).await?;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Those of the objects that neither a blob nor an upload knows, by one snapshot taken after they were listed.
    ///
    /// Keys are never used twice and the upload's row comes before its object, so an object without rows stays without.
    async fn without_rows(&self, context: &RequestContext, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
        if entries.is_empty() {
            return Ok(entries);
        }
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.to_string()).collect();
        let known = self
            .read(context, move |tx| {
                let mut known = blobs::known_keys(tx, &keys)?;
                known.extend(uploads::known_keys(tx, &keys)?);
                Ok(known)
            })
            .await?;
        entries.retain(|entry| !known.iter().any(|key| key == entry.key.as_str()));
        Ok(entries)
    }
}

fn modified_at(entry: &Entry) -> Millis {
    let since = entry.modified.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
