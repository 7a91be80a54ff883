//! Traces of what applications do, their spans, and how well that was as people and programs assess it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::tracking::RunId;
use super::{Error, Millis, NodeId, Result};

/// The longest id of a trace.
const MAX_ID: usize = 100;

/// The id of a trace, which its client chose: letters, digits, `-`, `_` and `.`, of which a dot is not the first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(String);

impl TraceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (1..=MAX_ID).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::not_found(format!("trace `{}`", text.chars().take(MAX_ID).collect::<String>().escape_debug())))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the store knows a trace by: traces of two experiments may have the same id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceKey(pub String);

impl TraceKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far what is traced came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TraceState {
    /// Nobody said.
    #[default]
    Unspecified,
    /// It ended well.
    Ok,
    /// It failed.
    Error,
    /// It goes on.
    InProgress,
}

impl TraceState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unspecified, Self::Ok, Self::Error, Self::InProgress];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "STATE_UNSPECIFIED",
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::InProgress => "IN_PROGRESS",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Names and their values.
pub type Labels = BTreeMap<String, String>;

/// A trace, but for its spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// What the store knows it by; none as long as it is not there.
    pub key: TraceKey,
    /// The experiment that it is of; 0 as long as that is open.
    pub experiment: NodeId,
    /// Its name.
    pub name: Option<String>,
    /// When it began.
    pub at: Millis,
    /// How many milliseconds it took.
    pub duration: Option<i64>,
    /// How far it came.
    pub state: TraceState,
    /// The id that the application that was asked had for the request.
    pub client_request_id: Option<String>,
    /// The beginning of what was asked.
    pub request: Option<String>,
    /// The beginning of what was answered.
    pub response: Option<String>,
    /// Its tags, which change.
    pub tags: Labels,
    /// Its metadata, which does not.
    pub metadata: Labels,
    /// The tokens that its client says to have used. Not read back.
    pub tokens: Tokens,
    /// Its assessments, the oldest first.
    pub assessments: Vec<Assessment>,
    /// Whether spans of it are here.
    pub has_spans: bool,
}

impl Trace {
    /// A trace of which no more is known.
    pub fn new(id: TraceId, at: Millis, state: TraceState) -> Self {
        Self {
            id,
            key: TraceKey::default(),
            experiment: NodeId(0),
            name: None,
            at,
            duration: None,
            state,
            client_request_id: None,
            request: None,
            response: None,
            tags: Labels::new(),
            metadata: Labels::new(),
            tokens: Tokens::default(),
            assessments: Vec::new(),
            has_spans: false,
        }
    }
}

/// How many tokens a trace used, as far as its client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of what was asked.
    pub input: Option<i64>,
    /// Of what was answered.
    pub output: Option<i64>,
    /// Of both.
    pub total: Option<i64>,
    /// Of what was asked, those read from a cache.
    pub cache_read: Option<i64>,
    /// Of what was asked, those written into a cache.
    pub cache_creation: Option<i64>,
}

/// What a call of a language model was, as its span says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelCall {
    /// The model.
    pub model: Option<String>,
    /// Who provides it.
    pub provider: Option<String>,
    /// What the question cost.
    pub input_cost: Option<f64>,
    /// What the answer cost.
    pub output_cost: Option<f64>,
    /// What both cost.
    pub total_cost: Option<f64>,
}

/// A span of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace that it is of.
    pub trace: TraceId,
    /// Its id in the trace.
    pub id: String,
    /// Whether it is within no other one.
    pub is_root: bool,
    /// Its name.
    pub name: String,
    /// What kind of thing it does.
    pub kind: String,
    /// How it ended.
    pub status: String,
    /// When it began, in nanoseconds.
    pub start: i64,
    /// When it ended, in nanoseconds, if it did. Not read back.
    pub end: Option<i64>,
    /// What it called. Not read back.
    pub call: ModelCall,
    /// What is known of it, as text, for searches. Not read back.
    pub attributes: Labels,
    /// The span as its client sent it.
    pub document: Json,
}

