//! The closed sets of words that answers and parameters have, for the document: clients switch over them.

use utoipa::ToSchema;

macro_rules! words {
    ($($(#[$says:meta])* $name:ident: $($word:literal $variant:ident),+;)+) => {$(
        $(#[$says])*
        #[derive(Debug, Clone, Copy, ToSchema)]
        #[expect(dead_code, reason = "for the document alone")]
        pub enum $name {
            $(
                #[schema(rename = $word)]
                $variant,
            )+
        }

        #[cfg(test)]
        impl $name {
            #[allow(dead_code, reason = "not every set is one of the domain's")]
            const WORDS: &'static [&'static str] = &[$($word),+];
        }
    )+};
}

words! {
    /// The verdict on a file, the heaviest of a version: what its heaviest finding weighs, or that there is none.
    Verdict: "clean" Clean, "info" Info, "warn" Warn, "suspicious" Suspicious, "danger" Danger;
    /// What a finding weighs.
    SeverityName: "info" Info, "warn" Warn, "suspicious" Suspicious, "danger" Danger;
    /// What the policy does with a file; `refuse` for what was stored before it would be refused and is quarantined.
    ActName: "allow" Allow, "warn" Warn, "quarantine" Quarantine, "refuse" Refuse;
    /// The state of a job.
    JobStateName: "queued" Queued, "running" Running, "succeeded" Succeeded, "failed" Failed, "cancelled" Cancelled;
    /// What became of a model that was to be imported; `unchanged` when it was here before.
    OutcomeName: "imported" Imported, "unchanged" Unchanged, "failed" Failed;
    /// What was done to a node.
    ActionName: "create" Create, "update" Update, "delete" Delete, "attach" Attach, "detach" Detach, "event.put" PutEvents,
        "alias.set" SetAlias, "alias.delete" DeleteAlias, "file.put" PutFile, "file.delete" DeleteFile;
    /// What an edge of lineage says.
    EdgeType: "owns" Owns, "contains" Contains, "usedBy" UsedBy, "input" Input, "output" Output, "servedBy" ServedBy;
    /// The state of an artifact, or of an execution.
    StateName: "UNKNOWN" Unknown, "PENDING" Pending, "LIVE" Live, "MARKED_FOR_DELETION" MarkedForDeletion, "DELETED" Deleted,
        "ABANDONED" Abandoned, "REFERENCE" Reference, "NEW" New, "RUNNING" Running, "COMPLETE" Complete, "FAILED" Failed,
        "CACHED" Cached, "CANCELED" Canceled;
    /// What the settings let clients do.
    FeatureName: "directUploads" DirectUploads, "directDownloads" DirectDownloads, "imports" Imports;
    /// What a webhook is told.
    EventName: "registered_model.created" ModelCreated, "model_version.created" VersionCreated, "model_version_tag.set" VersionTagSet,
        "model_version_tag.deleted" VersionTagDeleted, "model_version_alias.created" AliasCreated, "model_version_alias.deleted" AliasDeleted,
        "prompt.created" PromptCreated, "prompt_version.created" PromptVersionCreated, "prompt_tag.set" PromptTagSet,
        "prompt_tag.deleted" PromptTagDeleted, "prompt_version_tag.set" PromptVersionTagSet, "prompt_version_tag.deleted" PromptVersionTagDeleted,
        "prompt_alias.created" PromptAliasCreated, "prompt_alias.deleted" PromptAliasDeleted;
    /// Whether what is archived is wanted.
    ViewName: "active" Active, "archived" Archived, "all" All;
    /// The state of the approval of a version.
    ApprovalName: "draft" Draft, "in_review" InReview, "approved" Approved, "rejected" Rejected;
    /// What stands in the way of a version.
    GateName: "quarantined" Quarantined, "not_approved" NotApproved, "author" Author;
    /// What became of something that two things do not have alike.
    DifferenceName: "added" Added, "removed" Removed, "changed" Changed;
    /// What became of a file; `renamed` when its bytes are at another path.
    FileDifferenceName: "added" Added, "removed" Removed, "changed" Changed, "renamed" Renamed;
    /// What is needed to run a run again, and was not recorded: the commit of its code; where that is kept; what was run; any data set; the digest of a
    /// data set; where a data set comes from; what has to be installed, for which an image does, too.
    MissingName: "commit" Commit, "repository" Repository, "entryPoint" EntryPoint, "datasets" Datasets, "datasetDigest" DatasetDigest,
        "datasetSource" DatasetSource, "environment" Environment;
    /// What became of a line of a card.
    LineChangeName: "same" Same, "added" Added, "removed" Removed;
    /// Why the lines of two cards are not compared: the caller may not read one of them, or it is quarantined; or one is longer than 256 KiB.
    NoLinesName: "unreadable" Unreadable, "tooLong" TooLong;
    /// Something that models are filtered by, as a filter names it; `label` for the names of custom properties that are empty texts.
    FacetName: "owner" Owner, "state" State, "license" License, "maturity" Maturity, "provider" Provider, "libraryName" Library,
        "tasks" Tasks, "language" Language, "alias" Alias, "format" Format, "verdict" Verdict, "label" Label;
    /// A kind of what a search finds.
    SearchKindName: "models" Models, "versions" Versions, "experiments" Experiments, "runs" Runs,
        "environments" Environments, "deployments" Deployments, "artifacts" Artifacts, "files" Files, "people" People;
    /// How a search found something, the best first: it has just that name, or bytes with that digest; its name, or a word in it, begins so;
    /// its name has it somewhere; a label begins so; its description, card or tasks have it.
    MatchedName: "exactName" ExactName, "digest" Digest, "namePrefix" NamePrefix, "nameWord" NameWord, "namePart" NamePart,
        "label" Label, "text" Text;
    /// The order of changes.
    OrderOfChanges: "asc" Asc, "desc" Desc;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use modelport_inspect::Severity;

    use super::*;
    use crate::domain::filter::VERDICTS;
    use crate::domain::policy::Act;
    use crate::domain::webhook::WebhookEvent;
    use crate::domain::{Action, ApprovalState, ArtifactState, ExecutionState, JobState};
    use crate::registry::Feature;
    use crate::registry::approvals::Gate;
    use crate::registry::listed::facets::Facet;
    use crate::registry::search::{Matched, SearchKind};
    use crate::registry::tracking::reproduction::Missing;

    #[test]
    fn the_document_has_the_words_that_there_are() {
        assert_eq!(Verdict::WORDS, VERDICTS.map(|(name, _)| name));
        assert_eq!(SeverityName::WORDS, Severity::ALL.map(Severity::name));
        assert_eq!(JobStateName::WORDS, JobState::ALL.map(JobState::name));
        assert_eq!(MissingName::WORDS, Missing::ALL.map(Missing::name));
        assert_eq!(FacetName::WORDS, Facet::ALL.map(Facet::name));
        assert_eq!(SearchKindName::WORDS, SearchKind::ALL.map(SearchKind::name));
        assert_eq!(MatchedName::WORDS, Matched::ALL.map(Matched::name));
        assert_eq!(FeatureName::WORDS, Feature::ALL.map(Feature::name));
        assert_eq!(ActionName::WORDS, Action::ALL.map(Action::name));
        assert_eq!(ApprovalName::WORDS, ApprovalState::ALL.map(ApprovalState::name));
        assert_eq!(GateName::WORDS, Gate::ALL.map(Gate::name));
        assert_eq!(EventName::WORDS.to_vec(), WebhookEvent::ALL.iter().map(|event| event.name()).collect::<Vec<_>>());
        assert!(ActName::WORDS.iter().all(|word| Act::from_name(word).is_some()));
        let states: BTreeSet<&str> =
            ArtifactState::NAMES.into_iter().chain(ExecutionState::NAMES).map(|(name, _)| name).collect();
        assert_eq!(StateName::WORDS.iter().copied().collect::<BTreeSet<_>>(), states);
    }
}
