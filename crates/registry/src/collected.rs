//! What the collector of this process has found and removed.

use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// What it removed the last time.
    pub last: Option<Report>,
}

/// The same, shared by all handles of a registry.
#[derive(Debug, Default)]
pub(crate) struct Totals(Mutex<Collected>);

impl Totals {
    pub(crate) fn add(&self, report: Report) {
        let mut totals = self.locked();
        totals.passes += 1;
        totals.last = Some(report);
        let removed = &mut totals.removed;
        removed.abandoned_uploads += report.abandoned_uploads;
        removed.expired_uploads += report.expired_uploads;
        removed.unreferenced_blobs += report.unreferenced_blobs;
        removed.unreferenced_bytes += report.unreferenced_bytes;
        removed.orphan_objects += report.orphan_objects;
        removed.orphan_bytes += report.orphan_bytes;
    }

    pub(crate) fn fail(&self) {
        self.locked().failures += 1;
    }

    pub(crate) fn now(&self) -> Collected {
        *self.locked()
    }

    fn locked(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
