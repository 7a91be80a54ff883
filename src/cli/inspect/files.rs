//! The files that are named, and those below the folders that are.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use modelport_inspect::{BlockReader, Inspection, Siblings, inspect, model_of_weights, referenced_paths};

/// A file, and what it is.
pub(super) struct Found {
    /// Its path, as it was named or below the folder that was.
    pub(super) path: PathBuf,
    /// What is in it, or why it could not be read.
    pub(super) content: io::Result<Content>,
}

/// What is in a file.
pub(super) struct Content {
    pub(super) size: u64,
    pub(super) inspection: Inspection,
}

/// Hands over the file at `path`, or every file below it in the order of their names.
///
/// Links are followed, and each folder is read once. What cannot be read is handed over like a file, with the error. Fails only where
/// `with` fails.
pub(super) fn visit(path: &Path, with: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
    let mut read = BTreeSet::new();
    let mut open = vec![path.to_owned()];
    let is_folder = path.is_dir();
    while let Some(next) = open.pop() {
        if next.is_dir() {
            match entries(&next, &mut read) {
                Ok(entries) => open.extend(entries.into_iter().rev()),
                Err(error) => with(Found { path: next, content: Err(error) })?,
            }
            continue;
        }
        let root = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
        let content = look(root, &next);
        with(Found { path: next, content })?;
    }
    Ok(())
}

/// What is in a folder, ordered by name; nothing where it was read before under another name.
fn entries(folder: &Path, read: &mut BTreeSet<PathBuf>) -> io::Result<Vec<PathBuf>> {
    if !read.insert(fs::canonicalize(folder)?) {
        return Ok(Vec::new());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

/// Inspects the file at `path` among the files below `root`.
fn look(root: &Path, path: &Path) -> io::Result<Content> {
    // Before it is opened, because opening a pipe waits for its other end.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is neither a file nor a folder"));
    }
    let name = path.strip_prefix(root).ok().and_then(Path::to_str);
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"))?;
    let mut siblings = Siblings::new();
    add(&mut siblings, root, model_of_weights(name));
    let source = BlockReader::new(File::open(path)?)?;
    let mut inspection = inspect(name, &source, &siblings)?;
    add(&mut siblings, root, referenced_paths(name, &inspection.references));
    inspection.evaluate(name, &siblings);
    Ok(Content { size: metadata.len(), inspection })
}

/// Adds those of the files that are there.
fn add(siblings: &mut Siblings, root: &Path, names: impl IntoIterator<Item = String>) {
    for name in names {
        if let Some(metadata) = fs::metadata(root.join(&name)).ok().filter(fs::Metadata::is_file) {
            siblings.insert(name, metadata.len());
        }
    }
}
