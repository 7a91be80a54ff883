//! What the files of two versions differ in: the files, what they say about themselves, and what is wrong with them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use modelport_inspect::{Finding, Inspection, Rule};

use super::MAX_LISTED;
use super::to_read::{ToRead, describes_tensors, to_read};
use super::values::{Differences, Same as _, differences};
use crate::domain::{File, FilePath, NodeId, PageSize, Properties, Result, Sha256, Value};
use crate::files::page;
use crate::inspection::facts_of;
use crate::store::files::Holder;
use crate::transaction::ReadTransaction;

/// How many files of a version are compared at most: those with the first paths.
const MAX_FILES: usize = 10_000;

/// How many files are read at once.
const BATCH: u32 = 1000;

/// What the files of two versions differ in.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// The files.
    pub files: FileDifferences,
    /// What they say about themselves, put together as the properties of an artifact are.
    pub facts: Differences<Value>,
    /// What is wrong with them.
    pub findings: FindingDifferences,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileChange {
    /// Only the other version has it.
    Added,
    /// Only the one version has it.
    Removed,
    /// It has other bytes.
    Changed,
    /// Its bytes are at another path.
    Renamed,
}

/// A file that two versions do not have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// What became of it.
    pub change: FileChange,
    /// The file of the one.
    pub a: Option<File>,
    /// The file of the other.
    pub b: Option<File>,
}

/// Which files two versions do not have alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileDifferences {
    /// The files in the order of their paths, up to [`MAX_LISTED`].
    pub items: Vec<FileDifference>,
    /// How many were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many have other bytes.
    pub changed: u64,
    /// How many have another path.
    pub renamed: u64,
    /// How many are the same.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
    /// Whether a version has more files than are compared, so that the last ones are left out.
    pub partial: bool,
}

/// A finding, and the file that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundIn {
    /// The path of the file in its version.
    pub path: FilePath,
    /// The finding.
    pub finding: Finding,
}

/// Which findings two versions do not have alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingDifferences {
    /// Those that only the other version has, the heaviest first, up to [`MAX_LISTED`].
    pub new: Vec<FoundIn>,
    /// Those that only the one version has.
    pub gone: Vec<FoundIn>,
    /// How many both have.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
}

/// A file that is compared: of several at one path each with its number.
type Key = (FilePath, usize);

/// A finding that is compared, with the path of its file.
type FindingKey = (FilePath, Rule, String, String);

/// What is compared of a version.
#[derive(Default)]
struct Held {
    files: BTreeMap<Key, File>,
    inspections: Vec<(FilePath, u64, Inspection)>,
    /// The paths of the files that describe tensors.
    describing: BTreeSet<FilePath>,
    /// The path from which on files are left out.
    end: Option<FilePath>,
}

/// What the files of the two versions differ in, of those that the caller sees, and what has to be read to say more.
pub(super) fn contents(tx: &mut ReadTransaction<'_, '_>, a: NodeId, b: NodeId) -> Result<(Contents, ToRead)> {
    let (mut a, mut b) = (held(tx, a)?, held(tx, b)?);
    let end = [&a.end, &b.end].into_iter().flatten().min().cloned();
    if let Some(end) = &end {
        a.end_before(end);
        b.end_before(end);
    }
    let facts = differences(a.facts(), b.facts(), Value::is_same);
    let (mut files, moved) = file_differences(a.files, b.files);
    files.partial = end.is_some();
    let to_read = to_read(tx, &files.items, [&a.describing, &b.describing])?;
    files.cut();
    let path_in_b = |path: FilePath| moved.get(&path).cloned().unwrap_or(path);
    let findings = finding_differences(
        findings(a.inspections, |path| (path_in_b(path.clone()), path)),
        findings(b.inspections, |path| (path.clone(), path)),
    );
    Ok((Contents { files, facts, findings }, to_read))
}

