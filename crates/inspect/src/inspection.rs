//! The result of an inspection: the format, facts, imports and findings. Everything in it is bounded.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::ParseError;
use super::fact::{Fact, Facts};
use super::finding::{Finding, Rule, Severity};
use super::imports::{self, Import};
use super::siblings::{Reference, Siblings, check_references};

/// The maximum number of findings that are kept.
const MAX_FINDINGS: usize = 200;
/// The maximum number of imports that are kept.
const MAX_IMPORTS: usize = 2000;
/// The maximum number of references to other files that are kept.
const MAX_REFERENCES: usize = 10_000;
/// The maximum length of a text of a fact, in bytes.
const MAX_TEXT_BYTES: usize = 4096;
/// The maximum nesting of lists and objects of a fact.
const MAX_DEPTH: usize = 64;

/// The format of a file, as `modelFormatName` and `modelFormatVersion` name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// As in `safetensors`, `gguf`, `onnx`.
    pub name: String,
    /// The version of the format, not of the model.
    pub version: Option<String>,
}

/// The result of inspecting one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// The format, where it is known.
    pub format: Option<Format>,
    /// What the file says about itself, under stable names.
    pub facts: Facts,
    /// What its pickles import; kept so that later rules can evaluate them without the bytes.
    pub imports: Vec<Import>,
    /// What it says about data in other files; kept so that it can be followed again when they come or go.
    pub references: Vec<Reference>,
    /// What is wrong with the bytes themselves.
    pub findings: Vec<Finding>,
    /// What [`Inspection::evaluate`] made of the imports and references.
    pub evaluated: Vec<Finding>,
}

impl Inspection {
    /// Evaluates the imports by today's rules, and the references by the files that are there, without the bytes.
    pub fn evaluate(&mut self, path: &str, siblings: &Siblings) {
        self.evaluated = imports::evaluate(&self.imports);
        self.evaluated.extend(check_references(path, &self.references, siblings));
    }

    /// All findings, the heaviest first.
    pub fn verdict(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.findings.iter().chain(&self.evaluated).cloned().collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        all
    }

    /// The heaviest of its findings; `None` when there is none.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().chain(&self.evaluated).map(Finding::severity).max()
    }

    pub(super) fn set_format(&mut self, name: &str, version: Option<String>) {
        self.format = Some(Format { name: name.to_owned(), version });
    }

    pub(super) fn add_finding(&mut self, rule: Rule, place: &str, message: impl Into<String>) {
        let finding = Finding { rule, message: clip(&message.into(), MAX_TEXT_BYTES), place: place.to_owned() };
        if self.findings.len() < MAX_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        } else if self.findings.len() >= MAX_FINDINGS
            && self.findings.iter().all(|kept| kept.severity() < rule.severity())
        {
            // Many harmless findings must not hide a heavy one.
            self.findings.pop();
            self.findings.push(finding);
        }
    }

    /// Adds the results of another inspection at `place`; known facts stay.
    pub(super) fn merge(&mut self, other: Self, place: &str) {
        for (name, value) in other.facts {
            self.facts.entry(name).or_insert(value);
        }
        self.format = self.format.take().or(other.format);
        for finding in other.findings {
            self.add_finding(finding.rule, &finding.place, finding.message);
        }
        for import in other.imports {
            if !self.import(import.clone()) {
                for finding in imports::evaluate(&[import]) {
                    self.add_finding(finding.rule, &finding.place, finding.message);
                }
                self.add_finding(Rule::PickleTooLarge, place, "there are more imports than are kept");
            }
        }
        self.references.extend(other.references);
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        let text = clip(&text.replace('\0', ""), MAX_TEXT_BYTES);
        if !text.is_empty() {
            self.facts.entry(name.to_owned()).or_insert(Fact::Text(text));
        }
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.facts.entry(name.to_owned()).or_insert(Fact::Integer(number));
    }

    /// Adds a fact, unless it is nested too deeply for its readers.
    pub(super) fn json(&mut self, name: &str, value: serde_json::Value) {
        if is_deeper_than(&value, MAX_DEPTH) {
            return;
        }
        self.facts.entry(name.to_owned()).or_insert(Fact::Json(value));
    }

    pub(super) fn import(&mut self, import: Import) -> bool {
        if let Some(known) = self.imports.iter_mut().find(|known| known.same_name(&import)) {
            known.merge(&import);
            return true;
        }
        let fits = self.imports.len() < MAX_IMPORTS;
        if fits {
            self.imports.push(import);
        }
        fits
    }

    /// Adds what the file says at `place` about `needed` bytes of another file, which it calls `to`.
    pub(super) fn add_reference(&mut self, place: &str, to: &str, needed: u64) {
        if self.references.len() < MAX_REFERENCES {
            self.references.push(Reference { to: to.to_owned(), place: place.to_owned(), needed });
        } else {
            self.add_finding(Rule::FormatLimit, place, format!("it refers to more than {MAX_REFERENCES} files"));
        }
    }

    /// Adds the error of a parser as a finding; an error of the source is returned.
    pub(super) fn note_error(&mut self, place: &str, what: &str, error: ParseError) -> io::Result<()> {
        match error {
            ParseError::Failed(error) => return Err(error),
            ParseError::Truncated => self.add_finding(Rule::FormatTruncated, place, format!("{what} ends too early")),
            ParseError::Malformed(why) => self.add_finding(Rule::FormatMalformed, place, format!("{what}: {why}")),
            ParseError::Limit(why) => self.add_finding(Rule::FormatLimit, place, format!("{what}: {why}")),
        }
        Ok(())
    }
}

fn is_deeper_than(value: &serde_json::Value, depth: usize) -> bool {
    let mut within: Box<dyn Iterator<Item = &serde_json::Value>> = match value {
        serde_json::Value::Array(items) => Box::new(items.iter()),
        serde_json::Value::Object(members) => Box::new(members.values()),
        _ => return false,
    };
    depth == 0 || within.any(|value| is_deeper_than(value, depth - 1))
}

/// The start of a text, at most `most` bytes of it.
pub(super) fn clip(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
