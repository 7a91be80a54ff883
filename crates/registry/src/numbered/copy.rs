//! Files of a version that are those of something else: their rows are copied, their bytes are shared, and the policy
//! of the model decides about them anew.

use std::collections::BTreeSet;

use crate::domain::access::Permission;
use crate::domain::{Action, Error, File, FilePath, Node, NodeId, Result};
use crate::files::record_files;
use crate::holders::increment_holder_revision;
use crate::inspection::{
    Inspected, Siblings, evaluate_with_siblings, known, on_files_changed, policy_of, put_all, wanted,
};
use crate::policy::Policy;
use crate::store::files::{self, Holder};
use crate::store::nodes;
use crate::store::removal_details::holders_in;
use crate::transaction::WriteTransaction;

/// How many files are read at once.
const BATCH: u32 = 1000;

/// Gives an artifact that this transaction has made the files of a holder, or those below a path of it, which become
/// its own from there on. What is quarantined among them is judged by the policy of its model alone, as an upload of the same bytes is;
/// without an inspection to judge it stays so.
///
/// Errors: Unsupported when the policy of its model refuses a file; PermissionDenied when the caller may not have the
/// bytes.
pub(crate) fn copy_files(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    (from, below): (Holder, Option<&FilePath>),
    artifact: &Node,
) -> Result<()> {
    // Nobody replaces a file meanwhile, whose bytes the collector would then take.
    let sources: Vec<NodeId> = match from {
        Holder::Node(node) => vec![node],
        Holder::Members(context) => holders_in(tx, &[context])?.into_iter().map(|(_, member)| member).collect(),
    };
    nodes::lock(tx, &sources)?;
    let mut copied = Copied { now: tx.now(), ..Copied::default() };
    let mut after: Option<(FilePath, NodeId)> = None;
    loop {
        tx.check_deadline()?;
        let start = after.as_ref().map(|(path, node)| (path, *node));
        let batch = files::list_below(tx, from, below, start, BATCH)?;
        let Some(last) = batch.last() else { break };
        after = Some((last.path.clone(), last.node_id));
        tx.demand_for(Permission::Download, batch.iter().map(|file| file.node_id))?;
        copied.add(tx, &batch, below, artifact.id)?;
    }
    copied.store(tx, base, artifact)
}

/// Files on their way into an artifact.
#[derive(Default)]
struct Copied {
    now: i64,
    files: Vec<File>,
    /// The inspections of these files, at the same places.
    seen: Vec<Option<Inspected>>,
    paths: BTreeSet<FilePath>,
}

impl Copied {
    fn add(
        &mut self,
        tx: &mut WriteTransaction<'_, '_>,
        batch: &[File],
        below: Option<&FilePath>,
        artifact: NodeId,
    ) -> Result<()> {
        let mut inspections = known(tx, batch)?;
        for file in batch {
            let path = relative(&file.path, below)?;
            // Of several artifacts of a version, the oldest says what is at a path.
            if self.paths.insert(path.clone()) {
                self.seen.push(inspections.remove(&(file.node_id, file.path.clone())));
                self.files.push(File { node_id: artifact, path, created_at: self.now, ..file.clone() });
            }
        }
        Ok(())
    }

    fn store(mut self, tx: &mut WriteTransaction<'_, '_>, base: &Policy, artifact: &Node) -> Result<()> {
        if self.files.is_empty() {
            return Ok(());
        }
        let before = increment_holder_revision(tx, artifact.id)?;
        let policy = policy_of(tx, base, &before)?;
        let sizes: Siblings = self.files.iter().map(|file| (file.path.clone(), file.blob.size)).collect();
        let mut inspections = Vec::new();
        for (file, known) in self.files.iter_mut().zip(self.seen) {
            if let Some(known) = known {
                let size = |path: FilePath| Some((path.clone(), *sizes.get(&path)?));
                let beside = wanted(&file.path, &known.seen)?.into_iter().filter_map(size).collect();
                let evaluated = evaluate_with_siblings(&policy, file, &known.seen, &beside)?;
                let evaluated = Inspected { reader: known.reader, ..evaluated };
                inspections.push((file.clone(), evaluated));
            }
        }
        files::put_all(tx, &self.files)?;
        put_all(tx, inspections)?;
        let node = on_files_changed(tx, &policy, &before)?;
        let recorded: Vec<_> = self.files.iter().map(|file| (file, None)).collect();
        record_files(tx, Action::PutFile, (&before, &node), &recorded)
    }
}

/// The path below another one; what is at that very path keeps its name.
fn relative(path: &FilePath, below: Option<&FilePath>) -> Result<FilePath> {
    let Some(below) = below else { return Ok(path.clone()) };
    let inside = path.as_str().strip_prefix(below.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let relative = inside.unwrap_or_else(|| path.file_name());
    relative.parse().map_err(|error| Error::internal(format!("file path `{path}` is broken")).caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_begins_below_its_folder() {
        let path = |text: &str| text.parse::<FilePath>().unwrap();
        for (from, below, to) in [
            ("a/b/c", None, "a/b/c"),
            ("a/b/c", Some("a"), "b/c"),
            ("a/b/c", Some("a/b"), "c"),
            ("a/b/c", Some("a/b/c"), "c"),
        ] {
            assert_eq!(relative(&path(from), below.map(path).as_ref()).unwrap(), path(to), "{from}");
        }
    }
}
