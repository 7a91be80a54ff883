//! What is made of inspections inside a transaction: verdicts, quarantine, and the artifact's properties.

use std::collections::BTreeMap;

use super::policy_of;
use crate::domain::inspect::{Description, Inspection, READER_VERSION, RULES_VERSION, describe, wanted};
use crate::domain::policy::{Policy, Ruling};
use crate::domain::{Error, ErrorKind, File, FilePath, Node, NodeId, Properties, Result};
use crate::store::files::Holder;
use crate::store::inspections::{self, Inspected, Tally, Which};
use crate::store::{Tx, files, nodes, policies};

/// What is known of the files of a version or artifact, together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many files there are of each format, verdict and act.
    pub tallies: Vec<Tally>,
}

/// What is known of a holder's files, counted.
pub(in crate::registry) fn summary(tx: &mut Tx<'_>, holder: Holder) -> Result<Summary> {
    Ok(Summary { tallies: inspections::tally(tx, holder)? })
}

/// Keeps what [`Registry::examine`](crate::registry::Registry) learned of a file that was just linked to the artifact,
/// which the caller has locked and hands over as it was before.
///
/// Judges it and the files that refer to it, and gives the artifact with the properties that follow; the caller stores
/// it and records the change. The file comes back with its quarantine.
/// Errors: InvalidArgument when the policy refuses the file.
pub(in crate::registry) fn arrived(
    tx: &mut Tx<'_>,
    base: &Policy,
    before: &Node,
    file: &mut File,
    seen: &Inspection,
) -> Result<Node> {
    let policy = policy_of(tx, base, before)?;
    keep(tx, &policy, file, seen)?;
    let (after, _) = rejudge(tx, before, &policy, Which::Telling, &mut Changed::default())?;
    Ok(after)
}

/// Keeps what was learned of a file that was just linked, judged by the policy, and the file's quarantine with it.
///
/// Several files that are linked together are kept one by one when all are linked; [`left`] then does what is left.
/// Errors: InvalidArgument when the policy refuses the file.
pub(in crate::registry) fn keep(tx: &mut Tx<'_>, policy: &Policy, file: &mut File, seen: &Inspection) -> Result<()> {
    let (seen, ruling) = judge(tx, policy, file.node_id, file, seen)?;
    ruling.check(&file.path)?;
    let known = Inspected { seen, reader: READER_VERSION, rules: RULES_VERSION, act: ruling.act };
    inspections::put(tx, file.node_id, &file.path, file.blob.id, &known)?;
    quarantine(tx, file, &ruling)
}

/// Judges anew what referred to a file that is gone from the artifact; otherwise as [`arrived`].
pub(in crate::registry) fn left(tx: &mut Tx<'_>, base: &Policy, before: &Node) -> Result<Node> {
    let policy = policy_of(tx, base, before)?;
    Ok(rejudge(tx, before, &policy, Which::Telling, &mut Changed::default())?.0)
}

/// What judging anew has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Files that were judged.
    pub(super) judged: u64,
    /// Those whose findings are others than before.
    pub(super) findings: u64,
    /// Those that are quarantined from now on.
    pub(super) quarantined: u64,
    /// Those that are not any more.
    pub(super) released: u64,
}

/// Judges the files of an artifact by today's rules and the policy, and puts together what they say. Gives the artifact
/// as it is to be, and whether anything about its files changed.
pub(super) fn rejudge(
    tx: &mut Tx<'_>,
    before: &Node,
    policy: &Policy,
    which: Which,
    changed: &mut Changed,
) -> Result<(Node, bool)> {
    let mut all = inspections::of_node(tx, before.id, which)?;
    let mut any = false;
    for (file, known) in &mut all {
        let (seen, ruling) = judge(tx, policy, before.id, file, &known.seen)?;
        changed.judged += 1;
        let was_quarantined = file.quarantine.is_some();
        if seen != known.seen || known.act != ruling.act || known.rules != RULES_VERSION {
            changed.findings += u64::from(seen != known.seen);
            any |= seen != known.seen || known.act != ruling.act;
            *known = Inspected { seen, rules: RULES_VERSION, act: ruling.act, ..known.clone() };
            inspections::put(tx, before.id, &file.path, file.blob.id, known)?;
        }
        if file.quarantine.as_deref() != ruling.quarantine() {
            any = true;
            quarantine(tx, file, &ruling)?;
        }
        changed.quarantined += u64::from(!was_quarantined && file.quarantine.is_some());
        changed.released += u64::from(was_quarantined && file.quarantine.is_none());
    }
    let described = describe(all.iter().map(|(file, known)| (&file.path, file.blob.size, &known.seen)));
    Ok((apply(tx, before, described)?, any))
}

fn judge(
    tx: &mut Tx<'_>,
    policy: &Policy,
    node: NodeId,
    file: &File,
    seen: &Inspection,
) -> Result<(Inspection, Ruling)> {
    let mut seen = seen.clone();
    let wanted = wanted(&file.path, &seen.references);
    let siblings = if wanted.is_empty() { BTreeMap::new() } else { files::sizes(tx, node, &wanted)? };
    seen.judge(&file.path, &siblings);
    let format = seen.format.as_ref().map(|format| format.name.as_str());
    let ruling = policy.judge(file.blob.size, format, &seen.verdict());
    Ok((seen, ruling))
}

fn quarantine(tx: &mut Tx<'_>, file: &mut File, ruling: &Ruling) -> Result<()> {
    let reason = ruling.quarantine();
    if file.quarantine.as_deref() != reason {
        files::quarantine(tx, file.node_id, &file.path, reason)?;
        file.quarantine = reason.map(ToOwned::to_owned);
    }
    Ok(())
}

/// The artifact with the properties that its files give it, in place of those that inspection had set before. What a
/// client has set, or changed since, stays.
fn apply(tx: &mut Tx<'_>, before: &Node, described: Description) -> Result<Node> {
    let mine = policies::learned(tx, before.id)?;
    let mut node = before.clone();
    let mut set = Description::default();
    for (target, mine, wanted, set) in [
        (&mut node.properties, &mine.declared, described.declared, &mut set.declared),
        (&mut node.custom, &mine.custom, described.custom, &mut set.custom),
    ] {
        exchange(target, mine, wanted, set);
    }
    if set != mine {
        policies::learn(tx, before.id, &set)?;
    }
    if node != *before {
        nodes::replace(tx, before, &node)?;
    }
    Ok(node)
}

fn exchange(target: &mut Properties, mine: &Properties, wanted: Properties, set: &mut Properties) {
    target.retain(|name, value| mine.get(name) != Some(value));
    for (name, value) in wanted {
        if !target.contains_key(&name) {
            target.insert(name.clone(), value.clone());
            set.insert(name, value);
        }
    }
}

/// Refuses to serve a quarantined file to whoever does not ask for it in so many words.
pub(in crate::registry) fn check_served(file: &File, quarantined: bool) -> Result<()> {
    match &file.quarantine {
        Some(reason) if !quarantined => {
            let message =
                format!("file `{}` is quarantined: {reason}; `quarantined=true` serves it all the same", file.path);
            Err(Error::new(ErrorKind::PermissionDenied, message).on_field("quarantined"))
        }
        _ => Ok(()),
    }
}

/// What is known of each of these files.
pub(in crate::registry) fn known(tx: &mut Tx<'_>, page: &[File]) -> Result<BTreeMap<(NodeId, FilePath), Inspected>> {
    inspections::of_files(tx, page)
}
