//! Quotas of workspaces, as far as what is known to be too much is refused before its bytes are read. Whatever is added is checked by the
//! database when it is committed, whichever way it comes; so what is known here may be a few seconds old.

use super::context::RequestContext;
use super::files::find;
use super::quota_cache::KnownQuotas;
use super::target::Target;
use super::transaction::ReadTransaction;
use crate::domain::access::Usage;
use crate::domain::{ErrorKind, FilePath, Result};
use crate::services::Upkeep;
use crate::store::access::quotas;
use crate::store::nodes;

/// How many rows are added up by one transaction.
const FOLDED_AT_ONCE: u32 = 10_000;

/// Refuses a new file of a known length that is more than the quota of its workspace allows. One that replaces another, or is there
/// already, is checked at its end alone.
///
/// Errors: QuotaExceeded.
pub(super) fn check_room(
    tx: &mut ReadTransaction<'_, '_>,
    known: &KnownQuotas,
    (target, path): (&Target, &FilePath),
    length: Option<u64>,
) -> Result<()> {
    let Some(bytes) = length else { return Ok(()) };
    let now = tx.context().now();
    let quotas = known.current(tx, now)?;
    if quotas.is_empty() {
        return Ok(());
    }
    let workspace = match target {
        Target::Artifact(id) | Target::Run(id) | Target::Traces(id) => {
            nodes::place_of(tx, &[*id])?.get(id).map(|place| place.workspace)
        }
        Target::Version { .. } | Target::Folder(_) | Target::Import(_) => Some(tx.context().access().workspace()),
    };
    let Some((workspace, quota)) = workspace.and_then(|id| Some((id, *quotas.get(&id)?))) else { return Ok(()) };
    match find(tx, target, path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let held = quotas::usage(tx, workspace)?;
            quota.check(workspace, held, Usage { bytes, files: 1, roots: 0 })
        }
        found => found.map(drop),
    }
}

impl Upkeep {
    /// Adds up what was added to workspaces and removed since the last time, so that counting them stays quick. Returns how many rows
    /// those were.
    pub async fn fold_usage(&self, context: &RequestContext) -> Result<usize> {
        let mut folded = 0;
        loop {
            let batch = self.core.write(context, |tx| quotas::fold(tx, FOLDED_AT_ONCE)).await?;
            folded += batch;
            if batch < FOLDED_AT_ONCE as usize {
                return Ok(folded);
            }
        }
    }
}
