//! What the files of an artifact say about it as a whole: the facts that become its properties.

use std::cmp::Reverse;

use modelport_inspect::{Inspection, verdict_name};

use super::record::property;
use crate::domain::{FilePath, Properties, Value};
use crate::store::policies::Description;

/// The name of the property that holds the heaviest finding's weight.
const VERDICT: &str = "scan_verdict";

/// What a file is to its artifact; what speaks for the model comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Index,
    Weights,
    Configuration,
    Other,
}

fn part(format: &str) -> Part {
    match format {
        _ if format.ends_with("-index") => Part::Index,
        "safetensors" | "gguf" | "onnx" | "openvino-ir" | "pytorch" | "torchscript" | "keras" | "keras-hdf5"
        | "hdf5" | "pickle" | "joblib" | "nemo" | "npz" | "npy" => Part::Weights,
        "mlmodel" => Part::Configuration,
        _ if format.starts_with("hf-") || format == "model-card" => Part::Configuration,
        _ => Part::Other,
    }
}

/// Puts together what the files say, with their sizes. Where several speak of the same thing, an index is believed
/// before weights, weights before configurations, and a large file before a small one.
pub(super) fn describe<'a>(files: impl IntoIterator<Item = (&'a FilePath, u64, &'a Inspection)>) -> Description {
    let mut files: Vec<_> = files.into_iter().filter(|(_, _, seen)| says_anything(seen)).collect();
    let rank = |seen: &Inspection| seen.format.as_ref().map_or(Part::Other, |format| part(&format.name));
    files.sort_by_key(|(path, size, seen)| (rank(seen), Reverse(*size), (*path).clone()));
    let mut description = Description::default();
    let Some(heaviest) = files.iter().map(|(_, _, seen)| seen.severity()).max() else { return description };
    for (name, fact) in files.iter().flat_map(|(_, _, seen)| &seen.facts) {
        description.custom.entry(name.clone()).or_insert_with(|| property(fact));
    }
    description.custom.insert(VERDICT.to_owned(), verdict_name(heaviest).into());
    let format = files.iter().find(|(_, _, seen)| rank(seen) <= Part::Weights);
    if let Some(format) = format.and_then(|(_, _, seen)| seen.format.as_ref()) {
        let name = format.name.strip_suffix("-index").unwrap_or(&format.name);
        description.declared.insert("model_format_name".to_owned(), name.into());
        if let Some(version) = &format.version {
            description.declared.insert("model_format_version".to_owned(), Value::String(version.clone()));
        }
    }
    description
}

/// What files say about themselves, under the names of the properties that it becomes; not the verdict on them.
pub(crate) fn facts_of<'a>(files: impl IntoIterator<Item = (&'a FilePath, u64, &'a Inspection)>) -> Properties {
    let Description { declared, mut custom } = describe(files);
    custom.remove(VERDICT);
    custom.extend(declared);
    custom
}

fn says_anything(seen: &Inspection) -> bool {
    seen.format.is_some() || !seen.facts.is_empty() || seen.severity().is_some()
}

#[cfg(test)]
mod tests {
    use modelport_inspect::{Fact, Finding, Format, Rule};

    use super::*;

    fn seen(format: &str, facts: &[(&str, i64)]) -> Inspection {
        Inspection {
            format: Some(Format { name: format.to_owned(), version: Some("1".to_owned()) }),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), Fact::Integer(*value))).collect(),
            ..Inspection::default()
        }
    }

    #[test]
    fn weights_are_believed_before_configurations_and_an_index_before_all() {
        let path: FilePath = "f".parse().unwrap();
        let config = seen("hf-config", &[("vocab_size", 3), ("parameter_count", 1)]);
        let (small, large) = (seen("safetensors", &[("parameter_count", 2)]), seen("gguf", &[("parameter_count", 4)]));
        let mut files = vec![(&path, 9000, &config), (&path, 10, &small), (&path, 20, &large)];
        let said = describe(files.clone());
        assert_eq!(said.custom["parameter_count"], Value::Int(4));
        assert_eq!(said.custom["vocab_size"], Value::Int(3));
        assert_eq!(said.declared["model_format_name"], "gguf".into());
        let index = seen("safetensors-index", &[("parameter_count", 8)]);
        files.push((&path, 1, &index));
        let said = describe(files);
        assert_eq!(said.custom["parameter_count"], Value::Int(8));
        assert_eq!(said.declared["model_format_name"], "safetensors".into());
        assert_eq!(said.custom[VERDICT], "clean".into());
    }

    #[test]
    fn the_heaviest_finding_is_the_verdict_and_nothing_is_said_of_nothing() {
        let path: FilePath = "f".parse().unwrap();
        let plain = Inspection::default();
        assert_eq!(describe([(&path, 1, &plain)]), Description::default());
        let mut bad = seen("pickle", &[]);
        let (rule, message) = (Rule::PickleDangerousImport, "`os.system` is imported".to_owned());
        bad.evaluated.push(Finding { rule, message, place: String::new() });
        let said = describe([(&path, 1, &plain), (&path, 1, &bad)]);
        assert_eq!(said.custom[VERDICT], "danger".into());
    }
}
