//! The words of the dialect: entities, the attributes of each of what is searched, and tags that are something else
//! here.

use Searched::{EvalDatasets, Experiments, LoggedModels, Models, Runs, Traces, Versions};

use crate::search::{DatasetFacet, Facet, NumberFacet, Searched, SpanFacet, TextFacet};
use crate::state::ArtifactState;
use crate::trace::AssessmentKind;

/// What the first part of a path says that the rest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    Attribute,
    Metric,
    Param,
    Tag,
    Dataset,
    Metadata,
    Span,
    Assessment(AssessmentKind),
    Issue,
}

/// The entity that a word names, of those by which such things are searched.
pub(super) fn entity(of: Searched, word: &str) -> Option<Entity> {
    let entity = match word {
        "attributes" | "attribute" | "attr" => Entity::Attribute,
        "run" if of == Runs => Entity::Attribute,
        "trace" if of == Traces => Entity::Attribute,
        "metadata" | "request_metadata" => Entity::Metadata,
        "span" => Entity::Span,
        "feedback" => Entity::Assessment(AssessmentKind::Feedback),
        "expectation" => Entity::Assessment(AssessmentKind::Expectation),
        "issue" => Entity::Issue,
        "metrics" | "metric" => Entity::Metric,
        "params" | "param" | "parameters" | "parameter" => Entity::Param,
        "tags" | "tag" => Entity::Tag,
        "datasets" | "dataset" => Entity::Dataset,
        _ => return None,
    };
    let is_known = match entity {
        Entity::Attribute | Entity::Tag => true,
        Entity::Metric | Entity::Param => matches!(of, Runs | LoggedModels),
        Entity::Dataset => of == Runs,
        Entity::Metadata | Entity::Span | Entity::Assessment(_) | Entity::Issue => of == Traces,
    };
    is_known.then_some(entity)
}

/// The entities by which such things are searched, for messages.
pub(super) fn entities(of: Searched) -> &'static str {
    match of {
        Runs => "`attributes`, `metrics`, `params`, `tags` or `datasets`",
        LoggedModels => "`attributes`, `metrics`, `params` or `tags`",
        Traces => "`attributes`, `tags`, `metadata`, `span`, `feedback`, `expectation` or `issue`",
        Experiments | Models | Versions | EvalDatasets => "`attributes` or `tags`",
    }
}

/// Whether a word says that what follows is the name of a metric of logged models.
pub(super) fn is_searched_by_metrics(word: &str) -> bool {
    entity(LoggedModels, word) == Some(Entity::Metric)
}

/// How what a path names is compared, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// With texts.
    Texts {
        /// Whether lists of them may be given.
        lists: bool,
        /// Whether it may be asked for its absence.
        absence: bool,
    },
    /// With numbers, as integers.
    Ints {
        /// Whether they may have fractions.
        fractions: bool,
        /// Whether they may be in quotes.
        quoted: bool,
    },
    /// With numbers.
    Doubles,
    /// With integers in quotes, which are ids without an order, and lists of them.
    Ids,
    /// With the names of states, and lists of them.
    States,
    /// With patterns alone.
    Patterns,
    /// As texts, and by their order as numbers.
    Assessed,
    /// With one text, which it is.
    Exact,
}

/// What an attribute may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Filter,
    Order,
    Both,
}

/// An attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    names: &'static [&'static str],
    pub(super) facet: Facet,
    pub(super) values: Values,
    uses: Use,
}

const TEXT: Values = Values::Texts { lists: false, absence: false };
const LISTED: Values = Values::Texts { lists: true, absence: false };
const INT: Values = Values::Ints { fractions: false, quoted: false };
const FRACTION: Values = Values::Ints { fractions: true, quoted: false };

const fn text(names: &'static [&'static str], facet: TextFacet, values: Values, uses: Use) -> Attribute {
    Attribute { names, facet: Facet::Text(facet), values, uses }
}

const fn number(names: &'static [&'static str], facet: NumberFacet, values: Values, uses: Use) -> Attribute {
    Attribute { names, facet: Facet::Number(facet), values, uses }
}

const CREATED: &[&str] = &["creation_timestamp", "creation_timestamp_ms", "creation_time"];
const UPDATED: &[&str] = &["last_updated_timestamp", "last_updated_timestamp_ms"];

