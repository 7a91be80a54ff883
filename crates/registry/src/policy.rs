//! Policies: which files may be stored, and what a finding does to a file. A model may override the registry's policy.

use std::collections::BTreeMap;
use std::fmt;

use modelport_inspect::{Finding, Rule, Severity};
use serde::{Deserialize, Serialize};

use crate::domain::policy::{Act, FIELD, OTHER, check_formats, check_protected};
use crate::domain::{Error, Result};

/// The policy that applies to a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The formats that may be stored, [`OTHER`] among them; empty for every one.
    pub allowed_formats: Vec<String>,
    /// The largest file that may be stored.
    pub max_file_bytes: Option<u64>,
    /// What findings of each weight do, from the lightest to the heaviest.
    pub acts: [Act; 4],
    /// What findings of these rules do instead.
    pub rules: BTreeMap<Rule, Act>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed_formats: Vec::new(),
            max_file_bytes: None,
            acts: [Act::Allow, Act::Warn, Act::Quarantine, Act::Quarantine],
            rules: BTreeMap::new(),
        }
    }
}

/// The overrides of one registered model; what it leaves out is inherited from the registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelPolicy {
    /// The formats that may be stored, `other` among them; empty for every one.
    pub allowed_formats: Option<Vec<String>>,
    /// The largest file that may be stored; the registry's limit applies in any case.
    pub max_file_bytes: Option<u64>,
    /// What findings that are worth knowing do.
    pub info: Option<Act>,
    /// What findings of the severity `warn` do.
    pub warn: Option<Act>,
    /// What findings do that leave open what is in a file.
    pub suspicious: Option<Act>,
    /// What findings do that run code or reach outside.
    pub danger: Option<Act>,
    /// What findings of these rules do instead.
    pub rules: BTreeMap<Rule, Act>,
    /// The aliases that only an approved version may hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protected_aliases: Vec<String>,
    /// Whether whoever made a version or put files into it may not approve it.
    #[serde(skip_serializing_if = "is_false")]
    pub forbid_author_approval: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What a policy decides about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDecision {
    /// What to do with the file.
    pub act: Act,
    /// The rule and the reason; empty for a file without findings that matter.
    pub reason: String,
}

impl PolicyDecision {
    /// Refuses a file that may not be stored.
    ///
    /// Errors: Unsupported on [`FIELD`], with the rule and the reason.
    pub fn check(&self, path: &impl fmt::Display) -> Result<()> {
        if self.act == Act::Refuse {
            return Err(Error::unsupported(FIELD, format!("file `{path}` is refused: {}", self.reason)));
        }
        Ok(())
    }

    /// Why the file is quarantined, if it is. A stored file that the policy would refuse is quarantined: a newer rule never
    /// deletes a file.
    pub fn quarantine(&self) -> Option<&str> {
        Some(self.reason.as_str()).filter(|_| self.act >= Act::Quarantine)
    }
}

impl Policy {
    /// The effective policy of a model with these overrides.
    #[must_use]
    pub fn with(&self, model: &ModelPolicy) -> Self {
        let said = [model.info, model.warn, model.suspicious, model.danger];
        let mut acts = self.acts;
        for (act, said) in acts.iter_mut().zip(said) {
            *act = said.unwrap_or(*act);
        }
        let limits = [self.max_file_bytes, model.max_file_bytes];
        let mut rules = self.rules.clone();
        // A model's act for a weight also overrides the registry's acts for rules of that weight.
        rules.retain(|rule, _| said.get(place(rule.severity())).is_none_or(Option::is_none));
        rules.extend(&model.rules);
        Self {
            allowed_formats: model.allowed_formats.clone().unwrap_or_else(|| self.allowed_formats.clone()),
            max_file_bytes: limits.into_iter().flatten().min(),
            acts,
            rules,
        }
    }

    /// What findings of that rule do.
    pub fn act(&self, rule: Rule) -> Act {
        let by_weight = self.acts.get(place(rule.severity())).copied();
        self.rules.get(&rule).copied().or(by_weight).unwrap_or(Act::Quarantine)
    }

