//! Which files have to be read to say what two versions differ in, and which of them the caller may read.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{FileChange, FileDifference};
use crate::domain::{ErrorKind, File, FilePath, NodeId, Result};
use crate::inspection::{ServedFile, check_served};
use crate::transaction::ReadTransaction;

/// The file that is the card of a model.
const CARD: &str = "README.md";

/// The tensors of how many differing files are compared at most: those with the first paths.
const MAX_FILES: usize = 100;

/// The formats whose headers describe tensors, of which an index describes those of other files.
const FORMATS: [&str; 6] = ["safetensors", "gguf", "onnx", "openvino-ir", "npy", "npz"];

/// The files at a path, of which one may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// What became of the file.
    pub(super) change: FileChange,
    /// That of the one version.
    pub(super) a: Option<ServedFile>,
    /// That of the other.
    pub(super) b: Option<ServedFile>,
}

/// Which files have to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ToRead {
    /// Those that describe tensors.
    pub(super) tensors: Vec<Pair>,
    /// How many of them the caller may not read.
    pub(super) unread: u64,
    /// Whether there are more than are compared.
    pub(super) partial: bool,
    /// The cards, or what became of them where the caller may not read them.
    pub(super) card: Option<Result<Pair, FileChange>>,
}

/// Whether the header of a file of this format describes tensors.
pub(super) fn describes_tensors(format: &str) -> bool {
    FORMATS.contains(&format)
}

/// Which of the files that two versions do not have alike have to be read. `described` are the paths of those that describe tensors, in
/// the one and in the other version.
pub(super) fn to_read(
    tx: &mut ReadTransaction<'_, '_>,
    differences: &[FileDifference],
    described: [&BTreeSet<FilePath>; 2],
) -> Result<ToRead> {
    let [in_a, in_b] = described;
    let mut wanted = Vec::new();
    let mut card = None;
    let mut found = ToRead::default();
    for each in differences.iter().filter(|each| each.change != FileChange::Renamed) {
        let sides = [&each.a, &each.b].map(Option::as_ref);
        if card.is_none() && sides.into_iter().flatten().any(|file| file.path.as_str() == CARD) {
            card = Some((each.change, sides));
        }
        let [a, b] = sides;
        let sides = [a.filter(|a| in_a.contains(&a.path)), b.filter(|b| in_b.contains(&b.path))];
        if sides.iter().all(Option::is_none) {
            continue;
        }
        if wanted.len() >= MAX_FILES {
            found.partial = true;
        } else {
            wanted.push((each.change, sides));
        }
    }
    let files = wanted.iter().chain(&card).flat_map(|(_, sides)| sides.iter().flatten().copied());
    let readable = readable(tx, files)?;
    for (change, sides) in wanted {
        match pair(&readable, change, sides) {
            Some(pair) => found.tensors.push(pair),
            None => found.unread += 1,
        }
    }
    found.card = card.map(|(change, sides)| pair(&readable, change, sides).ok_or(change));
    Ok(found)
}

/// Files that the caller may read, by their artifacts and paths.
type Readable = BTreeMap<(NodeId, FilePath), ServedFile>;

/// Those of these files that the caller may read.
fn readable<'a>(tx: &mut ReadTransaction<'_, '_>, files: impl Iterator<Item = &'a File>) -> Result<Readable> {
    let mut by_artifact: BTreeMap<NodeId, Vec<File>> = BTreeMap::new();
    for file in files.filter(|file| file.quarantine.is_none()) {
        by_artifact.entry(file.node_id).or_default().push(file.clone());
    }
    let mut readable = BTreeMap::new();
    for files in by_artifact.into_values() {
        match check_served(tx, files, false) {
            Ok(served) => {
                readable.extend(served.into_iter().map(|file| ((file.node_id, file.path.clone()), file)));
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(readable)
}

/// The files of both sides; `None` where one of them may not be read.
fn pair(readable: &Readable, change: FileChange, sides: [Option<&File>; 2]) -> Option<Pair> {
    let served = |file: Option<&File>| match file {
        Some(file) => readable.get(&(file.node_id, file.path.clone())).cloned().map(Some),
        None => Some(None),
    };
    let [a, b] = sides;
    Some(Pair { change, a: served(a)?, b: served(b)? })
}
