//! The collector: removes objects that nothing points at, after a grace period.
//!
//! An object is needed by the blob row that names its key, or by the upload row of the request that is writing it. A commit that
//! links an object deletes its upload row in the same transaction; the collector condemns the upload row of an abandoned
//! upload before it touches the object. Only one of the two can succeed, so no commit under way ever loses its object.

use std::time::{Duration, UNIX_EPOCH};

use super::collected::{Collected, Report};
use super::context::RequestContext;
use super::upkeep::Task;
use crate::blobs::{Entry, Key};
use crate::domain::{Millis, Result};
use crate::services::Upkeep;
use crate::store::{blobs, resumable, uploads};

/// How many rows or objects one batch has.
const BATCH: u16 = 500;
/// How many rows of blobs one statement searches for unreferenced ones.
const BLOB_BATCH: i64 = 5000;

impl Upkeep {
    /// Collects, unless another process is doing so, or did so less than `pause` ago. The result is added to
    /// [`Upkeep::collected`].
    pub async fn collect_in_turn(
        &self,
        context: &RequestContext,
        pause: Duration,
        grace: Duration,
    ) -> Result<Option<Report>> {
        self.core.check_store_id().await?;
        let Some(lease) = self.acquire_task(Task::Collect, pause).await? else { return Ok(None) };
        match lease.with_heartbeats(self.collect(context, grace, false)).await {
            Ok(report) => {
                self.core.collected.add(report);
                lease.end().await.map(|()| Some(report))
            }
            Err(error) => {
                self.core.collected.fail();
                lease.release().await;
                Err(error)
            }
        }
    }

    /// What this process has collected in its turns.
    pub fn collected(&self) -> Collected {
        self.core.collected.now()
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
            let found = self.core.read(context, move |tx| resumable::expired(tx, now, i64::MAX)).await?;
            report.expired_uploads = found.len() as u64;
            return Ok(());
        }
        loop {
            let found = self.core.read(context, move |tx| resumable::expired(tx, now, BATCH.into())).await?;
            if found.is_empty() {
                return Ok(());
            }
            for (id, key) in found {
                self.core.files().remove_expired(context, &id, &key, now).await?;
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
            let found = self.core.read(context, move |tx| uploads::abandoned(tx, before, i64::MAX)).await?;
            report.abandoned_uploads = found.len() as u64;
            return Ok(());
        }
        loop {
            let keys = self.core.read(context, move |tx| uploads::abandoned(tx, before, BATCH.into())).await?;
            if keys.is_empty() {
                return Ok(());
            }
            for key in keys {
                if self.core.files().discard_upload(&key.parse()?, before).await? {
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
        let last = self.core.read(context, |tx| blobs::last_id(tx)).await?;
        let mut first = 1;
        while first <= last {
            let ids = first..=first.saturating_add(BLOB_BATCH - 1).min(last);
            first = ids.end() + 1;
            let looked = ids.clone();
            let mut gone = self.core.read(context, move |tx| blobs::unreferenced(tx, before, looked.clone())).await?;
            if !dry_run && !gone.is_empty() {
                gone = self.core.write(context, move |tx| blobs::delete_unreferenced(tx, before, ids.clone())).await?;
            }
            for blob in &gone {
                report.unreferenced_blobs += 1;
                report.unreferenced_bytes += blob.size;
                if !dry_run {
                    self.core.blobs.delete(&blob.key.parse()?).await?;
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
            let page = self.core.blobs.list(after.as_ref(), BATCH.into()).await?;
            let old: Vec<_> = page.entries.into_iter().filter(|entry| modified_at(entry) < before).collect();
            for orphan in self.without_rows(context, old).await? {
                report.orphan_objects += 1;
                report.orphan_bytes += orphan.size;
                if !dry_run {
                    self.core.blobs.discard(&orphan.key).await?;
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
            .core
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
