//! The members of an archive become files of their artifacts: in one transaction, a batch of them with each statement.

use std::collections::{BTreeMap, BTreeSet};

use modelport_inspect::Inspection;

use super::{Staged, of_member};
use crate::attach::{media_type, outcome};
use crate::domain::{Action, Error, File, FilePath, NodeId, Result};
use crate::files::{Target, increment_holder_revision, record_files};
use crate::inspection::{
    Inspected, Siblings, evaluate_with_siblings, known, on_file_removed, policy_of, put_all, wanted,
};
use crate::policy::Policy;
use crate::store::{blobs, files, nodes, uploads};
use crate::transaction::{ReadTransaction, WriteTransaction};
use crate::upload::{Outcome, PutResult, find_or_create_artifact, upload_expired};

/// Sizes of files by their artifacts and paths.
type Sizes = BTreeMap<NodeId, Siblings>;

/// Links the members, judged beside each other: they may refer to each other.
pub(super) fn link_all(
    tx: &mut WriteTransaction<'_, '_>,
    members: &[(Staged, Inspection)],
    base: &Policy,
) -> Result<Vec<PutResult>> {
    let Some((first, _)) = members.first() else { return Ok(Vec::new()) };
    let (artifact, version) = find_or_create_artifact(tx, &first.put)?;
    let keys: Vec<&str> = members.iter().map(|(each, _)| each.key.as_str()).collect();
    if !uploads::take_all(tx, &keys)? {
        return Err(upload_expired());
    }
    let paths: Vec<&str> = members.iter().map(|(each, _)| each.put.path.as_str()).collect();
    // An artifact that is named takes its own files, whatever its version has elsewhere.
    let named = matches!(first.put.target, Target::Artifact(_));
    let in_place = match version {
        Some((version, _)) if !named => files::holders_in(tx, version, &paths)?,
        _ => BTreeMap::new(),
    };
    let holders: Vec<NodeId> = paths.iter().map(|path| in_place.get(*path).copied().unwrap_or(artifact)).collect();
    let distinct: BTreeSet<NodeId> = holders.iter().copied().collect();
    let policies = policies(tx, base, &distinct)?;
    let (mut linked, replaced) = attach_all(tx, members, &holders)?;
    let beside = sizes(tx, members, &linked)?;
    let nothing = BTreeMap::new();
    let mut learned = Vec::new();
    for ((outcome, file), (each, seen)) in linked.iter_mut().zip(members) {
        if let (true, Some(policy)) = (*outcome != Outcome::Unchanged, policies.get(&file.node_id)) {
            let all = beside.get(&file.node_id).unwrap_or(&nothing);
            let wanted = wanted(&file.path, seen)?;
            let beside = wanted.iter().filter_map(|path| Some((path.clone(), *all.get(path)?))).collect();
            let known = evaluate_with_siblings(policy, file, seen, &beside)
                .map_err(|error| of_member(&each.put.path, error))?;
            learned.push((file.clone(), known));
        }
    }
    let new: Vec<File> = learned.iter().map(|(file, _)| file.clone()).collect();
    files::put_all(tx, &new)?;
    put_all(tx, learned)?;
    for holder in distinct {
        let changed: Vec<&File> = new.iter().filter(|file| file.node_id == holder).collect();
        if !changed.is_empty() {
            let before = increment_holder_revision(tx, holder)?;
            let node = on_file_removed(tx, base, &before)?;
            let before_it = |file: &File| replaced.get(&(file.node_id, file.path.clone()));
            let changed: Vec<_> = changed.into_iter().map(|file| (file, before_it(file))).collect();
            record_files(tx, Action::PutFile, (&before, &node), &changed)?;
        }
    }
    results(tx, linked, version)
}

/// Locks the artifacts, and returns the policy of each.
fn policies(
    tx: &mut WriteTransaction<'_, '_>,
    base: &Policy,
    holders: &BTreeSet<NodeId>,
) -> Result<BTreeMap<NodeId, Policy>> {
    let ids: Vec<NodeId> = holders.iter().copied().collect();
    nodes::lock(tx, &ids)?;
    let nodes = nodes::find_all(tx, &ids)?;
    nodes.iter().map(|node| Ok((node.id, policy_of(tx, base, node)?))).collect()
}

