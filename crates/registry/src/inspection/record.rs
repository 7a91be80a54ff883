//! Converts inspections to and from the rows that the store keeps.

use std::collections::BTreeMap;

use modelport_inspect::{Fact, Facts, Format, Inspection, verdict_name};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::policy::Act;
use crate::domain::{Error, File, FilePath, NodeId, Properties, Result, Sha256, Value};
use crate::store::inspections::{self, InspectionRecord, Which};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// The inspection of a file, with what the policy does because of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The inspection.
    pub seen: Inspection,
    /// The version of the parsers that read the bytes.
    pub reader: u32,
    /// The version of the rules that evaluated the imports.
    pub rules: u32,
    /// What the policy does with the file.
    pub act: Act,
}

/// Stores the inspection of a file, in place of an earlier one.
pub(super) fn put(tx: &mut WriteTransaction<'_, '_>, file: &File, known: &Inspected) -> Result<()> {
    inspections::put(tx, file.node_id, &file.path, file.blob.id, &record(known)?)
}

/// Stores the inspections of many files, in place of earlier ones.
pub(crate) fn put_all(tx: &mut WriteTransaction<'_, '_>, known: Vec<(File, Inspected)>) -> Result<()> {
    let records: Vec<_> = known.into_iter().map(|(file, known)| Ok((file, record(&known)?))).collect::<Result<_>>()?;
    inspections::put_all(tx, &records)
}

/// The inspection by that version of the parsers of the same bytes under the same path, in any artifact.
pub(super) fn of_bytes(
    tx: &mut ReadTransaction<'_, '_>,
    sha256: &Sha256,
    path: &FilePath,
    reader: u32,
) -> Result<Option<Inspection>> {
    Ok(inspections::of_bytes(tx, sha256, path, reader)?.map(inspected).transpose()?.map(|known| known.seen))
}

/// The inspection of each of these files that has one.
pub(crate) fn known(
    tx: &mut ReadTransaction<'_, '_>,
    page: &[File],
) -> Result<BTreeMap<(NodeId, FilePath), Inspected>> {
    inspections::of_files(tx, page)?.into_iter().map(|(file, known)| Ok((file, inspected(known)?))).collect()
}

/// The files of a node with their inspections, ordered by path.
pub(super) fn of_node(tx: &mut ReadTransaction<'_, '_>, node: NodeId, which: Which) -> Result<Vec<(File, Inspected)>> {
    inspections::of_node(tx, node, which)?.into_iter().map(|(file, known)| Ok((file, inspected(known)?))).collect()
}

fn record(known: &Inspected) -> Result<InspectionRecord> {
    let seen = &known.seen;
    Ok(InspectionRecord {
        format: seen.format.as_ref().map(|format| format.name.clone()),
        format_version: seen.format.as_ref().and_then(|format| format.version.clone()),
        facts: seen.facts.iter().map(|(name, fact)| (name.clone(), property(fact))).collect(),
        imports: write(&seen.imports)?,
        references: write(&seen.references)?,
        findings: write(&seen.findings)?,
        evaluated: write(&seen.evaluated)?,
        verdict: verdict_name(seen.severity()).to_owned(),
        reader: known.reader,
        rules: known.rules,
        act: known.act,
    })
}

/// An inspection as it was stored.
pub(crate) fn inspected(record: InspectionRecord) -> Result<Inspected> {
    let seen = Inspection {
        format: record.format.map(|name| Format { name, version: record.format_version }),
        facts: facts(record.facts),
        imports: read(&record.imports)?,
        references: read(&record.references)?,
        findings: read(&record.findings)?,
        evaluated: read(&record.evaluated)?,
    };
    Ok(Inspected { seen, reader: record.reader, rules: record.rules, act: record.act })
}

fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("what was learned is not JSON").caused_by(error))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal("what was learned is broken").caused_by(error))
}

/// A fact as the value of a property.
pub(super) fn property(fact: &Fact) -> Value {
    match fact {
        Fact::Integer(number) => Value::Int(*number),
        Fact::Text(text) => Value::String(text.clone()),
        Fact::Json(json) => Value::Struct(json.clone()),
    }
}

fn facts(properties: Properties) -> Facts {
    let fact = |value| match value {
        Value::Int(number) => Some(Fact::Integer(number)),
        Value::String(text) => Some(Fact::Text(text)),
        Value::Struct(json) => Some(Fact::Json(json)),
        Value::Double(number) => Some(Fact::Json(number.into())),
        Value::Bool(flag) => Some(Fact::Json(flag.into())),
        Value::Proto { .. } => None,
    };
    properties.into_iter().filter_map(|(name, value)| Some((name, fact(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use modelport_inspect::{Finding, Import, Reference, Rule, Severity};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_learned_comes_back_as_it_was() {
        let finding = |rule| Finding { rule, message: "`x`".to_owned(), place: "a/b.pkl".to_owned() };
        let import = json!({
            "module": "os", "name": "system", "place": "", "at": 7, "called": true, "built": false, "arguments": ["a.b"],
        });
        let known = Inspected {
            seen: Inspection {
                format: Some(Format { name: "onnx".to_owned(), version: Some("8".to_owned()) }),
                facts: Facts::from([
                    ("count".to_owned(), Fact::Integer(i64::MAX)),
                    ("name".to_owned(), Fact::Text("é".to_owned())),
                    ("list".to_owned(), Fact::Json(json!([1, "x", null]))),
                    ("number".to_owned(), Fact::Json(json!(1))),
                ]),
                imports: vec![serde_json::from_value::<Import>(import).unwrap()],
                references: vec![Reference { to: "w.bin".to_owned(), place: String::new(), needed: 9 }],
                findings: vec![finding(Rule::FormatLimit)],
                evaluated: vec![finding(Rule::PickleDangerousImport)],
            },
            reader: 2,
            rules: 3,
            act: Act::Quarantine,
        };
        let record = record(&known).unwrap();
        assert_eq!(record.verdict, Severity::Danger.name());
        assert_eq!(inspected(record).unwrap(), known);
    }

    #[test]
    fn a_file_without_findings_is_what_the_store_calls_clean() {
        assert_eq!(verdict_name(None), inspections::CLEAN);
    }
}
