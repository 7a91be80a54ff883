//! What an inspection has learned: the format, facts, imports and findings. Everything in it is bounded.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::finding::{Finding, Rule, Severity};
use super::pickle::Import;
use super::siblings::{Reference, Siblings, follow};
use crate::domain::{Error, FilePath, Properties, Value};

/// The most findings that are kept.
const MOST_FINDINGS: usize = 200;
/// The most imports that are kept.
const MOST_IMPORTS: usize = 2000;
/// The longest text of a fact, in bytes.
const LONGEST_TEXT: usize = 4096;

/// The format of a file, as `modelFormatName` and `modelFormatVersion` name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// As in `safetensors`, `gguf`, `onnx`.
    pub name: String,
    /// The version of the format, not of the model.
    pub version: Option<String>,
}

/// What an inspection has learned about one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// The format, where it is known.
    pub format: Option<Format>,
    /// What the file says about itself, under stable names.
    pub facts: Properties,
    /// What its pickles import; kept so that later rules can judge them without the bytes.
    pub imports: Vec<Import>,
    /// What it says about data in other files; kept so that it can be followed again when they come or go.
    pub references: Vec<Reference>,
    /// What is wrong with the bytes themselves.
    pub findings: Vec<Finding>,
    /// What [`Inspection::judge`] made of the imports and references.
    pub judged: Vec<Finding>,
}

impl Inspection {
    /// Judges the imports by today's rules, and the references by the files that are there, without the bytes.
    pub fn judge(&mut self, path: &FilePath, siblings: &Siblings) {
        self.judged = super::pickle::judge(&self.imports);
        self.judged.extend(follow(path, &self.references, siblings));
    }

    /// All findings, the heaviest first.
    pub fn verdict(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.findings.iter().chain(&self.judged).cloned().collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        all
    }

    /// The heaviest of its findings; `None` when there is none.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().chain(&self.judged).map(Finding::severity).max()
    }

    pub(super) fn set_format(&mut self, name: &str, version: Option<String>) {
        self.format = Some(Format { name: name.to_owned(), version });
    }

    pub(super) fn find(&mut self, rule: Rule, place: &str, message: impl Into<String>) {
        let finding = Finding { rule, message: clip(&message.into(), LONGEST_TEXT), place: place.to_owned() };
        if self.findings.len() < MOST_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        } else if self.findings.len() >= MOST_FINDINGS
            && self.findings.iter().all(|kept| kept.severity() < rule.severity())
        {
            // Many harmless findings must not hide a heavy one.
            self.findings.pop();
            self.findings.push(finding);
        }
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        let text = clip(&text.replace('\0', ""), LONGEST_TEXT);
        if !text.is_empty() {
            self.facts.entry(name.to_owned()).or_insert(Value::String(text));
        }
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.facts.entry(name.to_owned()).or_insert(Value::Int(number));
    }

    pub(super) fn json(&mut self, name: &str, value: serde_json::Value) {
        self.facts.entry(name.to_owned()).or_insert(Value::Struct(value));
    }

    pub(super) fn import(&mut self, import: Import) -> bool {
        if let Some(known) = self.imports.iter_mut().find(|known| known.same_name(&import)) {
            known.merge(&import);
            return true;
        }
        let fits = self.imports.len() < MOST_IMPORTS;
        if fits {
            self.imports.push(import);
        }
        fits
    }

    /// Turns what stopped a parser into a finding; a failed read is the caller's error.
    pub(super) fn note(&mut self, place: &str, what: &str, fault: Fault) -> Result<(), Error> {
        match fault {
            Fault::Failed(error) => return Err(error),
            Fault::Truncated => self.find(Rule::FormatTruncated, place, format!("{what} ends too early")),
            Fault::Malformed(why) => self.find(Rule::FormatMalformed, place, format!("{what}: {why}")),
            Fault::Limit(why) => self.find(Rule::FormatLimit, place, format!("{what}: {why}")),
        }
        Ok(())
    }
}

/// The start of a text, at most `most` bytes of it.
pub(super) fn clip(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
