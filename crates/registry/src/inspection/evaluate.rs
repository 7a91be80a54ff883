//! Evaluates inspections inside a transaction: applies the policy to findings, sets quarantine and the artifact's properties.

use std::ops::Deref;

use modelport_inspect::{Inspection, READER_VERSION, RULES_VERSION};

use super::describe::describe;
use super::record::{self, Inspected};
use super::{Siblings, names, wanted};
use crate::domain::access::Permission;
use crate::domain::{Error, ErrorKind, File, Node, NodeId, Properties, Result, Tally};
use crate::policy::{Policy, PolicyDecision};
use crate::store::files::Holder;
use crate::store::inspections::{self, Which};
use crate::store::policies::Description;
use crate::store::{files, nodes, policies};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// A summary of the inspections of a version's or artifact's files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many files there are of each format, verdict and act.
    pub tallies: Vec<Tally>,
}

/// Counts the files of a version or artifact by format, verdict and act.
pub(crate) fn summary(tx: &mut ReadTransaction<'_, '_>, holder: Holder) -> Result<Summary> {
    Ok(Summary { tallies: inspections::tally(tx, holder)? })
}

/// Evaluates a file that is about to be linked together with these siblings, and returns the inspection to store. Sets the
/// quarantine of `file`.
///
/// The caller then calls [`on_files_changed`] for the rest of the artifact.
/// Errors: InvalidArgument when the policy refuses the file.
pub(crate) fn evaluate_with_siblings(
    policy: &Policy,
    file: &mut File,
    seen: &Inspection,
    beside: &Siblings,
) -> Result<Inspected> {
    let (seen, decision) = evaluate_findings(policy, file, seen, beside);
    decision.check(&file.path)?;
    file.quarantine = decision.quarantine().map(ToOwned::to_owned);
    Ok(Inspected { seen, reader: READER_VERSION, rules: RULES_VERSION, act: decision.act })
}

/// Evaluates the files of an artifact that may refer to those that were linked to it or removed from it, and returns the artifact
/// with its new properties; the caller records the change. The caller has locked the artifact and passes it as it was before.
pub(crate) fn on_files_changed(tx: &mut WriteTransaction<'_, '_>, policy: &Policy, before: &Node) -> Result<Node> {
    Ok(reevaluate(tx, before, policy, Which::Telling, &mut EvaluationChanges::default())?.0)
}

/// What a reevaluation changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EvaluationChanges {
    /// Files that were evaluated.
    pub(super) evaluated: u64,
    /// Files whose findings changed.
    pub(super) findings: u64,
    /// Files that became quarantined.
    pub(super) quarantined: u64,
    /// Files that were released from quarantine.
    pub(super) released: u64,
}

impl EvaluationChanges {
    /// Adds the counts of another reevaluation.
    pub(super) fn add(&mut self, other: Self) {
        self.evaluated += other.evaluated;
        self.findings += other.findings;
        self.quarantined += other.quarantined;
        self.released += other.released;
    }
}

/// Evaluates the files of an artifact by this build's rules and the policy, and applies what they say to the artifact. Returns
/// the artifact as it is then, and whether anything about its files changed.
pub(super) fn reevaluate(
    tx: &mut WriteTransaction<'_, '_>,
    before: &Node,
    policy: &Policy,
    which: Which,
    changed: &mut EvaluationChanges,
) -> Result<(Node, bool)> {
    let mut all = record::of_node(tx, before.id, which)?;
    let mut any = false;
    for (file, known) in &mut all {
        let (seen, decision) = evaluate(tx, policy, before.id, file, &known.seen)?;
        changed.evaluated += 1;
        let was_quarantined = file.quarantine.is_some();
        if seen != known.seen || known.act != decision.act || known.rules != RULES_VERSION {
            changed.findings += u64::from(seen != known.seen);
            any |= seen != known.seen || known.act != decision.act;
            *known = Inspected { seen, rules: RULES_VERSION, act: decision.act, ..known.clone() };
            record::put(tx, file, known)?;
        }
        if file.quarantine.as_deref() != decision.quarantine() {
            any = true;
            set_quarantine(tx, file, &decision)?;
        }
        changed.quarantined += u64::from(!was_quarantined && file.quarantine.is_some());
        changed.released += u64::from(was_quarantined && file.quarantine.is_none());
    }
    let described = describe(all.iter().map(|(file, known)| (&file.path, file.blob.size, &known.seen)));
    Ok((apply(tx, before, described)?, any))
}

