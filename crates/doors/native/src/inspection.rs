//! What the native API shows of inspections.

use std::collections::BTreeMap;

use modelport_inspect::{Fact, Finding, Import, Severity, verdict_name};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::enums::{ActName, SeverityName, Verdict};
use crate::registry::inspection::{Inspected, Summary};

/// What is wrong with a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// The id of the rule.
    pub rule: String,
    /// Its weight.
    #[schema(value_type = SeverityName)]
    pub severity: &'static str,
    /// What was found.
    pub message: String,
    /// The member of the archive it was found in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.to_string(),
            severity: finding.severity().name(),
            message: finding.message.clone(),
            place: finding.place.clone(),
        }
    }
}

/// What is known of a file's bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InspectionView {
    /// The format, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The version of the format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format_version: Option<String>,
    /// The weight of the heaviest finding, or `clean`.
    #[schema(value_type = Verdict)]
    pub verdict: &'static str,
    /// What the policy does.
    #[schema(value_type = ActName)]
    pub act: &'static str,
    /// What the file says about itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Json>,
    /// What is wrong with it, the heaviest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// What its pickles import.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<String>,
    /// The version of the rules that evaluated it.
    pub rules_version: u32,
}

impl From<&Inspected> for InspectionView {
    fn from(known: &Inspected) -> Self {
        let seen = &known.seen;
        Self {
            format: seen.format.as_ref().map(|format| format.name.clone()),
            format_version: seen.format.as_ref().and_then(|format| format.version.clone()),
            verdict: verdict_name(seen.severity()),
            act: known.act.name(),
            facts: seen.facts.iter().map(|(name, fact)| (name.clone(), show(fact))).collect(),
            findings: seen.verdict().iter().map(FindingView::from).collect(),
            imports: seen.imports.iter().map(Import::full_name).collect(),
            rules_version: known.rules,
        }
    }
}

fn show(fact: &Fact) -> Json {
    match fact {
        Fact::Integer(number) => (*number).into(),
        Fact::Text(text) => text.clone().into(),
        Fact::Json(json) => json.clone(),
    }
}

/// What is known of all files of a version, counted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryView {
    /// The weight of the heaviest finding, or `clean`.
    #[schema(value_type = Verdict)]
    pub verdict: &'static str,
    /// How many files there are of each format.
    pub formats: BTreeMap<String, i64>,
    /// How many files there are of each verdict.
    pub verdicts: BTreeMap<String, i64>,
    /// How many are quarantined.
    pub quarantined: i64,
}

impl From<&Summary> for SummaryView {
    fn from(summary: &Summary) -> Self {
        let mut view = Self { verdict: "clean", formats: BTreeMap::new(), verdicts: BTreeMap::new(), quarantined: 0 };
        for tally in &summary.tallies {
            if let Some(format) = &tally.format {
                *view.formats.entry(format.clone()).or_default() += tally.files;
            }
            *view.verdicts.entry(tally.verdict.clone()).or_default() += tally.files;
            if matches!(tally.act.as_str(), "quarantine" | "refuse") {
                view.quarantined += tally.files;
            }
        }
        let heaviest = Severity::ALL.into_iter().rev().find(|each| view.verdicts.contains_key(each.name()));
        view.verdict = verdict_name(heaviest);
        view
    }
}