/// What becomes of each member, and the file that it is then.
type Attached = Vec<(Outcome, File)>;

/// Files by the node that holds them and their path there.
type ByPlace = BTreeMap<(NodeId, FilePath), File>;

/// What becomes of the members, and the files that are replaced.
fn attach_all(
    tx: &mut WriteTransaction<'_, '_>,
    members: &[(Staged, Inspection)],
    holders: &[NodeId],
) -> Result<(Attached, ByPlace)> {
    let now = tx.now();
    let mut paths: BTreeMap<NodeId, Vec<&str>> = BTreeMap::new();
    for ((each, _), holder) in members.iter().zip(holders) {
        paths.entry(*holder).or_default().push(each.put.path.as_str());
    }
    let mut existing: BTreeMap<NodeId, BTreeMap<String, File>> = BTreeMap::new();
    for (holder, paths) in paths {
        existing.insert(holder, files::among(tx, holder, paths)?);
    }
    let mut outcomes = Vec::with_capacity(members.len());
    for ((each, _), holder) in members.iter().zip(holders) {
        let found = existing.get_mut(holder).and_then(|files| files.remove(each.put.path.as_str()));
        let outcome = outcome(&each.put, found.as_ref(), each.stored);
        outcomes.push((outcome.map_err(|error| of_member(&each.put.path, error))?, found));
    }
    let bytes = members.iter().map(|(each, _)| (each.stored.sha256, each.stored.size, each.key.as_str()));
    let blobs = blobs::get_or_insert_all(tx, &bytes.collect::<Vec<_>>(), now)?;
    let (mut linked, mut replaced) = (Vec::with_capacity(members.len()), BTreeMap::new());
    for (((each, _), holder), (outcome, found)) in members.iter().zip(holders).zip(outcomes) {
        let missing = || Error::internal(format!("blob `{}` is gone", each.stored.sha256));
        let blob = blobs.get(&each.stored.sha256).cloned().ok_or_else(missing)?;
        let (same, other) = if outcome == Outcome::Unchanged { (found, None) } else { (None, found) };
        replaced.extend(other.map(|file| ((file.node_id, file.path.clone()), file)));
        let file = match same {
            Some(file) => File { blob, ..file },
            None => File {
                node_id: *holder,
                path: each.put.path.clone(),
                media_type: media_type(&each.put),
                created_at: now,
                quarantine: None,
                blob,
            },
        };
        linked.push((outcome, file));
    }
    Ok((linked, replaced))
}

/// The sizes of the files that the members refer to: those that are there, and the members themselves.
fn sizes(
    tx: &mut ReadTransaction<'_, '_>,
    members: &[(Staged, Inspection)],
    linked: &[(Outcome, File)],
) -> Result<Sizes> {
    let mut wants: BTreeMap<NodeId, BTreeSet<FilePath>> = BTreeMap::new();
    for ((_, file), (_, seen)) in linked.iter().zip(members) {
        wants.entry(file.node_id).or_default().extend(wanted(&file.path, seen)?);
    }
    let mut found = Sizes::new();
    for (holder, paths) in wants {
        let mut sizes = if paths.is_empty() { Siblings::new() } else { files::sizes(tx, holder, &paths)? };
        let coming = linked.iter().filter(|(_, file)| file.node_id == holder && paths.contains(&file.path));
        sizes.extend(coming.map(|(_, file)| (file.path.clone(), file.blob.size)));
        found.insert(holder, sizes);
    }
    Ok(found)
}

fn results(
    tx: &mut ReadTransaction<'_, '_>,
    linked: Vec<(Outcome, File)>,
    version: Option<(NodeId, NodeId)>,
) -> Result<Vec<PutResult>> {
    let files: Vec<File> = linked.iter().map(|(_, file)| file.clone()).collect();
    let mut all: BTreeMap<(NodeId, FilePath), Inspected> = known(tx, &files)?;
    let result = |(outcome, file): (Outcome, File)| {
        let inspection = all.remove(&(file.node_id, file.path.clone()));
        PutResult { outcome, file, inspection, version }
    };
    Ok(linked.into_iter().map(result).collect())
}
