//! The rescan: newer rules and policies for what is stored, and newer parsers for the bytes where that is asked for.

use std::sync::Arc;

use super::policy::{policy_of, refresh};
use super::settle::Changed;
use crate::domain::inspect::{Inspection, READER_VERSION, RULES_VERSION, Siblings};
use crate::domain::policy::Act;
use crate::domain::{Actor, Error, ErrorKind, File, FilePath, NodeId, Result};
use crate::registry::Registry;
use crate::store::inspections::{self, Inspected};
use crate::store::{Tx, files, nodes};

/// How many artifacts are looked up together.
const BATCH: u32 = 500;

/// How far a rescan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files that were judged.
    pub done: u64,
    /// Files that there were when it began.
    pub all: u64,
}

/// What a rescan has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RescanReport {
    /// Files whose bytes were read.
    pub read: u64,
    /// Files whose bytes could not be read.
    pub unreadable: u64,
    /// Files that no parser of this build has read and that were left so.
    pub unread: u64,
    /// Files that were judged.
    pub judged: u64,
    /// Those whose findings are others than before.
    pub changed: u64,
    /// Those that are quarantined from now on.
    pub quarantined: u64,
    /// Those that are not any more.
    pub released: u64,
}

impl Registry {
    /// Judges what is known of all files by today's rules and policies; with `read`, first reads the bytes of those that
    /// no parser of this build has read.
    ///
    /// Safe to run while requests are served, and to be interrupted and begun again at any moment. Bytes that cannot be
    /// read are counted and passed by. Errors: Unavailable when the database cannot be used.
    pub async fn rescan(
        &self,
        actor: &Actor,
        read: bool,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<RescanReport> {
        let all = self.store.read(files::count).await?;
        let mut report = RescanReport::default();
        let mut after = None;
        loop {
            let artifacts = self.store.read(move |tx| files::holders(tx, after, BATCH)).await?;
            let Some(last) = artifacts.last() else { return Ok(report) };
            after = Some(*last);
            for artifact in artifacts {
                let unread = self.store.read(move |tx| inspections::unread(tx, artifact, READER_VERSION)).await?;
                for path in unread {
                    if !read {
                        report.unread += 1;
                    } else if let Err(error) = self.read_again(artifact, &path, &mut report).await {
                        let path = path.as_str();
                        log::warn!("file.path" = path, error = error.to_string().as_str(); "file could not be read");
                        report.unreadable += 1;
                    }
                    progress(Progress { done: report.judged, all });
                }
                let changed = self.judge_again(actor, artifact).await?;
                report.judged += changed.judged;
                report.changed += changed.findings;
                report.quarantined += changed.quarantined;
                report.released += changed.released;
                progress(Progress { done: report.judged, all });
            }
        }
    }

    async fn judge_again(&self, actor: &Actor, artifact: NodeId) -> Result<Changed> {
        let (actor, now, base) = (actor.clone(), self.now(), Arc::clone(&self.policy));
        self.store
            .write(move |tx| {
                let mut changed = Changed::default();
                if let Some(node) = nodes::find(tx, artifact)? {
                    let policy = policy_of(tx, &base, &node)?;
                    refresh(tx, &actor, artifact, &policy, now, &mut changed)?;
                }
                Ok(changed)
            })
            .await
    }

    async fn read_again(&self, artifact: NodeId, path: &FilePath, report: &mut RescanReport) -> Result<()> {
        let asked = path.clone();
        let found = self.store.read(move |tx| beside(tx, artifact, &asked)).await?;
        let Some((file, siblings)) = found else { return Ok(()) };
        let seen = self.read_object(path, &file.blob.key.parse()?, file.blob.size, siblings).await?;
        self.store.write(move |tx| keep(tx, &file, &seen)).await?;
        report.read += 1;
        Ok(())
    }
}

/// The file, with the one whose name tells what it is.
fn beside(tx: &mut Tx<'_>, artifact: NodeId, path: &FilePath) -> Result<Option<(File, Siblings)>> {
    let Some(file) = files::find(tx, artifact, path)? else { return Ok(None) };
    Ok(Some((file, super::neighbours(tx, artifact, path)?)))
}

/// Keeps what was read, unless the file has other bytes by now. It is judged in the next step.
fn keep(tx: &mut Tx<'_>, file: &File, seen: &Inspection) -> Result<()> {
    nodes::lock(tx, &[file.node_id])?;
    let now = files::find(tx, file.node_id, &file.path)?;
    match now.filter(|now| now.blob.id == file.blob.id) {
        Some(_) => {
            let known = Inspected { seen: seen.clone(), reader: READER_VERSION, rules: RULES_VERSION, act: Act::Allow };
            inspections::put(tx, file.node_id, &file.path, file.blob.id, &known)
        }
        None => Err(Error::new(ErrorKind::FailedPrecondition, "the file has other bytes by now")),
    }
}