static OF_EXPERIMENTS: [Attribute; 4] = [
    text(&["name"], TextFacet::Name, TEXT, Use::Both),
    number(&["experiment_id"], NumberFacet::ExperimentId, Values::Ids, Use::Both),
    number(&["creation_time"], NumberFacet::CreatedAt, INT, Use::Both),
    number(&["last_update_time"], NumberFacet::UpdatedAt, INT, Use::Both),
];

static OF_RUNS: [Attribute; 7] = [
    text(&["run_id"], TextFacet::Id, LISTED, Use::Both),
    text(&["run_name", "run name", "Run name", "Run Name"], TextFacet::Name, TEXT, Use::Both),
    text(&["status"], TextFacet::Status, TEXT, Use::Both),
    text(&["user_id"], TextFacet::Owner, TEXT, Use::Both),
    text(&["artifact_uri"], TextFacet::ArtifactUri, TEXT, Use::Both),
    number(&["start_time", "created", "Created"], NumberFacet::StartTime, FRACTION, Use::Both),
    number(&["end_time"], NumberFacet::EndTime, FRACTION, Use::Both),
];

static OF_MODELS: [Attribute; 3] = [
    text(&["name"], TextFacet::Name, LISTED, Use::Both),
    number(&["last_updated_timestamp", "timestamp"], NumberFacet::UpdatedAt, INT, Use::Order),
    number(&["creation_timestamp"], NumberFacet::CreatedAt, INT, Use::Order),
];

static OF_VERSIONS: [Attribute; 6] = [
    text(&["name"], TextFacet::Name, LISTED, Use::Both),
    number(&["version_number"], NumberFacet::Version, Values::Ints { fractions: false, quoted: true }, Use::Both),
    text(&["run_id"], TextFacet::Run, LISTED, Use::Filter),
    text(&["source_path"], TextFacet::Source, TEXT, Use::Filter),
    number(&["creation_timestamp"], NumberFacet::CreatedAt, INT, Use::Order),
    number(&["last_updated_timestamp"], NumberFacet::UpdatedAt, INT, Use::Order),
];

static OF_LOGGED_MODELS: [Attribute; 7] = [
    text(&["name"], TextFacet::Name, LISTED, Use::Both),
    text(&["model_id"], TextFacet::Id, LISTED, Use::Both),
    text(&["model_type"], TextFacet::ModelType, LISTED, Use::Both),
    number(&["status"], NumberFacet::State, Values::States, Use::Both),
    text(&["source_run_id"], TextFacet::Run, LISTED, Use::Both),
    number(CREATED, NumberFacet::CreatedAt, FRACTION, Use::Both),
    number(UPDATED, NumberFacet::UpdatedAt, FRACTION, Use::Both),
];

static OF_TRACES: [Attribute; 8] = [
    text(&["request_id", "trace_id"], TextFacet::Id, LISTED, Use::Both),
    text(&["name"], TextFacet::Name, LISTED, Use::Both),
    text(&["status"], TextFacet::Status, LISTED, Use::Both),
    text(&["client_request_id"], TextFacet::ClientRequest, LISTED, Use::Filter),
    text(&["run_id"], TextFacet::Run, LISTED, Use::Filter),
    number(&["timestamp_ms", "timestamp"], NumberFacet::StartTime, FRACTION, Use::Both),
    number(&["execution_time_ms", "execution_time"], NumberFacet::Duration, FRACTION, Use::Both),
    number(&["end_time_ms", "end_time"], NumberFacet::EndTime, FRACTION, Use::Both),
];

/// The versions of prompts that a trace used.
static TRACE_PROMPT: Attribute =
    Attribute { names: &["prompt"], facet: Facet::Prompt, values: Values::Exact, uses: Use::Filter };

/// All that the spans of a trace say.
static TRACE_TEXT: Attribute =
    Attribute { names: &["text"], facet: Facet::Span(SpanFacet::Content), values: Values::Patterns, uses: Use::Filter };