fn held(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<Held> {
    let mut held = Held::default();
    let mut token = None;
    loop {
        let mut found = page(tx, version, Holder::Members(version), token.as_ref(), PageSize::new(BATCH))?;
        for file in found.files {
            if let Some(known) = found.inspections.remove(&(file.node_id, file.path.clone())) {
                // What was only kept so that it can be evaluated again takes most of the room.
                if known.seen.format.as_ref().is_some_and(|format| describes_tensors(&format.name)) {
                    held.describing.insert(file.path.clone());
                }
                let seen = Inspection { imports: Vec::new(), references: Vec::new(), ..known.seen };
                held.inspections.push((file.path.clone(), file.blob.size, seen));
            }
            let before = held.files.range((file.path.clone(), 0)..=(file.path.clone(), usize::MAX)).next_back();
            let number = before.map_or(0, |((_, number), _)| number + 1);
            held.files.insert((file.path.clone(), number), file);
        }
        token = found.next;
        if token.is_none() {
            return Ok(held);
        }
        if held.files.len() >= MAX_FILES {
            held.end = held.files.last_key_value().map(|((path, _), _)| path.clone());
            return Ok(held);
        }
    }
}

impl Held {
    /// Leaves out the files from that path on.
    fn end_before(&mut self, end: &FilePath) {
        self.files.retain(|(path, _), _| path < end);
        self.inspections.retain(|(path, ..)| path < end);
    }

    fn facts(&self) -> Properties {
        facts_of(self.inspections.iter().map(|(path, size, seen)| (path, *size, seen)))
    }
}

impl FileDifferences {
    /// Leaves those that are listed.
    fn cut(&mut self) {
        self.truncated = self.items.len() > MAX_LISTED;
        self.items.truncate(MAX_LISTED);
    }
}

/// All differences, and where the files of the one that were renamed are in the other.
fn file_differences(
    a: BTreeMap<Key, File>,
    mut b: BTreeMap<Key, File>,
) -> (FileDifferences, BTreeMap<FilePath, FilePath>) {
    let mut found = FileDifferences::default();
    let mut removed = Vec::new();
    for (key, a) in a {
        match b.remove(&key) {
            Some(b) if a.blob.sha256 == b.blob.sha256 => found.same += 1,
            Some(b) => {
                found.changed += 1;
                found.items.push(FileDifference { change: FileChange::Changed, a: Some(a), b: Some(b) });
            }
            None => removed.push(a),
        }
    }
    // The same bytes at several paths are renamed in the order of the paths.
    let mut added: BTreeMap<Sha256, Vec<File>> = BTreeMap::new();
    for file in b.into_values().rev() {
        added.entry(file.blob.sha256).or_default().push(file);
    }
    let mut moved = BTreeMap::new();
    for a in removed {
        match added.get_mut(&a.blob.sha256).and_then(Vec::pop) {
            Some(b) => {
                found.renamed += 1;
                moved.insert(a.path.clone(), b.path.clone());
                found.items.push(FileDifference { change: FileChange::Renamed, a: Some(a), b: Some(b) });
            }
            None => {
                found.removed += 1;
                found.items.push(FileDifference { change: FileChange::Removed, a: Some(a), b: None });
            }
        }
    }
    for b in added.into_values().flatten() {
        found.added += 1;
        found.items.push(FileDifference { change: FileChange::Added, a: None, b: Some(b) });
    }
    let place = |each: &FileDifference| {
        let file = each.b.as_ref().or(each.a.as_ref());
        (file.map(|file| file.path.clone()), each.change)
    };
    found.items.sort_by_cached_key(place);
    (found, moved)
}

/// The findings as they are compared, each with the path that its file has in its version.
fn findings(
    inspections: Vec<(FilePath, u64, Inspection)>,
    paths: impl Fn(FilePath) -> (FilePath, FilePath),
) -> BTreeMap<FindingKey, FilePath> {
    let mut found = BTreeMap::new();
    for (path, _, seen) in inspections {
        if seen.findings.is_empty() && seen.evaluated.is_empty() {
            continue;
        }
        let (compared, path) = paths(path);
        for Finding { rule, message, place } in seen.findings.into_iter().chain(seen.evaluated) {
            found.insert((compared.clone(), rule, place, message), path.clone());
        }
    }
    found
}

fn finding_differences(a: BTreeMap<FindingKey, FilePath>, b: BTreeMap<FindingKey, FilePath>) -> FindingDifferences {
    let of_a: BTreeSet<FindingKey> = a.keys().cloned().collect();
    let is_same = |key: &FindingKey| of_a.contains(key) && b.contains_key(key);
    let same = of_a.iter().filter(|key| is_same(key)).count() as u64;
    let rest = |all: &BTreeMap<FindingKey, FilePath>| {
        let differing = all.iter().filter(|(key, _)| !is_same(key));
        let mut differing: Vec<FoundIn> = differing
            .map(|((_, rule, place, message), path)| FoundIn {
                path: path.clone(),
                finding: Finding { rule: *rule, message: message.clone(), place: place.clone() },
            })
            .collect();
        differing.sort_by_key(|found| Reverse(found.finding.severity()));
        let truncated = differing.len() > MAX_LISTED;
        differing.truncate(MAX_LISTED);
        (differing, truncated)
    };
    let ((gone, more_gone), (new, more_new)) = (rest(&a), rest(&b));
    FindingDifferences { new, gone, same, truncated: more_gone || more_new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Blob;

    fn held(files: &[(&str, u8)]) -> BTreeMap<Key, File> {
        let mut held: BTreeMap<Key, File> = BTreeMap::new();
        for (node, (path, digit)) in files.iter().enumerate() {
            let sha256 = digit.to_string().repeat(64).parse().unwrap();
            let path: FilePath = path.parse().unwrap();
            let file = File {
                node_id: NodeId(node as i64),
                path: path.clone(),
                media_type: String::new(),
                created_at: 0,
                quarantine: None,
                blob: Blob { id: i64::from(*digit), sha256, size: 1, key: String::new() },
            };
            let number = held.keys().filter(|(known, _)| *known == path).count();
            held.insert((path, number), file);
        }
        held
    }

    fn shown(found: &FileDifferences) -> Vec<String> {
        let path = |file: &Option<File>| file.as_ref().map_or("-".to_owned(), |file| file.path.to_string());
        found.items.iter().map(|each| format!("{:?} {} {}", each.change, path(&each.a), path(&each.b))).collect()
    }

    #[test]
    fn the_same_bytes_elsewhere_are_renamed_one_by_one() {
        let (a, b) = ([("a", 1), ("b", 1), ("c", 1), ("d", 2)], [("x", 1), ("y", 1), ("d", 3), ("z", 2)]);
        let (found, moved) = file_differences(held(&a), held(&b));
        assert_eq!(shown(&found), ["Removed c -", "Changed d d", "Renamed a x", "Renamed b y", "Added - z"]);
        assert_eq!((found.added, found.removed, found.changed, found.renamed, found.same), (1, 1, 1, 2, 0));
        assert_eq!(moved.into_iter().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>(), ["a x", "b y"]);
    }

    #[test]
    fn several_files_at_one_path_are_told_apart() {
        let (found, _) = file_differences(held(&[("a", 1), ("a", 2)]), held(&[("a", 1), ("a", 3), ("a", 4)]));
        assert_eq!(shown(&found), ["Added - a", "Changed a a"]);
        assert_eq!(found.same, 1);
    }

    #[test]
    fn more_files_than_are_listed_are_counted() {
        let paths: Vec<String> = (0..=MAX_LISTED).map(|at| format!("{at:05}")).collect();
        let many: Vec<(&str, u8)> = paths.iter().map(|path| (path.as_str(), 1)).collect();
        let (mut found, _) = file_differences(BTreeMap::new(), held(&many));
        found.cut();
        assert_eq!((found.items.len(), found.added, found.truncated), (MAX_LISTED, MAX_LISTED as u64 + 1, true));
    }

    #[test]
    fn a_finding_moves_with_its_file_and_the_heaviest_comes_first() {
        let seen = |rules: &[Rule]| Inspection {
            findings: rules
                .iter()
                .map(|rule| Finding { rule: *rule, message: "m".to_owned(), place: String::new() })
                .collect(),
            ..Inspection::default()
        };
        let of = |path: &str, rules: &[Rule]| vec![(path.parse::<FilePath>().unwrap(), 1, seen(rules))];
        let moved: FilePath = "new".parse().unwrap();
        let a = findings(of("old", &[Rule::FormatLimit, Rule::FormatNewer]), |path| (moved.clone(), path));
        let b = of("new", &[Rule::FormatLimit, Rule::PythonCode, Rule::PickleDangerousImport]);
        let found = finding_differences(a, findings(b, |path| (path.clone(), path)));
        assert_eq!((found.same, found.truncated), (1, false));
        let rules = |all: &[FoundIn]| all.iter().map(|each| each.finding.rule).collect::<Vec<_>>();
        assert_eq!(rules(&found.new), [Rule::PickleDangerousImport, Rule::PythonCode]);
        assert_eq!((rules(&found.gone), found.gone[0].path.as_str()), (vec![Rule::FormatNewer], "old"));
    }
}
