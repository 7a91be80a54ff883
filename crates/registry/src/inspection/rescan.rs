//! The rescan: evaluates all stored files by this build's rules and today's policies, and on request reads them again with this
//! build's parsers.

use modelport_inspect::{Inspection, READER_VERSION, RULES_VERSION};

use super::Siblings;
use super::record::{self, Inspected};
use crate::context::RequestContext;
use crate::domain::policy::Act;
use crate::domain::{Error, File, FilePath, NodeId, Result};
use crate::services::Inspections;
use crate::store::{files, inspections, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// How many artifacts one statement looks up.
const BATCH: u32 = 500;

/// The progress of a rescan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RescanProgress {
    /// Files that were evaluated.
    pub done: u64,
    /// Files that existed when it began.
    pub all: u64,
}

/// What a rescan did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RescanReport {
    /// Files whose bytes were read.
    pub read: u64,
    /// Files whose bytes could not be read.
    pub unreadable: u64,
    /// Files that this build's parsers have not read, and that were not read now.
    pub unread: u64,
    /// Files that were evaluated.
    pub evaluated: u64,
    /// Files whose findings changed.
    pub changed: u64,
    /// Files that became quarantined.
    pub quarantined: u64,
    /// Files that were released from quarantine.
    pub released: u64,
}

impl Inspections {
    /// Evaluates the inspections of all files by today's rules and policies. With `read`, first reads the files that this
    /// build's parsers have not read.
    ///
    /// Safe to run while requests are served, and to interrupt and restart at any moment. Files that cannot be read are counted
    /// and skipped. Errors: Unavailable when the database cannot be used.
    pub async fn rescan(
        &self,
        context: &RequestContext,
        read: bool,
        mut progress: impl FnMut(RescanProgress) + Send,
    ) -> Result<RescanReport> {
        let all = self.core.read(context, |tx| files::count(tx)).await?;
        let mut report = RescanReport::default();
        let mut after = None;
        loop {
            let artifacts = self.core.read(context, move |tx| files::holders(tx, after, BATCH)).await?;
            let Some(last) = artifacts.last() else { return Ok(report) };
            after = Some(*last);
            for artifact in artifacts {
                let unread =
                    self.core.read(context, move |tx| inspections::unread(tx, artifact, READER_VERSION)).await?;
                for path in unread {
                    if !read {
                        report.unread += 1;
                    } else if let Err(error) = self.reread(context, artifact, &path, &mut report).await {
                        let path = path.as_str();
                        log::warn!("file.path" = path, error = error.to_string().as_str(); "file could not be read");
                        report.unreadable += 1;
                    }
                    progress(RescanProgress { done: report.evaluated, all });
                }
                let changed = self.reevaluate_artifact(context, artifact).await?;
                report.evaluated += changed.evaluated;
                report.changed += changed.findings;
                report.quarantined += changed.quarantined;
                report.released += changed.released;
                progress(RescanProgress { done: report.evaluated, all });
            }
        }
    }

    async fn reread(
        &self,
        context: &RequestContext,
        artifact: NodeId,
        path: &FilePath,
        report: &mut RescanReport,
    ) -> Result<()> {
        let asked = path.clone();
        let found = self.core.read(context, move |tx| beside(tx, artifact, &asked)).await?;
        let Some((file, siblings)) = found else { return Ok(()) };
        let seen = self.read_object(path, &file.blob.key.parse()?, file.blob.size, siblings).await?;
        self.core.write(context, move |tx| store_unless_replaced(tx, &file, &seen)).await?;
        report.read += 1;
        Ok(())
    }
}

/// The file, with the sibling whose name tells its format.
fn beside(tx: &mut ReadTransaction<'_, '_>, artifact: NodeId, path: &FilePath) -> Result<Option<(File, Siblings)>> {
    let Some(file) = files::find(tx, artifact, path)? else { return Ok(None) };
    Ok(Some((file, super::neighbours(tx, artifact, path)?)))
}

/// Stores what was read, unless the file has been replaced meanwhile. The next step evaluates it.
fn store_unless_replaced(tx: &mut WriteTransaction<'_, '_>, file: &File, seen: &Inspection) -> Result<()> {
    nodes::lock(tx, &[file.node_id])?;
    let now = files::find(tx, file.node_id, &file.path)?;
    match now.filter(|now| now.blob.id == file.blob.id) {
        Some(_) => {
            let known = Inspected { seen: seen.clone(), reader: READER_VERSION, rules: RULES_VERSION, act: Act::Allow };
            record::put(tx, file, &known)
        }
        None => Err(Error::invalid_state("the file has other bytes by now")),
    }
}