/// What an assessment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssessmentKind {
    /// How good something was.
    Feedback,
    /// What it should have been.
    Expectation,
    /// That it belongs to a known issue.
    Issue,
}

impl AssessmentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Feedback, Self::Expectation, Self::Issue];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Expectation => "expectation",
            Self::Issue => "issue",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An assessment of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Its id.
    pub id: String,
    /// The trace that it is of.
    pub trace: TraceId,
    /// What it says.
    pub kind: AssessmentKind,
    /// Of what.
    pub name: String,
    /// Whether no other one came in its place.
    pub is_valid: bool,
    /// The one in whose place it came.
    pub overrides: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
    /// What else it says.
    pub said: Said,
}

/// What an assessment says, by whom and why.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Said {
    /// The value.
    pub value: Json,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// The span that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// By what kind of source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_kind: Option<String>,
    /// By which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub metadata: Labels,
    /// Why there is no value: a code, a message and where it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Json>,
}

impl Said {
    /// The value as it is searched: a text as it is, and anything else as JSON.
    pub fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), ToOwned::to_owned)
    }

    /// The value, where it is a number.
    pub fn number(&self) -> Option<f64> {
        self.value.as_f64()
    }

    /// What the value counts as: a number as itself, and what is true or said to be as 1, its contrary as 0.
    pub fn measure(&self) -> Option<f64> {
        match &self.value {
            Json::Bool(value) => Some(f64::from(u8::from(*value))),
            Json::String(text) if text.trim().eq_ignore_ascii_case("yes") => Some(1.0),
            Json::String(text) if text.trim().eq_ignore_ascii_case("no") => Some(0.0),
            value => value.as_f64(),
        }
    }
}

/// A data set to evaluate applications on, but for its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalDataset {
    /// Its id.
    pub id: String,
    /// The experiment that decides who sees and writes it.
    pub home: NodeId,
    /// Its name, which others may have.
    pub name: String,
    /// Its tags.
    pub tags: Labels,
    /// The types of what its records have.
    pub fields: Option<Json>,
    /// When it was made.
    pub created_at: Millis,
    /// When it or its records were last changed.
    pub updated_at: Millis,
    /// Who says to have made it.
    pub created_by: Option<String>,
    /// Who says to have changed it last.
    pub updated_by: Option<String>,
    /// How many records it has.
    pub records: i64,
}

/// A record of such a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalRecord {
    /// Its id.
    pub id: String,
    /// What tells it from the others of its data set.
    pub input_digest: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
    /// What it says.
    pub document: serde_json::Map<String, Json>,
}

/// A trace as its client says it, or as it follows from spans.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceDraft {
    /// What it says. Its experiment is not looked at.
    pub trace: Trace,
    /// The run that it belongs to, which need not be here.
    pub run: Option<RunId>,
}

/// Which traces of an experiment are wanted, of those that are all of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Those that began then or before, if it is given.
    pub until: Option<Millis>,
    /// Those with these ids, if there are any.
    pub ids: Vec<TraceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_traces_are_plain_and_are_names_of_folders() {
        for good in ["tr-0123456789abcdef0123456789abcdef", "a", "7_b.c"] {
            assert_eq!(good.parse::<TraceId>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", ".a", "a/b", "trace:/a/b", "ü", "a b", &"a".repeat(MAX_ID + 1)] {
            assert!(bad.parse::<TraceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_searched_is_the_text_or_the_json() {
        let said = |value: Json| Said { value, ..Said::default() };
        for (value, text, number) in [
            (Json::from("yes"), "yes", None),
            (Json::from(true), "true", None),
            (Json::from(0.5), "0.5", Some(0.5)),
            (Json::Null, "null", None),
        ] {
            let said = said(value);
            assert_eq!((said.text().as_str(), said.number()), (text, number));
        }
    }
}