    /// Decides about a file: the severest act that its size, its format or one of its findings calls for.
    pub fn evaluate(&self, size: u64, format: Option<&str>, findings: &[Finding]) -> PolicyDecision {
        if let Some(limit) = self.max_file_bytes.filter(|limit| size > *limit) {
            return PolicyDecision {
                act: Act::Refuse,
                reason: format!("it has {size} bytes, more than the limit of {limit}"),
            };
        }
        let format = format.unwrap_or(OTHER);
        if !self.allowed_formats.is_empty() && !self.allowed_formats.iter().any(|allowed| allowed == format) {
            let allowed = self.allowed_formats.join("`, `");
            return PolicyDecision {
                act: Act::Refuse,
                reason: format!("its format `{format}` is not one of `{allowed}`"),
            };
        }
        let mut severest = PolicyDecision { act: Act::Allow, reason: String::new() };
        for finding in findings {
            let act = self.act(finding.rule);
            if act > severest.act {
                let place = &finding.place;
                let place = if place.is_empty() { String::new() } else { format!(" in `{}`", place.escape_debug()) };
                severest =
                    PolicyDecision { act, reason: format!("rule `{}`{place}: {}", finding.rule, finding.message) };
            }
        }
        severest
    }
}

fn place(severity: Severity) -> usize {
    Severity::ALL.iter().position(|each| *each == severity).unwrap_or(Severity::ALL.len())
}

impl ModelPolicy {
    /// Refuses formats that no format is called, and aliases that no alias is called.
    pub fn check(&self) -> Result<()> {
        check_formats("allowedFormats", self.allowed_formats.as_deref().unwrap_or_default())?;
        check_protected("protectedAliases", &self.protected_aliases)
    }

    /// Whether only an approved version may hold the alias.
    pub fn is_protected(&self, alias: &str) -> bool {
        self.protected_aliases.iter().any(|protected| protected == alias)
    }

    /// Whether every alias may be held by any version.
    pub fn protects_nothing(&self) -> bool {
        self.protected_aliases.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: Rule) -> Finding {
        Finding { rule, message: "`x` is imported".to_owned(), place: "a/b.pkl".to_owned() }
    }

    #[test]
    fn the_severest_act_counts_and_says_why() {
        let policy = Policy::default();
        let findings = [Rule::PythonCode, Rule::PickleUnknownImport, Rule::PickleDangerousImport].map(finding);
        let decision = policy.evaluate(1, Some("pickle"), &findings);
        assert_eq!(decision.act, Act::Quarantine);
        assert_eq!(decision.quarantine(), Some("rule `pickle-dangerous-import` in `a/b.pkl`: `x` is imported"));
        assert_eq!(policy.evaluate(1, None, &findings[..2]).act, Act::Warn);
        assert_eq!(policy.evaluate(1, None, &findings[..1]).act, Act::Allow);
    }

    #[test]
    fn sizes_and_formats_are_refused() {
        let policy = Policy {
            allowed_formats: vec!["onnx".to_owned(), OTHER.to_owned()],
            max_file_bytes: Some(10),
            ..Policy::default()
        };
        assert_eq!(policy.evaluate(10, Some("onnx"), &[]).act, Act::Allow);
        assert_eq!(policy.evaluate(10, None, &[]).act, Act::Allow);
        for (size, format, named) in [(11, Some("onnx"), "limit of 10"), (10, Some("pickle"), "`pickle`")] {
            let error = policy.evaluate(size, format, &[]).check(&"f").unwrap_err();
            assert!(error.message().contains(named), "{error}");
            assert_eq!(error.field(), Some(FIELD));
        }
    }

    #[test]
    fn a_model_may_say_otherwise() {
        let rules = BTreeMap::from([(Rule::RemoteCode, Act::Refuse), (Rule::PythonCode, Act::Refuse)]);
        let policy = Policy { rules, max_file_bytes: Some(10), ..Policy::default() };
        let said = ModelPolicy {
            warn: Some(Act::Allow),
            max_file_bytes: Some(20),
            rules: BTreeMap::from([(Rule::KerasLambda, Act::Warn)]),
            ..ModelPolicy::default()
        };
        let merged = policy.with(&said);
        assert_eq!(merged.max_file_bytes, Some(10));
        assert_eq!(merged.act(Rule::RemoteCode), Act::Allow);
        assert_eq!(merged.act(Rule::PythonCode), Act::Refuse);
        assert_eq!(merged.act(Rule::KerasLambda), Act::Warn);
        assert_eq!(merged.act(Rule::PickleDangerousImport), Act::Quarantine);
    }
}