static OF_EVAL_DATASETS: [Attribute; 5] = [
    text(&["name"], TextFacet::Name, LISTED, Use::Both),
    text(&["created_by"], TextFacet::Owner, TEXT, Use::Filter),
    text(&["last_updated_by"], TextFacet::UpdatedBy, TEXT, Use::Filter),
    number(&["created_time"], NumberFacet::CreatedAt, FRACTION, Use::Both),
    number(&["last_update_time"], NumberFacet::UpdatedAt, FRACTION, Use::Both),
];

fn attributes(of: Searched) -> &'static [Attribute] {
    match of {
        Experiments => &OF_EXPERIMENTS,
        Runs => &OF_RUNS,
        Models => &OF_MODELS,
        Versions => &OF_VERSIONS,
        LoggedModels => &OF_LOGGED_MODELS,
        Traces => &OF_TRACES,
        EvalDatasets => &OF_EVAL_DATASETS,
    }
}

/// The attribute of that name, where it may be used so.
pub(super) fn attribute(of: Searched, name: &str, wanted: Use) -> Option<&'static Attribute> {
    let may = |attribute: &&Attribute| attribute.uses == Use::Both || attribute.uses == wanted;
    if of == Traces && name == "text" {
        return Some(&TRACE_TEXT).filter(may);
    }
    if of == Traces && name == "prompt" {
        return Some(&TRACE_PROMPT).filter(may);
    }
    attributes(of).iter().filter(may).find(|attribute| attribute.names.contains(&name))
}

/// The names of the attributes that may be used so, for messages.
pub(super) fn attribute_names(of: Searched, wanted: Use) -> String {
    let may = |attribute: &&Attribute| attribute.uses == Use::Both || attribute.uses == wanted;
    let names: Vec<&str> = attributes(of).iter().filter(may).filter_map(|each| each.names.first().copied()).collect();
    format!("`{}`", names.join("`, `"))
}

/// How params and tags are compared.
pub(super) fn values_of_texts(of: Searched) -> Values {
    match of {
        Runs | Experiments | Traces => Values::Texts { lists: false, absence: true },
        Models | Versions | EvalDatasets => TEXT,
        LoggedModels => LISTED,
    }
}

/// What a tag is: upstream keeps some attributes of runs and experiments as tags.
pub(super) fn tag(of: Searched, name: String) -> Facet {
    match (of, name.as_str()) {
        (Traces, "mlflow.traceName") => Facet::Text(TextFacet::Name),
        (Runs, "mlflow.runName") => Facet::Text(TextFacet::Name),
        (Runs | Experiments, "mlflow.user") => Facet::Text(TextFacet::Owner),
        (Runs | Experiments, "mlflow.note.content") => Facet::Text(TextFacet::Description),
        // Kubeflow's name for the same.
        (Runs, "mlflow.parentRunId") => Facet::Tag { name, fallback: Some("kubeflow.parent_run_id".to_owned()) },
        _ => Facet::Tag { name, fallback: None },
    }
}

/// What a clause says of a data set.
pub(super) fn dataset(name: &str) -> Option<DatasetFacet> {
    match name {
        "name" => Some(DatasetFacet::Name),
        "digest" => Some(DatasetFacet::Digest),
        "context" => Some(DatasetFacet::Tag("mlflow.data.context".to_owned())),
        _ => None,
    }
}

/// What a clause says of spans, and how that is compared.
pub(super) fn span(name: &str) -> Option<(Facet, Values)> {
    let (facet, values) = match name {
        "name" => (SpanFacet::Name, LISTED),
        "type" => (SpanFacet::Kind, LISTED),
        "status" => (SpanFacet::Status, LISTED),
        "content" => (SpanFacet::Content, Values::Patterns),
        name => {
            let attribute = name.strip_prefix("attributes.").filter(|name| !name.is_empty())?;
            return Some((Facet::SpanAttribute(attribute.to_owned()), LISTED));
        }
    };
    Some((Facet::Span(facet), values))
}

/// The state of a logged model by its name, or by its number in upstream's protocol buffers.
pub(super) fn state(name: &str) -> Option<i64> {
    let state = match name.strip_prefix("LOGGED_MODEL_").unwrap_or(name) {
        "PENDING" | "1" => ArtifactState::Pending,
        "READY" | "2" => ArtifactState::Live,
        "UPLOAD_FAILED" | "FAILED" | "3" => ArtifactState::Abandoned,
        _ => return None,
    };
    Some(state.number())
}
