//! What a workspace has, in numbers: of what the caller sees, and of nothing else.

use std::collections::BTreeMap;

use super::context::RequestContext;
use super::listed::{MAX_COUNTED, Total};
use super::transaction::ReadTransaction;
use crate::domain::Result;
use crate::domain::filter::VERDICTS;
use crate::services::Entities;
use crate::store::access::quotas;
use crate::store::workspace_counts::{self, CountedFiles};

/// The artifacts of which files are counted, at most.
const MAX_HOLDERS: u32 = 50_000;

/// Files that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesAlike {
    /// What: a format, or a verdict. `None` of those whose format is not known, or that were not inspected.
    pub name: Option<String>,
    /// How many there are.
    pub files: Total,
}

/// What a workspace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its registered models, without prompts.
    pub models: Total,
    /// Their versions.
    pub versions: Total,
    /// Its files.
    pub files: Total,
    /// Their bytes: each file counts with its full size, whether its bytes are stored for others, too.
    pub bytes: Total,
    /// Its quarantined files.
    pub quarantined: Total,
    /// Its files by format, the most frequent first.
    pub formats: Vec<FilesAlike>,
    /// Its files by verdict, the harmless first.
    pub verdicts: Vec<FilesAlike>,
}

impl Entities {
    /// What the request's workspace has, of what the caller sees.
    ///
    /// Whoever sees all of it is told its files and bytes as the quotas count them. Everything else is counted up to [`MAX_COUNTED`].
    pub async fn summary(&self, context: &RequestContext) -> Result<Summary> {
        self.core.read_long(context, summary).await
    }
}

fn summary(tx: &mut ReadTransaction<'_, '_>) -> Result<Summary> {
    let models = total(workspace_counts::models(tx, MAX_COUNTED + 1)?);
    let versions = total(workspace_counts::versions(tx, MAX_COUNTED + 1)?);
    let quarantined = total(workspace_counts::quarantined(tx, MAX_COUNTED + 1)?);
    let counted = workspace_counts::files(tx, MAX_HOLDERS, MAX_COUNTED)?;
    let (files, bytes) = sums(&counted);
    let is_part =
        files >= u64::from(MAX_COUNTED) || workspace_counts::holders(tx, MAX_HOLDERS + 1)? > u64::from(MAX_HOLDERS);
    let usage = tx.whole_workspace().map(|workspace| quotas::usage(tx, workspace)).transpose()?;
    let (files, bytes) = match usage {
        Some(usage) => (Total::Exactly(usage.files), Total::Exactly(usage.bytes)),
        None => (of(files, is_part), of(bytes, is_part)),
    };
    let mut verdicts = by(&counted, |alike| alike.verdict.as_deref());
    let mut has_more_found = false;
    if is_part {
        // Those are few and have an index, so that none is left out for the sake of the many that are clean.
        let found = workspace_counts::not_clean(tx, MAX_COUNTED)?;
        has_more_found = found.iter().map(|(_, files)| files).sum::<u64>() >= u64::from(MAX_COUNTED);
        verdicts.retain(|verdict, _| !is_found(verdict.as_deref()));
        verdicts.extend(found.into_iter().map(|(verdict, files)| (Some(verdict), files)));
    }
    let verdict = |(name, files): (Option<String>, u64)| {
        let is_part = if is_found(name.as_deref()) { has_more_found } else { is_part };
        FilesAlike { files: of(files, is_part), name }
    };
    let mut verdicts: Vec<_> = verdicts.into_iter().map(verdict).collect();
    verdicts.sort_by_key(|alike| VERDICTS.iter().position(|(known, _)| Some(*known) == alike.name.as_deref()));
    let mut formats: Vec<_> = by(&counted, |alike| alike.format.as_deref()).into_iter().collect();
    formats.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    let formats = formats.into_iter().map(|(name, files)| FilesAlike { name, files: of(files, is_part) }).collect();
    Ok(Summary { models, versions, files, bytes, quarantined, formats, verdicts })
}

/// Whether something was found in files of that verdict.
fn is_found(verdict: Option<&str>) -> bool {
    VERDICTS.iter().skip(1).any(|(known, _)| Some(*known) == verdict)
}

fn sums(counted: &[CountedFiles]) -> (u64, u64) {
    let files = counted.iter().map(|alike| alike.files.unsigned_abs()).sum();
    (files, counted.iter().map(|alike| alike.bytes.unsigned_abs()).sum())
}

/// How many files have each of what one of their columns has.
fn by(counted: &[CountedFiles], column: impl Fn(&CountedFiles) -> Option<&str>) -> BTreeMap<Option<String>, u64> {
    let mut all = BTreeMap::new();
    for alike in counted {
        *all.entry(column(alike).map(str::to_owned)).or_default() += alike.files.unsigned_abs();
    }
    all
}

/// What was counted up to one more than are told.
fn total(counted: u64) -> Total {
    of(counted.min(MAX_COUNTED.into()), counted > u64::from(MAX_COUNTED))
}

fn of(counted: u64, is_part: bool) -> Total {
    if is_part { Total::AtLeast(counted) } else { Total::Exactly(counted) }
}
