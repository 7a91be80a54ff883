//! Listing a folder in the order of its keys, one shard at a time. Blocking.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::folder::{Folder, PARTIAL};
use crate::{Entry, Key, ObjectPage};
use modelport_domain::Result;

/// The files of valid keys after `after`. A key's object and its unfinished upload are never on two pages.
pub(super) fn list(folder: &Folder, after: Option<&Key>, limit: usize) -> Result<ObjectPage> {
    read(folder, after, limit.max(1)).map_err(|error| folder.io_error(error))
}

fn read(folder: &Folder, after: Option<&Key>, limit: usize) -> io::Result<ObjectPage> {
    let root = folder.shards();
    let first = after.map(|key| folder.shard(key));
    let mut page = ObjectPage::default();
    for shard in names(&root)? {
        let path = root.join(&shard);
        if first.as_ref().is_some_and(|first| path < *first) {
            continue;
        }
        for name in names(&path)? {
            let Some((key, partial)) = parse(&shard, &name).filter(|(key, _)| after.is_none_or(|after| key > after))
            else {
                continue;
            };
            let last = page.entries.last().map(|entry| &entry.key);
            if page.entries.len() >= limit && last != Some(&key) {
                page.next = last.cloned();
                return Ok(page);
            }
            if let Some(metadata) = file(&path.join(&name))? {
                let (size, modified) = (metadata.len(), metadata.modified()?);
                page.entries.push(Entry { key, size, modified, partial });
            }
        }
    }
    Ok(page)
}

/// The names in a folder in order, without those that are not text. A missing folder is empty.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<DirEntry>| entry.map(|entry| entry.file_name().into_string().ok()).transpose();
    let mut names: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(name).collect::<io::Result<_>>()?,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
        Err(error) => return Err(error),
    };
    names.sort_unstable();
    Ok(names)
}

fn parse(shard: &str, name: &str) -> Option<(Key, bool)> {
    let (name, partial) = name.strip_suffix(PARTIAL).map_or((name, false), |name| (name, true));
    let key = Key::from_str(&format!("{}/{shard}/{name}", Key::ROOT)).ok()?;
    Some((key, partial))
}

/// What is known of a plain file; `None` when it has gone meanwhile, or is something else.
fn file(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata).filter(Metadata::is_file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
