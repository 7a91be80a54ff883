//! A search, typed: what is searched, the clauses that must all hold, and the order. Dialects make it, the store
//! answers it.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::NodeId;
use super::filter::Comparison;
use super::trace::AssessmentKind;
use super::tracking::View;

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Searched {
    /// Experiments.
    Experiments,
    /// Runs of experiments.
    Runs,
    /// Registered models.
    Models,
    /// Model versions.
    Versions,
    /// Models that runs logged.
    LoggedModels,
    /// Traces of what applications did.
    Traces,
    /// Data sets to evaluate applications on.
    EvalDatasets,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Search {
    /// What is searched.
    pub of: Searched,
    /// Of runs, logged models and traces, the experiments that they are of; of data sets to evaluate on those that use them, where there
    /// are any; not looked at otherwise.
    pub experiments: Vec<NodeId>,
    /// Whether the archived ones are wanted. What cannot be archived is found by every view.
    pub view: View,
    /// What must hold, all of it.
    pub clauses: Vec<Clause>,
    /// What they are ordered by, the first key first. What is equal by all of them is in an order of its own, which is
    /// complete.
    pub order: Vec<OrderKey>,
    /// Of logged models, the data sets that clauses on metrics are about, by name and, where it is given, digest: those
    /// without a metric on one of them are not found. All metrics when it is empty.
    pub datasets: Vec<(String, Option<String>)>,
}

/// One condition of a search.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Clause {
    /// What it is about.
    pub facet: Facet,
    /// What must be true of it.
    pub test: Test,
}

/// What a clause is about, and what a search is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Facet {
    /// A text.
    Text(TextFacet),
    /// An integer.
    Number(NumberFacet),
    /// The latest value of the metric of that name. Logged models have one for each run and data set: a clause holds
    /// when it holds of one of them, and an order is by the one that was measured last.
    Metric {
        /// Its name.
        name: String,
        /// Of logged models, the data set that it was measured on, by name and, where it is given, digest; any if it is
        /// `None`.
        dataset: Option<(String, Option<String>)>,
    },
    /// The parameter of that name.
    Param(String),
    /// The custom property of that name, whose text it is whatever its kind.
    Tag {
        /// Its name.
        name: String,
        /// The property that stands for it where it is absent.
        fallback: Option<String>,
    },
    /// The data sets that a run read. A clause holds when it holds of one of them; two clauses may hold of two. Nothing
    /// is ordered by it.
    Dataset(DatasetFacet),
    /// The metadata of a trace under that name.
    Metadata(String),
    /// The spans of a trace. A clause holds when it holds of one of them. Nothing is ordered by it.
    Span(SpanFacet),
    /// The same of what is known of spans under that name.
    SpanAttribute(String),
    /// The versions of prompts that a trace used, as `name/version`. Nothing is ordered by it.
    Prompt,
    /// The assessments of a trace of that kind and name that are valid. A clause holds when it holds of one of them. Nothing is ordered
    /// by it.
    Assessment(AssessmentKind, String),
}

/// The texts that clauses and orders are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextFacet {
    /// The name as people see it; of a version, that of its model.
    Name,
    /// The id of a run, a logged model or a trace.
    Id,
    /// The status of a run, or the state of a trace.
    Status,
    /// The declared owner; of a data set to evaluate on, who made it.
    Owner,
    /// Who changed a data set to evaluate on last.
    UpdatedBy,
    /// The id that the application had for the request that was traced.
    ClientRequest,
    /// The declared description.
    Description,
    /// Where the files of a run are.
    ArtifactUri,
    /// The id of the run that a version or a logged model comes from, or that a trace belongs to.
    Run,
    /// What a version was made of, as its creator wrote it, or else where its bytes are.
    Source,
    /// The type of a logged model.
    ModelType,
}

/// The integers that clauses and orders are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberFacet {
    /// The id of an experiment: 0 is the one named `Default`.
    ExperimentId,
    /// When a run or a trace started.
    StartTime,
    /// When a run or a trace ended.
    EndTime,
    /// How many milliseconds a trace took.
    Duration,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The number of a version.
    Version,
    /// The state of a logged model, as its number.
    State,
}

/// What clauses say of data sets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DatasetFacet {
    /// Its name.
    Name,
    /// Its digest.
    Digest,
    /// What the run says of it under that name.
    Tag(String),
}

/// What clauses say of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanFacet {
    /// Its name.
    Name,
    /// What kind of thing it does.
    Kind,
    /// How it ended.
    Status,
    /// All that its client sent of it.
    Content,
}

/// What must be true. Except for `Absent` and `Not`, nothing is true of what is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The text compares so.
    Text(Comparison, String),
    /// The integer compares so.
    Int(Comparison, i64),
    /// The value of the metric or the assessment compares so. A NaN differs from every number, and compares with none otherwise.
    Double(Comparison, f64),
    /// The text is like the pattern: `%` any text, `_` any character, `\` takes the next one as it is.
    Like {
        /// The pattern.
        pattern: String,
        /// Whether the case of ASCII letters is ignored.
        ignore_case: bool,
    },
    /// It is one of these texts, or an integer that is written so.
    In(Vec<String>),
    /// It is none of these, and there is one.
    NotIn(Vec<String>),
    /// The text is not this one, or there is none.
    Not(String),
    /// There is none.
    Absent,
    /// There is one.
    Present,
}

impl Hash for Test {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Text(comparison, text) => (comparison, text).hash(state),
            Self::Int(comparison, int) => (comparison, int).hash(state),
            Self::Double(comparison, double) => (comparison, double.to_bits()).hash(state),
            Self::Like { pattern, ignore_case } => (pattern, ignore_case).hash(state),
            Self::In(texts) | Self::NotIn(texts) => texts.hash(state),
            Self::Not(text) => text.hash(state),
            Self::Absent | Self::Present => {}
        }
    }
}

/// One key of an order. Of long texts the beginning counts. In both directions what has a value comes first, then NaN,
/// then what has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// What it is ordered by.
    pub facet: Facet,
    /// From the greatest to the smallest.
    pub descending: bool,
}

/// What the last item of a page has for one key: where the next page begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum KeyValue {
    /// An integer.
    #[serde(rename = "i")]
    Int(i64),
    /// A number, infinite ones included. It is written as its bits, which JSON keeps as they are.
    #[serde(rename = "d", with = "bits")]
    Double(f64),
    /// A text.
    #[serde(rename = "t")]
    Text(String),
    /// A NaN.
    #[serde(rename = "n")]
    Nan,
    /// Nothing.
    #[serde(rename = "m")]
    Missing,
}

/// Doubles as their bits.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(double: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        double.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_ends_with_is_json_and_reads_back() {
        let all = [
            KeyValue::Int(i64::MIN),
            KeyValue::Double(0.1),
            KeyValue::Double(f64::NEG_INFINITY),
            KeyValue::Text("ä\"".to_owned()),
            KeyValue::Nan,
            KeyValue::Missing,
        ];
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Vec<KeyValue>>(&json).unwrap(), all, "{json}");
    }
}