fn evaluate(
    tx: &mut ReadTransaction<'_, '_>,
    policy: &Policy,
    node: NodeId,
    file: &File,
    seen: &Inspection,
) -> Result<(Inspection, PolicyDecision)> {
    let wanted = wanted(&file.path, seen)?;
    let siblings = if wanted.is_empty() { Siblings::new() } else { files::sizes(tx, node, &wanted)? };
    Ok(evaluate_findings(policy, file, seen, &siblings))
}

/// What a policy says of a stored file that was seen like this.
pub(crate) fn decide(
    tx: &mut ReadTransaction<'_, '_>,
    policy: &Policy,
    file: &File,
    seen: &Inspection,
) -> Result<PolicyDecision> {
    Ok(evaluate(tx, policy, file.node_id, file, seen)?.1)
}

fn evaluate_findings(
    policy: &Policy,
    file: &File,
    seen: &Inspection,
    beside: &Siblings,
) -> (Inspection, PolicyDecision) {
    let mut seen = seen.clone();
    seen.evaluate(file.path.as_str(), &names(beside));
    let format = seen.format.as_ref().map(|format| format.name.as_str());
    let decision = policy.evaluate(file.blob.size, format, &seen.verdict());
    (seen, decision)
}

fn set_quarantine(tx: &mut WriteTransaction<'_, '_>, file: &mut File, decision: &PolicyDecision) -> Result<()> {
    let reason = decision.quarantine();
    if file.quarantine.as_deref() != reason {
        files::set_quarantine(tx, file.node_id, &file.path, reason)?;
        file.quarantine = reason.map(ToOwned::to_owned);
    }
    Ok(())
}

/// Applies the properties that follow from the files, in place of those that inspection set before. Properties that a client
/// set or changed stay. Returns the artifact.
fn apply(tx: &mut WriteTransaction<'_, '_>, before: &Node, mut described: Description) -> Result<Node> {
    // A document, and what is of a type of ML Metadata's users, does not declare what a model does.
    let logical = before.logical_type();
    let undeclared = |name: &String| logical.is_none_or(|logical| logical.declared(name).is_none());
    described.custom.extend(described.declared.extract_if(.., |name, _| undeclared(name)));
    let mine = policies::learned(tx, before.id)?;
    let mut node = before.clone();
    let mut set = Description::default();
    for (target, mine, wanted, set) in [
        (&mut node.properties, &mine.declared, described.declared, &mut set.declared),
        (&mut node.custom, &mine.custom, described.custom, &mut set.custom),
    ] {
        replace_learned(target, mine, wanted, set);
    }
    if set != mine {
        policies::learn(tx, before.id, &set)?;
    }
    if node != *before {
        nodes::replace(tx, before, &node)?;
    }
    Ok(node)
}

fn replace_learned(target: &mut Properties, mine: &Properties, wanted: Properties, set: &mut Properties) {
    target.retain(|name, value| mine.get(name) != Some(value));
    for (name, value) in wanted {
        if !target.contains_key(&name) {
            target.insert(name.clone(), value.clone());
            set.insert(name, value);
        }
    }
}

/// A file whose bytes its reader may have: nothing but its check makes one, and nothing else can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedFile(File);

impl ServedFile {
    /// The file.
    pub fn into_file(self) -> File {
        self.0
    }
}

impl Deref for ServedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

/// These files for whoever may read their bytes. Quarantined ones only for a caller who asks for them and manages what they belong to.
///
/// Errors: PermissionDenied; Quarantined with the reason of the first that is.
pub(crate) fn check_served(
    tx: &mut ReadTransaction<'_, '_>,
    files: Vec<File>,
    quarantined: bool,
) -> Result<Vec<ServedFile>> {
    tx.demand_for(Permission::Download, files.iter().map(|file| file.node_id))?;
    let held_back: Vec<NodeId> =
        files.iter().filter(|file| file.quarantine.is_some()).map(|file| file.node_id).collect();
    if quarantined && !held_back.is_empty() {
        tx.demand_for(Permission::Manage, held_back.into_iter())?;
    }
    files.iter().try_for_each(|file| check_quarantine(file, quarantined))?;
    Ok(files.into_iter().map(ServedFile).collect())
}

fn check_quarantine(file: &File, quarantined: bool) -> Result<()> {
    match &file.quarantine {
        Some(reason) if !quarantined => {
            let message =
                format!("file `{}` is quarantined: {reason}; send `quarantined=true` to download it anyway", file.path);
            Err(Error::new(ErrorKind::Quarantined, message).on_field("quarantined"))
        }
        _ => Ok(()),
    }
}
